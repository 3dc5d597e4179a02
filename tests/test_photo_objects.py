"""Objects of Python: lists of many kinds are taken apart, tensors give their arrays."""

import asyncio
import collections
import gc
import io
import os
import warnings
import zipfile

import numpy as np
import pytest
from fuzz_photos import encoded, sample_picture
from toy_weights import write_toy

from minimaskrcnn import load_model
from minimaskrcnn.errors import ImageError
from minimaskrcnn.photo import read_photo
from minimaskrcnn.photo.sources import each_source

PIXELS = np.asarray(sample_picture())  # (31, 45, 3) uint8
PNG = encoded(sample_picture(), "PNG")


class Tensor:
    """What PyTorch's tensors do: no array while a gradient is wanted, on a GPU, or of bfloat16."""

    def __init__(self, values, grad=False, device="cpu", dtype="torch.float32"):
        self.values, self.grad, self.device, self.dtype = values, grad, device, dtype
        self.shape = values.shape

    def __array__(self, dtype=None, copy=None):
        if self.grad:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.")
        if self.device != "cpu" or "bfloat16" in self.dtype:
            raise TypeError("can't convert: got unsupported ScalarType BFloat16")
        return self.values

    def detach(self):
        return Tensor(self.values, False, self.device, self.dtype)

    def cpu(self):
        return Tensor(self.values, self.grad, "cpu", self.dtype)

    def float(self):
        return Tensor(self.values, self.grad, self.device)

    def __iter__(self):
        return (Tensor(part, self.grad, self.device, self.dtype) for part in self.values)


class Column:
    """What pandas' and polars' columns do."""

    def __init__(self, items, dtype):
        self.items, self.dtype, self.shape = items, dtype, (len(items),)

    def __array__(self, dtype=None, copy=None):
        return np.array(self.items, object)

    def __iter__(self):
        return iter(self.items)


class Stubborn:
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("not\n  now")


class Awaited:
    async def read(self):
        return PNG


class Capture:
    def read(self):
        return True, PIXELS


class Raster:
    name = "ortho.tif"

    def read(self):
        return PIXELS


FLOATS = (PIXELS / 255).astype(np.float32)


@pytest.mark.parametrize("options", [
    {}, {"grad": True}, {"device": "cuda:0"}, {"dtype": "torch.bfloat16"},
    {"grad": True, "device": "cuda:0", "dtype": "torch.bfloat16"},
])  # fmt: skip
def test_a_tensor_gives_its_array(options):
    assert np.abs(read_photo(Tensor(FLOATS, **options)).astype(int) - PIXELS).max() == 0


def test_values_a_hair_outside_of_0_to_1_are_clipped_and_farther_ones_refused():
    array = np.float32([[0, 1, np.nextafter(np.float32(1), np.float32(2)), -1e-7, 1.0019, -0.0019]])
    assert read_photo(array)[0, :, 0].tolist() == [0, 255, 255, 0, 255, 0]
    for value in (1.01, -0.01, np.nan, np.inf):
        with pytest.raises(ImageError, match="floats must lie in 0 … 1"):
            read_photo(np.float32([[0.5, value]]))


LISTS = {
    "array of paths": np.array(["a.png", "b.png"]),
    "array of objects": np.array([os.path.join("a.png"), "b.png"], object),
    "column of objects": Column(["a.png", "b.png"], np.dtype(object)),
    "column of text": Column(["a.png", "b.png"], "string"),
    "column of polars": Column(["a.png", "b.png"], "String"),
    "deque": collections.deque(["a.png", "b.png"]),
    "keys": {"a.png": 1, "b.png": 2}.keys(),
    "generator": (name for name in ("a.png", "b.png")),
}


@pytest.mark.parametrize("sources", LISTS.values(), ids=LISTS.keys())
def test_a_column_or_array_of_paths_is_a_list(sources):
    assert list(each_source(sources)) == ["a.png", "b.png"]


def test_an_array_of_one_path_is_read(tmp_path):
    (tmp_path / "a.png").write_bytes(PNG)
    (path,) = each_source(np.array([str(tmp_path / "a.png")]))
    np.testing.assert_array_equal(read_photo(path), PIXELS)


def test_the_frames_of_a_video_are_taken_one_by_one():
    frames = np.stack([PIXELS, PIXELS[::-1]])
    assert [frame.shape for frame in each_source(frames)] == [PIXELS.shape] * 2
    assert len(list(each_source(Tensor(frames)))) == 2
    with pytest.raises(ImageError, match="predict_each takes several, one after the other"):
        read_photo(frames)


def archive():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as files:
        files.writestr("a.png", PNG)
    return zipfile.ZipFile(stream)


REFUSED = {
    "an object that gives no array": (Stubborn(), "Stubborn: cannot be turned into an array .not"),
    "an archive": (archive(), "cannot be read"),
    "read asynchronously": (Awaited(), "Awaited: is read asynchronously: give the bytes, await"),
    "a video": (Capture(), "gives a tuple, not bytes; give the frame"),
    "a raster": (Raster(), "ortho.tif: gives an array, not bytes; give the array"),
    "numbers in a column": (Column([1, 2], np.dtype(int)), "values must be|a photograph is"),
    "a dict": ({"a.png": 1}, "dict is not a photograph"),
    "channels first": (Tensor(PIXELS.transpose(2, 0, 1)), "channels come last"),
}


@pytest.mark.parametrize("source, why", REFUSED.values(), ids=REFUSED.keys())
def test_what_holds_no_photograph_is_refused_and_the_next_one_read(source, why):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for one in each_source([source]):
            with pytest.raises(ImageError, match=why) as refusal:
                read_photo(one)
            assert "\n" not in str(refusal.value)


def test_bytes_that_were_awaited_are_read():
    np.testing.assert_array_equal(read_photo(asyncio.run(Awaited().read())), PIXELS)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load_model(write_toy(tmp_path_factory.mktemp("toy") / "toy.h5", seed=5))


def test_on_error_hears_of_every_kind_and_the_others_are_predicted(model, tmp_path):
    (tmp_path / "empty").mkdir()
    photos = [Stubborn(), archive(), Awaited(), Capture(), tmp_path / "empty", "none/*.png",
              "https://example.org/a.jpg", {}, None, b"", PIXELS]  # fmt: skip
    skipped = []
    found = list(model.predict_each(photos, lambda photo, error: skipped.append(error), size=64))
    assert len(found) == 1 and len(skipped) == len(photos) - 1
    assert all(isinstance(error, ImageError) for error in skipped)
    with pytest.raises(ImageError, match="the folder holds no pictures"):
        list(model.predict_each([tmp_path / "empty", PIXELS], size=64))


def test_a_frame_that_is_used_again_leaves_earlier_results_as_they_were(model):
    frame = PIXELS.copy()
    first = model.predict(frame, size=64)
    traced = model.trace(frame, size=64)["result"]
    frame[:] = 0
    np.testing.assert_array_equal(first.image, PIXELS)
    np.testing.assert_array_equal(traced.image, PIXELS)


def test_an_asynchronous_file_is_refused_without_a_second_warning(recwarn):
    class Upload:
        async def read(self, *_):
            return b""

    with pytest.raises(ImageError, match="await file.read"):
        read_photo(Upload())
    gc.collect()
    assert [str(w.message) for w in recwarn if "never awaited" in str(w.message)] == []
