"""What annotation programs write: harmless things are taken as meant, the rest is told at once.

Two drawn scenes are the base, right in every respect; each quirk is one small change of it.
"""

import copy
import json

import numpy as np
import pytest
from PIL import Image

from minimaskrcnn.coco_masks.outlines import mask_to_polygons
from minimaskrcnn.coco_masks.rle import encode
from minimaskrcnn.config import SHAPES
from minimaskrcnn.datasets.annotations import load_annotations
from minimaskrcnn.datasets.reading import check_objects, check_pictures
from minimaskrcnn.datasets.remarks import remarks, too_small
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.errors import DatasetError

NAMES = ("circle", "square", "triangle")
SCENES = (40, 41)


def base():
    """Two scenes as a dataset in COCO's format; pictures a.png and b.png."""
    document = {"images": [], "annotations": []}
    document["categories"] = [
        {"id": i, "name": name, "supercategory": "shape"} for i, name in enumerate(NAMES, start=1)
    ]
    for image_id, (seed, name) in enumerate(zip(SCENES, "ab", strict=True), start=1):
        example = scene(seed)
        size = {"height": 128, "width": 128}
        document["images"].append({"id": image_id, "file_name": f"{name}.png", **size})
        rows = zip(example.class_ids.tolist(), example.boxes.tolist(), example.masks, strict=True)
        for class_id, (y1, x1, y2, x2), mask in rows:
            document["annotations"].append(
                {"id": len(document["annotations"]) + 1, "image_id": image_id}
                | {"category_id": class_id, "iscrowd": 0, "area": int(mask.sum())}
                | {"bbox": [x1, y1, x2 - x1, y2 - y1], "segmentation": mask_to_polygons(mask)}
            )
    return document


@pytest.fixture
def folder(tmp_path):
    for seed, name in zip(SCENES, "ab", strict=True):
        Image.fromarray(scene(seed).image).save(tmp_path / f"{name}.png")
    return tmp_path


def load(folder, document, encoding="utf-8", **settings):
    path = folder / "instances.json"
    path.write_text(json.dumps(document), encoding=encoding)
    return load_annotations(path, folder, **settings)


def each(key, change):
    """A change of every record of a list."""

    def changed(document):
        for record in document[key]:
            change(record)

    return changed


def first(**values):
    """A change of the first annotation."""
    return lambda document: document["annotations"][0].update(values)


def runs_of(record):
    """The mask of a record as run lengths in a list."""
    (example,) = [scene(SCENES[record["image_id"] - 1])]
    x, y, width, height = record["bbox"]
    box = [y, x, y + height, x + width]
    i = example.boxes.tolist().index(box)
    return encode(example.masks[i], compressed=False)


# Taken as meant: the examples are the same, to the pixel


def texts_for_ids(document):
    for record in document["images"]:
        record["id"] = f"img{record['id']}"
    for record in document["annotations"]:
        record["image_id"] = f"img{record['image_id']}"
        record["id"] = f"ann{record['id']}"


def repeated_categories(document):
    document["categories"] = document["categories"] * 2


def a_root_above(name):
    def changed(document):
        for record in document["categories"]:
            record["supercategory"] = name
        document["categories"].insert(0, {"id": 0, "name": name, "supercategory": "none"})

    return changed


def a_background(document):
    document["categories"].insert(0, {"id": 0, "name": "background", "supercategory": "none"})


def one_name_twice(document):
    document["categories"].append({"id": 9, "name": "circle"})
    circles = [r for r in document["annotations"] if r["category_id"] == 1]
    circles[-1]["category_id"] = 9


def flat(record):
    (record["segmentation"],) = record["segmentation"]


def pairs(record):
    record["segmentation"] = [
        [list(point) for point in zip(polygon[::2], polygon[1::2], strict=True)]
        for polygon in record["segmentation"]
    ]


def closed(record):
    record["segmentation"] = [[*polygon, *polygon[:2]] for polygon in record["segmentation"]]


def cvat_runs(record):
    runs = runs_of(record)
    record["segmentation"] = {"counts": runs["counts"], "size": [float(n) for n in runs["size"]]}


MEANT = {
    "image_id as text": each("annotations", lambda r: r.update(image_id=str(r["image_id"]))),
    "image_id as float": each("annotations", lambda r: r.update(image_id=float(r["image_id"]))),
    "image_id with blanks": each("annotations", lambda r: r.update(image_id=f" {r['image_id']}")),
    "ids with leading zeros": each("images", lambda r: r.update(id=f"00{r['id']}")),
    "ids as words": texts_for_ids,
    "category_id as text": each(
        "annotations", lambda r: r.update(category_id=f"{r['category_id']}")
    ),
    "huge ids": each("annotations", lambda r: r.update(id=2**62 + r["id"])),
    "annotation ids all 1": each("annotations", lambda r: r.update(id=1)),
    "annotation ids missing": each("annotations", lambda r: r.pop("id")),
    "bbox missing": each("annotations", lambda r: r.pop("bbox")),
    "bbox null": each("annotations", lambda r: r.update(bbox=None)),
    "bbox empty": each("annotations", lambda r: r.update(bbox=[])),
    "bbox as texts": each("annotations", lambda r: r.update(bbox=[str(x) for x in r["bbox"]])),
    "area missing": each("annotations", lambda r: r.pop("area")),
    "area 0": each("annotations", lambda r: r.update(area=0)),
    "area as text": each("annotations", lambda r: r.update(area=str(r["area"]))),
    "iscrowd missing": each("annotations", lambda r: r.pop("iscrowd")),
    "iscrowd false": each("annotations", lambda r: r.update(iscrowd=False)),
    "iscrowd as text": each("annotations", lambda r: r.update(iscrowd="0")),
    "iscrowd null": each("annotations", lambda r: r.update(iscrowd=None)),
    "an ignore flag": first(ignore=1),
    "attributes of CVAT": first(attributes={"occluded": False, "rotation": 0.0}),
    "segmentation flat": each("annotations", flat),
    "segmentation of pairs": each("annotations", pairs),
    "segmentation as texts": each(
        "annotations", lambda r: r.update(segmentation=json.dumps(r["segmentation"]))
    ),
    "numbers of polygons as texts": each(
        "annotations",
        lambda r: r.update(segmentation=[[str(x) for x in p] for p in r["segmentation"]]),
    ),
    "polygons closed": each("annotations", closed),
    "an empty polygon beside": each("annotations", lambda r: r["segmentation"].append([])),
    "run lengths, sizes as float": each("annotations", cvat_runs),
    "categories from 0": lambda d: (
        each("annotations", lambda r: r.update(category_id=r["category_id"] - 1))(d),
        each("categories", lambda r: r.update(id=r["id"] - 1))(d),
    ),
    "categories repeated": repeated_categories,
    "a root of Roboflow": a_root_above("shapes"),
    "a root named as a class": a_root_above("circle"),
    "an unused background": a_background,
    "an unused category of the same name": lambda d: d["categories"].append(
        {"id": 9, "name": "square"}
    ),
    "one name under two ids": one_name_twice,
    "blanks around names": each("categories", lambda r: r.update(name=f" {r['name']}\n")),
    "height and width missing": each("images", lambda r: (r.pop("height"), r.pop("width"))),
    "height and width -1": each("images", lambda r: r.update(height=-1, width=-1)),
    "height and width 0": each("images", lambda r: r.update(height=0, width=0)),
    "height and width null": each("images", lambda r: r.update(height=None, width=None)),
    "height as text": each("images", lambda r: r.update(height="128", width=128.0)),
    "an image listed twice": lambda d: d["images"].append(dict(d["images"][0])),
    "backslashes": each("images", lambda r: r.update(file_name=f".\\{r['file_name']}")),
    "folders of Windows": each("images", lambda r: r.update(file_name=f"C:\\me\\{r['file_name']}")),
    "folders of Linux": each("images", lambda r: r.update(file_name=f"/home/me/{r['file_name']}")),
    "folders above": each("images", lambda r: r.update(file_name=f"../../x/{r['file_name']}")),
    "addresses": each(
        "images", lambda r: r.update(file_name=f"https://a.org/{r['file_name']}?x=1")
    ),
    "capitals": each("images", lambda r: r.update(file_name=r["file_name"].upper())),
    "blanks around file names": each("images", lambda r: r.update(file_name=f" {r['file_name']} ")),
    "Label Studio's prefix": each(
        "images", lambda r: r.update(file_name=f"images/0a1b2c3d-{r['file_name']}")
    ),
    "coco_url for file_name": each(
        "images", lambda r: r.update(coco_url=f"http://x.org/val/{r.pop('file_name')}")
    ),
    "unused keys": lambda d: d.update(info=None, licenses="none", videos=[]),
}


@pytest.mark.parametrize("quirk", MEANT)
def test_a_harmless_quirk_changes_nothing(folder, quirk):
    document = base()
    MEANT[quirk](document)
    loaded = load(folder, document)
    assert loaded.class_names == ("background", *NAMES)
    assert len(loaded) == len(SCENES) and not loaded.left_out
    check_pictures(loaded)
    for seed, example in zip(SCENES, loaded, strict=True):
        truth = scene(seed)
        assert np.array_equal(example.image, truth.image)
        assert np.array_equal(example.class_ids, truth.class_ids)
        assert np.array_equal(example.masks, truth.masks)
        assert np.array_equal(example.stated_boxes, truth.boxes)
        assert np.array_equal(example.stated_areas, truth.masks.sum(axis=(1, 2)))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_encodings_of_other_systems_are_read(folder, encoding):
    document = base()
    document["categories"][0]["name"] = "Nüsse 枣"
    text = json.dumps(document, ensure_ascii=False)
    (folder / "instances.json").write_text(text, encoding=encoding)
    loaded = load_annotations(folder / "instances.json")  # the pictures lie beside it
    assert loaded.class_names[1] == "Nüsse 枣" and len(loaded[0].masks) == len(scene(40).masks)


def test_a_class_name_that_is_a_number_is_its_digits(folder):
    document = base()
    each("categories", lambda r: r.update(name=r["id"]))(document)
    assert load(folder, document).class_names == ("background", "1", "2", "3")


def test_the_order_of_classes_is_that_of_ids_numbers_before_words(folder):
    document = base()
    document["categories"] += [{"id": "x", "name": "cross"}, {"id": 10, "name": "ring"}]
    assert load(folder, document).class_names[3:] == ("triangle", "ring", "cross")


# Taken as meant, with a remark


def told(loaded):
    return "\n".join(remarks(loaded))


@pytest.mark.parametrize(
    "quirk, words",
    [
        ("a root of Roboflow", "no class, and left out: category 0, 'shapes'"),
        ("an unused background", "no class, and left out: category 0, 'background'"),
        ("one name under two ids", "categories of one name are taken as one class: [1, 9]"),
        ("addresses", "found under other names than the file says: 2 pictures"),
    ],
)
def test_what_is_not_as_it_stands_is_told(folder, quirk, words):
    document = base()
    MEANT[quirk](document)
    assert words in told(load(folder, document))


def test_an_unused_category_of_a_name_in_use_needs_no_remark(folder):
    document = base()
    MEANT["an unused category of the same name"](document)
    assert told(load(folder, document)) == told(load(folder, base()))


def test_a_root_that_has_annotations_is_a_class(folder):
    document = base()
    a_root_above("shapes")(document)
    document["annotations"][0]["category_id"] = 0
    assert load(folder, document).class_names == ("background", "shapes", *NAMES)


def test_the_base_is_told_in_one_line(folder):
    count = sum(len(scene(seed).masks) for seed in SCENES)
    lines = told(load(folder, base()))
    assert lines == f"{folder / 'instances.json'}: 2 images, {count} objects, 3 classes"


def test_class_names_that_differ_in_capitals_only_are_told(folder):
    document = base()
    document["categories"].append({"id": 9, "name": "Circle"})
    document["annotations"][0]["category_id"] = 9
    assert "differ in capitals only are different classes" in told(load(folder, document))


@pytest.mark.parametrize("form", ["polygons", "run lengths"])
def test_boxes_that_contradict_their_masks_are_told_and_the_masks_boxes_count(folder, form):
    document = base()
    for record in document["annotations"]:
        if form == "run lengths":
            record["segmentation"] = runs_of(record)
        x, y, width, height = record["bbox"]
        record["bbox"] = [x, y, x + width, y + height]  # as x1 y1 x2 y2
    loaded = load(folder, document)
    assert "bbox far from their mask, whose own box counts" in told(loaded)
    for seed, example in zip(SCENES, loaded, strict=True):
        far = [a.doubtful for a in loaded.images[SCENES.index(seed)].annotations]
        assert any(far)
        assert np.array_equal(example.stated_boxes[far], scene(seed).boxes[far])


def test_masks_of_a_brush_are_crowds_unless_they_are_said_to_be_objects(folder):
    document = base()
    for record in document["annotations"]:
        record.update(iscrowd=1, segmentation=runs_of(record))
    loaded = load(folder, document)
    count = len(document["annotations"])
    assert f"neither learned nor judged: {count} of {count} annotations" in told(loaded)
    with pytest.raises(DatasetError, match="give --crowds-are-objects"):
        check_objects(loaded)
    loaded = load(folder, document, crowds_are_objects=True)
    check_objects(loaded, to_learn=True)
    assert np.array_equal(loaded[0].class_ids, scene(SCENES[0]).class_ids)


def test_a_file_of_boxes_only_says_so_and_can_be_judged_but_not_learned(folder):
    for nothing in ([], None, [[]], {}):
        document = base()
        each("annotations", lambda r: r.update(segmentation=nothing))(document)  # noqa: B023
        loaded = load(folder, document)
        assert loaded.boxes_only and "boxes and no masks" in told(loaded)
        check_objects(loaded)
        with pytest.raises(DatasetError, match="has boxes and no masks"):
            check_objects(loaded, to_learn=True)
        example = loaded.packed(0)
        assert example.masks is None
        assert np.array_equal(example.stated_boxes, scene(SCENES[0]).boxes)
        with pytest.raises(DatasetError, match="has boxes and no masks"):
            loaded[0]


def test_objects_that_vanish_in_the_frame_are_counted(folder):
    document = base()
    assert not list(too_small(load(folder, document), SHAPES))
    big = np.zeros((1280, 1280, 3), np.uint8)
    Image.fromarray(big).save(folder / "a.png")
    document["images"][0].update(height=1280, width=1280)
    document["annotations"] = [
        {
            "id": i,
            "image_id": 1,
            "category_id": 1,
            "segmentation": [[9, 9, 9 + w, 9, 9, 9 + h]],
        }
        for i, (h, w) in enumerate([(9, 50), (50, 9), (11, 11), (50, 50)])
    ]
    (line,) = too_small(load(folder, document), SHAPES)
    assert "128 pixels" in line and "2 objects (the thinnest has 9 pixels)" in line


# Wrong: all of it in one list; --skip-bad goes on without it


def spoil(*changes):
    """A change of the first annotations, one change each."""

    def changed(document):
        for record, change in zip(document["annotations"], changes, strict=False):
            record.update(change)

    return changed


WRONG = (
    {"segmentation": []},
    {"bbox": [5, 5, 0, 9]},
    {"segmentation": [[1, 2, 3, 4, 5, 6, 7]]},
    {"category_id": 9},
    {"bbox": [float("nan"), 5, 7, 9]},
)


def test_everything_that_is_wrong_is_told_at_once_and_can_be_skipped(folder):
    document = base()
    spoil(*WRONG)(document)
    with pytest.raises(DatasetError) as refusal:
        load(folder, document)
    sentence = str(refusal.value)
    assert "5 things are wrong" in sentence and "--skip-bad" in sentence
    for number in range(1, 6):
        assert f"\n  image 1, annotation {number}" in sentence
    loaded = load(folder, document, skip_bad=True)
    truth = scene(SCENES[0])
    assert np.array_equal(loaded[0].masks, truth.masks[5:])
    assert "left out, for they are wrong: 5" in told(loaded)
    assert "annotation 3, polygon 0: has 7 numbers, but x and y come in pairs" in told(loaded)


def test_ten_problems_are_told_and_the_others_counted(folder):
    document = base()
    document["annotations"] *= 3
    each("annotations", lambda r: r.update(category_id=7))(document)
    with pytest.raises(DatasetError) as refusal:
        load(folder, document, skip_bad=True)
    lines = str(refusal.value).splitlines()
    count = len(document["annotations"])
    assert len(lines) == 12 and f"{count} things are wrong; nothing is left without" in lines[0]
    assert lines[-1].strip() == f"… and {count - 10} more"


def test_a_bad_category_is_told_once_and_not_for_every_annotation(folder):
    document = base()
    document["categories"][0]["name"] = None
    with pytest.raises(DatasetError, match="category 1: 'name' has to be a text") as refusal:
        load(folder, document)
    assert "\n" not in str(refusal.value)
    loaded = load(folder, document, skip_bad=True)
    assert loaded.class_names == ("background", "square", "triangle")


def test_a_picture_that_is_not_there_is_skipped_with_its_annotations(folder):
    document = base()
    (folder / "b.png").unlink()
    with pytest.raises(DatasetError, match=r"image 2: there is no file 'b\.png'") as refusal:
        load(folder, document)
    assert "annotation" not in str(refusal.value).split("instances.json")[1]
    assert [image.image_id for image in load(folder, document, skip_bad=True).images] == [1]


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda d: d["images"][1].update(id=1), "the id is taken by two pictures"),
        (lambda d: d["categories"][1].update(id=1), "stands for 'circle' and for 'square'"),
        (lambda d: d["categories"][0].update(name="Background"), "and has annotations"),
        (lambda d: d.update(annotation=d.pop("annotations")), "the file has 'annotation': rename"),
        (lambda d: d.pop("categories"), "there are no categories"),
        (lambda d: d.update(annotations=[]), "there are no annotations"),
        (each("annotations", lambda r: r.update(
            bbox=[x / 128 for x in r["bbox"]],
            segmentation=[[x / 128 for x in p] for p in r["segmentation"]])), "multiply x by"),
        (lambda d: d["annotations"][0].update(segments_info=[]), "panoptic"),
    ],
)  # fmt: skip
def test_what_could_mean_two_things_is_refused(folder, change, words):
    document = base()
    change(document)
    with pytest.raises(DatasetError) as refusal:
        load(folder, document)
    assert words in str(refusal.value)


def test_a_name_that_fits_two_files_is_refused(folder):
    for place in ("x", "y"):
        (folder / place).mkdir()
        Image.fromarray(scene(40).image).save(folder / place / "c.png")
    document = base()
    document["images"][0]["file_name"] = "elsewhere/c.png"
    with pytest.raises(DatasetError, match=r"2 files in .* may be 'elsewhere/c.png'"):
        load(folder, document)
    document["images"][0]["file_name"] = "elsewhere/y/c.png"  # a part of the path tells
    assert load(folder, document).images[0].path == folder / "y" / "c.png"


def test_two_images_do_not_end_up_at_one_file(folder):
    document = base()
    document["images"][1]["file_name"] = "elsewhere/A.PNG"
    with pytest.raises(DatasetError, match=r"image 2: its picture would be .*a\.png, as that of"):
        load(folder, document)


def test_no_picture_outside_of_the_folder_is_opened(folder):
    inner = folder / "inner"
    inner.mkdir()
    (folder / "instances.json").write_text(json.dumps(base()))
    for name in ("../a.png", str(folder / "a.png"), "..\\a.png"):
        document = base()
        document["images"][0]["file_name"] = name
        (folder / "instances.json").write_text(json.dumps(document))
        with pytest.raises(DatasetError, match="image 1: there is no file"):
            load_annotations(folder / "instances.json", inner)


# Sizes


def saved(folder, name, image, orientation=None):
    picture = Image.fromarray(image)
    exif = picture.getexif()
    if orientation:
        exif[0x0112] = orientation
    picture.save(folder / name, exif=exif)


@pytest.fixture
def wide(folder):
    """The base with its first scene cut to 96 x 128, and a polygon near the right edge."""
    saved(folder, "a.png", scene(40).image[:96])
    document = base()
    document["images"][0]["height"] = 96
    corner = {"segmentation": [[110, 10, 126, 10, 126, 20]]}
    document["annotations"] = [{**document["annotations"][0], **corner}]
    document["annotations"][0].pop("bbox")
    return document


def refused(folder, document, **settings):
    with pytest.raises(DatasetError) as refusal:
        check_pictures(load(folder, document, **settings))
    return str(refusal.value)


def test_swapped_sizes_are_told_and_not_their_consequences(folder, wide):
    wide["images"][0].update(height=128, width=96)  # the polygon lies outside of this
    sentence = refused(folder, wide)
    assert "width and height are swapped in the file" in sentence
    assert "polygon" not in sentence and "96 x 128 pixels" in sentence


def test_a_picture_that_was_resized_afterwards_is_told(folder, wide):
    wide["images"][0].update(height=384, width=512)
    assert "it was resized by 0.25 after it was annotated" in refused(folder, wide)


def test_a_picture_turned_by_exif_is_told_and_can_be_read_unturned(folder, wide):
    saved(folder, "a.png", scene(40).image[:96], orientation=6)
    sentence = refused(folder, wide)
    assert "its EXIF data turn it" in sentence and "give --ignore-orientation" in sentence
    loaded = check_pictures(load(folder, wide, orient=False))
    assert np.array_equal(loaded[0].image, scene(40).image[:96])
    wide["images"][0].update(height=128, width=96)  # as it is shown
    wide["annotations"][0]["segmentation"] = [[10, 10, 20, 10, 20, 20]]
    assert load(folder, wide)[0].image.shape[:2] == (128, 96)
    assert "leave --ignore-orientation out" in refused(folder, wide, orient=False)


def test_sizes_that_are_not_stated_are_those_of_the_picture_unturned_if_so_asked(folder, wide):
    saved(folder, "a.png", scene(40).image[:96], orientation=6)
    wide["images"][0].update(height=-1, width=-1)
    loaded = load(folder, wide, orient=False)
    assert (loaded.images[0].height, loaded.images[0].width) == (96, 128)
    with pytest.raises(DatasetError, match="outside the image of 128 x 96"):
        load(folder, wide)


def test_damage_within_a_picture_is_found_where_all_are_read(folder):
    path = folder / "a.png"
    path.write_bytes(path.read_bytes()[:-4000])
    loaded = check_pictures(load(folder, base()))  # the beginning is good
    with pytest.raises(DatasetError, match="image 1: .*damaged or cut off"):
        check_pictures(loaded, whole=True)
    left = check_pictures(loaded, whole=True, skip_bad=True)
    assert [image.image_id for image in left.images] == [2] and "a.png" in told(left)


# Files that are no such thing


@pytest.mark.parametrize(
    "text, words",
    [
        (json.dumps(base())[:-300], "it ends in the middle"),
        (json.dumps(base())[:-1] + ",}", "a comma too many before line 1"),
        ("", "it is empty"),
        ("<?xml version='1.0'?><annotations/>", "it is XML or HTML"),
        (b"PK\x03\x04\x00\x00", "it is a ZIP archive"),
        ('{"image": 1}\n{"image": 2}\n', "a second object begins at line 2"),
        ('{"name": "Nüsse"}'.encode("cp1252"), "byte 11 is no utf-8"),
        ('[{"image_id": 1, "category_id": 1, "score": 0.5, "bbox": [1, 2, 3, 4]}]',
         "a list of results, what a detector has found"),
        ('[{"id": 1, "data": {"image": "a.jpg"}, "annotations": []}]', "Label Studio's own JSON"),
        ('{"type": "FeatureCollection", "features": []}', "GeoJSON"),
    ],
)  # fmt: skip
def test_another_file_is_refused_in_a_sentence_that_says_what_it_is(folder, text, words):
    path = folder / "other.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DatasetError) as refusal:
        load_annotations(path, folder)
    sentence = str(refusal.value)
    assert sentence.startswith(f"{path}: ") and words in sentence
    assert len(sentence) < 400 and "\n" not in sentence


def test_a_changed_copy_does_not_change_the_base():
    assert base() == copy.deepcopy(base())
