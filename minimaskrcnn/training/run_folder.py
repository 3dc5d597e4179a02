"""The folder of a run: what is in it, who may write there, and going on from its checkpoint.

Idea    Whenever training ends or breaks off, the folder holds a whole checkpoint, the model as it
        predicts, the best one so far, the curves and their numbers.
Shapes  model, Progress  ->  files
"""

from contextlib import ExitStack, contextmanager

from minimaskrcnn.conv import folded
from minimaskrcnn.errors import TrainingError
from minimaskrcnn.training.checkpoint import Progress, load_checkpoint
from minimaskrcnn.training.curve import draw_curve, write_table
from minimaskrcnn.training.watch import has_stopped, is_better, look
from minimaskrcnn.weights.lock import locked_alone
from minimaskrcnn.weights.store import save

CHECKPOINT = "checkpoint.npz"  # to go on from
MODEL = "model.h5"  # what `load_model` reads
BEST = "best.h5"  # the same, as it was when the validation set was predicted best
CURVE = "losses.png"
TABLE = "log.csv"
LOCK = "lock"


@contextmanager
def alone(folder):
    """Hold the folder's lock, so that two trainings do not write into one another's files."""
    with ExitStack() as stack:
        try:
            stack.enter_context(locked_alone(folder / LOCK))
        except (BlockingIOError, PermissionError) as error:
            raise TrainingError(
                f"{folder}: another training is writing into this folder; give another --output"
            ) from error
        yield


def begun(folder, model, whose, recipe, prolong):
    """The Progress of the folder's run; a new one if there is none."""
    path = folder / CHECKPOINT
    if not path.exists():
        if prolong:
            raise TrainingError(f"{folder}: has no checkpoint to go on from; leave --resume out")
        return Progress()
    progress = load_checkpoint(path, model, whose, prolong)
    if progress.step > recipe.steps:
        raise TrainingError(
            f"{path}: has {progress.step} steps behind it, more than {recipe.steps}; give more "
            "steps or another folder"
        )
    return progress


def described(settings):
    """A Recipe or Config as text by name, to tell whether a checkpoint is of the same one."""
    values = {name: getattr(settings, name) for name in settings.__dataclass_fields__}
    return {name: getattr(v, "__name__", None) or str(v) for name, v in values.items()}


def publish(folder, model, progress, run):
    """Write the curves, and the model as it predicts: folded by `save`, 16 bits: costs no AP."""
    save(model, folder / MODEL, _told(progress, run), float16=True)
    draw_curve(folder / CURVE, progress.losses, progress.scores)
    write_table(folder / TABLE, progress.losses, progress.scores)


def _told(progress, run):
    """What a model file says about its training."""
    told = {"trained_by": "minimaskrcnn train", "steps_done": str(progress.step)}
    return told | {name: str(value) for name, value in run.items()}


def watched(watch, model, progress, recipe, folder, run, say):
    """Look at the validation set if it is time; returns whether training should stop early."""
    step = progress.step
    if watch is None or (step % watch.every and step != recipe.steps):
        return False
    ready = folded(model)
    progress.scores.append([step, *look(watch, ready, folder)])
    box_ap, mask_ap = progress.scores[-1][1:]
    best = is_better(progress.scores)
    if best:
        save(ready, folder / BEST, _told(progress, run), float16=True)
    say(f"step {step}: validation AP boxes {box_ap:.3f}, masks {mask_ap:.3f}{', the best' * best}")
    if has_stopped(progress.scores, watch.patience):
        say(f"stopped: no better for {watch.patience} validations; the best model is {BEST}")
        return True
    return False
