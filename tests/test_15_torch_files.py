"""PyTorch's files, read without PyTorch: bit for bit as torch reads them, and nothing executed.

Independent of the code under test: the files in `data/torch_files` were written by torch itself,
which also read the arrays that they are compared with.
"""

import builtins
import io
import os
import pickle
import struct
import subprocess
import sys
import time
import tracemalloc
import zipfile

import numpy as np
import pytest
from fuzz_weights import damage_and_read, sample_files
from torch_files import FOLDER, Call, expected, pickle_of, pickled, with_entries

from minimaskrcnn.errors import WeightsError
from minimaskrcnn.weights import pickles
from minimaskrcnn.weights.claims import File
from minimaskrcnn.weights.pickled_names import Storage, Tensor, ordered_dict, tensor
from minimaskrcnn.weights.pickles import read_pickle
from minimaskrcnn.weights.torch_files import _check_view, read_state_dict

READABLE = sorted(path.name for path in FOLDER.glob("*.pth") if "refused" not in path.name)


def stored_bytes(name):
    return (FOLDER / name).read_bytes()


def read(tmp_path, content):
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    return read_state_dict(path)


@pytest.mark.parametrize("name", READABLE)
def test_every_form_gives_the_arrays_that_torch_gives(name):
    found, wanted = read_state_dict(FOLDER / name), expected(name.removesuffix(".pth"))
    assert list(found) == list(wanted) and len(found) >= 5
    for key, array in found.items():
        assert array.dtype == np.float32 and array.flags.c_contiguous
        assert array.shape == wanted[key].shape
        np.testing.assert_array_equal(array, wanted[key])


def test_numbers_that_count_are_no_weights():
    assert b"num_batches_tracked" in stored_bytes("bare.pth")
    assert not any("num_batches" in name for name in read_state_dict(FOLDER / "bare.pth"))


REFUSED = {
    "refused_model.pth": "asks for 'torch.nn.modules.*nothing was run.*state_dict",
    "refused_expanded.pth": r"weight, of shape \(1000, 1000\).*one number in several places",
    "refused_empty.pth": r"weight, of shape \(0, 3\).*has no number",
    "refused_sparse.pth": "holds a tensor of a kind that this package does not read",
    "refused_float8.pth": "holds a tensor of a kind that this package does not read",
    "refused_complex.pth": "holds a tensor of a kind that this package does not read",
    "refused_nan.pth": "weight holds numbers that are not finite",
    "refused_single_tensor.pth": "holds no state dict, but Tensor",
    "refused_a_list.pth": "holds no state dict, but list",
    "refused_numbers.pth": "holds no state dict, but epoch, loss",
    "refused_script.pt": "is a TorchScript program",
}


@pytest.mark.parametrize("name", sorted(p.name for p in FOLDER.glob("refused_*.p*")))
def test_what_is_no_state_dict_is_refused_in_a_sentence_of_its_own(name):
    with pytest.raises(WeightsError, match=f"{name}: {REFUSED[name]}"):
        read_state_dict(FOLDER / name)


# Nothing is executed


DEEDS = {
    "os.system": Call(os.system, "touch {}"),
    "subprocess": Call(subprocess.check_output, ["touch", "{}"]),
    "eval": Call(builtins.eval, "open('{}', 'w')"),
    "open": Call(builtins.open, "{}", "w"),
    "getattr": Call(builtins.getattr, "", "join"),
    "pickle.loads": Call(pickle.loads, b"N."),
}


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("call", DEEDS.values(), ids=DEEDS)
def test_a_pickle_that_calls_anything_is_refused_and_nothing_happens(tmp_path, call, protocol):
    mark = tmp_path / "executed"
    function, arguments = call.call
    call = Call(function, *eval(repr(arguments).replace("{}", str(mark))))
    hostile = pickle.dumps({"model": {"weight": call}}, protocol=protocol)
    content = with_entries(stored_bytes("bare.pth"), {"data.pkl": hostile})
    with pytest.raises(WeightsError, match="weights.pth: asks for .*nothing was run"):
        read(tmp_path, content)
    assert not mark.exists()
    older = stored_bytes("bare_older.pth")
    end = older.index(b"little_endian")
    with pytest.raises(WeightsError, match="asks for .*nothing was run"):
        read(tmp_path, older[: older.index(b".", end) + 1] + hostile)
    assert not mark.exists()


def test_a_known_name_is_never_taken_for_the_function_of_that_name():
    value, _ = read_pickle("x", io.BytesIO(pickle_of([Call(dict, [("a", 1)]), 5])))
    assert isinstance(value, list) and not isinstance(value[0], dict) and value[1] == 5


# Hostile pickles


def times(step, count):
    return step * count


BOMBS = {
    "nested 30,000 deep": times(b"]", 30_000) + times(b"a", 29_999) + b".",
    "marks without end": times(b"(", 30_000) + b".",
    "a memo entry far out": b"]r\xff\xff\xff\xff.",
    "a text longer than the file": b"X\xff\xff\xff\x7fab.",
    "a text of 2**62 bytes": b"\x8d" + struct.pack("<Q", 1 << 62) + b"ab.",
    "a number of a million digits": b"\x8b" + struct.pack("<i", 400_000) + b"\x7f" * 400_000 + b".",
    "doubling": b"]q\0" + b"".join(
        b"0](h%ch%ceq%c" % (i, i, i + 1) for i in range(200)
    ) + b".",
    "a storage of 2**70 numbers": b"((X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0aX\3\0\0\0cpu"
    b"\x8a\x09" + b"\xff" * 8 + b"\x3ftQ.",
    "a list that many calls copy": b"(" + times(b"N", 1000) + b"tq\x000"
    + times(b"ctorch._utils\n_rebuild_parameter\nh\0R0", 20_000) + b"N.",
    "colliding keys": b"}(" + b"".join(
        b"\x8a\x0a" + (i * ((1 << 61) - 1)).to_bytes(10, "little") + b"N" for i in range(20_000)
    ) + b"u.",
    "no value": b".",
    "two values": b"NN.",
    "empty": b"",
    "steps of the first protocol": b"I01\n.",
    "an extension": b"\x82\x01.",
    "names that are lists": b"]]\x93.",
    "a call of a storage": b"ctorch\nFloatStorage\n)R.",
    "items for a number": b"K\1(NNe.",
    "entries for a text": b"X\1\0\0\0a(NNu.",
    "an entry without a value": b"}(X\1\0\0\0au.",
    "a tensor of no storage": b"ctorch._utils\n_rebuild_tensor_v2\n(NK\0))tR.",
}  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_pickle_made_to_exhaust_the_reader_ends_at_once(bomb):
    tracemalloc.start()
    begin = time.process_time()
    try:
        read_pickle("bomb.pth", io.BytesIO(b"\x80\2" + bomb))
    except WeightsError as error:
        assert str(error).startswith("bomb.pth: is damaged: its pickle makes no sense")
        assert len(str(error)) < 250 and str(error).isprintable()
    seconds, peak = time.process_time() - begin, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seconds < 10 and peak < 200e6


def test_only_harmless_bombs_pass():
    """Which of them are valid: those that only build lists, or whose keys lead nowhere."""
    passed = []
    for name, bomb in BOMBS.items():
        try:
            read_pickle("x", io.BytesIO(b"\x80\2" + bomb))
            passed.append(name)
        except WeightsError:
            pass
    assert passed == [
        "nested 30,000 deep", "a memo entry far out", "a number of a million digits",
        "doubling", "colliding keys",
    ]  # fmt: skip


def test_a_pickle_of_more_steps_than_any_checkpoint_has_is_refused(monkeypatch):
    monkeypatch.setattr(pickles, "MAX_STEPS", 1000)
    read_pickle("x", io.BytesIO(b"N0" * 499 + b"N."))
    with pytest.raises(WeightsError, match="more than 1,000 steps"):
        read_pickle("x", io.BytesIO(b"N0" * 499 + b"N\x85."))


def test_a_chain_of_lists_that_python_2_wrote_is_an_ordered_dict():
    """Python 2 hands the entries to OrderedDict; they are moved, so many calls cost nothing."""
    pairs = b"ccollections\nOrderedDict\n(](](U\1aK\1e](U\1bK\2eetR."
    assert read_pickle("x", io.BytesIO(b"\x80\2" + pairs))[0] == {"a": 1, "b": 2}
    moved = [["a", 1]]
    assert ordered_dict(moved) == {"a": 1} and moved == []


@pytest.mark.parametrize(
    "offset, shape, strides",
    [
        (-1, (2,), (1,)),
        (0, (-2,), (1,)),
        (0, (2,), (-1,)),
        (0, (2.0,), (1,)),
        (True, (2,), (1,)),
        (1 << 70, (2,), (1,)),
        (0, (2, 2), (1,)),
        (0, (1,) * 9, (1,) * 9),
        (0, None, (1,)),
    ],
)
def test_a_tensor_whose_sizes_are_none_is_refused(offset, shape, strides):
    storage = Storage("0", "float32", 24)
    assert tensor(storage, 0, (2,), (1,), False, {}).shape == (2,)
    with pytest.raises((ValueError, TypeError)):
        tensor(storage, offset, shape, strides, False, {})


# Hostile archives


def test_compressed_entries_are_refused_before_anything_is_unpacked(tmp_path):
    for end in ("data.pkl", "data/0"):
        content = with_entries(
            stored_bytes("bare.pth"), {end: bytes(50_000_000)}, compression=zipfile.ZIP_DEFLATED
        )
        tracemalloc.start()
        with pytest.raises(WeightsError, match="weights.pth: holds a compressed entry"):
            read(tmp_path, content)
        assert tracemalloc.get_traced_memory()[1] < 1e6
        tracemalloc.stop()


def test_storages_that_are_missing_or_of_another_size_are_refused(tmp_path):
    bare = stored_bytes("bare.pth")
    with pytest.raises(WeightsError, match="a storage of its tensors is missing"):
        read(tmp_path, with_entries(bare, {"data/1": None}))
    for content in (b"", bytes(12), bytes(20), bytes(5000)):
        message = f"a storage of its tensors has {len(content):,} bytes in place of 16"
        with pytest.raises(WeightsError, match=message):
            read(tmp_path, with_entries(bare, {"data/1": content}))


def changed_pickle(old, new, name="views.pth"):
    content = pickled(stored_bytes(name))
    assert content.count(old) == 1
    return with_entries(stored_bytes(name), {"data.pkl": content.replace(old, new)})


def test_a_storage_that_declares_more_than_the_file_holds_takes_no_memory(tmp_path):
    for count in (b"K\x19", b"J\xff\xff\xff\x7f", b"\x8a\x08" + b"\xff" * 7 + b"\x0f"):
        old = b"cpuq\x06K\x18t"  # the 24 numbers of the first storage
        content = changed_pickle(old, old[:5] + count + b"t")
        tracemalloc.start()
        with pytest.raises(
            WeightsError, match="makes no sense|a storage of its tensors has 96 byt"
        ):
            read(tmp_path, content)
        assert tracemalloc.get_traced_memory()[1] < 1e6
        tracemalloc.stop()


@pytest.mark.parametrize(
    "shape, strides, fits",
    [
        ((1, 23, 1), (9, 1, 7), True),
        ((4, 6), (6, 1), True),
        ((6, 4), (1, 6), True),
        ((4, 5), (6, 1), True),  # a slice
        ((2, 2, 2), (12, 3, 1), True),
        ((1, 24), (99, 1), True),  # a stride that is never taken
        ((24,), (1,), True),
        ((25,), (1,), False),
        ((5, 6), (6, 1), False),
        ((4, 6), (6, 2), False),
        ((4, 7), (6, 1), False),  # rows that overlap
        ((3, 3), (1, 1), False),
        ((4, 6), (6, 0), False),  # expanded
        ((1 << 40, 1 << 40), (0, 0), False),
        ((1 << 47,), (1,), False),
        ((0, 6), (6, 1), False),
    ],
)
def test_a_view_must_lie_in_its_storage_and_have_each_number_once(tmp_path, shape, strides, fits):
    storage = b"X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" + b"0X\3\0\0\0cpuK\x18tQ"
    numbers = [pickle_of(numbers)[2:-1] for numbers in (shape, strides)]
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n((" + storage + b"K\0" + b"".join(numbers)
    content = b"\x80\2}X\1\0\0\0w" + tensor + b"\x89Ntq\xffRs."
    values = np.arange(24, dtype="<f4")
    content = with_entries(
        stored_bytes("views.pth"), {"data.pkl": content, "data/0": bytes(values)}
    )
    if not fits:
        with pytest.raises(WeightsError, match="more numbers than its storage|and strides"):
            read(tmp_path, content)
        return
    found = read(tmp_path, content)["w"]
    wanted = np.zeros(shape, np.float32)
    for index in np.ndindex(*shape):
        wanted[index] = values[sum(i * s for i, s in zip(index, strides, strict=True))]
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("first, fits", [(20, True), (21, False), (24, False)])
def test_a_view_that_begins_late_ends_in_its_storage(first, fits):
    view = Tensor(Storage("0", "float32", 24), first, (2, 2), (2, 1))  # its last number: first + 3
    if fits:
        _check_view(File("x", None, 0), "w", view)
    else:
        with pytest.raises(WeightsError, match="w has more numbers than its storage"):
            _check_view(File("x", None, 0), "w", view)


def test_many_views_of_one_storage_take_no_more_than_twice_its_numbers(tmp_path):
    """Each tensor costs some bytes of the file, and would cost a whole storage of memory."""
    storage = b"(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" + b"0X\3\0\0\0cpuM\xe8\x03tQq\0"
    tensors = b"".join(
        b"X\2\0\0\0%02dctorch._utils\n_rebuild_tensor_v2\n(h\0K%cM\x84\x03\x85K\1\x85\x89NtRs"
        % (i, i)
        for i in range(50)
    )
    content = b"\x80\2" + storage + b"0}" + tensors + b"."
    content = with_entries(stored_bytes("views.pth"), {"data.pkl": content, "data/0": bytes(4000)})
    with pytest.raises(WeightsError, match="its tensors have 45,000 numbers, its storages 1,000"):
        read(tmp_path, content)


def test_entries_over_one_another_are_refused(tmp_path):
    content = bytearray(stored_bytes("bare.pth"))
    listed = [i for i in range(len(content)) if content.startswith(b"PK\1\2", i)]
    by_name = {bytes(content[i + 46 : i + 46 + content[i + 28]]): i for i in listed}
    first, second = by_name[b"bare/data/1"], by_name[b"bare/data/2"]
    content[second + 42 : second + 46] = content[first + 42 : first + 46]
    with pytest.raises(WeightsError, match="two parts of it overlap"):
        read(tmp_path, bytes(content))


def test_an_entry_within_another_is_refused(tmp_path):
    """The content of `data/1` holds a whole entry `data/2` of its own."""
    content = bytearray(stored_bytes("bare.pth"))
    listed = content.index(b"PK\1\2")
    names = {bytes(content[i + 46 : i + 46 + content[i + 28]]): i
             for i in range(listed, len(content)) if content.startswith(b"PK\1\2", i)}  # fmt: skip
    outer = names[b"bare/data/0"]
    begin = struct.unpack_from("<I", content, outer + 42)[0]
    place = begin + 100 + content[begin + 28]
    moved = struct.unpack_from("<I", content, names[b"bare/data/1"] + 42)[0]
    inner = bytes(content[moved : moved + 30]).replace(content[moved + 28 : moved + 30], b"\0\0")
    content[place : place + 30] = inner
    content[place + 30 : place + 41] = b"bare/data/1"
    struct.pack_into("<I", content, names[b"bare/data/1"] + 42, place)
    with pytest.raises(WeightsError, match="two parts of it overlap"):
        read(tmp_path, bytes(content))


def test_an_entry_that_bears_another_name_than_the_list_says_is_refused(tmp_path):
    content = stored_bytes("bare.pth")
    first = content.index(b"bare/data/1")
    content = content[:first] + b"bare/data/9" + content[first + 11 :]
    with pytest.raises(WeightsError, match="the entry 'bare/data/1' is not where it should be"):
        read(tmp_path, content)


def test_a_storage_of_the_older_form_that_counts_otherwise_is_refused(tmp_path):
    content = stored_bytes("bare_older.pth")
    count = struct.pack("<Q", 108)
    assert content.count(count) == 1
    changed = content.replace(count, struct.pack("<Q", 109))
    with pytest.raises(WeightsError, match="a storage has 109 numbers in place of 108"):
        read(tmp_path, changed)


def test_two_entries_of_one_name_are_refused(tmp_path):
    stream = io.BytesIO(stored_bytes("bare.pth"))
    with zipfile.ZipFile(stream, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("bare/data/1", bytes(16))
    with pytest.raises(WeightsError, match="two entries are called 'bare/data/1'"):
        read(tmp_path, stream.getvalue())


def test_an_archive_of_more_entries_than_any_checkpoint_is_refused_at_once(tmp_path):
    end = struct.pack("<4s4xHHIIH", b"PK\5\6", 65_535, 65_535, 46, 4, 0)
    with pytest.raises(WeightsError, match="more than 20,000 entries"):
        read(tmp_path, b"PK\3\4" + bytes(46) + end)


def test_archives_that_torch_did_not_write_are_told_apart(tmp_path):
    stream = io.BytesIO()
    np.savez(stream, weight=np.ones(3))
    with pytest.raises(WeightsError, match="is a ZIP archive that torch.save did not write"):
        read(tmp_path, stream.getvalue())
    with pytest.raises(WeightsError, match="is not a file that PyTorch's torch.save wrote"):
        read(tmp_path, pickle.dumps({"model": {}}, protocol=2))
    with pytest.raises(WeightsError, match="cannot be read .No such file"):
        read_state_dict(tmp_path / "nothing.pth")
    big = with_entries(stored_bytes("bare.pth"), {"byteorder": b"big"})
    with pytest.raises(WeightsError, match="was written on a big-endian machine"):
        read(tmp_path, big)


@pytest.mark.parametrize("name", ["bare.pth", "bare_older.pth"])
def test_no_prefix_of_a_file_loads(tmp_path, name):
    content = stored_bytes(name)
    for length in range(0, len(content), 7):
        with pytest.raises(WeightsError, match="weights.pth: "):
            read(tmp_path, content[:length])
    with pytest.raises(WeightsError):
        read(tmp_path, content + b"\0")


def test_a_changed_number_in_an_archive_is_noticed_by_its_checksum(tmp_path):
    content = bytearray(stored_bytes("bare.pth"))
    content[content.index(expected("bare")["conv.weight"].tobytes()) + 5] ^= 1
    with pytest.raises(WeightsError, match="numbers do not match their checksum"):
        read(tmp_path, bytes(content))


def test_damaged_files_are_refused_in_a_sentence_or_give_the_same_numbers(tmp_path):
    """Some of those that `fuzz_weights.py` makes; while they are read, nothing is executed."""
    files, lots = sample_files(), (np.random.RandomState([3, i]) for i in range(150))
    found = [damage_and_read(rs, files, tmp_path / "damaged") for rs in lots]
    assert found.count("refused") > 100 and found.count("same") >= 1


def test_the_watch_over_damaged_files_would_notice_a_deed():
    program = (
        "import os, sys, fuzz_weights as fuzz; sys.addaudithook(fuzz.watch)\n"
        "fuzz.watched['on'] = True; os.system('true'); eval('1'); open(os.devnull, 'w')\n"
        "print([event for event, _ in fuzz.watched['deeds']])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "['os.system', 'compile', 'exec', 'open']"


def test_entries_whose_names_are_no_texts_are_left_out():
    value, _ = read_pickle("x", io.BytesIO(pickle_of({1: 2, "a": 3, (4,): 5})))
    assert value == {"a": 3}
