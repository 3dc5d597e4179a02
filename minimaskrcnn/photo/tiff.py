"""TIFF: what its tags declare, where Pillow would show something else.

Idea    A TIFF says how many bits its values have, whether 0 is white, and how the values lie in the
        file. Of the unusual combinations some are put right here; the others are refused with the
        true reason.
Source  TIFF 6.0 (Adobe 1992); TIFF/EP and DNG for the raw files of cameras. Which combinations
        Pillow decodes rightly was tried: all of sample format, bits, planes, packing, byte order.
Shapes  tags of the first picture  ->  why it is refused; its white, and whether it is inverted
"""

from dataclasses import dataclass

from minimaskrcnn.photo.endings import RAW, RAW_ADVICE

SUBFILE, BITS, COMPRESSION, PHOTOMETRIC, SAMPLES, PLANES = 254, 258, 259, 262, 277, 284
WIDTH, HEIGHT, ORIENTATION, SUB_PICTURES, SAMPLE_FORMAT = 256, 257, 274, 330, 339
SUBSAMPLING, DNG_VERSION = 530, 50706
WHITE_IS_ZERO, YCBCR, SENSOR, LINEAR_RAW = 0, 6, 32803, 34892  # values of PHOTOMETRIC
UNSIGNED, SIGNED, FLOAT = 1, 2, 3  # values of SAMPLE_FORMAT
UNPACKED = 1  # value of COMPRESSION
_AS_ARRAY = "read it with tifffile and give the array, scaled to 0 … 1"


@dataclass(frozen=True)
class Tags:
    """What counts of the tags of a TIFF's first picture, with the values that missing ones have."""

    bits: int  # of a value
    samples: int  # values per pixel
    photometric: int
    form: int
    in_planes: bool  # all red values first, then all green ones
    packed: bool
    big_endian: bool
    subsampled: bool  # colours at half the resolution
    preview: bool  # marked as a smaller copy of another picture in the file
    raw: bool  # from a camera's sensor


def tags_of(file, ending):
    """The Tags of an open TIFF file; raises nearly anything if it is damaged."""
    file.seek(0)
    header = file.read(16)
    found = read_tags(file)
    photometric = found.get(PHOTOMETRIC, 1)
    preview = bool(found.get(SUBFILE, 0) & 1)
    raw = DNG_VERSION in found or photometric in (SENSOR, LINEAR_RAW) or ending in RAW
    return Tags(
        bits=found.get(BITS, (1,))[0],
        samples=found.get(SAMPLES, 1),
        photometric=photometric,
        form=_single(found.get(SAMPLE_FORMAT, UNSIGNED)),
        in_planes=found.get(PLANES, 1) == 2,
        packed=found.get(COMPRESSION, UNPACKED) != UNPACKED,
        big_endian=header[:2] == b"MM",
        subsampled=photometric == YCBCR and found.get(SUBSAMPLING, (1, 1)) != (1, 1),
        preview=preview,
        raw=raw or (preview and SUB_PICTURES in found) or header[8:10] == b"CR",  # Canon's CR2
    )


def read_tags(file):
    """The tags of a TIFF's first picture by number, as Pillow unpacks them."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    file.seek(0)
    header = file.read(8)
    header += file.read(8) if header[2:4] in (b"+\0", b"\0+") else b""  # BigTIFF
    directory = ImageFileDirectory_v2(header)
    file.seek(directory.next)
    directory.load(file)
    return directory


def why_refused(tags):
    """Why a TIFF is not read, though Pillow would show something; "" if it is."""
    if tags.raw:
        return f"is a {RAW_ADVICE} (what else it holds is a small preview)"
    if tags.preview:
        return "begins with a small preview of another picture in the file; save that alone"
    if tags.form == SIGNED or tags.form == UNSIGNED and tags.bits > 16:
        return f"{described(tags)}, whose values do not say what is white; {_AS_ARRAY}"
    if tags.form == FLOAT and (tags.samples > 1 or tags.bits != 32 or _turned(tags)):
        return f"{described(tags)}, which Pillow does not decode correctly; {_AS_ARRAY}"
    if tags.in_planes and tags.bits > 8 and not tags.packed or tags.subsampled and not tags.packed:
        return f"{described(tags)}, which Pillow does not decode correctly; {_AS_ARRAY}"
    return ""


def described(tags):
    """What kind of TIFF it is, in the words of its tags."""
    values = {UNSIGNED: "integers", SIGNED: "signed integers", FLOAT: "floats"}
    words = [f"is a TIFF of {tags.bits}-bit {values.get(tags.form, 'values')}"]
    words += [f"{tags.samples} in a pixel"] if tags.samples > 1 else []
    words += ["in separate planes"] if tags.in_planes else []
    words += ["with subsampled colours"] if tags.subsampled else []
    words += ["where 0 is white"] if tags.photometric == WHITE_IS_ZERO else []
    words += ["the high byte first"] if tags.big_endian and tags.bits > 8 else []
    return ", ".join(words)


def _turned(tags):
    """Whether the bytes of values come out in the wrong order: Pillow forgets to turn them."""
    return tags.packed and tags.big_endian


def _single(value):
    """One of the values of a tag that has one per sample, all equal."""
    return value[0] if isinstance(value, tuple) else value
