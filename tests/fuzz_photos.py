"""Damage picture files at random and read them.

    python tests/fuzz_photos.py --count 5000 --seed 0

Every file must be read, or refused with an ImageError, within ten seconds of processor time and 1
GB; anything else is printed with the number that makes it again, and the exit status is 1.
"""

import io
import sys
import warnings
import zlib

import numpy as np
from attack import arguments, attack, within_limits
from made_photos import matrix_profile, packed_12_bits, tiff, with_chunk
from PIL import Image, ImageDraw

from minimaskrcnn.errors import ImageError
from minimaskrcnn.photo import read_photo


def sample_picture():
    """A small RGB picture with edges, gradients and noise, 31 x 45."""
    rs = np.random.RandomState(0)
    rows, columns = np.mgrid[:31, :45]
    pixels = np.stack([rows * 8, columns * 5, rs.randint(0, 256, (31, 45))], axis=-1)
    picture = Image.fromarray(pixels.astype(np.uint8))
    ImageDraw.Draw(picture).ellipse([5, 5, 30, 20], fill=(255, 0, 0))
    return picture


def encoded(picture, kind, frames=1, **options):
    """The picture as the bytes of a file; more frames are turned copies."""
    stream = io.BytesIO()
    if frames > 1:
        turned = [picture.rotate(90 * i) for i in range(1, frames)]
        options |= {"save_all": True, "append_images": turned}
    picture.copy().save(stream, kind, **options)  # Pillow leaves traces in what it saves
    return stream.getvalue()


def deep_pgm(picture):
    """A PGM of 16 bits, written by hand: older versions of Pillow cannot."""
    rows = np.asarray(picture)
    return b"P5 %d %d 65535\n" % rows.shape[::-1] + rows.astype(">u2").tobytes()


def sample_files():
    """One valid file, bytes, of each kind that `read_photo` opens: {name: bytes}."""
    rgb = sample_picture()
    gray, palette = rgb.convert("L"), rgb.convert("P", palette=Image.Palette.ADAPTIVE)
    deep = Image.fromarray(np.asarray(gray).astype(np.uint16) * 257)
    floats = Image.fromarray(np.asarray(gray).astype(np.float32) / 255)
    rgba = rgb.copy()
    rgba.putalpha(gray)
    exif = Image.Exif()
    exif[0x0112] = 6
    twelve = {258: 12, 259: 1, 262: 1, 277: 1}
    long_text = zlib.compress(b"\0" * 3_000_000)
    return {
        "baseline.jpg": encoded(rgb, "JPEG", exif=exif),
        "progressive.jpg": encoded(rgb, "JPEG", progressive=True, restart_marker_blocks=2),
        "gray.jpg": encoded(gray, "JPEG"),
        "cmyk.jpg": encoded(rgb.convert("CMYK"), "JPEG"),
        "mpo.jpg": encoded(rgb, "MPO", frames=2),
        "rgb.png": encoded(rgb, "PNG", exif=exif),
        "rgba.png": encoded(rgba, "PNG"),
        "palette.png": encoded(palette, "PNG", transparency=3),
        "bits.png": encoded(rgb.convert("1"), "PNG"),
        "deep.png": encoded(deep, "PNG"),
        "gray_alpha.png": encoded(rgba.convert("LA"), "PNG"),
        "animated.png": encoded(rgb, "PNG", frames=2),
        "still.gif": encoded(palette, "GIF", transparency=3),
        "animated.gif": encoded(rgb, "GIF", frames=2),
        "rgb.bmp": encoded(rgb, "BMP"),
        "palette.bmp": encoded(palette, "BMP"),
        "raw.tif": encoded(rgb, "TIFF", exif=exif),
        "lzw.tif": encoded(rgb, "TIFF", compression="tiff_lzw"),
        "jpeg.tif": encoded(rgb, "TIFF", compression="jpeg"),
        "fax.tif": encoded(rgb.convert("1"), "TIFF", compression="group4"),
        "deep.tif": encoded(deep, "TIFF"),
        "float.tif": encoded(floats, "TIFF"),
        "pages.tif": encoded(rgb, "TIFF", frames=2),
        "lossy.webp": encoded(rgb, "WEBP"),
        "lossless.webp": encoded(rgba, "WEBP", lossless=True),
        "animated.webp": encoded(rgb, "WEBP", frames=2),
        "rgb.ppm": encoded(rgb, "PPM"),
        "deep.pgm": deep_pgm(deep),
        "bits.pbm": encoded(rgb.convert("1"), "PPM"),
        "image.avif": encoded(rgb, "AVIF"),
        "image.jp2": encoded(rgb, "JPEG2000"),
        "twelve.tif": tiff(packed_12_bits(np.asarray(deep)[:, :44] >> 4), 44, 31, twelve),
        "profile.png": encoded(rgb, "PNG", icc_profile=matrix_profile(np.eye(3) / 2, 1.8)),
        "texts.png": with_chunk(encoded(rgb, "PNG"), b"zTXt", b"key\0\0" + long_text),
        "plain.ppm": b"P3 4 2 255 " + b"10 20 30 " * 8,
    }


def damaged(contents, other, rs):
    """The bytes with one to three random kinds of damage."""
    contents = bytearray(contents)
    for _ in range(rs.randint(1, 4)):
        at = rs.randint(len(contents) + 1)
        if rs.rand() < 0.5:
            at = min(at, rs.randint(64))  # headers are where it hurts
        kind = rs.randint(7)
        if kind == 0:
            del contents[at:]
        elif kind == 1:
            del contents[at : at + rs.randint(1, 40)]
        elif kind == 2:
            contents[at:at] = rs.bytes(rs.randint(1, 40))
        elif kind == 3:
            contents[at:at] = contents[at : at + rs.randint(1, 200)]
        elif kind == 4:
            extreme = (b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f")
            contents[at : at + 4] = extreme[rs.randint(4)]
        elif kind == 5:
            contents[at:] = other[rs.randint(len(other)) :]
        else:
            for place in rs.randint(0, max(len(contents), 1), rs.randint(1, 20)):
                if place < len(contents):
                    contents[place] = rs.randint(256)
    return bytes(contents)


def damage_and_read(rs, files):
    """Read a damaged file; returns "read" or "refused", raises whatever else happens."""
    names = sorted(files)
    name, other = (names[rs.randint(len(names))] for _ in range(2))
    contents = damaged(files[name], files[other], rs)
    try:
        photo = read_photo(contents)
    except ImageError as error:
        assert len(str(error)) > 10 and str(error).isprintable(), f"no sentence: {error!r}"
        return "refused"
    assert photo.ndim == 3 and photo.shape[2] == 3 and photo.dtype == np.uint8 and photo.size
    assert photo.flags.c_contiguous
    return "read"


def main(count, seed=0, first=0):
    """Read `count` damaged files; prints what became of them. Returns the exit status."""
    warnings.simplefilter("ignore")
    files = sample_files()

    def attempt(rs):
        return within_limits(lambda: damage_and_read(rs, files))

    return 1 if attack("pictures", count, seed, attempt, first) else 0


if __name__ == "__main__":
    said = arguments(__doc__, count=5000)
    sys.exit(main(said.count, said.seed, said.first))
