"""COCO's run-length masks: both forms, both ways, bit for bit as pycocotools has them."""

import json

import numpy as np
import pytest
from pycocotools import mask as api

from minimaskrcnn.coco_masks.checks import MAX_PIXELS, check_size
from minimaskrcnn.coco_masks.rle import (
    area,
    box,
    decode,
    decode_in_box,
    encode,
    encode_in_box,
    run_lengths,
)

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")  # within pycocotools


def random_masks(seed, count=300):
    rs = np.random.RandomState(seed)
    for _ in range(count):
        yield rs.rand(*rs.randint(1, 40, 2)) < rs.choice([0, 0.02, 0.3, 0.7, 0.98, 1])


def wide_masks():
    """Runs of thousands of pixels: packed numbers of several characters, differences below zero."""
    for rows in ([3, 2000, 1], [1, 1, 1800, 40], [500, 2, 1300, 700]):
        flat = np.concatenate([np.full(n, i % 2 == 1) for i, n in enumerate(rows * 5)])
        yield flat[: len(flat) // 10 * 10].reshape(10, -1, order="F")


SPECIAL = {
    "empty": np.zeros((5, 4), bool),
    "full": np.ones((5, 4), bool),
    "one pixel, unset": np.zeros((1, 1), bool),
    "one pixel, set": np.ones((1, 1), bool),
    "no columns": np.zeros((5, 0), bool),
    "no rows": np.zeros((0, 5), bool),
    "nothing": np.zeros((0, 0), bool),
    "first pixel": np.eye(1, 12, 0, dtype=bool).reshape(3, 4),
    "last pixel": np.eye(1, 12, 11, dtype=bool).reshape(3, 4),
    "chessboard": np.indices((6, 7)).sum(axis=0) % 2 == 1,
    "two columns, joined in the run": np.array([[0, 1], [0, 0], [1, 0]], bool),
}
special = pytest.mark.parametrize("mask", SPECIAL.values(), ids=SPECIAL.keys())


def test_runs_go_down_the_columns_and_begin_with_zeros():
    mask = np.array([[1, 0, 1], [1, 1, 1]], bool)  # columns 11 01 11
    assert encode(mask, compressed=False) == {"size": [2, 3], "counts": [0, 2, 1, 3]}
    assert encode(~mask, compressed=False) == {"size": [2, 3], "counts": [2, 1, 3]}


def test_packed_numbers_can_be_worked_out_by_hand():
    # 5 -> '5'. 40 = 8 + 32 * 1 -> 48 + 8 + 32 and 48 + 1. 3 -> '3'. Then 9 - 40 = -31: five bits
    # of it are 1 and the rest -1, so 48 + 1 + 32 and 48 + 31. And 3 - 3 = 0.
    text = "5" + "X1" + "3" + "Q" + chr(48 + 31) + "0"
    assert run_lengths({"size": [60, 1], "counts": text}).tolist() == [5, 40, 3, 9, 3]
    assert encode(decode({"size": [60, 1], "counts": [5, 40, 3, 9, 3]}))["counts"] == text


@special
def test_special_masks_are_what_the_api_makes_of_them(mask):
    theirs = api.encode(np.asfortranarray(mask.astype(np.uint8)))
    ours = encode(mask)
    assert ours["size"] == theirs["size"] and ours["counts"].encode() == theirs["counts"]
    for rle in (ours, theirs, encode(mask, compressed=False)):
        assert decode(rle).dtype == bool and decode(rle).shape == mask.shape
        np.testing.assert_array_equal(decode(rle), mask)
        assert area(rle) == mask.sum()
    np.testing.assert_array_equal(api.decode(ours), mask)


@pytest.mark.parametrize("masks", [random_masks(1), random_masks(2), wide_masks()])
def test_both_forms_pass_to_the_api_and_back_unchanged(masks):
    for mask in masks:
        height, width = mask.shape
        theirs = api.encode(np.asfortranarray(mask.astype(np.uint8)))
        listed = json.loads(json.dumps(encode(mask, compressed=False)))
        packed = json.loads(json.dumps(encode(mask)))
        assert packed["counts"].encode("ascii") == theirs["counts"]
        assert api.frPyObjects(listed, height, width) == theirs
        np.testing.assert_array_equal(api.decode(packed), mask)
        for rle in (theirs, listed, packed):
            np.testing.assert_array_equal(decode(rle), mask)
            assert area(rle) == api.area(theirs) == mask.sum()


def test_the_box_is_the_tight_one():
    for mask in [*SPECIAL.values(), *random_masks(3), *wide_masks()]:
        expected = [0, 0, 0, 0]
        if mask.any():
            rows, columns = np.nonzero(mask)
            expected = [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]
            x, y, width, height = api.toBbox(api.encode(np.asfortranarray(mask.astype(np.uint8))))
            assert expected == [y, x, y + height, x + width]
        found = box(encode(mask))
        assert found.dtype == np.int32 and found.tolist() == expected


def test_runs_of_no_length_are_allowed_and_change_nothing():
    rle = {"size": [3, 2], "counts": [1, 0, 1, 2, 0, 0, 2, 0]}
    expected = np.array([[0, 1], [0, 0], [1, 0]], bool)
    np.testing.assert_array_equal(decode(rle), expected)
    assert area(rle) == 2 and box(rle).tolist() == [0, 0, 3, 2]
    assert box({"size": [3, 2], "counts": [2, 0, 4]}).tolist() == [0, 0, 0, 0]
    assert decode({"size": [0, 5], "counts": []}).shape == (0, 5)


def test_arrays_in_any_order_and_read_only_are_encoded_alike():
    mask = next(iter(random_masks(4)))
    frozen = mask.copy()
    frozen.setflags(write=False)
    for same in (np.asfortranarray(mask), mask[::-1][::-1], frozen):
        assert encode(same) == encode(mask)


def test_a_mask_known_within_its_box_only_is_encoded_as_the_whole_would_be():
    rs = np.random.RandomState(6)
    for mask in random_masks(6):
        height, width = mask.shape
        y1, y2 = np.sort(rs.randint(0, height + 1, 2))
        x1, x2 = np.sort(rs.randint(0, width + 1, 2))
        y1, x1, y2, x2 = (y1, x1, y2, x2) if rs.randint(2) else (0, 0, height, width)
        part = mask[y1:y2, x1:x2]
        whole = np.zeros((height, width), bool)
        whole[y1:y2, x1:x2] = part
        assert encode_in_box(part, (y1, x1, y2, x2), (height, width, 3)) == encode(whole)


@pytest.mark.parametrize(
    "bad", [np.zeros((2, 2)), np.zeros((2, 2), np.uint8), np.zeros(4, bool), 3]
)
def test_only_a_mask_of_bool_with_two_axes_is_encoded(bad):
    with pytest.raises(ValueError, match=r"encode wants a mask \(H, W\) of bool"):
        encode(bad)


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ([1, 2], "add up to 6, got 3"),
        ([1, 6], "add up to 6, got 7"),
        ([], "add up to 6, got 0"),
        ([2**62] * 4 + [6], "add up to 6, got 18446744073709551622"),  # 6 in 64 bits
        ([8, -2], "negative count -2"),
        ([2**80], "whole numbers"),
        ([1.5, 4.5], "whole numbers"),
        ([3.0, 3.0], "whole numbers"),
        ([True, 5], "whole numbers"),
        (["6"], "whole numbers"),
        ([[1, 2], [3]], "whole numbers"),
        ([[6]], "whole numbers"),
        ([None], "whole numbers"),
        (6, "whole numbers"),
        (None, "whole numbers"),
        ({"a": 1}, "whole numbers"),
        ([3, -2, 5], "negative count -2"),  # their sum is right
        ("", "add up to 6, got 0"),
        ("7", "add up to 6, got 7"),
        ("O", "negative count -1"),
        ("T", "not packed numbers"),  # says that another character follows
        ("T" * 30, "not packed numbers"),
        ("V" + "P" * 15 + "0", "not packed numbers"),  # 6, and 75 bits of zeros
        ("6 ", "not packed numbers"),
        ("6\x00", "not packed numbers"),
        ("6é", "not packed numbers"),
        ("6p", "not packed numbers"),
        ("\ud800", "not packed numbers"),
        (b"\xff\xfe", "not packed numbers"),
        ("ooooo?", "add up to 6"),  # 2 ** 29, which nobody unpacks
    ],
)
def test_counts_that_cannot_be_are_refused(counts, words):
    rle = {"size": [2, 3], "counts": counts}
    for function in (decode, area, box, run_lengths):
        with pytest.raises(ValueError, match=words):
            function(rle)


@pytest.mark.parametrize(
    "size",
    [[2], [2, 3, 1], [-2, -3], [2.0, 3.0], ["2", "3"], [True, 6], None, "23", 6, {}]
    + [[2**14, 2**14 + 1], [2**40, 0], [2**64, 2**64], [0, MAX_PIXELS + 1]],
)
def test_absurd_sizes_are_refused_before_anything_is_allocated(size):
    with pytest.raises(ValueError, match="size|beyond the limit of 268435456 pixels"):
        decode({"size": size, "counts": [6]})
    with pytest.raises(ValueError):
        check_size(size)


@pytest.mark.parametrize("thing", [None, [1, 2], "6", {}, {"size": [1, 1]}, {"counts": [1]}])
def test_what_is_no_rle_is_refused(thing):
    with pytest.raises(ValueError, match="an RLE is a dict with 'size' and 'counts'"):
        decode(thing)


def test_a_packed_number_has_at_most_seven_characters():
    """5 is "5"; "U" says that more follows, and each "P" that nothing comes but more."""
    for text in ("5", "UPPPPP0"):
        assert not decode({"size": [1, 5], "counts": text}).any()
    with pytest.raises(ValueError, match="are not packed numbers"):
        decode({"size": [1, 5], "counts": "UPPPPPP0"})


def test_random_text_is_a_mask_or_a_value_error():
    rs = np.random.RandomState(5)
    decoded = 0
    for i in range(4000):
        low, high = ((0, 256), (48, 112), (47, 55), (47, 55))[i % 4]
        text = bytes(rs.randint(low, high, rs.randint(0, 8)).tolist())
        try:
            mask = decode({"size": [2, 3], "counts": text})
        except ValueError:
            continue
        decoded += 1
        np.testing.assert_array_equal(mask, api.decode({"size": [2, 3], "counts": text}))
    assert decoded > 50


def test_runs_of_more_than_16_million_pixels_fit_where_they_are_written():
    mask = np.zeros((4100, 4200), bool)  # 17,220,000 pixels: six characters and not five
    empty = encode(mask)
    assert empty["counts"] == api.encode(np.asfortranarray(mask.view(np.uint8)))["counts"].decode()
    assert run_lengths(empty).tolist() == [mask.size]
    mask[-1, -1] = True
    assert run_lengths(encode(mask)).tolist() == [mask.size - 1, 1]


def test_the_part_in_a_box_is_that_of_the_whole_mask():
    rs = np.random.RandomState(1)
    for mask in (*random_masks(3, 100), *wide_masks()):
        (y1, y2), (x1, x2) = (np.sort(rs.randint(0, n + 1, 2)) for n in mask.shape)
        part = decode_in_box(encode(mask), (y1, x1, y2, x2))
        assert part.dtype == bool and np.array_equal(part, mask[y1:y2, x1:x2])
