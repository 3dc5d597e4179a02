"""Unusual files: read as they are meant, read with a warning, or refused for the true reason."""

import subprocess
import sys
import warnings
import zlib

import numpy as np
import pytest
from fuzz_photos import encoded, sample_files, sample_picture
from made_photos import (
    black_ink_profile,
    gray_profile,
    matrix_profile,
    packed_12_bits,
    tiff,
    with_chunk,
)
from PIL import Image

from minimaskrcnn.errors import ImageError
from minimaskrcnn.photo import photo_size, read_photo
from minimaskrcnn.photo.pixels import TOLERANCE, levels

PIXELS = np.asarray(sample_picture())[:30, :44]  # (30, 44, 3) uint8
GRAY = np.asarray(sample_picture().convert("L"))[:30, :44]  # (30, 44)
FILES = sample_files()
PNG = encoded(sample_picture(), "PNG")
BITS, PACKING, COLOUR, SAMPLES, PLANES, FORM = 258, 259, 262, 277, 284, 339  # tags of TIFF
LONG = zlib.compress(b"\0" * 3_000_000)  # 3 kB; Pillow refuses what unpacks to more than 1 MB


def tif(values, tags, big_endian=False, strips=1):
    contents = values if isinstance(values, bytes) else values.tobytes()
    return tiff(contents, 44, 30, {PACKING: 1, COLOUR: 1, SAMPLES: 1, **tags}, big_endian, strips)


def deep(values, big_endian=False):
    """8-bit levels as 16-bit values."""
    return (values.astype(np.uint16) * 257).astype(">u2" if big_endian else "<u2")


def gray(values):
    return np.repeat(np.asarray(values)[:, :, None], 3, axis=2)


TWELVE = packed_12_bits((GRAY.astype(int) * 4095 + 127) // 255)
RGB = {COLOUR: 2, SAMPLES: 3}
FLOATS = (GRAY / 255).astype("<f4")

# name: (file, what must come out)
READ = {
    "12 bits": (tif(TWELVE, {BITS: 12}), gray(GRAY)),
    "12 bits, packed": (tif(zlib.compress(TWELVE), {BITS: 12, PACKING: 8}), gray(GRAY)),
    "16 bits": (tif(deep(GRAY), {BITS: 16}), gray(GRAY)),
    "16 bits, high byte first": (tif(deep(GRAY, True), {BITS: 16}, True), gray(GRAY)),
    "16 bits, 0 is white": (tif(deep(GRAY), {BITS: 16, COLOUR: 0}), gray(255 - GRAY)),
    "8 bits, 0 is white": (tif(GRAY, {BITS: 8, COLOUR: 0}), gray(255 - GRAY)),
    "floats": (tif(FLOATS, {BITS: 32, FORM: 3}), gray(GRAY)),
    "floats, 0 is white": (tif(FLOATS, {BITS: 32, FORM: 3, COLOUR: 0}), gray(255 - GRAY)),
    "8 bits in planes": (
        tif(PIXELS.transpose(2, 0, 1), {BITS: (8,) * 3, **RGB, PLANES: 2}, strips=3), PIXELS),
    "16-bit colours": (tif(deep(PIXELS), {BITS: (16,) * 3, **RGB}), PIXELS),
    "near infrared as a fourth value": (
        tif(np.dstack([PIXELS, GRAY]), {BITS: (8,) * 4, COLOUR: 2, SAMPLES: 4, 338: 0}), PIXELS),
}  # fmt: skip


@pytest.mark.parametrize("file, expected", READ.values(), ids=READ.keys())
def test_a_tiff_is_scaled_and_inverted_as_its_tags_declare(file, expected):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(read_photo(file), expected)


RAW = "raw camera file: develop it with rawpy"
NO_WHITE = "values do not say what is white; read it with tifffile"
WRONGLY = "which Pillow does not decode correctly; read it with tifffile"

# name: (file, or its name and contents; what the message must say)
REFUSED = {
    "floats in colour": (tif(PIXELS / 255, {BITS: (32,) * 3, FORM: (3,) * 3, **RGB}),
                         "is a TIFF of 32-bit floats, 3 in a pixel, " + WRONGLY),
    "floats of 16 bits": (tif(FLOATS, {BITS: 16, FORM: 3}), "TIFF of 16-bit floats, " + WRONGLY),
    "packed floats, high byte first": (
        tif(zlib.compress(FLOATS.astype(">f4").tobytes()), {BITS: 32, FORM: 3, PACKING: 8}, True),
        "the high byte first, " + WRONGLY),
    "16 bits in planes": (tif(deep(PIXELS), {BITS: (16,) * 3, **RGB, PLANES: 2}),
                          "in separate planes, " + WRONGLY),
    "signed": (tif(GRAY, {BITS: 8, FORM: 2}), "8-bit signed integers, whose " + NO_WHITE),
    "signed, 16 bits": (tif(deep(GRAY), {BITS: 16, FORM: 2}), NO_WHITE),
    "32 bits": (tif(GRAY.astype("<u4"), {BITS: 32}), "32-bit integers, whose " + NO_WHITE),
    "a float that is NaN": (tif(np.where(GRAY[9, 9] == GRAY, np.nan, FLOATS).astype("<f4"),
                                {BITS: 32, FORM: 3}), "not be NaN"),
    "10 bits": (tif(deep(GRAY), {BITS: 10}), "TIFF of 10-bit integers, which Pillow does not read"),
    "12 bits, 0 is white": (tif(TWELVE, {BITS: 12, COLOUR: 0}), "where 0 is white, which Pillow"),
    "subsampled": (tif(PIXELS, {BITS: (8,) * 3, COLOUR: 6, SAMPLES: 3, 530: (2, 2)}),
                   "with subsampled colours, " + WRONGLY),
    "raw: the sensor's values": (tif(GRAY, {BITS: 8, COLOUR: 32803}), RAW),
    "raw: linear": (tif(PIXELS, {BITS: (8,) * 3, SAMPLES: 3, COLOUR: 34892}), RAW),
    "raw: DNG": (tif(PIXELS, {BITS: (8,) * 3, **RGB, 50706: 1}), RAW),
    "raw: preview with pictures below": (
        tif(PIXELS, {BITS: (8,) * 3, **RGB, 254: 1, 330: 99}), RAW),
    "raw: by its ending": (("a.NEF", tif(PIXELS, {BITS: (8,) * 3, **RGB})), "a.NEF: is a " + RAW),
    "raw: Canon": (b"II*\0\x10\0\0\0CR\2\0" + b"\0" * 99, "CR2|" + RAW + "|damaged"),
    "raw: Canon, new": (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", RAW.split(": ")[0]),
    "raw: Fujifilm": (b"FUJIFILMCCD-RAW 0201", "raw camera file"),
    "a preview of the next page": (tif(PIXELS, {BITS: (8,) * 3, **RGB, 254: 1}), "small preview"),
    "HEIC": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "kind HEIC: pip install pillow-heif"),
    "JPEG XL": (b"\xff\x0a" + b"\0" * 50, "kind JXL: pip install pillow-jxl-plugin"),
    "video": (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", "a video, .*give its frames"),
    "AVI": (b"RIFF\0\0\0\0AVI LIST", "a video"),
    "web page": (b"\n<!doctype HTML><html>", "a web page, .*fetch the picture itself"),
    "drawing": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a drawing .SVG., .*convert"),
    "Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "git lfs pull"),
    "text of base64": (b"iVBORw0KGgoAAAANSUhEUgAA", "a picture as text, .*b64decode"),
    "NumPy": (b"\x93NUMPY\1\0v\0{'descr'", "numpy.load"),
    "ZIP": (b"PK\3\4" + b"\0" * 50, "a ZIP archive, .*unpack"),
    "DICOM": (b"\0" * 128 + b"DICM", "pydicom"),
    "notes of macOS": (b"\0\5\x16\7\0\2\0\0Mac OS X", "what macOS notes"),
    "12-bit JPEG": (FILES["baseline.jpg"].replace(b"\xff\xc0\0\x11\x08", b"\xff\xc1\0\x11\x0c"),
                    "format JPEG, but of a kind that Pillow does not read .cannot handle 12-bit"),
    "JPEG-LS": (b"\xff\xd8\xff\xf7\0\x0b\x08\0\x10\0\x10", "JPEG-LS"),
    "encapsulated PostScript": (("a.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n"), "PostScript, a program"),
    "a damaged TGA": (("a.tga", b"\0" * 40), "not a picture in a known format"),
}  # fmt: skip


@pytest.mark.parametrize("file, reason", REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_decoded_rightly_is_refused_for_the_true_reason(file, reason, tmp_path):
    if isinstance(file, tuple):
        (tmp_path / file[0]).write_bytes(file[1])
        file = tmp_path / file[0]
    with pytest.raises(ImageError, match=reason) as refusal:
        read_photo(file)
    whole = "damaged or not a picture" not in str(refusal.value)
    assert whole or reason.startswith("not a picture")


@pytest.mark.filterwarnings("ignore:.*several frames")
@pytest.mark.parametrize("ending", ["tga", "ico", "pcx", "sgi", "qoi", "dib", "im", "ppm"])
def test_a_rare_format_is_read_from_files_of_its_ending(ending, tmp_path):
    sample_picture().save(tmp_path / f"a.{ending}")
    photo = read_photo(tmp_path / f"a.{ending}")
    if ending != "ico":  # which is made square
        np.testing.assert_array_equal(photo, np.asarray(sample_picture()))


@pytest.mark.parametrize("kind", ["AVIF", "JPEG2000"])
def test_new_formats_are_read(kind):
    photo = read_photo(encoded(sample_picture(), kind, quality_layers=[1], quality=100))
    assert np.abs(photo.astype(int) - np.asarray(sample_picture())).mean() < 20


# PNG: long notes


@pytest.mark.parametrize("at_end", [False, True])
@pytest.mark.parametrize("kind, contents", [
    (b"zTXt", b"key\0\0" + LONG),
    (b"iTXt", b"key\0\1\0en\0key\0" + LONG),
    (b"tEXt", b"key\0" + b"a" * 1_100_000),
    (b"iTXt", b"key\0\0\0en\0key\0" + b"a" * 1_100_000),
])  # fmt: skip
def test_a_png_with_a_long_text_is_read(kind, contents, at_end):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        photo = read_photo(with_chunk(PNG, kind, contents, at_end))
    np.testing.assert_array_equal(photo, np.asarray(sample_picture()))


def test_a_png_with_many_texts_is_read():
    file = PNG
    for _ in range(70):
        file = with_chunk(file, b"zTXt", b"key\0\0" + zlib.compress(b"\0" * 1_000_000))
    np.testing.assert_array_equal(read_photo(file), np.asarray(sample_picture()))


def test_a_png_with_a_long_profile_is_read_with_a_warning():
    with pytest.warns(UserWarning, match="its colour profile is too long and is not applied"):
        photo = read_photo(with_chunk(PNG, b"iCCP", b"key\0\0" + LONG))
    np.testing.assert_array_equal(photo, np.asarray(sample_picture()))


@pytest.mark.parametrize("at_end", [False, True])
def test_the_size_of_a_png_is_told_without_decoding_it(at_end, tmp_path, monkeypatch):
    turned = b"MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"  # EXIF: orientation 6
    file = with_chunk(PNG, b"eXIf", turned, at_end)
    (tmp_path / "a.png").write_bytes(with_chunk(file, b"zTXt", b"key\0\0" + LONG))
    assert read_photo(tmp_path / "a.png").shape == (45, 31, 3)
    sizes = []
    load = Image.Image.load
    monkeypatch.setattr(Image.Image, "load", lambda self: sizes.append(self.size) or load(self))
    assert photo_size(tmp_path / "a.png") == (45, 31)
    assert (45, 31) not in sizes


def test_the_size_of_a_tiff_is_told_without_decoding_it(tmp_path, monkeypatch):
    (tmp_path / "a.tif").write_bytes(tif(GRAY, {BITS: 8, 274: 6}))
    assert read_photo(tmp_path / "a.tif").shape == (44, 30, 3)
    monkeypatch.setattr(Image.Image, "load", None)
    assert photo_size(tmp_path / "a.tif") == (44, 30)


# Transparency and darkness


def transparent(mode):
    rgba = np.dstack([PIXELS, np.zeros_like(GRAY)])
    return Image.fromarray(rgba).convert(mode)


@pytest.mark.parametrize("source, expected", [
    (encoded(transparent("RGBA"), "PNG"), PIXELS),
    (encoded(transparent("RGBA"), "TIFF"), PIXELS),
    (encoded(transparent("LA"), "PNG"), gray(GRAY)),
    (transparent("RGBA"), PIXELS),
    (np.asarray(transparent("RGBA")), PIXELS),
    (np.dstack([GRAY, GRAY * 0]), gray(GRAY)),
])  # fmt: skip
def test_of_what_is_transparent_all_over_the_colours_count_and_a_warning_says_so(source, expected):
    with pytest.warns(UserWarning, match="is completely transparent; its transparency is ignored"):
        np.testing.assert_array_equal(read_photo(source), expected)


def test_one_opaque_pixel_in_the_last_row_is_enough(monkeypatch):
    monkeypatch.setattr("minimaskrcnn.photo.pixels.STRIP_PIXELS", 100)  # two rows
    array = np.zeros((9, 44, 4), np.uint8)
    array[-1, -1, 3] = 255
    photo = read_photo(array)
    assert (photo[:-1] == 255).all() and (photo[-1, -1] == 0).all()


def test_strips_make_up_the_picture_whatever_their_height(monkeypatch):
    for pixels in (1, 45, 100, 300):
        monkeypatch.setattr("minimaskrcnn.photo.pixels.STRIP_PIXELS", pixels)
        for name in ("rgb.png", "rgba.png", "deep.tif", "palette.png", "cmyk.jpg", "raw.tif"):
            with_strips = read_photo(FILES[name])
            with monkeypatch.context() as whole:
                whole.setattr("minimaskrcnn.photo.pixels.STRIP_PIXELS", 1 << 18)
                np.testing.assert_array_equal(with_strips, read_photo(FILES[name]))


def test_12_bits_in_words_of_16_are_remarked():
    values = (GRAY.astype(np.uint16) * 4095 + 127) // 255
    for source in (values, tif(values.astype("<u2"), {BITS: 16}), Image.fromarray(values)):
        with pytest.warns(UserWarning, match="nearly black: its brightest value is .* of 65535"):
            read_photo(source)


# Colour profiles

TO_XYZ = {  # of linear red, green, blue; adapted to D50 (ICC's own white)
    "P3": np.array([[0.51512, 0.29198, 0.1571], [0.2412, 0.69225, 0.06657],
                    [-0.00105, 0.04189, 0.78407]]),
    "sRGB": np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061],
                      [0.01392, 0.09708, 0.7141]]),
}  # fmt: skip


def in_srgb(colours, primaries, gamma):
    """Levels of sRGB, from the definitions: IEC 61966-2-1 for its curve."""
    xyz = (colours / 255.0) ** gamma @ TO_XYZ[primaries].T
    linear = np.clip(xyz @ np.linalg.inv(TO_XYZ["sRGB"]).T, 0, 1)
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return curved * 255


def with_profile(array, profile, kind="PNG"):
    return encoded(Image.fromarray(array), kind, icc_profile=profile)


P3 = matrix_profile(TO_XYZ["P3"], 2.2)
COLOURS = np.random.RandomState(0).randint(60, 200, (8, 8, 3)).astype(np.uint8)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_a_wide_gamut_photograph_is_brought_to_srgb(kind):
    photo = read_photo(with_profile(COLOURS, P3, kind))
    assert np.abs(photo - in_srgb(COLOURS, "P3", 2.2)).max() <= 2
    assert np.abs(photo.astype(int) - COLOURS).max() > 20


def test_opacity_stays_beside_a_profile():
    opacity = np.full((8, 8, 1), 255, np.uint8)
    opacity[0] = 0
    photo = read_photo(with_profile(np.dstack([COLOURS, opacity]), P3))
    assert (photo[0] == 255).all()
    assert np.abs(photo[1:] - in_srgb(COLOURS[1:], "P3", 2.2)).max() <= 2


def test_a_gray_profile_is_applied_to_8_and_to_16_bits():
    levels = np.arange(256, dtype=np.uint8)[None]
    expected = in_srgb(np.repeat(levels[..., None], 3, 2), "sRGB", 1.8)
    for array in (levels, levels.astype(np.uint16) * 257):
        assert np.abs(read_photo(with_profile(array, gray_profile(1.8))) - expected).max() <= 2


def test_a_gray_picture_may_have_a_profile_of_colours():
    gray_levels = COLOURS[..., 0]
    photo = read_photo(with_profile(gray_levels, matrix_profile(TO_XYZ["sRGB"], 1.0)))
    assert np.abs(photo - in_srgb(np.dstack([gray_levels] * 3), "sRGB", 1.0)).max() <= 2


def test_a_profile_of_inks_is_applied():
    inks = np.uint8([[[255, 0, 0, 0], [0, 255, 255, 0], [0, 0, 0, 255], [255, 0, 0, 255]]])
    picture = Image.frombytes("CMYK", (4, 1), inks.tobytes())
    photo = read_photo(encoded(picture, "TIFF", icc_profile=black_ink_profile()))
    assert photo[0, :, 0].tolist() == [255, 255, 0, 0]  # black alone counts


def test_srgb_under_any_name_changes_nothing():
    from PIL import ImageCms

    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    np.testing.assert_array_equal(read_photo(with_profile(COLOURS, own)), COLOURS)


@pytest.mark.parametrize("profile", [b"no profile", P3[:200], gray_profile(1.0),
                                     black_ink_profile()])  # fmt: skip
def test_a_profile_that_is_broken_or_of_another_kind_is_remarked(profile):
    with pytest.warns(UserWarning, match="its colour profile is not applied"):
        np.testing.assert_array_equal(read_photo(with_profile(COLOURS, profile)), COLOURS)


# Memory


def test_memory_that_runs_out_is_not_called_damage(monkeypatch):
    def out_of_memory(*_):
        raise MemoryError

    for place in ("PIL.Image.Image.load", "numpy.empty", "PIL.PngImagePlugin.PngImageFile._open"):
        with monkeypatch.context() as less:
            less.setattr(place, out_of_memory)
            with pytest.raises(ImageError, match="bytes: there is not enough memory"):
                read_photo(PNG)


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss counts differently elsewhere")
@pytest.mark.parametrize("mode, kind, decoded", [
    ("RGBA", "PNG", 4), ("L", "PNG", 1), ("I;16", "PNG", 2), ("RGB", "JPEG", 4),
    ("RGB", "WEBP", 13),
])  # fmt: skip
def test_reading_takes_little_memory_beside_the_decoded_picture(mode, kind, decoded, tmp_path):
    options = {"lossless": True} if kind == "WEBP" else {}
    Image.new(mode, (5000, 4000)).save(tmp_path / "large", kind, **options)
    (tmp_path / "small.png").write_bytes(PNG)
    program = (
        "import resource, sys, warnings; from minimaskrcnn.photo import read_photo\n"
        "warnings.simplefilter('ignore')\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024\n"
        "read_photo(sys.argv[1]); before = peak(); read_photo(sys.argv[2])\n"
        "print((peak() - before) / 20e6)"
    )
    given = [
        sys.executable,
        "-c",
        program,
        str(tmp_path / "small.png"),
        str(tmp_path / "large"),
    ]
    done = subprocess.run(given, capture_output=True, text=True, check=True)
    assert float(done.stdout) < decoded + 3 + 1.5  # the photograph; strips and buffers


def test_floats_half_a_level_outside_become_black_and_white():
    for dtype in (np.float32, np.float64):
        most = np.array([-TOLERANCE, 1 + TOLERANCE], dtype)
        edges = np.array([[np.nextafter(most[0], dtype(0)), np.nextafter(most[1], dtype(1))]])
        assert read_photo(edges)[0, :, 0].tolist() == [0, 255]
    assert levels(np.float64([[-0.5, 1.5]])).tolist() == [[0, 255]]


def test_dark_pictures_of_8_bits_are_as_they_are_and_32_bits_are_refused():
    dark = np.full((4, 4, 3), 3, np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(read_photo(dark), dark)
    with pytest.raises(ImageError, match="values must be uint8, uint16, bool or float"):
        read_photo(dark.astype(np.uint32))
