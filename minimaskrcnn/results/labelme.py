"""LabelMe's form: the objects of one photograph as shapes that can be corrected by hand.

Source  github.com/wkentaro/labelme, the JSON files that it reads and writes, version 5.
Shapes  Detections  ->  dict
"""


def to_labelme(result, image_path):
    """One shape for each outline; the outlines of one object share its `group_id`.

    Parameters
    ----------
    result : Detections
    image_path : str, the photograph's file as seen from the folder of the JSON file

    Returns
    -------
    dict, to be written as JSON
    """
    shapes = [
        {
            "label": detection.label,
            "points": [[float(x), float(y)] for x, y in ring.tolist()],
            "group_id": number,
            "description": f"score {detection.score:.4f}",
            "shape_type": "polygon",
            "flags": {},
        }
        for number, detection in enumerate(result)
        for ring in detection.polygons
    ]
    return {
        "version": "5.4.1",
        "flags": {},
        "shapes": shapes,
        "imagePath": image_path,
        "imageData": None,  # LabelMe reads the file
        "imageHeight": result.image.shape[0],
        "imageWidth": result.image.shape[1],
    }
