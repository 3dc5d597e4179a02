"""COCO's ways to write a mask down.

`rle` has run lengths, `packing` their text form, and `checks` what must hold for both; `polygons`
draws polygons as a mask, and `outlines` is the way back.
"""
