"""COCO annotations: what is read is what pycocotools reads, and what is broken is named."""

import copy
import json

import numpy as np
import pytest
from attack import within_limits
from PIL import Image
from pycocotools import mask as coco_masks
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from minimaskrcnn import load_model
from minimaskrcnn.coco_masks.rle import encode
from minimaskrcnn.config import SHAPES
from minimaskrcnn.datasets import documents
from minimaskrcnn.datasets.annotations import load_annotations
from minimaskrcnn.datasets.problems import noted, refuse
from minimaskrcnn.datasets.reading import check_memory, check_pictures
from minimaskrcnn.datasets.remarks import remarks
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.errors import DatasetError
from minimaskrcnn.training.batches import frame
from minimaskrcnn.training.validation import validate

HEIGHT, WIDTH = 48, 64
SQUARE = (10, 10, 30, 10, 30, 30, 10, 30)


def picture(height=HEIGHT, width=WIDTH, seed=0):
    return np.random.RandomState(seed).randint(0, 256, (height, width, 3), np.uint8)


def annotation(number, segmentation, image=1, category=7, **more):
    return {"id": number, "image_id": image, "category_id": category,
            "segmentation": segmentation, **more}  # fmt: skip


def run_lengths(compressed, height=HEIGHT, width=WIDTH):
    mask = np.zeros((height, width), bool)
    mask[5:9, 3:50] = mask[20, 20] = True
    return encode(mask, compressed)


def dataset():
    """Two pictures, the second without objects; polygons, both forms of run lengths, a crowd."""
    return {
        "info": {"description": "made by a test"},
        "images": [
            {"id": 1, "file_name": "one.png", "height": HEIGHT, "width": WIDTH},
            {"id": 5, "file_name": "sub/two.png", "height": 30, "width": 20},
        ],
        "categories": [{"id": 7, "name": "cat"}, {"id": 3, "name": "dog"}],
        "annotations": [
            annotation(11, [list(SQUARE)], bbox=[10, 10, 20, 20], area=400, iscrowd=0),
            annotation(12, [[0, 0, 5.5, 0, 3.2, 7.9], [40.1, 20, 60, 20, 50, 40.7]], category=3),
            annotation(13, run_lengths(compressed=True)),
            annotation(14, run_lengths(compressed=False), iscrowd=1, category=3),
        ],
    }


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sub").mkdir()
    Image.fromarray(picture()).save(tmp_path / "one.png")
    Image.fromarray(picture(30, 20, seed=1)).save(tmp_path / "sub" / "two.png")
    return tmp_path


def load(folder, document):
    path = folder / "instances.json"
    text = document if isinstance(document, str | bytes) else json.dumps(document)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_annotations(path, folder)


# What is read


def test_class_ids_follow_the_order_of_category_ids_after_the_background(folder):
    loaded = load(folder, dataset())
    assert loaded.class_names == ("background", "dog", "cat")
    assert loaded.class_id_of == {3: 1, 7: 2}


def test_an_example_has_picture_classes_and_masks_and_a_crowd_is_negative(folder):
    loaded = load(folder, dataset())
    assert len(loaded) == 2
    example = loaded[0]
    assert example.image_id == 1 and np.array_equal(example.image, picture())
    assert example.class_ids.tolist() == [2, 1, 2, -1] and example.class_ids.dtype == np.int64
    assert example.masks.shape == (4, HEIGHT, WIDTH) and example.masks.dtype == np.bool_
    assert example.boxes[0].tolist() == [10, 10, 30, 30]
    assert example.masks[0].sum() == 400 and example.masks[0, 10:30, 10:30].all()


def test_an_image_without_objects_is_an_example_with_none(folder):
    example = load(folder, dataset())[1]
    assert example.image_id == 5 and np.array_equal(example.image, picture(30, 20, seed=1))
    assert example.masks.shape == (0, 30, 20) and example.class_ids.shape == (0,)
    assert example.boxes.shape == (0, 4)


def test_a_dataset_can_be_walked_through_and_indexed_from_the_end(folder):
    loaded = load(folder, dataset())
    assert [example.image_id for example in loaded] == [1, 5]
    assert loaded[-1].image_id == 5
    with pytest.raises(IndexError):
        loaded[2]


def test_pictures_are_not_opened_on_loading(folder):
    (folder / "one.png").write_bytes(b"no picture")
    loaded = load(folder, dataset())
    with pytest.raises(DatasetError, match=r"instances\.json: image 1: .*one\.png"):
        loaded[0]


def test_what_the_file_says_of_an_image_stays_at_hand(folder):
    loaded = load(folder, dataset())
    first, *_, crowd = loaded.images[0].annotations
    assert (first.name, first.class_id, first.crowd) == ("annotation 11", 2, False)
    assert (first.box, first.area) == ((10, 10, 30, 30), 400)
    assert crowd.crowd and crowd.box is None and crowd.area is None
    assert [o.name for o in loaded.images[0].objects] == [f"annotation {i}" for i in (11, 12, 13)]
    assert (loaded.images[1].height, loaded.images[1].width) == (30, 20)


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # inside pycocotools
def test_masks_equal_those_of_pycocotools_bit_for_bit(folder):
    document, rng = dataset(), np.random.RandomState(3)
    for number in range(100, 160):
        corners = rng.uniform(-10, 75, (rng.randint(1, 4), 2 * rng.randint(3, 9)))
        corners[0, :6] = [20, 20, 40, 20, 20, 40] + rng.uniform(0, 5, 6)
        document["annotations"].append(annotation(number, corners.round(2).tolist()))
    for number in range(160, 190):
        mask = rng.uniform(size=(HEIGHT, WIDTH)) < rng.uniform()
        packed = coco_masks.encode(np.asfortranarray(mask.astype(np.uint8)))
        packed["counts"] = packed["counts"].decode("ascii")
        document["annotations"].append(annotation(number, packed, iscrowd=number % 2))
    example = load(folder, document)[0]
    coco = COCO(str(folder / "instances.json"))
    assert len(example.masks) == 94
    for record, mask in zip(document["annotations"], example.masks, strict=True):
        assert np.array_equal(coco.annToMask(record), mask), record["id"]


def test_scenes_written_as_a_dataset_come_back_the_same(tmp_path):
    images, annotations = [], []
    for seed in range(4):
        example = scene(seed)
        Image.fromarray(example.image).save(tmp_path / f"{seed}.png")
        images.append({"id": seed, "file_name": f"{seed}.png", "height": 128, "width": 128})
        for class_id, mask in zip(example.class_ids.tolist(), example.masks, strict=True):
            annotations.append(annotation(len(annotations), encode(mask), seed, class_id))
    names = [{"id": i, "name": name} for i, name in ((1, "circle"), (2, "square"), (3, "triangle"))]
    document = {"images": images, "categories": names, "annotations": annotations}
    for seed, found in enumerate(load(tmp_path, document)):
        example = scene(seed)
        assert np.array_equal(found.image, example.image)
        assert np.array_equal(found.class_ids, example.class_ids)
        assert np.array_equal(found.masks, example.masks)
        assert np.array_equal(found.boxes, example.boxes)


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # inside pycocotools
def test_a_model_judged_on_a_file_gets_the_numbers_of_pycocotools(tmp_path):
    """The file's boxes and areas are not those of its masks: it is they that count."""
    images, annotations, rng = [], [], np.random.RandomState(0)
    for seed in range(3):
        example = scene(seed)
        Image.fromarray(example.image).save(tmp_path / f"{seed}.png")
        images.append({"id": seed, "file_name": f"{seed}.png", "height": 128, "width": 128})
        rows = zip(example.class_ids.tolist(), example.boxes, example.masks, strict=True)
        for class_id, (y1, x1, y2, x2), mask in rows:
            x, y, right, bottom = [x1, y1, x2, y2] + rng.uniform(-2, 2, 4).round(1)
            stated = {"bbox": [x, y, right - x, bottom - y], "area": rng.uniform(500, 2000)}
            number, crowd = len(annotations) + 1, int(rng.rand() < 0.2)
            annotations.append(
                annotation(number, encode(mask), seed, class_id, iscrowd=crowd, **stated)
            )
        number = len(annotations) + 1  # fills no pixel, and is missed
        tiny = {"bbox": [5.5, 5.5, 0.1, 0.1], "area": 0.005, "iscrowd": 0}
        corner = [[5.5, 5.5, 5.6, 5.5, 5.6, 5.6]]
        annotations.append(annotation(number, corner, seed, seed + 1, **tiny))
    names = [{"id": i, "name": name} for i, name in ((1, "circle"), (2, "square"), (3, "triangle"))]
    document = {"images": images, "categories": names, "annotations": annotations}
    dataset, model = load(tmp_path, document), load_model("shapes")
    found = validate(model, dataset, dataset.class_names, min_score=0.05)
    truth = COCO(str(tmp_path / "instances.json"))
    results = [
        {**record, "category_id": int(class_id)}
        for image in dataset
        for result in [model.predict(image.image, min_score=0.05)]
        for record, class_id in zip(result.to_coco(image.image_id), result.class_ids, strict=True)
    ]
    for kind, ours in (("bbox", found.box), ("segm", found.mask)):
        if kind == "segm":  # as the API's users do: else it takes the box's area for the mask's
            results = [{k: v for k, v in r.items() if k != "bbox"} for r in results]
        theirs = COCOeval(truth, truth.loadRes(results), kind)
        theirs.evaluate()
        theirs.accumulate()
        theirs.summarize()
        np.testing.assert_allclose(ours.stats, theirs.stats, atol=1e-6)
        assert ours.stats[4] > 0  # medium ones there are


def test_a_box_and_an_area_that_are_not_stated_are_the_mask_s(folder):
    document = dataset()
    document["annotations"][1]["area"] = 77.5
    example = load(folder, document)[0]
    assert example.stated_areas.tolist() == [400, 77.5, *example.masks[2:].sum(axis=(1, 2))]
    assert example.stated_boxes[0].tolist() == [10, 10, 30, 30]
    assert (example.stated_boxes[1:] == example.boxes[1:]).all()


def test_what_reaches_beyond_the_image_is_clipped_and_named(folder):
    document = dataset()
    document["annotations"] += [
        annotation(20, [[-10, 10, 20, 10, 20, 20, -10, 20]]),
        annotation(21, [list(SQUARE)], bbox=[10, 10, 20, 20]),
        annotation(22, [list(SQUARE)], bbox=[9, 9, 21, 21]),
        annotation(23, [[0, 0, WIDTH, 0, WIDTH, HEIGHT, 0, HEIGHT]]),
        annotation(24, [list(SQUARE), [0, 40, 9, 40, 9, 48.5]]),
        annotation(25, run_lengths(compressed=True), bbox=[-0.5, 5, 50.5, 16]),
        annotation(26, run_lengths(compressed=True), bbox=[3, 5, 47, 16]),
    ]
    loaded = load(folder, document)
    assert [a.name for a in loaded.images[0].annotations if a.clipped] == [
        f"annotation {i}" for i in (20, 24, 25)
    ]
    assert loaded[0].boxes[4].tolist() == [10, 0, 20, 20]
    assert loaded[0].masks[7].all()


def test_an_object_too_small_to_fill_a_pixel_is_there_to_be_missed_and_not_learned(folder):
    document = dataset()
    tiny = annotation(99, [[5.5, 5.5, 5.6, 5.5, 5.6, 5.6]], area=0.01, bbox=[5.5, 5.5, 0.1, 0.1])
    document["annotations"].insert(1, tiny)
    example = load(folder, document)[0]
    assert example.class_ids.tolist() == [2, 2, 1, 2, -1]
    assert example.masks.any(axis=(1, 2)).tolist() == [True, False, True, True, True]
    assert example.stated_areas[1] == 0.01
    np.testing.assert_allclose(example.stated_boxes[1], [5.5, 5.5, 5.6, 5.6])
    _, truth = frame(example, SHAPES)
    assert truth.class_ids.tolist() == [2, 1, 2] and len(truth.masks) == 3


def test_a_box_that_is_far_from_its_polygons_is_named(folder):
    document = dataset()
    document["annotations"] += [
        annotation(30, [list(SQUARE)], bbox=[10, 10, 30, 30]),  # x1 y1 x2 y2
        annotation(31, [list(SQUARE)], bbox=[11, 9, 21, 19]),
        annotation(32, [list(SQUARE)], bbox=[10, 10, 20, 28]),  # 8 pixels too far down
        annotation(33, [[-90, 10, 20, 10, 20, 20, -90, 20]], bbox=[0, 10, 20, 10]),  # clipped
        annotation(34, [list(SQUARE)], bbox=[10, 10, 26, 20]),  # 6 pixels: as may be
        annotation(35, [[5, 30, 20, 30, 20, 120, 5, 120]], bbox=[5, 30, 15, 18]),
    ]
    loaded = load(folder, document)
    assert [a.name for a in loaded.images[0].annotations if a.doubtful] == [
        "annotation 30", "annotation 32",
    ]  # fmt: skip
    lines = "\n".join(remarks(loaded))
    assert "2 images, 9 objects, 2 classes" in lines
    assert "far from their mask, whose own box counts: 2 annotations (the first is 30)" in lines
    assert "clipped there: 2 annotations (the first is 33)" in lines


@pytest.mark.parametrize("damage", ["size", "empty", "text"])
def test_a_picture_that_is_none_or_of_another_size_is_found_before_any_is_read(folder, damage):
    loaded, path = load(folder, dataset()), folder / "sub" / "two.png"
    check_pictures(loaded)
    if damage == "size":
        Image.fromarray(picture(20, 30)).save(path)
    else:
        path.write_bytes(b"" if damage == "empty" else b"no picture")
    words = {"size": "20 x 30", "empty": "is empty", "text": "not a picture"}[damage]
    with pytest.raises(DatasetError, match=f"instances.json: image 5: .*two.png.* {words}"):
        check_pictures(loaded)


def test_fields_that_are_not_used_may_be_missing_or_anything(folder):
    document = dataset()
    document["annotations"] = [annotation(1, [list(SQUARE)], score="high", attributes=None)]
    document["images"][0]["license"] = [1]
    document["categories"][0]["supercategory"] = None
    assert load(folder, document)[0].class_ids.tolist() == [2]


def test_ids_may_be_zero_negative_and_huge(folder):
    document = dataset()
    document["images"][0]["id"] = 0
    document["categories"] = [{"id": 0, "name": "dog"}, {"id": -4, "name": "cat"}]
    document["annotations"] = [
        annotation(10**30, [list(SQUARE)], 0, 0),
        annotation(-1, [list(SQUARE)], 0, -4),
    ]
    loaded = load(folder, document)
    assert loaded.class_names == ("background", "cat", "dog")
    assert loaded[0].class_ids.tolist() == [2, 1]


# What is refused: each is one change to the good dataset, and words of the sentence expected


def change(*keys, to):
    """Change one entry of the document."""

    def changed(document):
        *path, last = keys
        place = document
        for key in path:
            place = place[key]
        place[last] = to

    return changed


def without(*keys):
    def changed(document):
        *path, last = keys
        place = document
        for key in path:
            place = place[key]
        del place[last]

    return changed


def again(key):
    return lambda document: document[key].append(copy.deepcopy(document[key][0]))


FIRST, RLE = ("annotations", 0), ("annotations", 2, "segmentation")
POLYGON = (*FIRST, "segmentation", 0)
HERE = "image 1, annotation 11"
NAN, INFINITY = float("nan"), float("inf")
OUTSIDE = [64, 0, 70, 0, 70, 9]
LINE = [5, 5, 9, 5, 7, 5]

REFUSED = {
    "no images": (without("images"), ["no images"]),
    "images not a list": (change("images", to={"id": 1}), ["no images"]),
    "no categories": (without("categories"), ["no categories"]),
    "no annotations key": (without("annotations"), ["no annotations"]),
    "no annotations at all": (change("annotations", to=[]), ["no annotations"]),
    "image not an object": (change("images", 1, to=[1]), ["entry 1", "'images'", "[1]"]),
    "image without id": (without("images", 1, "id"), ["entry 1", "'images'", "'id'", "missing"]),
    "image id true": (change("images", 1, "id", to=True), ["entry 1", "'id'", "True"]),
    "image of negative width": (change("images", 1, "width", to=-20), ["image 5", "positive"]),
    "image of half a pixel": (change("images", 1, "width", to=20.5), ["image 5", "20.5"]),
    "image beyond all limits": (change("images", 1, "width", to=10**9), ["image 5", "limit"]),
    "image without file name": (without("images", 1, "file_name"), ["image 5", "'file_name'"]),
    "file name empty": (change("images", 1, "file_name", to=""), ["image 5", "'file_name'"]),
    "file name a number": (change("images", 1, "file_name", to=3), ["image 5", "no file '3'"]),
    "file missing": (change("images", 1, "file_name", to="x.jpg"), ["image 5", "no file 'x.jpg'"]),
    "file a folder": (change("images", 1, "file_name", to="sub"), ["image 5", "no file 'sub'"]),
    "file name of a megabyte": (change("images", 1, "file_name", to="x" * 10**6), ["image 5"]),
    "file name with a zero": (change("images", 1, "file_name", to="a\0b"), ["image 5", "no file"]),
    "file name not text": (change("images", 1, "file_name", to="\ud800"), ["image 5", "no file"]),
    "file outside": (change("images", 1, "file_name", to="../../x.png"), ["image 5", "no file"]),
    "file anywhere": (change("images", 1, "file_name", to="/etc/passwd"), ["image 5", "no file"]),
    "category without name": (without("categories", 1, "name"), ["category 3", "'name'"]),
    "category name empty": (change("categories", 1, "name", to=" "), ["category 3", "'name'"]),
    "category name of two lines": (change("categories", 0, "name", to="a\nb"), ["category 7"]),
    "category background": (change("categories", 0, "name", to="background"), ["category 7"]),
    "annotation null": (change(*FIRST, to=None), ["entry 0", "'annotations'", "None"]),
    "no image id": (without(*FIRST, "image_id"), ["annotation 11", "'image_id'", "missing"]),
    "unknown image": (change(*FIRST, "image_id", to=2), ["annotation 11", "no image 2"]),
    "image id a list": (change(*FIRST, "image_id", to=[1]), ["annotation 11", "'image_id'"]),
    "no category id": (without(*FIRST, "category_id"), [HERE, "'category_id'", "missing"]),
    "unknown category": (change(*FIRST, "category_id", to=1), [HERE, "no category 1"]),
    "category id a list": (change(*FIRST, "category_id", to=[7]), [HERE, "'category_id'"]),
    "iscrowd 2": (change(*FIRST, "iscrowd", to=2), [HERE, "'iscrowd'", "2"]),
    "area negative": (change(*FIRST, "area", to=-1), [HERE, "'area'", "-1"]),
    "area not a number": (change(*FIRST, "area", to=NAN), [HERE, "'area'", "nan"]),
    "box of three": (change(*FIRST, "bbox", to=[1, 2, 3]), [HERE, "'bbox'", "[1, 2, 3]"]),
    "box not finite": (change(*FIRST, "bbox", to=[1, 2, INFINITY, 4]), [HERE, "'bbox'", "inf"]),
    "box of huge whole numbers": (change(*FIRST, "bbox", to=[1, 2, 10**400, 4]), [HERE, "'bbox'"]),
    "box to the stars": (change(*FIRST, "bbox", to=[1, 2, 1e200, 4]), [HERE, "further than"]),
    "box of no width": (change(*FIRST, "bbox", to=[1, 2, 0, 4]), [HERE, "no area"]),
    "box turned over": (change(*FIRST, "bbox", to=[9, 9, 3, -4]), [HERE, "no area"]),
    "box right of it": (change(*FIRST, "bbox", to=[64, 9, 3, 4]), [HERE, "outside", "48 x 64"]),
    "box below it": (change(*FIRST, "bbox", to=[9, 48, 3, 4]), [HERE, "outside", "48 x 64"]),
    "box left of it": (change(*FIRST, "bbox", to=[-3, 9, 3, 4]), [HERE, "outside"]),
    "box above it": (change(*FIRST, "bbox", to=[9, -4, 3, 4]), [HERE, "outside"]),
    "no mask": (without(*FIRST, "segmentation"), [HERE, "no mask"]),
    "mask null": (change(*FIRST, "segmentation", to=None), [HERE, "no mask", "None"]),
    "no polygons": (change(*FIRST, "segmentation", to=[]), [HERE, "no mask"]),
    "polygons a text": (change(*FIRST, "segmentation", to="10,10"), [HERE, "no mask"]),
    "polygon of 2 points": (change(*POLYGON, to=[1, 1, 5, 5]), [HERE, "polygon 0", "2 points"]),
    "polygon of nothing": (change(*POLYGON, to=[]), [HERE, "no mask"]),
    "polygon odd": (change(*POLYGON, to=[*SQUARE, 1]), [HERE, "polygon 0", "9 numbers", "pairs"]),
    "polygon with NaN": (change(*POLYGON, 2, to=NAN), [HERE, "polygon 0", "finite", "nan"]),
    "polygon infinite": (change(*POLYGON, 2, to=-INFINITY), [HERE, "polygon 0", "finite", "inf"]),
    "polygon with null": (change(*POLYGON, 2, to=None), [HERE, "polygon 0", "finite", "None"]),
    "polygon to the stars": (change(*POLYGON, 2, to=1e12), [HERE, "polygon 0", "away"]),
    "polygon outside": (change(*POLYGON, to=OUTSIDE), [HERE, "outside", "48 x 64", "empty"]),
    "polygon a line": (change(*POLYGON, to=LINE), [HERE, "no area", "empty"]),
    "every polygon nothing": (change(*FIRST, "segmentation", to=[OUTSIDE, LINE]), [HERE, "empty"]),
    "second polygon bad": (change("annotations", 1, "segmentation", 1, to=[1, 2]),
                           ["image 1, annotation 12", "polygon 1"]),
    "RLE turned": (change(*RLE, "size", to=[WIDTH, HEIGHT]), ["annotation 13", "[48, 64]"]),
    "RLE without size": (without(*RLE, "size"), ["image 1, annotation 13", "size", "[48, 64]"]),
    "RLE of huge size": (change(*RLE, "size", to=[10**9, 10**9]), ["annotation 13", "[48, 64]"]),
    "RLE without counts": (without(*RLE, "counts"), ["image 1, annotation 13", "counts"]),
    "RLE too short": (change(*RLE, "counts", to=[10, 20]), ["image 1, annotation 13", "30"]),
    "RLE too long": (change(*RLE, "counts", to=[10, 10**15]), ["image 1, annotation 13", "add up"]),
    "RLE negative": (change(*RLE, "counts", to=[-1, 3073]), ["image 1, annotation 13", "negative"]),
    "RLE fractions": (change(*RLE, "counts", to=[0.5, 3071.5]), ["image 1, annotation 13"]),
    "RLE garbled": (change(*RLE, "counts", to="~~ é"), ["image 1, annotation 13", "packed"]),
    "RLE of the wrong size": (change(*RLE, "counts", to=encode(np.ones((9, 9), bool))["counts"]),
                              ["image 1, annotation 13", "3072", "81"]),
    "RLE empty": (change(*RLE, "counts", to=[3072]), ["image 1, annotation 13", "empty"]),
    "RLE of no ones": (change(*RLE, "counts", to=[3072, 0]), ["image 1, annotation 13", "empty"]),
}  # fmt: skip


@pytest.mark.parametrize("mistake", REFUSED)
def test_a_broken_annotation_is_refused_by_file_image_and_id(folder, mistake):
    document = dataset()
    broken, words = REFUSED[mistake]
    broken(document)
    with pytest.raises(DatasetError) as refusal:
        load(folder, document)
    sentence = str(refusal.value)
    assert sentence.startswith(f"{folder / 'instances.json'}: ")
    assert all(word in sentence for word in words), sentence
    assert "\n" not in sentence and len(sentence) < 500
    sentence.encode()  # can be printed


@pytest.mark.parametrize(
    "text, word",
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("<html></html>", "not JSON"),
        (b"\xff\xfe\x00\x01\xd8", "not JSON"),
        ("[" * 30_000, "not JSON"),
        ('{"images": ' + "1" * 5000 + "}", "not JSON"),
        ("[]", "object"),
        ("null", "object"),
        ('"text"', "object"),
    ],
)
def test_a_file_that_is_no_json_object_is_refused_by_name(folder, text, word):
    with pytest.raises(DatasetError, match=r"instances\.json: ") as refusal:
        load(folder, text)
    assert word in str(refusal.value)


def test_values_nested_deeply_are_refused_with_a_short_sentence(folder):
    text = json.dumps(dataset()).replace('"cat"', "[" * 800 + "]" * 800)
    with pytest.raises(DatasetError, match="category 7") as refusal:
        load(folder, text)
    assert len(str(refusal.value)) < 500


def test_a_missing_file_or_folder_is_refused_by_name(folder):
    with pytest.raises(DatasetError, match=r"none\.json: cannot be read"):
        load_annotations(folder / "none.json", folder)
    with pytest.raises(DatasetError, match="is a folder without JSON files, and without masks"):
        load_annotations(folder, folder)
    load(folder, dataset())
    with pytest.raises(DatasetError, match="folder of pictures, .*nowhere"):
        load_annotations(folder / "instances.json", folder / "nowhere")


def test_a_picture_of_another_size_is_refused_when_it_is_read(folder):
    document = dataset()
    document["images"][1].update(height=20, width=30)  # turned
    loaded = load(folder, document)
    with pytest.raises(DatasetError, match=r"image 5: .*two\.png is 30 x 20 .* 20 x 30"):
        loaded[1]
    loaded[0]  # the others are still good


def test_masks_that_would_not_fit_into_memory_are_refused_before_they_are_made(folder):
    document = dataset()
    document["images"][0].update(height=16000, width=16000)
    tall = [annotation(i, [list(SQUARE)]) for i in range(5)]
    document["annotations"] = tall
    loaded = load(folder, document)
    for read in (lambda: loaded[0], lambda: check_memory(loaded, loaded.images)):
        with pytest.raises(DatasetError, match="instances.json: image 1: the masks of 5 annotat"):
            read()
    document["annotations"] = tall[:4]
    loaded = load(folder, document)
    check_memory(loaded, loaded.images)


def test_a_file_larger_than_the_limit_is_not_read(folder, monkeypatch):
    monkeypatch.setattr(documents, "MAX_FILE", 100)
    with pytest.raises(DatasetError, match="more than 100"):
        load(folder, dataset())


def test_random_damage_gives_a_dataset_that_can_be_read_or_a_sentence(folder):
    rng, outcomes = np.random.RandomState(0), {"read": 0, "refused": 0}
    values = [None, -1, 1.5, 5, 40, "x", [], {}, True, 1e400, [[]], 10**20]
    for _ in range(1000):
        document = dataset()
        place, key = document, ("images", "categories", "annotations")[rng.randint(3)]
        while rng.uniform() < 0.9 and isinstance(place[key], dict | list) and len(place[key]):
            place = place[key]
            keys = list(place) if isinstance(place, dict) else range(len(place))
            key = keys[rng.randint(len(keys))]
        place[key] = values[rng.randint(len(values))]
        try:
            examples = list(load(folder, document))
            outcomes["read"] += all(example.boxes.any(axis=1).all() for example in examples)
        except DatasetError as refusal:
            assert "instances.json: " in str(refusal)
            outcomes["refused"] += 1
    assert sum(outcomes.values()) == 1000 and min(outcomes.values()) > 50


def test_a_polygon_that_would_take_minutes_to_draw_is_refused_on_loading(folder):
    document = dataset()
    corners = [c for i in range(10_000) for c in ((i % 2) * WIDTH, HEIGHT * i / 10_000)]
    document["annotations"][0] = annotation(11, [corners])
    load(folder, document)
    document["annotations"][0] = annotation(11, [corners * 10])
    with pytest.raises(DatasetError, match="image 1, annotation 11: the polygons cross the image"):
        load(folder, document)


@pytest.mark.parametrize("piece", ["{}", "[]", '{"a":1}', "[1]", "[[[]]]"])
def test_json_of_little_but_brackets_is_refused_before_it_takes_many_times_its_size(folder, piece):
    text = '{"images": [' + ",".join([piece] * (12_000_000 // len(piece))) + "]}"

    def refused():
        with pytest.raises(DatasetError, match=r"instances\.json: .*little but brackets"):
            load(folder, text)

    within_limits(refused, megabytes=4 * len(text) / 2**20)


def test_many_small_objects_take_little_more_memory_than_the_file_itself(folder):
    document = dataset()
    some = [[1.25, 2.5, 9.75, 2.5, 9.75, 9.125, 4.5, 9.125, 1.25, 7.5, 3.5, 4.75]]
    document["annotations"] = [annotation(i, some, bbox=[1, 2, 9, 8]) for i in range(30_000)]
    text = json.dumps(document)
    loaded = within_limits(lambda: load(folder, text), megabytes=9 * len(text) / 2**20)
    assert len(loaded.images[0].annotations) == 30_000


def test_of_millions_of_complaints_the_first_are_kept_and_all_are_counted():
    problems = []
    for i in range(5000):
        with noted(problems):
            raise DatasetError(f"annotation {i}: has no mask")
    assert len(problems) == 5000 and len({id(problem) for problem in problems}) < 1100
    with pytest.raises(DatasetError, match="5000 things are wrong") as refusal:
        refuse("file.json", problems)
    assert "annotation 9: has no mask" in str(refusal.value) and "4990 more" in str(refusal.value)


@pytest.mark.parametrize("list_of, key", [("images", "id"), ("categories", "id"),
                                          ("annotations", "image_id")])  # fmt: skip
@pytest.mark.parametrize("value", ["x" * 501, 10**501])
def test_ids_of_any_length_are_refused_in_a_short_sentence(folder, list_of, key, value):
    document = dataset()
    document[list_of][0][key] = value
    with pytest.raises(DatasetError, match=f"'{key}' has 50. letters; an id has") as refusal:
        load(folder, document)
    assert len(str(refusal.value)) < 2000
