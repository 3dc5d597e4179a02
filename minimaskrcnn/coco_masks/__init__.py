"""COCO's ways to write a mask down.

`rle` has run lengths and `packing` their text form; `polygons` draws polygons as a mask, and
`outlines` is the way back.
"""
