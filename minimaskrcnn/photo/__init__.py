"""Photographs: `read` turns any picture into RGB, `sources` lists what was asked for."""

from minimaskrcnn.photo.read import Photo, photo_size, read_photo

__all__ = ["Photo", "photo_size", "read_photo"]
