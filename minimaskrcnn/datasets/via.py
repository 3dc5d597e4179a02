"""VIA, the VGG Image Annotator: a JSON export or project, of version 1, 2 or 3.

Idea    A region has a shape and attributes that the annotator has named; one of them is the class.
        It is the one that is named so, or the only one there is; regions without attributes are
        all of the class "object".
Source  robots.ox.ac.uk/~vgg/software/via, the format of its files as they are.
Shapes  the JSON document  ->  document of COCO's lists
"""

from collections import Counter

from minimaskrcnn.datasets.problems import noted
from minimaskrcnn.datasets.shapes import Drawn, document_of, ellipse, rectangle
from minimaskrcnn.datasets.values import number, numbers, short
from minimaskrcnn.errors import DatasetError

CLASS_NAMES = ("class", "label", "category", "name", "type", "object")  # of attributes, best first
SHAPES_OF_3 = {2: "rect", 3: "circle", 4: "ellipse", 7: "polygon"}  # version 3 writes numbers
OF_2 = {"rect": ("x", "y", "width", "height"), "circle": ("cx", "cy", "r"),
        "ellipse": ("cx", "cy", "rx", "ry")}  # fmt: skip


def is_via(document):
    """Whether a JSON document is of VIA: a project, or an export of its regions."""
    if not isinstance(document, dict):
        return False
    if "_via_img_metadata" in document or _is_of_3(document):
        return True
    entries = list(document.values())
    return bool(entries) and all(isinstance(e, dict) and "regions" in e for e in entries)


def read_via(document, problems):
    """Return a document of VIA in COCO's form, and remarks on it.

    Parameters
    ----------
    document : dict
    problems : list of str; complaints are appended

    Raises
    ------
    DatasetError
        If it is unclear which attribute is the class.
    """
    images, regions = _of_3(document) if _is_of_3(document) else _of_2(document)
    attribute, told = _class_attribute([attributes for *_, attributes in regions])
    drawn = []
    for where, image_id, kind, given, attributes in regions:
        with noted(problems):
            label = _label(attributes, attribute, where)
            drawn.append(Drawn(where, image_id, label, [_outline(kind, given, where)],
                               kind == "rect"))  # fmt: skip
    document, more = document_of(images, drawn)
    return document, [*told, *more]


def _is_of_3(document):
    return isinstance(document.get("metadata"), dict) and isinstance(document.get("file"), dict)


def _of_2(document):
    """Images, and (where, image id, kind, numbers, attributes) of every region: versions 1, 2."""
    entries = document.get("_via_img_metadata", document)
    images, regions = [], []
    for key, entry in _made(dict, entries).items():
        entry = _made(dict, entry)
        name, listed = str(entry.get("filename") or key), entry.get("regions") or []
        images.append({"id": str(key), "file_name": name})
        listed = list(listed.values()) if isinstance(listed, dict) else listed  # version 1
        for i, region in enumerate(listed if isinstance(listed, list) else [listed]):
            shape = _made(dict, _made(dict, region).get("shape_attributes"))
            kind = str(shape.get("name"))
            where, attributes = f"{name[:80]}, region {i}", _attributes(region)
            regions.append((where, str(key), kind, _numbers_of_2(kind, shape), attributes))
    return images, regions


def _made(kind, value):
    """The value if it is a dict or list as asked for; an empty one if it is anything else."""
    return value if isinstance(value, kind) else kind()


def _numbers_of_2(kind, shape):
    """The numbers of a shape in one list; None if one is missing."""
    if kind == "polygon":
        xs, ys = numbers(shape.get("all_points_x")), numbers(shape.get("all_points_y"))
        fit = xs is not None and ys is not None and len(xs) == len(ys)
        return [c for point in zip(xs, ys, strict=True) for c in point] if fit else None
    given = numbers([shape.get(name) for name in OF_2.get(kind, ())])
    theta = number(shape.get("theta"))
    return [*given, theta] if given and kind == "ellipse" and theta else given


def _attributes(region):
    return _made(dict, _made(dict, region).get("region_attributes"))


def _of_3(document):
    files, views = document["file"], _made(dict, document.get("view"))
    images = [
        {"id": str(key), "file_name": str(_made(dict, file).get("fname"))}
        for key, file in files.items()
    ]
    kinds, regions = _made(dict, document.get("attribute")), []
    for key, region in document["metadata"].items():
        region = _made(dict, region)
        if region.get("xy") == []:
            continue  # a remark about the whole picture
        view = _made(dict, views.get(str(region.get("vid"))))
        (image_id, *_) = _made(list, view.get("fid_list")) or ["?"]
        attributes = dict(
            _attribute(i, value, _made(dict, kinds.get(i)))
            for i, value in _made(dict, region.get("av")).items()
        )
        shape = numbers(region.get("xy")) or [0]
        kind = SHAPES_OF_3.get(int(shape[0]), f"shape {shape[0]:g}")
        regions.append((f"region {key}", str(image_id), kind, shape[1:], attributes))
    return images, regions


def _attribute(i, value, kind):
    """The name of an attribute of version 3, and its value: the text of the option chosen."""
    options = _made(dict, kind.get("options"))
    chosen = options.get(value, value) if isinstance(value, str) else value
    return str(kind.get("aname", i)), chosen


def _class_attribute(attributes):
    """The name of the attribute that is the class, or None; and remarks."""
    used = Counter(name for region in attributes for name, value in region.items() if value)
    for wanted in CLASS_NAMES:
        for name in used:
            if name.strip().lower() == wanted:
                return name, [f"classes are the regions' attribute {short(name)}"]
    if len(used) > 1:
        raise DatasetError(
            f"regions have the attributes {', '.join(sorted(used))[:200]}: which is the class? "
            'Call it "class" in VIA'
        )
    if not used:
        return None, ['regions have no attributes: all are of the class "object"']
    (name,) = used
    return name, [f"classes are the regions' attribute {short(name)}"]


def _label(attributes, attribute, where):
    if attribute is None:
        return "object"
    value = attributes.get(attribute)
    if isinstance(value, dict):  # check boxes: {"cat": true}
        value = [name for name, chosen in value.items() if chosen]
        value = value[0] if len(value) == 1 else None
    label = "" if value is None or isinstance(value, list | bool) else str(value).strip()
    if label.lower() in ("", "undefined"):
        raise DatasetError(f"{where}: has no {attribute!r} (or several), so no class")
    return label


def _outline(kind, given, where):
    """The polygon [x, y, …] of a shape."""
    if kind == "polygon" and given is not None:
        return given
    if kind == "rect" and given:
        return rectangle(*given)
    if kind == "circle" and given:
        return ellipse(*given[:2], given[2], given[2])
    if kind == "ellipse" and given:
        return ellipse(*given)
    raise DatasetError(f"{where}: a {kind[:40]} encloses nothing, or its numbers are missing; "
                       "draw a polygon")  # fmt: skip
