"""Files that this package cannot read, told apart by their bytes, and what to do about each."""

from minimaskrcnn.errors import WeightsError

SIGNATURE = b"\x89HDF\r\n\x1a\n"

# Forms of HDF5 that are no damage, but that Keras does not write.
REPACK = "`h5repack -f NONE -l CONTI IN.h5 OUT.h5` of the HDF5 tools unpacks it"
NEWER = "an object in a newer form of HDF5 (written with track_order=True or libver='latest'?)"
SAVE_AGAIN = (
    "Load the model with Keras and save it again: model.save_weights(…), without h5py's options "
    "track_order, libver and userblock_size"
)

# Files whose beginning (512 bytes) tells them apart by something further on.
JOIN = (
    "Join them: load them with safetensors into one dict, and write it with "
    "safetensors.torch.save_file"
)
_INDEX = f"lists the files that hold one model, and is not a weight file itself. {JOIN}"
_TAR = (
    "is a tar archive, made by PyTorch before 0.1.10 or from a folder. Unpack it, or save it anew "
    'with PyTorch: torch.save(torch.load("…", weights_only=False), "weights.pth")'
)

_FOREIGN = [  # (how the file begins, what it is)
    (b"<", "is a web page, not weights: what was saved is the page around the download"),
    (b"version https://git-lfs", "is a Git LFS pointer, not weights: run `git lfs pull` beside it"),
    (b"\x1f\x8b", "is compressed: unpack it first (gunzip)"),
    (b"BZh", "is compressed: unpack it first (bunzip2)"),
    (b"\xfd7zXZ", "is compressed: unpack it first (unxz)"),
    (b"\x80", "is a Python pickle that torch.save did not write; it is never opened"),
    (b"{", "is JSON, not weights: what was saved may be a server's error message"),
]


def check_signature(path, head):
    """Raise a WeightsError that says what the file is, unless it begins as HDF5 does.

    Parameters
    ----------
    path : of the file, for the message
    head : its first bytes
    """
    if head.startswith(SIGNATURE):
        return
    if not head:
        raise WeightsError(f"{path}: is empty; a download may have failed. Fetch the file again")
    if not any(head):
        raise WeightsError(f"{path}: begins with zeros: a download was interrupted. Fetch it again")
    if b'"weight_map"' in head or head[257:262] == b"ustar":
        raise WeightsError(f"{path}: {_TAR if head[257:262] == b'ustar' else _INDEX}")
    for start, what in _FOREIGN:
        if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(start):
            raise WeightsError(f"{path}: {what}. Fetch the weights: `minimaskrcnn weights fetch`")
    raise WeightsError(
        f"{path}: is not a weight file (HDF5 begins with {SIGNATURE!r}, this with {head[:8]!r}). "
        "Fetch the weights with `minimaskrcnn weights fetch`, or name another file"
    )


def refuse_user_block(file):
    """II.A: HDF5 may begin at byte 512, 1024, 2048, …, behind bytes of somebody else."""
    place = 512
    while place + len(SIGNATURE) <= file.size:
        file.handle.seek(place)
        if file.handle.read(len(SIGNATURE)) == SIGNATURE:
            raise WeightsError(
                f"{file.path}: begins with a user block of {place:,} bytes, behind which the HDF5 "
                f"file stands. {SAVE_AGAIN}"
            )
        place *= 2
