"""Any input becomes a photograph, or one ImageError that names it and says why."""

import io
import os
import re
import struct
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from fuzz_photos import damage_and_read, deep_pgm, encoded, sample_files, sample_picture
from PIL import Image

from minimaskrcnn.errors import ImageError, SettingError
from minimaskrcnn.photo import photo_size, pixels, read_photo
from minimaskrcnn.photo.limits import MAX_PIXELS
from minimaskrcnn.photo.sources import each_source, name_of, path_of

PIXELS = np.asarray(sample_picture())  # (31, 45, 3) uint8
GRAY = np.asarray(sample_picture().convert("L"))  # (31, 45)
FILES = sample_files()


def png_header(width, height, depth=8, colour=2):
    """A PNG of a header and no pixels; its few bytes claim any size."""

    def chunk(name, body):
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99))


def blend(colours, opacity):
    """Over white, in exact arithmetic, rounded to the nearest."""
    exact = colours.astype(float) * (opacity / 255) + 255 * (1 - opacity / 255)
    return np.floor(exact + 0.5)


class Lazy:
    """What other libraries' tensors look like: no array, but turned into one."""

    def __array__(self, dtype=None, copy=None):
        return PIXELS

    def __iter__(self):
        return iter(PIXELS)


def three(gray):
    return np.repeat(gray[:, :, None], 3, axis=2)


def saved(name, contents):
    def make(folder):
        path = folder / name
        path.write_bytes(contents)
        return path

    return make


def opened(contents):
    return lambda folder: io.BytesIO(contents)


RAMP = np.arange(65536, dtype=np.uint16).reshape(256, 256)  # every 16-bit level
RGBA = np.dstack([PIXELS, GRAY])
PALETTE = sample_picture().quantize(16)
ON_WHITE = blend(PIXELS, GRAY[:, :, None])
FINE = {"quality": 100, "subsampling": 0}
NOT_KNOWN = "not a picture in a known format"
READ_ONLY = PIXELS.copy()
READ_ONLY.flags.writeable = False
LONG = np.arange(15000, dtype=np.uint8).reshape(1, 5000, 3)

# name: (source, or function from a folder to it; what must come out; grey levels of tolerance)
READ = {
    "path": (saved("a.png", encoded(sample_picture(), "PNG")), PIXELS, 0),
    "path as str": (lambda f: str(saved("a.bmp", FILES["rgb.bmp"])(f)), PIXELS, 0),
    "path without suffix": (saved("photo", encoded(sample_picture(), "PNG")), PIXELS, 0),
    "path with the wrong suffix": (saved("a.jpg", encoded(sample_picture(), "PNG")), PIXELS, 0),
    "non-ASCII path": (saved("Straße 猫 é.png", encoded(sample_picture(), "PNG")), PIXELS, 0),
    "path with glob characters": (saved("a[1]*.png", FILES["rgb.bmp"]), PIXELS, 0),
    "bytes": (encoded(sample_picture(), "PNG"), PIXELS, 0),
    "bytearray": (bytearray(FILES["rgb.bmp"]), PIXELS, 0),
    "memoryview": (memoryview(FILES["rgb.bmp"]), PIXELS, 0),
    "file object": (opened(FILES["rgb.ppm"]), PIXELS, 0),
    "file on disk": (lambda f: on_disk(f), PIXELS, 0),
    "PIL image": (sample_picture(), PIXELS, 0),
    "PIL image, not yet decoded": (lambda f: Image.open(io.BytesIO(FILES["rgb.bmp"])), PIXELS, 0),
    "PIL image, gray": (sample_picture().convert("L"), three(GRAY), 0),
    "PIL image, 1 bit": (Image.fromarray(GRAY > 99), three(255 * (GRAY > 99)), 0),
    "PIL image, RGBA": (Image.fromarray(RGBA), ON_WHITE, 0),
    "PIL image, 16 bit": (Image.fromarray(RAMP), three(np.floor(RAMP / 257 + 0.5)), 0),
    "PIL image, float": (Image.fromarray(np.float32([[0, 0.5]])), three(np.array([[0, 128]])), 0),
    "PIL image, 16 bit as 32": (Image.fromarray(RAMP.astype(np.int32)), three(RAMP / 257), 0.5),
    "PIL image, premultiplied": (Image.fromarray(RGBA).convert("RGBa"), ON_WHITE, 9),
    "array": (PIXELS, PIXELS, 0),
    "array, gray": (GRAY, three(GRAY), 0),
    "array, gray with an axis": (GRAY[:, :, None], three(GRAY), 0),
    "array, gray and opacity": (np.dstack([GRAY, GRAY]), three(blend(GRAY, GRAY)), 0),
    "array, RGBA": (RGBA, ON_WHITE, 0),
    "array, bool": (GRAY > 99, three(255 * (GRAY > 99)), 0),
    "array, 16 bit": (RAMP, three(np.floor(RAMP / 257 + 0.5)), 0),
    "array, 16 bit, other byte order": (RAMP.astype(">u2"), three(np.floor(RAMP / 257 + 0.5)), 0),
    "array, float32": (PIXELS.astype(np.float32) / 255, PIXELS, 0),
    "array, float64": (PIXELS / 255, PIXELS, 0),
    "array, float16": ((PIXELS / 255).astype(np.float16), PIXELS, 0),
    "array, float RGBA": (RGBA / 255, ON_WHITE, 0),
    "array, reversed": (PIXELS[::-1, ::-1], PIXELS[::-1, ::-1], 0),
    "array, Fortran order": (np.asfortranarray(PIXELS), PIXELS, 0),
    "array, RGB out of BGR": (PIXELS[:, :, ::-1], PIXELS[:, :, ::-1], 0),
    "array, read-only": (READ_ONLY, PIXELS, 0),
    "array, 3 x W x 3": (PIXELS[:3], PIXELS[:3], 0),
    "array, 1 x 1": (PIXELS[:1, :1], PIXELS[:1, :1], 0),
    "array, 1 x 5000": (LONG, LONG, 0),
    "array-like": (Lazy(), PIXELS, 0),
    "PNG, RGBA": (FILES["rgba.png"], ON_WHITE, 0),
    "PNG, gray and opacity": (FILES["gray_alpha.png"], three(blend(GRAY, GRAY)), 0),
    "PNG, palette": (encoded(PALETTE, "PNG"), np.asarray(PALETTE.convert("RGB")), 0),
    "PNG, palette with transparency": (
        encoded(PALETTE, "PNG", transparency=3),
        np.where((np.asarray(PALETTE) == 3)[:, :, None], 255, np.asarray(PALETTE.convert("RGB"))),
        0,
    ),
    "PNG, one RGB colour transparent": (
        encoded(Image.fromarray(np.uint8([[[1, 2, 3], [4, 5, 6]]])), "PNG", transparency=(1, 2, 3)),
        [[[255, 255, 255], [4, 5, 6]]],
        0,
    ),
    "PNG, 1 bit": (encoded(Image.fromarray(GRAY > 99), "PNG"), three(255 * (GRAY > 99)), 0),
    "PNG, 16 bit": (encoded(Image.fromarray(RAMP), "PNG"), three(np.floor(RAMP / 257 + 0.5)), 0),
    "PNG, 1 x 5000": (encoded(Image.fromarray(LONG), "PNG"), LONG, 0),
    "PGM, 16 bit": (deep_pgm(RAMP), three(np.floor(RAMP / 257 + 0.5)), 0),
    "TIFF, 16 bit": (encoded(Image.fromarray(RAMP), "TIFF"), three(np.floor(RAMP / 257 + 0.5)), 0),
    "TIFF, float": (FILES["float.tif"], three(GRAY), 0),
    "TIFF, packed": (FILES["lzw.tif"], PIXELS, 0),
    "TIFF, fax": (FILES["fax.tif"], np.asarray(sample_picture().convert("1").convert("RGB")), 0),
    "JPEG": (encoded(sample_picture(), "JPEG", **FINE), PIXELS, 4),
    "JPEG, gray": (encoded(Image.fromarray(GRAY), "JPEG", quality=100), three(GRAY), 3),
    "JPEG, progressive": (encoded(sample_picture(), "JPEG", progressive=True, **FINE), PIXELS, 4),
    "JPEG, CMYK": (encoded(sample_picture().convert("CMYK"), "JPEG", quality=100), PIXELS, 12),
    "JPEG with further pictures": (encoded(sample_picture(), "MPO", 2, **FINE), PIXELS, 4),
    "WEBP, lossless": (encoded(sample_picture(), "WEBP", lossless=True), PIXELS, 0),
    "GIF": (encoded(PALETTE, "GIF"), np.asarray(PALETTE.convert("RGB")), 0),
    "BMP, palette": (encoded(PALETTE, "BMP"), np.asarray(PALETTE.convert("RGB")), 0),
    "PPM as text": (b"P3 2 1 255 10 20 30 40 50 60", [[[10, 20, 30], [40, 50, 60]]], 0),
}  # fmt: skip

# name: (source, or function from a folder to it; what the message must say)
REFUSED = {
    "missing file": (lambda f: f / "none.jpg", "none.jpg: no such file"),
    "missing file, non-ASCII": (lambda f: f / "日本.jpg", "日本.jpg: no such file"),
    "folder": (lambda f: f, "is a folder"),
    "empty file": (saved("empty.png", b""), "empty.png: is empty"),
    "text named .jpg": (saved("a.jpg", b"hello, I am text"), "a.jpg: is damaged or not a picture"),
    "HTML named .png": (saved("a.png", b"<!DOCTYPE html><html>"), "a.png: .*not a picture"),
    "zero byte in the path": ("a\0b.jpg", "cannot be opened"),
    "path too long": ("a" * 5000 + ".jpg", "cannot be opened"),
    "PDF": (b"%PDF-1.4\n%abc\n1 0 obj", "not a picture in a known format"),
    "PostScript, a program": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", NOT_KNOWN),
    "icon, a format left out": (encoded(sample_picture(), "ICO"), NOT_KNOWN),
    "empty bytes": (b"", "bytes: is empty"),
    "truncated JPEG": (saved("cut.jpg", FILES["baseline.jpg"][:-200]), "cut.jpg: .* cut off"),
    "truncated PNG": (FILES["rgb.png"][:-300], "cut off"),
    "truncated GIF": (FILES["animated.gif"][:1500], "cut off"),
    "truncated BMP": (FILES["rgb.bmp"][:-2], "cut off"),
    "truncated TIFF": (FILES["raw.tif"][:500], "cut off"),
    "truncated WEBP": (FILES["lossless.webp"][:-100], "format WEBP, but damaged or cut off"),
    "truncated PPM": (FILES["rgb.ppm"][:-1], "cut off"),
    "JPEG of a header": (FILES["baseline.jpg"][:40], "bytes: "),
    "20,000 x 20,000 header": (saved("b.png", png_header(20_000, 20_000)), "b.png: .*pixels"),
    "2 thousand million pixels": (png_header(2**31 - 1, 1), "pixels"),
    "beyond the limit": (png_header(MAX_PIXELS // 1000 + 1, 1000, 1, 0), "more than the limit"),
    "bomb as a PIL image": (lambda f: _bomb_picture(), "more than the limit"),
    "0 x 10 header": (png_header(0, 10), "bytes: "),
    "text file object": (lambda f: io.StringIO("hello"), "gives text, not bytes"),
    "closed file object": (lambda f: _closed(f), "cannot be read"),
    "PIL image whose file is closed": (lambda f: _closed_picture(), "damaged"),
    "PIL image, 32-bit integers": (Image.fromarray(np.int32([[70000]])), "8 or 16 bits"),
    "PIL image, floats up to 255": (Image.fromarray(np.float32([[0, 200]])), "0 … 200"),
    "PIL image without pixels": (Image.new("RGB", (0, 5)), "no pixels"),
    "array without pixels": (np.zeros((0, 5, 3), np.uint8), "has no pixels"),
    "array, NaN": (np.full((4, 4, 3), np.nan), "NaN"),
    "array, one NaN": (np.where(np.arange(16).reshape(4, 4) == 3, np.nan, 0.5), "NaN"),
    "array, infinity": (np.full((4, 4, 3), np.inf), "0 … 1"),
    "array, floats up to 255": (PIXELS.astype(np.float32), "values up to 255 are for uint8"),
    "array, floats below 0": (-(PIXELS / 255), "must lie in 0 … 1"),
    "array, int64": (PIXELS.astype(np.int64), r"int64: values must be uint8"),
    "array, int8": (PIXELS.astype(np.int8), "int8: values must be uint8"),
    "array, complex": (PIXELS.astype(complex), "complex128: values must be"),
    "array, objects": (PIXELS.astype(object), "object: values must be"),
    "array, text": (np.array([["a", "b"]]), "values must be"),
    "array, channels first": (np.moveaxis(PIXELS, -1, 0), r"np.moveaxis\(array, 0, -1\)"),
    "array, a batch": (PIXELS[None], r"\(1, 31, 45, 3\)"),
    "array, a row": (PIXELS[0, 0], r"\(3,\)"),
    "array, a number": (np.array(3), r"\(\)"),
    "array, 5 channels": (np.zeros((4, 4, 5), np.uint8), r"\(4, 4, 5\)"),
    "array, 0 channels": (np.zeros((4, 4, 0), np.uint8), r"\(4, 4, 0\)"),
    "None": (None, "NoneType is not a photograph"),
    "number": (3, "int is not a photograph"),
    "list of paths": (["a.jpg"], "list is not a photograph"),
    "dict": ({}, "dict is not a photograph"),
}  # fmt: skip


def on_disk(folder):
    return saved("a.bmp", FILES["rgb.bmp"])(folder).open("rb")


def _closed(folder):
    file = on_disk(folder)
    file.close()
    return file


def _bomb_picture():  # opened, not decoded
    return Image.open(io.BytesIO(png_header(MAX_PIXELS // 1000 + 1, 1000)))


def _closed_picture():
    stream = io.BytesIO(FILES["rgb.bmp"])
    picture = Image.open(stream)
    stream.close()
    return picture


def given(source, folder):
    return source(folder) if callable(source) else source


def test_there_are_enough_kinds_of_input():
    assert len(READ) + len(REFUSED) >= 100


@pytest.mark.parametrize("source, expected, levels", READ.values(), ids=READ.keys())
def test_what_is_a_picture_is_read(source, expected, levels, tmp_path):
    photo = read_photo(given(source, tmp_path))
    assert photo.dtype == np.uint8 and photo.flags.c_contiguous and photo.flags.writeable
    assert photo.shape == np.shape(expected)
    assert np.abs(photo.astype(int) - expected).max() <= levels


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("source, reason", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_none_is_refused_with_its_name_and_the_reason(source, reason, tmp_path):
    with pytest.raises(ImageError, match=reason) as refusal:
        read_photo(given(source, tmp_path))
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) > 10


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser may read anything")
def test_a_file_without_permission_is_refused(tmp_path):
    path = saved("secret.png", FILES["rgb.png"])(tmp_path)
    path.chmod(0)
    with pytest.raises(ImageError, match="secret.png: cannot be opened"):
        read_photo(path)


ORIENTED = {  # how a viewer must turn what is stored, for each value of the EXIF tag
    1: lambda p: p,
    2: np.fliplr,
    3: lambda p: np.rot90(p, 2),
    4: np.flipud,
    5: lambda p: p.swapaxes(0, 1),
    6: lambda p: np.rot90(p, -1),  # clockwise
    7: lambda p: np.rot90(p, 2).swapaxes(0, 1),
    8: np.rot90,
}


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("tag", ORIENTED)
def test_exif_orientation_is_applied(tag, kind):
    exif = Image.Exif()
    exif[0x0112] = tag
    options = {"lossless": True} if kind == "WEBP" else {}
    photo = read_photo(encoded(sample_picture(), kind, exif=exif, **options))
    np.testing.assert_array_equal(photo, ORIENTED[tag](PIXELS))


@pytest.mark.parametrize("name", FILES)
@pytest.mark.filterwarnings("ignore:.*several frames")
def test_the_size_at_the_beginning_of_a_file_is_that_of_the_photograph(name, tmp_path):
    (tmp_path / name).write_bytes(FILES[name])
    assert photo_size(tmp_path / name) == read_photo(tmp_path / name).shape[:2]


@pytest.mark.parametrize("tag", ORIENTED)
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_the_size_is_that_of_the_turned_picture(tag, kind, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = tag
    (tmp_path / "photo").write_bytes(encoded(sample_picture(), kind, exif=exif))
    assert photo_size(tmp_path / "photo") == ORIENTED[tag](PIXELS).shape[:2]


def test_exif_orientation_can_be_switched_off():
    turned = FILES["rgb.png"]  # tag 6
    assert read_photo(turned).shape == (45, 31, 3)
    np.testing.assert_array_equal(read_photo(turned, orient=False), PIXELS)
    picture = Image.open(io.BytesIO(turned))
    assert read_photo(picture).shape == (45, 31, 3)
    assert picture.size == (45, 31)  # the user's own image stays as it is


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_exif_does_not_lose_the_picture():
    photo = read_photo(encoded(sample_picture(), "PNG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff"))
    np.testing.assert_array_equal(photo, PIXELS)


SEVERAL = {"animated.png", "animated.gif", "pages.tif", "animated.webp"}


@pytest.mark.parametrize("name", sorted(SEVERAL))
def test_of_several_frames_the_first_is_used_and_said_so(name, tmp_path):
    path = saved(name, FILES[name])(tmp_path)
    with pytest.warns(UserWarning, match=f"{name}: several frames or pages, only the first"):
        photo = read_photo(path)
    assert np.abs(photo.astype(int) - PIXELS).mean() < 20  # lossy, but not the turned second one


@pytest.mark.parametrize("name", sorted(set(FILES) - SEVERAL))
def test_of_one_frame_nothing_is_said(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_photo(FILES[name])


def test_of_a_pil_image_the_frame_it_stands_at_is_read():
    picture = Image.open(io.BytesIO(encoded(sample_picture(), "TIFF", 3)))
    picture.seek(2)
    np.testing.assert_array_equal(read_photo(picture), PIXELS_TURNED)
    assert picture.tell() == 2


PIXELS_TURNED = np.asarray(sample_picture().rotate(180))


def test_the_limit_counts_pixels_before_any_is_decoded(monkeypatch):
    monkeypatch.setenv("MINIMASKRCNN_MAX_PIXELS", f"{PIXELS[..., 0].size}")
    assert read_photo(FILES["rgb.bmp"]).shape == PIXELS.shape  # exactly at the limit
    monkeypatch.setenv("MINIMASKRCNN_MAX_PIXELS", f"{PIXELS[..., 0].size - 1}")
    with pytest.raises(ImageError, match="45 x 31 pixels are more than the limit of 1,394"):
        read_photo(FILES["rgb.bmp"])


@pytest.mark.parametrize("text", ["many", "0", "-5", "1e8", "9" * 5000])
def test_a_limit_that_is_no_number_is_refused(text, monkeypatch):
    monkeypatch.setenv("MINIMASKRCNN_MAX_PIXELS", text)
    with pytest.raises(SettingError, match="MINIMASKRCNN_MAX_PIXELS must be a number of pixels"):
        read_photo(FILES["rgb.bmp"])


def test_the_limit_can_be_raised_beyond_that_of_pillow(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # twice that is an error in Pillow
    monkeypatch.setattr(pixels, "STRIP_PIXELS", 31)  # some of its versions look at each strip
    assert read_photo(FILES["rgb.png"]).shape == (45, 31, 3)


def test_a_photograph_is_a_copy_so_that_a_frame_can_be_used_again():
    mine = PIXELS.copy()
    photo = read_photo(mine)
    mine[:] = 0
    np.testing.assert_array_equal(photo, PIXELS)
    gray = np.dstack([GRAY, GRAY])
    before = gray.copy()
    read_photo(gray)[:] = 0
    np.testing.assert_array_equal(gray, before)


def test_a_file_object_is_left_open(tmp_path):
    with open(saved("a.bmp", FILES["rgb.bmp"])(tmp_path), "rb") as file:
        read_photo(file)
        assert not file.closed


def test_several_threads_read_at_once():
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(read_photo(FILES["rgb.bmp"])))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and all((photo == PIXELS).all() for photo in found)


@pytest.mark.parametrize("start", range(0, 2000, 500))
def test_damaged_files_are_read_or_refused_and_nothing_else(start):  # more: fuzz_photos.py
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcomes = {
            damage_and_read(np.random.RandomState([1, start + i]), FILES) for i in range(500)
        }
    assert outcomes == {"read", "refused"}


# Sources


@pytest.fixture
def folder(tmp_path):
    for name in ("b.jpg", "a.PNG", "notes.txt", "c.webp"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "d.jpg").write_bytes(b"")
    return tmp_path


def names(sources):
    return [Path(source).name for source in each_source(sources)]


def test_a_folder_gives_its_pictures_by_name(folder):
    assert names(folder) == names(str(folder)) == ["a.PNG", "b.jpg", "c.webp"]


def test_a_pattern_gives_what_it_matches(folder):
    assert names(f"{folder}/*.jpg") == ["b.jpg"]
    assert names(folder / "**" / "*.jpg") == ["b.jpg", "d.jpg"]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(folder):
    (folder / "[a].jpg").write_bytes(b"")
    assert names(f"{folder}/[a].jpg") == ["[a].jpg"]


def test_a_list_may_hold_everything(folder):
    array = np.zeros((2, 2, 3))
    found = list(
        each_source([folder / "b.jpg", f"{folder}/*.webp", (array, b"x"), folder / "inner"])
    )
    assert found[0].endswith("b.jpg") and found[1].endswith("c.webp")
    assert found[2] is array and found[3] == b"x" and found[4].endswith("d.jpg")


@pytest.mark.parametrize("one", [PIXELS, b"abc", io.BytesIO(), Image.new("L", (2, 2)), Lazy(), 3])
def test_what_is_one_picture_is_not_taken_apart(one):
    assert [source is one for source in each_source(one)] == [True]


def test_sources_are_taken_one_at_a_time():
    taken = []
    sources = each_source(taken.append(i) or np.zeros((i, 1, 3)) for i in range(1, 9))
    next(sources)
    assert taken == [1]


def test_nothing_found_is_an_error_that_says_where(tmp_path):
    with pytest.raises(ImageError, match=f"{tmp_path.name}: the folder holds no pictures"):
        list(each_source(tmp_path))
    with pytest.raises(ImageError, match=r"\*\.jpg: no file matches"):
        list(each_source(f"{tmp_path}/*.jpg"))


def test_a_source_is_called_by_its_path_or_by_what_it_is(tmp_path):
    assert name_of(tmp_path / "a.jpg") == path_of(tmp_path / "a.jpg") == str(tmp_path / "a.jpg")
    assert name_of(PIXELS) == "array (31, 45, 3) of uint8" and path_of(PIXELS) == ""
    assert name_of(b"") == "bytes" and path_of(b"") == ""
    with open(saved("a.bmp", b"")(tmp_path), "rb") as file:
        assert path_of(file) == str(tmp_path / "a.bmp")


def test_every_test_that_the_table_of_inputs_names_is_there():
    folder = Path(__file__).parent
    named = set(
        re.findall(r"`(test_\w+)`", (folder.parent / "docs" / "inputs.md").read_text("utf-8"))
    )
    tests = "".join(path.read_text("utf-8") for path in folder.glob("test_photo*.py"))
    assert len(named) > 20 and all(f"def {name}(" in tests for name in named)


@pytest.mark.parametrize("contents", [b"P", b"B", b"\xff", b"R", b"I", b"\x89"])
def test_a_file_of_one_byte_is_no_picture(contents):
    with pytest.raises(ImageError):
        read_photo(contents)
