"""The pretrained weights: fetched once, verified, converted, and found again.

Idea    The folder of `weights_home` ends up with one file, the converted one: it opens faster than
        the original, says which original it was made from (size and SHA-256), and is half of the
        disk space that both would take; the original is removed after conversion. A file has its
        final name only when it is complete and verified. Without a network the original can be put
        into the folder by hand; that one is the user's and stays.
"""

import os
import shutil
from pathlib import Path

from minimaskrcnn.config import COCO
from minimaskrcnn.errors import WeightsError
from minimaskrcnn.runtime.files import leftovers
from minimaskrcnn.weights.causes import DownloadError
from minimaskrcnn.weights.convert import convert, load, provenance_of
from minimaskrcnn.weights.http import DEADLINE, PAUSES, TIMEOUT, download, forget
from minimaskrcnn.weights.known import COCO_FILE, RELEASES
from minimaskrcnn.weights.lock import checksum, locked


def weights_home():
    """The folder of fetched weights: MINIMASKRCNN_HOME, or else the platform's cache folder."""
    home = os.environ.get("MINIMASKRCNN_HOME")
    if not home:
        import platformdirs

        return Path(platformdirs.user_cache_dir("minimaskrcnn"))
    try:
        return Path(home).expanduser()
    except RuntimeError as error:  # of a user who is not there
        raise WeightsError(
            f"MINIMASKRCNN_HOME is {home!r:.100}, the home folder of an unknown user "
            f"({error}); set it to a folder, or unset it"
        ) from error


def published_weights(name):
    """Return the path of published weights, converted; fetches them if they are not there yet.

    Parameters
    ----------
    name : "coco", "torchvision" or "torchvision-v2", a key of `known.RELEASES`
    """
    target = _target(RELEASES[name], weights_home())
    return target if target.exists() else fetch(RELEASES[name])


def fetch(
    release=COCO_FILE,
    home=None,
    progress=True,
    pauses=PAUSES,
    timeout=TIMEOUT,
    deadline=DEADLINE,
):
    """Make sure that the weights of a release are there, verified and converted.

    Safe to call from several processes at once: one works, the others wait.

    Parameters
    ----------
    release : Release
    home : folder to keep them in; None for `weights_home()`
    progress, pauses, timeout, deadline : as in `http.download`

    Returns
    -------
    Path of the converted file

    Raises
    ------
    WeightsError
        If they cannot be obtained; says why, and how to go on.
    """
    home = Path(home) if home is not None else weights_home()
    target = _target(release, home)
    try:
        home.mkdir(parents=True, exist_ok=True)
        with locked(home / "fetch.lock"):
            if not _is_good(target, release):
                _remove_leftovers(target)
                _obtain(release, home, target, (progress, pauses, timeout, deadline))
    except OSError as error:
        raise _not_to_be_had(
            release, home, f"the folder {home} cannot be written to ({error.strerror or error})"
        ) from error
    return target


def _obtain(release, home, target, how):
    """Convert the original into `target`: the one put here by hand, or a fetched one."""
    by_hand, part = home / release.name, home / f"{release.name}.part"
    if by_hand.exists():
        verify_release(by_hand, release)
        return convert(by_hand, target, _config_of(release))
    if os.environ.get("MINIMASKRCNN_OFFLINE", "0") not in ("", "0"):
        raise _not_to_be_had(
            release, home, "MINIMASKRCNN_OFFLINE is set, so the network is not used"
        )
    _check_space(release, home, part)
    try:
        _download_verified(release, part, how)
        convert(part, target, _config_of(release), source_name=release.name)
    except DownloadError as error:
        raise _not_to_be_had(release, home, str(error)) from error
    except OSError as error:  # no space is the likeliest: give back what we took
        forget(part)
        raise _not_to_be_had(
            release, home, f"{part} cannot be written ({error.strerror or error})"
        ) from error
    forget(part)


def _config_of(release):
    """The Config of published weights; None: torchvision's, which the file's arrays decide."""
    return COCO if release.name.endswith(".h5") else None


def _download_verified(release, part, how):
    """Download; if what arrived is not the published file, once more from the beginning."""
    for attempt in (1, 2):
        download(release, part, *how)
        try:
            return verify_release(part, release)
        except WeightsError as error:
            forget(part)
            if attempt == 2:
                raise DownloadError(
                    f"what arrived is not the published file: {error}", False
                ) from error


def verify_release(path, release):
    """Raise a WeightsError unless the file is that of the release, by size and SHA-256.

    The MD5 proves nothing: other files with the same one can be made.
    """
    size, sha256 = Path(path).stat().st_size, checksum(path)
    if release.is_this(size, sha256):
        return
    raise WeightsError(
        f"{path}: is not the published {release.name}: it has {size:,} bytes and SHA-256 {sha256}, "
        f"the published one {release.facts}. Remove it and fetch again: `minimaskrcnn weights "
        "fetch`"
    )


def _is_good(target, release):
    """Whether a converted file is there and whole, and states that it was made from the release."""
    try:
        if not target.exists():
            return False
        source = provenance_of(target)
        stated = source.get("source_bytes"), source.get("source_sha256")
        return release.is_this(*stated) and load(target) is not None
    except WeightsError:
        return False


def _remove_leftovers(target):
    """Half-converted files of processes that were killed; under the lock, none is being written."""
    for leftover in leftovers(target):
        leftover.unlink(missing_ok=True)


def _check_space(release, home, part):
    have = part.stat().st_size if part.exists() else 0
    size = release.size or int(release.mebibytes * 2**20)
    needed, free = 2 * size - have, shutil.disk_usage(home).free
    if free < needed:
        raise _not_to_be_had(
            release, home, f"{home} has {free / 1e6:,.0f} MB left, {needed / 1e6:,.0f} are needed"
        )


def _target(release, home):
    return home / f"{Path(release.name).stem}.converted.h5"


def _not_to_be_had(release, home, reason):
    return WeightsError(
        f"the weights {release.name} cannot be obtained: {reason}. Try again with `minimaskrcnn "
        f"weights fetch`; or get {release.url} by other means and put it into {home} "
        f"({release.facts}; the variable MINIMASKRCNN_HOME names another folder); or go on with "
        "the small model that is part of the package: --weights shapes, or in Python "
        'weights="shapes"'
    )
