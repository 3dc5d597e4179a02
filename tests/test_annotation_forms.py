"""Other forms of annotations: labelme's files, VIA's exports, label pictures, masks per object.

A drawn scene is written in each form; what is read is the scene again, to the pixel where the form
keeps pixels or their corners.
"""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from minimaskrcnn.coco_masks.outlines import mask_to_polygons
from minimaskrcnn.datasets.annotations import load_annotations
from minimaskrcnn.datasets.remarks import remarks
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.datasets.shapes import ellipse
from minimaskrcnn.errors import DatasetError
from minimaskrcnn.photo.labels import read_labels

NAMES = ("background", "circle", "square", "triangle")
TRUTH = scene(40)


@pytest.fixture
def folder(tmp_path):
    Image.fromarray(TRUTH.image).save(tmp_path / "a.png")
    return tmp_path


def told(loaded):
    return "\n".join(remarks(loaded))


def same_objects(example, named=True):
    """Whether the example holds the scene's objects, in any order."""
    classes = TRUTH.class_ids.tolist() if named else [1] * len(TRUTH.masks)
    found = zip(example.class_ids.tolist(), example.masks, strict=True)
    theirs = {(class_id, mask.tobytes()) for class_id, mask in found}
    ours = {(c, mask.tobytes()) for c, mask in zip(classes, TRUTH.masks, strict=True)}
    return np.array_equal(example.image, TRUTH.image) and theirs == ours


def outlines():
    """(class name, polygons) of each object."""
    for class_id, mask in zip(TRUTH.class_ids.tolist(), TRUTH.masks, strict=True):
        yield NAMES[class_id], mask_to_polygons(mask)


def points_of(polygon):
    return [list(point) for point in zip(polygon[::2], polygon[1::2], strict=True)]


# labelme


def labelme_file(**more):
    shapes = []
    for i, (label, polygons) in enumerate(outlines()):
        for polygon in polygons:
            shape = {"label": label, "points": points_of(polygon), "shape_type": "polygon"}
            shapes.append({**shape, "group_id": i if len(polygons) > 1 else None, "flags": {}})
    document = {"version": "5.4.1", "flags": {}, "shapes": shapes, "imagePath": "a.png"}
    return document | {"imageData": None, "imageHeight": 128, "imageWidth": 128} | more


def write(path, document):
    path.write_text(json.dumps(document), encoding="utf-8")


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"imagePath": "..\\pictures\\a.png"},
        {"imagePath": "renamed.jpg"},  # the picture is called like the file
        {"imageHeight": None, "imageWidth": None},
    ],
)
def test_a_folder_of_labelme_is_read(folder, more):
    write(folder / "a.json", labelme_file(**more))
    Image.fromarray(TRUTH.image).save(folder / "b.png")
    write(folder / "b.json", labelme_file(imagePath="b.png", shapes=[]))
    loaded = load_annotations(folder)
    assert loaded.class_names == NAMES
    assert [image.image_id for image in loaded.images] == ["a", "b"]
    assert same_objects(loaded[0]) and len(loaded[1].masks) == 0


def test_a_single_file_of_labelme_is_read(folder):
    write(folder / "a.json", labelme_file())
    assert same_objects(load_annotations(folder / "a.json")[0])


def test_pieces_of_one_group_are_one_object(folder):
    square, other = [[2, 2], [8, 2], [8, 8], [2, 8]], [[20, 2], [28, 2], [28, 8], [20, 8]]
    shapes = [{"label": "x", "points": p, "group_id": 7} for p in (square, other)]
    write(folder / "a.json", labelme_file(shapes=[*shapes, {"label": "x", "points": square}]))
    masks = load_annotations(folder)[0].masks
    assert masks.sum(axis=(1, 2)).tolist() == [36 + 48, 36]


def test_a_mask_of_labelme_is_read_within_its_box(folder):
    y1, x1, y2, x2 = TRUTH.boxes[0].tolist()
    stream = io.BytesIO()
    Image.fromarray(TRUTH.masks[0, y1:y2, x1:x2].astype(np.uint8) * 255).save(stream, format="PNG")
    packed = base64.b64encode(stream.getvalue()).decode()
    corners = [[float(x1), float(y1)], [float(x2 - 1), float(y2 - 1)]]
    shape = {"label": "x", "points": corners, "shape_type": "mask", "mask": packed}
    write(folder / "a.json", labelme_file(shapes=[shape]))
    assert np.array_equal(load_annotations(folder)[0].masks[0], TRUTH.masks[0])


def test_circles_and_rectangles_are_outlines_and_rectangles_alone_are_boxes(folder):
    circle = {"label": "x", "points": [[60, 60], [60, 80]], "shape_type": "circle"}
    rectangle = {"label": "y", "points": [[30, 40], [10, 20]], "shape_type": "rectangle"}
    write(folder / "a.json", labelme_file(shapes=[circle, rectangle]))
    loaded = load_annotations(folder)
    areas = loaded[0].masks.sum(axis=(1, 2))
    assert abs(areas[0] - np.pi * 400) < 15 and areas[1] == 400
    assert "rectangles, taken as outlines: 1 (the first is a.json, shape 1)" in told(loaded)
    write(folder / "a.json", labelme_file(shapes=[rectangle]))
    loaded = load_annotations(folder)
    assert loaded.boxes_only
    assert loaded.packed(0).stated_boxes.tolist() == [[20, 10, 40, 30]]


def test_what_is_wrong_in_labelme_files_is_told_by_file_and_shape(folder):
    document = labelme_file()
    document["shapes"] += [
        {"label": "x", "points": [[1, 1]], "shape_type": "point"},
        {"label": "", "points": [[1, 1], [9, 1], [9, 9]]},
        {"label": "x", "points": [[1, None]]},
        {"label": "__ignore__", "points": [[1, 1], [9, 1], [9, 9]]},
    ]
    write(folder / "a.json", document)
    (folder / "b.json").write_text("{")
    (folder / "c.json").write_text("{}")
    with pytest.raises(DatasetError) as refusal:
        load_annotations(folder)
    lines = str(refusal.value).splitlines()
    count = len(document["shapes"])
    assert "4 things are wrong" in lines[0] and "b.json: is not JSON" in lines[1]
    for line, (shape, words) in zip(lines[2:], [
        (count - 4, "a point of 1 points encloses nothing"), (count - 3, "'label'"),
        (count - 2, "'points'"),
    ], strict=True):  # fmt: skip
        assert f"a.json, shape {shape}: " in line and words in line
    loaded = load_annotations(folder, skip_bad=True)
    assert same_objects(loaded[0])
    assert "and left out: 1" in told(loaded) and "(such as c.json)" in told(loaded)


# VIA


def via_region(polygon, attributes):
    xs, ys = polygon[::2], polygon[1::2]
    shape = {"name": "polygon", "all_points_x": xs, "all_points_y": ys}
    return {"shape_attributes": shape, "region_attributes": attributes}


def via_regions(attributes_of=lambda name: {"type": name}):
    return [
        via_region(polygon, attributes_of(label))
        for label, (polygon,) in ((label, polygons[:1]) for label, polygons in outlines())
    ]


def via_of_2(regions):
    entry = {"filename": "a.png", "size": 1, "regions": regions, "file_attributes": {}}
    return {"a.png1": entry}


def via_of_3():
    metadata = {}
    for i, (label, (polygon, *_)) in enumerate(outlines()):
        xy = [7, *polygon]
        metadata[f"1_{i}"] = {"vid": "1", "flg": 0, "z": [], "xy": xy, "av": {"1": label[0]}}
    metadata["1_x"] = {"vid": "1", "flg": 0, "z": [], "xy": [], "av": {}}
    options = {"c": "circle", "s": "square", "t": "triangle"}
    return {
        "project": {"pname": "p"},
        "attribute": {"1": {"aname": "class", "type": 3, "options": options}},
        "file": {"1": {"fid": "1", "fname": "a.png", "type": 2, "loc": 1, "src": ""}},
        "view": {"1": {"fid_list": ["1"]}},
        "metadata": metadata,
    }


FORMS_OF_VIA = {
    "an export of version 2": lambda: via_of_2(via_regions()),
    "version 1, regions by number": lambda: via_of_2(dict(enumerate(via_regions()))),
    "a project": lambda: {
        "_via_settings": {}, "_via_img_metadata": via_of_2(via_regions()), "_via_attributes": {},
    },
    "check boxes": lambda: via_of_2(via_regions(lambda name: {"type": {name: True, "x": False}})),
    "blanks": lambda: via_of_2(via_regions(lambda name: {"type": f" {name}\n"})),
    "further attributes": lambda: via_of_2(via_regions(lambda name: {"note": "?", "label": name})),
    "version 3": via_of_3,
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS_OF_VIA)
def test_via_is_read(folder, form):
    assert all(len(polygons) == 1 for _, polygons in outlines())  # VIA has no pieces
    write(folder / "via.json", FORMS_OF_VIA[form]())
    loaded = load_annotations(folder / "via.json", folder)
    assert loaded.class_names == NAMES and same_objects(loaded[0])
    assert "classes are the regions' attribute" in told(loaded)


def test_regions_of_via_without_attributes_are_objects(folder):
    write(folder / "via.json", via_of_2(via_regions(lambda _: {})))
    loaded = load_annotations(folder / "via.json")
    assert loaded.class_names == ("background", "object")
    assert same_objects(loaded[0], named=False)
    assert 'all are of the class "object"' in told(loaded)


def test_circles_and_ellipses_of_via_have_their_areas(folder):
    def region(**shape):
        return {"shape_attributes": shape, "region_attributes": {}}

    regions = [
        region(name="circle", cx=50, cy=50, r=20),
        region(name="ellipse", cx=64, cy=64, rx=40, ry=10, theta=np.pi / 2),
        region(name="rect", x=5, y=6, width=7, height=8),
    ]
    write(folder / "via.json", via_of_2(regions))
    masks = load_annotations(folder / "via.json")[0].masks
    areas = masks.sum(axis=(1, 2))
    assert abs(areas[0] - np.pi * 400) < 15 and abs(areas[1] - np.pi * 400) < 15
    rows, columns = masks[1].any(axis=1).sum(), masks[1].any(axis=0).sum()
    assert abs(rows - 80) <= 1 and abs(columns - 20) <= 1  # turned by a quarter
    assert areas[2] == 56


def test_label_pictures_are_read_whatever_their_mode(tmp_path):
    numbers = np.array([[0, 1, 255], [300, 65536, 70000]])
    colours = np.stack([numbers % 256, numbers // 256 % 256, numbers // 65536], axis=2)
    opaque = np.concatenate([colours, np.full((2, 3, 1), 200)], axis=2)
    grey = np.array([[0, 1, 255], [3, 4, 5]])
    for name, pixels, wanted in (
        ("rgb", colours, numbers),
        ("rgba", opaque, numbers),
        ("grey", grey, grey),
        ("grey and opacity", np.stack([grey, 0 * grey + 9], axis=2), grey),
    ):
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"{name}.png")
        values, has_palette = read_labels(tmp_path / f"{name}.png")
        assert values.tolist() == wanted.tolist() and not has_palette, name
    indexed = Image.fromarray(grey.astype(np.uint8)).convert("P")
    indexed.save(tmp_path / "palette.png")
    assert read_labels(tmp_path / "palette.png")[1]


def test_an_ellipse_is_turned_clockwise():
    corners = np.array(ellipse(0, 0, 2, 1, turned=np.pi / 6)).reshape(-1, 2)
    x, y = corners[np.hypot(*corners.T).argmax()]
    assert np.isclose(abs(x), 2 * np.cos(np.pi / 6)) and np.isclose(y / x, np.tan(np.pi / 6))


def test_what_cannot_be_told_of_via_is_refused(folder):
    path = folder / "via.json"
    write(path, via_of_2(via_regions(lambda name: {"a": name, "b": "x"})))
    with pytest.raises(DatasetError, match=r"attributes a, b: which is the class\?"):
        load_annotations(path)
    regions = via_regions()
    regions[0]["region_attributes"] = {"type": ""}
    regions[1]["shape_attributes"] = {"name": "point", "cx": 1, "cy": 2}
    regions[2]["shape_attributes"]["all_points_x"].pop()
    write(path, via_of_2(regions))
    with pytest.raises(DatasetError) as refusal:
        load_annotations(path)
    first, *lines = str(refusal.value).splitlines()
    assert "3 things are wrong" in first
    words = ("has no 'type'", "a point encloses nothing", "its numbers are missing")
    for i, (line, word) in enumerate(zip(lines, words, strict=True)):
        assert f"a.png, region {i}: " in line and word in line


# Label pictures


def put(document, *keys_and_value):
    """Replace the value below the keys of a document."""
    *keys, last, value = keys_and_value
    for key in keys:
        document = document[key]
    document[last] = value


@pytest.mark.parametrize("value", [7, "x", [1], {"x": 1}, None, True])
@pytest.mark.parametrize("keys", [
    ["a.png1"], ["a.png1", "regions"], ["a.png1", "regions", 0],
    ["a.png1", "regions", 0, "shape_attributes"], ["a.png1", "regions", 0, "region_attributes"],
], ids=str)  # fmt: skip
def test_values_of_via_2_of_another_type_are_told_or_mean_nothing(folder, keys, value):
    document = via_of_2(via_regions())
    put(document, *keys, value)
    assert_told_or_read(folder, document)


@pytest.mark.parametrize("value", [7, "x", [1], {"x": 1}, None, True])
@pytest.mark.parametrize("keys", [
    ["attribute"], ["attribute", "1"], ["attribute", "1", "options"], ["file", "1"], ["view"],
    ["view", "1"], ["view", "1", "fid_list"], ["metadata", "1_0"], ["metadata", "1_0", "xy"],
    ["metadata", "1_0", "av"], ["metadata", "1_0", "av", "1"],
], ids=str)  # fmt: skip
def test_values_of_via_3_of_another_type_are_told_or_mean_nothing(folder, keys, value):
    document = via_of_3()
    put(document, *keys, value)
    assert_told_or_read(folder, document)


def test_regions_that_are_no_list_and_two_ticked_boxes_are_told(folder):
    Image.fromarray(TRUTH.image).save(folder / "b.png")
    document = via_of_2(via_regions(lambda name: {"type": {name: True, "x": name == "circle"}}))
    document["b"] = {"filename": "b.png", "regions": 7}
    write(folder / "via.json", document)
    with pytest.raises(DatasetError, match="b.png, region 0: has no 'type'") as refusal:
        load_annotations(folder / "via.json")
    assert "a.png, region" in str(refusal.value) and "(or several)" in str(refusal.value)


def assert_told_or_read(folder, document):
    """Nothing but a DatasetError that names the file; no object is left out without a word."""
    write(folder / "via.json", document)
    try:
        loaded = load_annotations(folder / "via.json")
    except DatasetError as error:
        assert "via.json: " in str(error)
    else:
        assert len(loaded[0].masks) == len(TRUTH.masks)


@pytest.mark.parametrize("value", [7, "x", {"x": 1}, True, [7], [[7]], [["x", "y"]]])
def test_points_of_labelme_that_are_none_are_told(folder, value):
    write(folder / "a.json", labelme_file(shapes=[{"label": "x", "points": value}]))
    with pytest.raises(DatasetError, match="a.json, shape 0: 'points' has to be a list"):
        load_annotations(folder)


def labels():
    """(H, W) uint16: the number of the object, 1 …; the scene's masks do not overlap."""
    numbers = np.zeros((128, 128), np.uint16)
    for i, mask in enumerate(TRUTH.masks):
        assert not numbers[mask].any()
        numbers[mask] = 300 + 7 * i
    return numbers


@pytest.mark.parametrize(
    "name, mode",
    [("a.png", "16"), ("a_mask.png", "8"), ("a.masks.png", "palette"), ("a_labels.tif", "16"),
     ("a_instances.png", "colours")],
)  # fmt: skip
def test_a_folder_of_label_pictures_is_read(folder, name, mode):
    masks, numbers = folder / "masks", labels()
    masks.mkdir()
    small = np.unique(numbers, return_inverse=True)[1].reshape(128, 128).astype(np.uint8)
    picture = Image.fromarray({"16": numbers}.get(mode, small))
    if mode == "palette":
        small[0] = 255  # a seam, as PASCAL VOC paints it; no object touches the edge
        picture = Image.fromarray(small)
        picture.putpalette([3, 2, 1] * 256)
    if mode == "colours":
        colours = np.stack([small, 9 + 0 * small, 255 - small], axis=-1)
        picture = Image.fromarray(colours * (small > 0)[..., None].astype(np.uint8))
    picture.save(masks / name)
    loaded = load_annotations(masks, folder)
    assert loaded.class_names == ("background", "object")
    assert same_objects(loaded[0], named=False)


def one_each(place, name):
    place.mkdir(parents=True)
    for i, mask in enumerate(TRUTH.masks):
        Image.fromarray(mask.astype(np.uint8) * 255).save(place / name.format(i))


def test_a_folder_of_masks_per_picture_is_read(folder):
    one_each(folder / "masks" / "a", "{}.png")
    assert same_objects(load_annotations(folder / "masks", folder)[0], named=False)


def test_masks_of_single_objects_named_after_their_picture_are_read(folder):
    one_each(folder / "masks", "a_{}.png")
    assert same_objects(load_annotations(folder / "masks", folder)[0], named=False)


def test_the_form_of_the_data_science_bowl_is_read(folder):
    one_each(folder / "train" / "c0ffee" / "masks", "m{}.png")
    (folder / "train" / "c0ffee" / "images").mkdir()
    (folder / "a.png").rename(folder / "train" / "c0ffee" / "images" / "c0ffee.png")
    loaded = load_annotations(folder / "train")
    assert same_objects(loaded[0], named=False)
    assert loaded.images[0].image_id == "c0ffee/images/c0ffee.png"


def test_masks_beside_their_pictures_and_what_has_no_partner_are_told(folder):
    Image.fromarray(labels()).save(folder / "a_mask.png")
    Image.fromarray(TRUTH.image).save(folder / "b.png")
    Image.fromarray(labels()).save(folder / "c_mask.png")
    loaded = load_annotations(folder)
    assert len(loaded) == 1 and same_objects(loaded[0], named=False)
    assert "pictures without masks, left out: 1 (such as b.png)" in told(loaded)
    assert "masks without a picture, left out: 1 (such as c_mask.png)" in told(loaded)


def test_a_picture_with_one_value_is_one_object_and_that_is_told(folder):
    (folder / "masks").mkdir()
    Image.fromarray((labels() > 0).astype(np.uint8) * 255).save(folder / "masks" / "a.png")
    loaded = load_annotations(folder / "masks", folder)
    assert len(loaded[0].masks) == 1
    assert "every label picture has one value" in told(loaded)


def test_label_pictures_that_are_none_are_refused(folder):
    masks = folder / "masks"
    masks.mkdir()
    with pytest.raises(DatasetError, match="is a folder without JSON files, and without masks"):
        load_annotations(masks, folder)
    noise = np.random.RandomState(0).randint(0, 65536, (128, 128)).astype(np.uint16)
    Image.fromarray(noise).save(masks / "a.png")
    with pytest.raises(DatasetError, match="values; it is a photograph"):
        load_annotations(masks, folder)
    (masks / "a.png").write_bytes(b"no picture")
    with pytest.raises(DatasetError, match=r"masks.a\.png"):
        load_annotations(masks, folder)


def test_a_folder_with_one_json_file_is_that_file(folder):
    image = {"id": 1, "file_name": "a.png", "height": 128, "width": 128}
    square = {"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[1, 1, 9, 1, 9, 9]]}
    document = {"images": [image], "annotations": [square], "categories": [{"id": 1, "name": "x"}]}
    write(folder / "_annotations.coco.json", document)
    assert len(load_annotations(folder)[0].masks) == 1
    write(folder / "other.json", document)
    with pytest.raises(DatasetError, match="has 2 JSON files .*give one of them"):
        load_annotations(folder)
