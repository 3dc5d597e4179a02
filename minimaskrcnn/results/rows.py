"""Results as rows of a table, one for each object, and as the arrays of other tools.

Shapes  Detections  ->  list of dict; dict of arrays
"""

COLUMNS = ("number", "label", "class_id", "score", "x1", "y1", "x2", "y2", "area")


def to_rows(result):
    """One dict for each object, as `pandas.DataFrame` and `csv.DictWriter` take them.

    Parameters
    ----------
    result : Detections

    Returns
    -------
    list of {"number": int from 0, "label": str, "class_id": int, "score": float, "x1", "y1", "x2",
    "y2": int, pixels, ends excluded, "area": int, pixels of the mask}
    """
    rows = []
    for number, one in enumerate(result):
        y1, x1, y2, x2 = one.box.tolist()
        values = (number, one.label, one.class_id, one.score, x1, y1, x2, y2, one.area)
        rows.append(dict(zip(COLUMNS, values, strict=True)))
    return rows


def to_arrays(result):
    """Arrays under the names that other tools' detections are built from.

    Parameters
    ----------
    result : Detections

    Returns
    -------
    {"xyxy": (N, 4) float32 pixels, "mask": (N, H, W) bool, "confidence": (N,) float32, "class_id":
    (N,) int64, "class_name": list of N str}. The masks need N times the photograph's pixels.

    Examples
    --------
    For the `supervision` library:

    >>> arrays = result.to_arrays()  # doctest: +SKIP
    >>> names = {"class_name": np.array(arrays.pop("class_name"))}  # doctest: +SKIP
    >>> supervision.Detections(**arrays, data=names)  # doctest: +SKIP
    """
    return {
        "xyxy": result.boxes_xyxy.astype("float32"),
        "mask": result.masks,
        "confidence": result.scores,
        "class_id": result.class_ids,
        "class_name": result.labels,
    }
