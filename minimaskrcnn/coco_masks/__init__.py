"""COCO's ways to write a mask down: run lengths (`rle`), polygons to masks, masks to outlines."""
