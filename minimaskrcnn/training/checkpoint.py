"""Checkpoints: everything that training needs to go on as if it had not been interrupted.

Idea    The weights as they learn (float32, normalisations not folded), what the optimiser
        remembers, the step and the losses so far. The batches need no memory: they follow from seed
        and step. A checkpoint is written beside the old one and takes its place at once, so that
        there is always a whole one. A checksum over all of it makes any damage an error. A file
        that was changed on purpose may have a new checksum; so shapes and types are checked, too.
Shapes  one .npz file of named arrays
"""

import hashlib
import json
import os
import zipfile
from dataclasses import dataclass, field

import numpy as np

from minimaskrcnn.errors import TrainingError
from minimaskrcnn.runtime.files import written_whole
from minimaskrcnn.runtime.opening import open_regular
from minimaskrcnn.training.losses import LOSS_NAMES
from minimaskrcnn.weights.tree import named_arrays

LOSSES = len(LOSS_NAMES) + 2  # of each step: the losses, the gradient's length, the rate


@dataclass
class Progress:
    """How far a training has come; `train` writes into it."""

    step: int = 0  # steps done
    memory: dict = field(default_factory=dict)  # of the optimiser, arrays by name
    losses: list = field(default_factory=list)  # of each step: five losses, gradient length, rate
    scores: list = field(default_factory=list)  # of each look: step, AP of boxes, AP of masks


def save_checkpoint(path, model, progress, run):
    """Write a checkpoint.

    Parameters
    ----------
    path : of the .npz file
    model : MaskRCNN
    progress : Progress
    run : dict that describes the run (seed, recipe); resuming another one is refused

    Raises
    ------
    TrainingError
        If a weight is not finite; the checkpoint before stays as it is.
    """
    weights = named_arrays(model)
    broken = [name for name, array in weights.items() if not np.isfinite(array).all()]
    if broken:
        raise TrainingError(
            f"after step {progress.step} {broken[0]} holds numbers that are not finite: the "
            f"training has diverged; {path} was left as it was, try a lower learning rate"
        )
    arrays = {f"weights/{name}": array for name, array in weights.items()}
    arrays.update((f"memory/{name}", array) for name, array in progress.memory.items())
    arrays.update(
        step=np.array(progress.step),
        losses=np.array(progress.losses, np.float64),
        scores=np.array(progress.scores, np.float64).reshape(-1, 3),
        run=np.array(json.dumps(run)),
    )
    arrays["checksum"] = np.array(_checksum(arrays))
    with written_whole(path) as beside, beside.open("wb") as file:
        np.savez(file, **arrays)
        file.flush()
        os.fsync(file.fileno())


def load_checkpoint(path, model, run, prolong=False):
    """Put a checkpoint's weights into `model` and return its Progress.

    Parameters
    ----------
    path, model, run : as in `save_checkpoint`
    prolong : whether the run may be one with more steps than the checkpoint's

    Raises
    ------
    TrainingError
        If the file is damaged, belongs to another model or to another run.
    """
    try:
        arrays = _read(path)
        stored_run = json.loads(str(arrays["run"]))
        progress = Progress(int(arrays["step"]), losses=arrays["losses"].tolist())
        progress.scores = arrays["scores"].tolist()
        progress.memory = _within("memory/", arrays)
    except Exception as error:  # zip files and NumPy's headers fail in many ways
        raise _unreadable(path, error) from error
    if prolong and isinstance(stored_run, dict):
        stored_run = {**stored_run, "steps": run.get("steps")}
    _check_same_run(path, stored_run, run)
    weights, stored = named_arrays(model), _within("weights/", arrays)
    for name in weights.keys() | stored.keys():
        if not _fits(stored.get(name), weights.get(name)):
            raise TrainingError(f"{path}: belongs to another model, {name} does not fit")
    _check_progress(path, progress, weights)
    for name, array in weights.items():
        array[...] = stored[name]
    return progress


def _read(path):
    """All arrays of a checkpoint, if its contents match its checksum."""
    with open_regular(path) as opened:
        _check_unpacked(opened)
        with np.load(opened) as file:
            arrays = {name: file[name] for name in file.files}
    checksum = str(arrays.pop("checksum", "none"))
    if checksum != _checksum(arrays):
        raise ValueError("its contents do not match its checksum")
    return arrays


def _check_unpacked(opened):
    """Refuse an archive whose files grow when they are read; a checkpoint's are not packed."""
    with zipfile.ZipFile(opened) as archive:
        files = archive.infolist()
    grow = sum(file.file_size for file in files) > os.fstat(opened.fileno()).st_size
    if grow or any(file.compress_type != zipfile.ZIP_STORED for file in files):
        raise ValueError("its arrays are packed, as those of a checkpoint never are")
    opened.seek(0)


def _checksum(arrays):
    """SHA-256 over the arrays' names, types, shapes and numbers."""
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(repr((name, array.dtype.str, array.shape)).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _fits(array, weight):
    """Whether both are there, of one shape, and the first holds finite floating-point numbers."""
    if array is None or weight is None or array.shape != weight.shape:
        return False
    return array.dtype.kind == "f" and bool(np.isfinite(array).all())


def _check_progress(path, progress, weights):
    """Refuse what no training writes: losses of other steps, a memory of what does not learn."""
    wrong, owners = [], {}  # of each kind of memory, such as the momentum: the weights it is of
    for name, array in progress.memory.items():
        kind, _, owner = name.partition(".")
        owners.setdefault(kind, set()).add(owner)
        if not _fits(array, weights.get(owner)):
            wrong.append(name)
    if len({frozenset(names) for names in owners.values()}) > 1:
        wrong.append("the optimiser's memory")
    if progress.step < 1 or np.shape(progress.losses) != (progress.step, LOSSES):
        wrong.append("the list of losses")
    if progress.scores and np.shape(progress.scores)[1:] != (3,):
        wrong.append("the list of scores")
    if wrong:
        raise TrainingError(f"{path}: is damaged, {wrong[0]} does not fit; delete it to begin anew")


def begun_steps(path):
    """How many steps the run of a checkpoint was begun with; None if there is no such file."""
    try:
        return int(json.loads(str(_read(path)["run"]))["steps"])
    except FileNotFoundError:
        return None
    except Exception as error:  # as in `load_checkpoint`
        raise _unreadable(path, error) from error


def _unreadable(path, error):
    why = f"{type(error).__name__}: {error!s:.200}"
    return TrainingError(f"{path}: cannot be read as a checkpoint ({why}); delete it to begin anew")


def _within(prefix, arrays):
    """The arrays whose names begin so, by the rest of their names."""
    return {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}


def _check_same_run(path, stored, run):
    if not isinstance(stored, dict):
        raise TrainingError(f"{path}: is not the checkpoint of a training; delete it to begin anew")
    for name in sorted(stored.keys() | run.keys()):
        if stored.get(name) != run.get(name):
            raise TrainingError(
                f"{path}: is of a run with {name} {stored.get(name)}, this one has "
                f"{run.get(name)}; give the same settings or another folder"
            )
