"""A training can be stopped: it goes on to the same bits, and a wrong checkpoint is refused."""

from dataclasses import replace

import numpy as np
import pytest
from attack import within_limits
from fuzz_checkpoints import grown
from toy_training import NARROW, RUN, TINY, recipe, run, small_scenes, write_checkpoint

from minimaskrcnn.errors import TrainingError
from minimaskrcnn.training import checkpoint
from minimaskrcnn.training.checkpoint import Progress, save_checkpoint
from minimaskrcnn.training.initialise import new_model
from minimaskrcnn.training.recipe import FROM_NOTHING
from minimaskrcnn.training.train import CHECKPOINT, MODEL, train
from minimaskrcnn.weights import load
from minimaskrcnn.weights.tree import named_arrays


def test_an_interrupted_training_goes_on_to_the_same_bits(tmp_path):
    whole, _ = run(tmp_path / "whole", steps=6)
    run(tmp_path / "broken", steps=6, stop_after=3)  # after the checkpoint of step 2
    resumed, said = run(tmp_path / "broken", steps=6)
    assert "going on after step 2" in said[0]
    expected = named_arrays(whole)
    assert all((array == expected[name]).all() for name, array in named_arrays(resumed).items())
    files = [(tmp_path / name / MODEL).read_bytes() for name in ("whole", "broken")]
    assert files[0] == files[1]


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    run(tmp_path)
    with pytest.raises(TrainingError, match=f"rate {FROM_NOTHING.rate}, this one has 0.5"):
        run(tmp_path, rate=0.5)


def test_a_damaged_checkpoint_is_refused_by_name(tmp_path):
    run(tmp_path)
    path = tmp_path / CHECKPOINT
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(TrainingError, match="checkpoint.npz: cannot be read"):
        run(tmp_path)


def test_the_model_and_the_curves_are_there_whenever_the_command_ends(tmp_path):
    run(tmp_path)
    (tmp_path / MODEL).unlink()
    (tmp_path / "losses.png").unlink()
    run(tmp_path)  # nothing is left to do but this
    assert load(tmp_path / MODEL).config == TINY
    assert {path.name for path in tmp_path.iterdir()} == {
        *(CHECKPOINT, MODEL, "losses.png", "log.csv", "lock"),
    }


def test_a_checkpoint_of_another_dataset_or_configuration_is_refused(tmp_path):
    run(tmp_path)
    model = new_model(TINY, NARROW)
    with pytest.raises(TrainingError, match="is of a run with dataset None, this one has mine"):
        train(model, small_scenes, recipe(), 0, tmp_path, say=str, data={"dataset": "mine"})
    names = ("background", "a", "b", "c")
    with pytest.raises(TrainingError, match="run with class_names .*circle.*, this one has .*'a'"):
        run(tmp_path, model=new_model(replace(TINY, class_names=names), NARROW))


@pytest.mark.parametrize("damage", ["step", "run", "run is a list", "memory", "weights"])
def test_a_checkpoint_that_lacks_something_is_refused_and_nothing_of_it_is_taken(tmp_path, damage):
    run(tmp_path)
    with np.load(tmp_path / CHECKPOINT) as file:
        arrays = dict(file)
    if damage == "run is a list":
        arrays["run"] = np.array("[]")
    elif damage == "memory":
        arrays["memory/mean.fpn.smooth.0.bias"] = np.zeros(7)
    elif damage == "weights":
        arrays["weights/rpn.shared.kernel"] = np.zeros(7)
    else:
        del arrays[damage]
    np.savez(tmp_path / CHECKPOINT, **arrays)
    model = new_model(TINY, NARROW, seed=3)
    before = {name: array.copy() for name, array in named_arrays(model).items()}
    with pytest.raises(TrainingError, match=r"checkpoint\.npz: "):
        run(tmp_path, model=model)
    assert all((array == before[name]).all() for name, array in named_arrays(model).items())


def changed_on_purpose(path, change):
    """Change a checkpoint's arrays, and write the checksum that fits."""
    arrays = checkpoint._read(path)
    change(arrays)
    np.savez(path, **arrays, checksum=np.array(checkpoint._checksum(arrays)))


BIAS = "memory/mean.rpn.shared.bias"


ON_PURPOSE = {
    "a step more": lambda a: a.update(step=a["step"] + 1),
    "a step below zero": lambda a: a.update(step=np.array(-3)),
    "a step that is no number": lambda a: a.update(step=np.array("four")),
    "losses of fewer steps": lambda a: a.update(losses=a["losses"][1:]),
    "losses without columns": lambda a: a.update(losses=a["losses"][:, 0]),
    "scores of another shape": lambda a: a.update(scores=np.zeros((2, 2))),
    "weights of another type": lambda a: a.update({RPN: a[RPN].astype(int)}),
    "weights that are texts": lambda a: a.update({RPN: a[RPN].astype(str)}),
    "weights that are not finite": lambda a: a.update({RPN: np.full_like(a[RPN], np.inf)}),
    "a weight too many": lambda a: a.update({"weights/rpn.more": a[RPN]}),
    "a weight less": lambda a: a.pop(RPN),
    "a memory less": lambda a: a.pop(BIAS),
    "a memory of no weight": lambda a: a.update({"memory/mean.nothing": a[BIAS]}),
    "a memory that is not finite": lambda a: a.update({BIAS: a[BIAS] * np.nan}),
    "a run that is a number": lambda a: a.update(run=np.array("7")),
    "no scores": lambda a: a.pop("scores"),
}


RPN = "weights/rpn.shared.bias"


@pytest.fixture
def written(tmp_path):
    """The path of a checkpoint after two steps, and the model that it is of."""
    path = tmp_path / CHECKPOINT
    model, progress = write_checkpoint(path)
    again = checkpoint.load_checkpoint(path, model, RUN)
    assert (again.step, again.losses, again.scores) == (2, progress.losses, progress.scores)
    return path, model


@pytest.mark.parametrize("what", ON_PURPOSE)
def test_a_checkpoint_changed_on_purpose_is_refused(written, what):
    path, model = written
    changed_on_purpose(path, ON_PURPOSE[what])
    with pytest.raises(TrainingError, match=r"checkpoint\.npz: "):
        checkpoint.load_checkpoint(path, model, RUN)


def test_a_damaged_checkpoint_is_refused_in_a_short_sentence(written):
    path, model = written
    content = bytearray(path.read_bytes())
    content[26:28] = b"\xff\xff"  # the first name has 65,535 letters
    path.write_bytes(content)
    with pytest.raises(TrainingError, match=r"checkpoint\.npz: cannot be read") as refusal:
        checkpoint.load_checkpoint(path, model, RUN)
    assert len(str(refusal.value)) < 500 and str(refusal.value).isprintable()


def test_a_checkpoint_that_grows_when_it_is_read_is_refused_before(written):
    path, model = written
    path.write_bytes(grown(path.read_bytes(), f"{RPN}.npy", megabytes=200))

    def refused():
        with pytest.raises(TrainingError, match=r"checkpoint\.npz: .*its arrays are packed"):
            checkpoint.load_checkpoint(path, model, RUN)

    within_limits(refused, megabytes=50)


def test_a_number_changed_in_a_checkpoint_is_noticed(written):
    path, model = written
    arrays = dict(np.load(path))
    arrays[RPN] = arrays[RPN] + np.float32(1e-3)
    np.savez(path, **arrays)
    with pytest.raises(TrainingError, match="do not match its checksum"):
        checkpoint.load_checkpoint(path, model, RUN)


def test_weights_that_are_no_numbers_never_take_a_checkpoint_s_place(tmp_path):
    model, _ = run(tmp_path)
    before = (tmp_path / CHECKPOINT).read_bytes()
    model.rpn.shared.bias[1] = np.nan
    with pytest.raises(TrainingError, match="after step 5 rpn.shared.bias holds .* not finite"):
        save_checkpoint(tmp_path / CHECKPOINT, model, Progress(5), {})
    assert (tmp_path / CHECKPOINT).read_bytes() == before


def test_what_is_half_written_when_the_disk_is_full_is_removed(tmp_path, monkeypatch):
    def full(file, **arrays):
        file.write(b"some")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space left on device") as failure:
        run(tmp_path)
    assert failure.value.filename == str(tmp_path / CHECKPOINT)
    assert {path.name for path in tmp_path.iterdir()} <= {"lock", "log.csv"}
