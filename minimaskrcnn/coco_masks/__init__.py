"""COCO's formats for masks: run lengths (`rle`), polygons to masks, masks to outlines."""
