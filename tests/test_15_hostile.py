"""Hostile weight files, and files that are none: refused in one sentence.

The package reads HDF5 without the HDF5 library, which these files can make hang or crash; h5py only
writes them here.
"""

import os
import struct
import tracemalloc
from dataclasses import replace

import fuzz_stored
import h5py
import numpy as np
import pytest
from attack import measured, within_limits
from damage import FORMATS, outcome, toy

from minimaskrcnn import weights
from minimaskrcnn.errors import WeightsError
from minimaskrcnn.weights import claims, describe


def declare(content, shape, size):
    """Let the array `fpn_p2/kernel` declare another shape (and number of bytes)."""
    old = struct.pack("<4Q", 3, 3, 4, 4) * 2
    place = content.index(old)
    layout = content.index(b"\x03\x01", place) + 2
    start, length = struct.unpack_from("<QQ", content, layout)
    assert length == 3 * 3 * 4 * 4 * 4
    bomb = bytearray(content)
    bomb[place : place + 64] = struct.pack("<4Q", *shape) * 2
    bomb[layout + 8 : layout + 16] = struct.pack("<Q", size)
    return bytes(bomb)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    "shape", [(3, 3, 1 << 20, 1 << 20), (3, 3, 4, 1 << 62), (0, 3, 4, 4), (3, 3, 4, 400)]
)
def test_a_shape_bomb_is_refused_before_any_memory_is_taken(tmp_path, kind, shape):
    size = 4 * int(np.prod([int(n) for n in shape], dtype=object))
    for declared in (size % (1 << 64), 576):
        content = declare(toy(kind), shape, declared)
        tracemalloc.start()
        assert outcome(tmp_path / "bomb.h5", content) == "refused"
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2 * len(content) + 200_000


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("size", [0, 572, 580, 1 << 40])
def test_an_array_that_declares_more_or_fewer_bytes_than_its_shape_needs_is_refused(
    tmp_path, kind, size
):
    content = declare(toy(kind), (3, 3, 4, 4), 576)
    assert content == toy(kind)
    content = declare(toy(kind), (3, 3, 4, 4), size)
    with pytest.raises(WeightsError, match=rf"shape \(3, 3, 4, 4\) has {size:,} bytes"):
        (tmp_path / "bad.h5").write_bytes(content)
        weights.load(tmp_path / "bad.h5")


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_longer_than_it_says_is_refused(tmp_path, kind):
    assert outcome(tmp_path / "long.h5", toy(kind) + b"\0") == "refused"


@pytest.mark.parametrize(
    "start, length, fits",
    [
        (0, 10, True),  # up to the first block
        (0, 11, False),
        (19, 1, False),
        (20, 20, True),  # exactly between the two
        (20, 21, False),
        (5, 50, False),  # around one
        (0, 100, False),  # around both
        (50, 50, True),  # up to the end of the file
        (50, 51, False),
        (12, 3, False),  # within one
        (10, 10, False),  # the same once more
    ],
)
def test_a_block_must_lie_in_the_file_and_beside_the_others(start, length, fits):
    file = claims.File("toy.h5", None, size=100)
    claims.claim(file, 10, 10)
    claims.claim(file, 40, 10)
    if fits:
        claims.claim(file, start, length)
        assert sorted(file.blocks) == file.blocks and len(file.blocks) == 3
    else:
        with pytest.raises(WeightsError, match="toy.h5: is damaged"):
            claims.claim(file, start, length)


def test_many_arrays_over_the_same_bytes_are_refused(tmp_path):
    content = bytearray(toy("keras"))
    places = [i for i in range(len(content)) if content.startswith(b"\x03\x01", i)]
    layouts = [
        i for i in places if struct.unpack_from("<Q", content, i + 10)[0] == 16
    ]  # arrays of four numbers
    first = content[layouts[0] : layouts[0] + 18]
    for i in layouts[1:]:
        content[i : i + 18] = first
    assert outcome(tmp_path / "bad.h5", bytes(content)) == "refused"


def soft_link(file):
    file.move("conv1", "elsewhere")
    file["conv1"] = h5py.SoftLink("/elsewhere")


def external_link(file):
    del file["conv1"]
    file["conv1"] = h5py.ExternalLink("/etc/passwd", "/conv1")


def external_storage(file):
    del file["conv1/conv1/bias:0"]
    external = [("/etc/passwd", 0, 16)]
    file.create_dataset("conv1/conv1/bias:0", (4,), np.float32, external=external)


def virtual_array(file):
    layout = h5py.VirtualLayout((4,), np.float32)
    layout[:] = h5py.VirtualSource("other.h5", "x", (4,))
    del file["conv1/conv1/bias:0"]
    file.create_virtual_dataset("conv1/conv1/bias:0", layout)


def instead_of_a_bias(**how):
    def spoil(file):
        del file["conv1/conv1/bias:0"]
        file["conv1/conv1"].create_dataset("bias:0", **how)

    return spoil


def cycle(file):
    file["conv1/conv1/again"] = file["/"]


def two_names_for_one_array(file):
    del file["conv1/conv1/bias:0"]
    file["conv1/conv1/bias:0"] = file["bn_conv1/bn_conv1/beta:0"]


def named_type(file):
    file["conv1/type"] = np.dtype("f4")
    del file["conv1/conv1/bias:0"]
    file["conv1/conv1"].create_dataset("bias:0", (4,), file["conv1/type"])


def deep(levels):
    def nest(file):
        file["conv1"].create_group("/".join("g" * levels))

    return nest


HOSTILE = {
    "a soft link": (soft_link, "holds a soft link"),
    "a link to another file": (external_link, "links to other files"),
    "numbers in another file": (external_storage, "numbers lie in another file"),
    "a virtual array": (virtual_array, "is not stored in one piece"),
    "a compressed array": (
        instead_of_a_bias(data=np.zeros(4, "f4"), compression="gzip"),
        "a compressed array",
    ),
    "a compressed bomb": (
        instead_of_a_bias(shape=(1 << 34,), dtype="f4", chunks=(1 << 20,), compression="gzip"),
        "a compressed array",
    ),
    "an array in chunks": (
        instead_of_a_bias(data=np.zeros(4, "f4"), chunks=(2,)),
        "is not stored in one piece",
    ),
    "object references": (
        instead_of_a_bias(shape=(4,), dtype=h5py.ref_dtype),
        "something other than little-endian",
    ),
    "texts of any length": (
        instead_of_a_bias(data=["a", "b"], dtype=h5py.string_dtype()),
        "something other than little-endian",
    ),
    "a record": (
        instead_of_a_bias(data=np.zeros(4, [("a", "f4")])),
        "something other than little-endian",
    ),
    "nothing": (instead_of_a_bias(data=h5py.Empty("f4")), "damaged|does not lie"),
    "an array never written": (instead_of_a_bias(shape=(4,), dtype="f4"), "not in it|is damaged"),
    "a cycle": (cycle, "two parts of it overlap"),
    "two names for one array": (two_names_for_one_array, "two parts of it overlap"),
    "a named type": (named_type, "a message lies outside of its object"),
    "groups 2,000 deep": (deep(2000), "nested more than 16 deep"),
    "groups 17 deep": (deep(16), "nested more than 16 deep"),
}


@pytest.mark.parametrize("spoil, message", HOSTILE.values(), ids=HOSTILE)
def test_what_no_weight_file_needs_is_refused_by_name(tmp_path, spoil, message):
    path = tmp_path / "hostile.h5"
    path.write_bytes(toy("keras"))
    with h5py.File(path, "r+", libver="earliest") as file:
        spoil(file)
    with pytest.raises(WeightsError, match=message) as caught:
        weights.load(path)
    assert str(path) in str(caught.value)


def test_more_parts_than_any_network_has_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "MAX_BLOCKS", 1000)
    with pytest.raises(WeightsError, match="more than 1,000 parts"):
        (tmp_path / "wide.h5").write_bytes(toy("keras"))
        weights.load(tmp_path / "wide.h5")


def test_a_newer_form_of_hdf5_says_how_to_save_it(tmp_path):
    (tmp_path / "old.h5").write_bytes(toy("keras"))
    with (
        h5py.File(tmp_path / "old.h5") as old,
        h5py.File(tmp_path / "new.h5", "w", libver="latest") as new,
    ):
        for name in old:
            old.copy(name, new)
    with pytest.raises(WeightsError, match=r"form of HDF5 that Keras does not write.*save_weights"):
        weights.load(tmp_path / "new.h5")


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "is empty"),
        (bytes(5000), "begins with zeros"),
        (b"\n<!DOCTYPE html><html>Not Found</html>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:ee7e", "is a Git LFS pointer"),
        (b"PK\x03\x04rest", "begins as a ZIP archive, but does not end as one"),
        (b"\x80\x02}q\x00.", "is a Python pickle.*never opened"),
        (b"\x1f\x8b\x08", "is compressed"),
        (b'{"message": "Not Found"}', "is JSON"),
        (b"GIF89a", "is not a weight file"),
        (b"\x89HDF\r\n\x1a\n", "is damaged"),
    ],
)
def test_what_was_saved_under_the_wrong_name_is_recognised(tmp_path, content, message):
    (tmp_path / "mask_rcnn_coco.h5").write_bytes(content)
    with pytest.raises(WeightsError, match=f"mask_rcnn_coco.h5: {message}"):
        weights.load(tmp_path / "mask_rcnn_coco.h5")


def test_a_valid_checksum_does_not_excuse_another_network(tmp_path):
    """A file of our own whose arrays do not fit together, signed all the same."""
    (tmp_path / "own.h5").write_bytes(toy("own"))
    model = weights.load(tmp_path / "own.h5")
    head = replace(model.mask_head, convs=model.mask_head.convs[:2] + model.fpn.lateral[:1])
    weights.save(replace(model, mask_head=head), tmp_path / "odd.h5")
    with pytest.raises(WeightsError, match="mask_head.convs.2 has a kernel of shape"):
        weights.load(tmp_path / "odd.h5")


def test_names_that_lie_in_one_another_are_no_names(tmp_path):
    path = tmp_path / "suffixes.h5"
    with h5py.File(path, "w", libver="earliest") as file:
        file.create_group("x" * 60_000)
        for i in range(300):
            file.create_group(f"g{i}")
    content = bytearray(path.read_bytes())
    heap = content.index(b"x" * 60_000) - content.index(b"HEAP") - 32  # where the name begins
    node, number = content.find(b"SNOD"), 0
    while node >= 0:
        for entry in range(struct.unpack_from("<H", content, node + 6)[0]):
            struct.pack_into("<Q", content, node + 8 + 40 * entry, heap + number)
            number += 1
        node = content.find(b"SNOD", node + 1)
    assert number == 301
    path.write_bytes(content)
    tracemalloc.start()
    with pytest.raises(WeightsError, match="has a member called"):
        weights.load(path)
    assert tracemalloc.get_traced_memory()[1] < 10 * len(content)
    tracemalloc.stop()


@pytest.mark.parametrize("written", [b"ab/de", b"ab\x07de", b".\0\0\0\0"])
def test_a_member_whose_name_is_none_is_refused(tmp_path, written):
    with h5py.File(tmp_path / "odd.h5", "w", libver="earliest") as file:
        file.create_group("abcde")
    content = (tmp_path / "odd.h5").read_bytes()
    assert content.count(b"abcde") == 1
    (tmp_path / "odd.h5").write_bytes(content.replace(b"abcde", written))
    with pytest.raises(WeightsError, match="has a member called"):
        weights.load(tmp_path / "odd.h5")


def test_a_member_whose_name_does_not_end_is_refused(tmp_path):
    with h5py.File(tmp_path / "long.h5", "w", libver="earliest") as file:
        file.create_group("n" * 256)
    with pytest.raises(WeightsError, match="has a member called"):
        weights.load(tmp_path / "long.h5")


def test_a_path_longer_than_any_layer_has_is_refused(tmp_path):
    with h5py.File(tmp_path / "long.h5", "w", libver="earliest") as file:
        file["/".join(["layer" * 20] * 8)] = np.zeros(3, np.float32)
    with pytest.raises(WeightsError, match="a path is longer than 512 letters"):
        weights.load(tmp_path / "long.h5")


def test_a_text_that_is_read_again_and_again_is_refused(tmp_path):
    path = tmp_path / "texts.h5"
    with h5py.File(path, "w", libver="earliest") as file:
        file.attrs.create("layer_names", ["conv1", "res2a"], dtype=h5py.string_dtype())
    content = path.read_bytes()
    with weights.hdf5.open_file(path) as (_, root):
        assert root.attributes["layer_names"] == ["conv1", "res2a"]
    both = content.index(struct.pack("<I", 5), content.index(b"layer_names"))
    first, second = content[both : both + 16], content[both + 16 : both + 32]
    assert first[:12] == second[:12] and content.count(first + second) == 1
    path.write_bytes(content.replace(first + second, first + first))
    with pytest.raises(WeightsError, match="belongs to two attributes"):
        weights.load(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_a_pipe_or_a_device_is_no_weight_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.h5")
    for path in (tmp_path / "pipe.h5", "/dev/zero"):
        for use in (weights.load, lambda path: list(describe.info(path)), weights.provenance_of):
            with pytest.raises(WeightsError, match="it is a pipe or a device, not a file"):
                use(path)


def test_the_watch_over_memory_sees_what_one_action_takes_and_not_what_came_before():
    before = np.ones(10_000_000)  # 80 MB
    del before
    assert measured(lambda: None)[2] < 10
    _, _, megabytes = measured(lambda: np.ones(10_000_000).sum())
    assert 70 < megabytes < 110
    with pytest.raises(AssertionError, match="MB"):
        within_limits(lambda: np.ones(10_000_000).sum(), megabytes=50)
    with pytest.raises(AssertionError, match=" s, "):
        within_limits(lambda: sum(range(100_000)), seconds=0.0)


def test_structure_aware_mutations_are_refused_or_read_in_time_and_memory():
    assert fuzz_stored.main(60, seed=5) == 0
