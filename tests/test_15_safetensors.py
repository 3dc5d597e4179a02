"""safetensors: read bit for bit as its own library wrote, and refused where the header lies."""

import json
import time
import tracemalloc

import numpy as np
import pytest
from torch_files import FOLDER, expected

from minimaskrcnn.errors import WeightsError
from minimaskrcnn.weights.claims import open_blocks
from minimaskrcnn.weights.safetensors import (
    is_safetensors,
    read_header,
    read_safetensors,
    safetensors_bytes,
)

READABLE = sorted(p.stem for p in FOLDER.glob("*.safetensors") if "refused" not in p.name)


def file_of(header, numbers=b""):
    """The bytes of a file with this header: a dict, or bytes."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + numbers


def read(tmp_path, content):
    (tmp_path / "w.safetensors").write_bytes(content)
    return read_safetensors(tmp_path / "w.safetensors")


def one(dtype="F32", shape=(2, 3), place=(0, 24), **more):
    """A header with one array."""
    return {"weight": {"dtype": dtype, "shape": shape, "data_offsets": place}, **more}


@pytest.mark.parametrize("name", READABLE)
def test_every_width_gives_the_arrays_that_the_library_was_given(name):
    found, wanted = read_safetensors(FOLDER / f"{name}.safetensors"), expected(name)
    assert found.keys() == wanted.keys() and len(found) >= 5
    for key, array in found.items():
        assert array.dtype == np.float32 and array.flags.c_contiguous
        np.testing.assert_array_equal(array, wanted[key])


def test_a_file_written_here_has_the_bytes_of_the_format(tmp_path):
    """A hand-worked case: length, header, padding to a multiple of 8, numbers."""
    arrays = {"a": np.float32([[1, 2]]), "b": np.array(3, np.float16)}
    content = b"".join(safetensors_bytes(arrays, {"made by": "hand"}))
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    assert length % 8 == 0 and content[8 + length :] == np.float32([1, 2]).tobytes() + b"\x00\x42"
    assert header == {
        "__metadata__": {"made by": "hand"},
        "a": {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]},
        "b": {"dtype": "F16", "shape": [], "data_offsets": [8, 10]},
    }
    (tmp_path / "w.safetensors").write_bytes(content)
    with open_blocks(tmp_path / "w.safetensors") as file:
        assert read_header(file)[0] == {"made by": "hand"}
    found = read(tmp_path, content)
    assert found["a"].tolist() == [[1, 2]] and found["b"] == 3 and found["b"].dtype == np.float32


def test_numbers_that_count_are_no_weights(tmp_path):
    header = one(
        shape=[1], place=[0, 4], seen={"dtype": "I64", "shape": [], "data_offsets": [4, 12]}
    )
    assert list(read(tmp_path, file_of(header, bytes(12)))) == ["weight"]


def test_the_header_may_name_the_arrays_in_another_order(tmp_path):
    header = {"b": one(place=[4, 28])["weight"], "a": one(shape=[1], place=[0, 4])["weight"]}
    found = read(tmp_path, file_of(header, np.arange(7, dtype="<f4").tobytes()))
    assert found["a"].tolist() == [0] and found["b"].tolist() == [[1, 2, 3], [4, 5, 6]]


FAULTS = {
    "an array that ends beyond the file": (one(place=[0, 24]), bytes(20), "end at byte"),
    "bytes that belong to no array": (one(), bytes(25), "end at byte"),
    "a gap before the first array": (one(place=[4, 28]), bytes(28), "leaves a gap"),
    "two arrays over the same bytes": (
        one(other=one()["weight"]),
        bytes(24),
        "overlaps another array",
    ),
    "a shape of more numbers than bytes": (one(shape=[2, 4]), bytes(24), "has the bytes"),
    "a shape of fewer": (one(shape=[5]), bytes(24), "has the bytes"),
    "an end before the beginning": (one(place=[24, 0]), bytes(24), "has the bytes"),
    "three offsets": (one(place=[0, 12, 24]), bytes(24), "has the bytes"),
    "an array without a number": (one(shape=[0], place=[0, 0]), b"", "has the bytes"),
    "a shape of 2**47 squared": (one(shape=[1 << 47, 1 << 47]), bytes(24), "has the bytes"),
    "a size beyond all measure": (one(shape=[1 << 200]), bytes(24), "describe the array"),
    "a negative size": (one(shape=[-2, -3]), bytes(24), "describe the array"),
    "a size that is no whole number": (one(shape=[2.0, 3]), bytes(24), "describe the array"),
    "true as a size": (one(shape=[True, 6]), bytes(24), "describe the array"),
    "nine axes": (one(shape=[1] * 7 + [2, 3]), bytes(24), "describe the array"),
    "no shape": ({"weight": {"dtype": "F32", "data_offsets": [0, 4]}}, bytes(4), "the array"),
    "an array that is a text": ({"weight": "F32"}, b"", "describe the array"),
    "a name with an escape": ({"\x1b[2J": one()["weight"]}, bytes(24), r"the array '\\x1b"),
    "a dtype of its own": (one(dtype="F8_E4M3"), bytes(24), "the type of weight is 'F8_E4M3'"),
    "a dtype that is a list": (one(dtype=[]), bytes(24), "the type of weight is none"),
    "metadata that are no texts": (one(__metadata__={"a": 1}), bytes(24), "metadata are not texts"),
    "metadata that are a list": (one(__metadata__=[]), bytes(24), "metadata are not texts"),
    "NaN": (one(shape=[1], place=[0, 4]), b"\0\0\xc0\x7f", "weight holds numbers that are not fin"),
    "a list": (b"[1]", b"", "not an object"),
    "no JSON": (b"{...}", b"", "not the JSON"),
    "no text": (b"{\xff}", b"", "not the JSON"),
    "a name twice": (b'{"a":1,"a":2}', b"", "a name occurs twice"),
    "lists within lists": (b'{"a":' + b"[" * 100_000, b"", "not the JSON"),
    "a number of a million digits": (b'{"a":' + b"9" * 100_000 + b"}", b"", "not the JSON"),
    "an empty header": (b"", b"", "its header should have 0 bytes"),
}  # fmt: skip


@pytest.mark.parametrize("header, numbers, message", FAULTS.values(), ids=FAULTS)
def test_a_header_that_does_not_describe_the_file_is_refused(tmp_path, header, numbers, message):
    with pytest.raises(WeightsError, match=f"w.safetensors: .*{message}") as caught:
        read(tmp_path, file_of(header, numbers))
    assert str(caught.value).isprintable() and len(str(caught.value)) < 400


@pytest.mark.parametrize("length", [0, 1, 1 << 20, (1 << 20) + 1, 1 << 40, (1 << 64) - 1])
def test_the_length_of_the_header_is_judged_before_memory_is_taken(tmp_path, length):
    content = length.to_bytes(8, "little") + b"{" + bytes(100)
    tracemalloc.start()
    with pytest.raises(WeightsError, match="w.safetensors: is damaged"):
        read(tmp_path, content)
    assert tracemalloc.get_traced_memory()[1] < 200_000
    tracemalloc.stop()


def test_a_header_as_long_as_allowed_costs_little(tmp_path):
    text = b'{"a":{' + b",".join(b'"%d":{}' % i for i in range(85_000)) + b"}}"
    assert 900_000 < len(text) < 1 << 20
    begin = time.process_time()
    tracemalloc.start()
    with pytest.raises(WeightsError, match="does not describe the array 'a'"):
        read(tmp_path, file_of(text))
    assert tracemalloc.get_traced_memory()[1] < 60e6
    tracemalloc.stop()
    assert time.process_time() - begin < 5


def test_a_header_longer_than_allowed_is_not_read(tmp_path):
    header = b'{"__metadata__":{}}'.ljust((1 << 20) + 1)
    with pytest.raises(WeightsError, match="its header should have 1,048,577 bytes"):
        read(tmp_path, file_of(header))


def test_no_prefix_of_a_file_loads(tmp_path):
    content = (FOLDER / "bare.safetensors").read_bytes()
    for length in range(0, len(content), 3):
        with pytest.raises(WeightsError):
            read(tmp_path, content[:length])


def test_a_file_is_recognised_by_its_beginning():
    assert is_safetensors((FOLDER / "bare.safetensors").read_bytes()[:9])
    for other in (b"", b"PK\3\4{{{{{", b"\x89HDF\r\n\x1a\n{", b"<html>\n {", b"12345678{"):
        assert not is_safetensors(other)
