"""The whole network on a reader's own functions, and the board of what is theirs."""

from pathlib import Path

import numpy as np
import pytest

import minimaskrcnn.model
import minimaskrcnn.nms
from minimaskrcnn import check, conv
from minimaskrcnn.check import adapters, capstone, exchange
from minimaskrcnn.check import asked as asked_module
from minimaskrcnn.layers import Deconv, deconv2d
from minimaskrcnn.training.targets import roi_targets

RIGHT = Path(__file__).parent / "my_network.py"
NMS = minimaskrcnn.nms.nms


@pytest.fixture
def written(tmp_path):
    """A function that writes a reader's file and returns what `mine` says of it."""

    def write(source):
        path = tmp_path / "my_network.py"
        path.write_text("import numpy as np\n" + source, encoding="utf-8")
        return check.mine(path)

    return write


def states(board):
    return {stage.name: stage.state for stage in board.stages}


def test_the_network_finds_the_coins_on_eighteen_functions_of_a_reader():
    board = check.mine(RIGHT)
    assert set(states(board).values()) == {"yours"} and len(board.stages) == 18
    assert "finds 24 coins, the same as the package's own functions" in board.said
    assert "18 of 18 stages are yours" in repr(board) and len(board.found) == 24
    assert board.picture().encoded and minimaskrcnn.nms.nms is NMS


def test_the_answer_is_computed_by_the_readers_functions_and_not_by_the_package(monkeypatch):
    asked = []
    functions = exchange.functions_of(RIGHT)
    own = functions["softmax"]
    functions["softmax"] = lambda logits: asked.append(logits.shape) or own(logits)
    monkeypatch.setattr(capstone, "functions_of", lambda path: functions)
    monkeypatch.setattr(asked_module, "ASKED", 0)  # nothing but the last run asks it
    board = check.mine(RIGHT)
    in_the_network = [shape for shape in asked if shape[0] > 9]  # the check's cases are small
    assert len(in_the_network) == 2 and "24 coins" in board.said  # RPN and box head


def test_what_differs_is_said_of_each_function_and_the_package_takes_its_place(written):
    board = written(
        "def my_nms(boxes, scores, t):\n    return np.argsort(-scores)\n"
        "def upsample(x):\n    pass\n"
        "def my_pyramid(c_maps, fpn):\n    raise KeyError('oh')\n"
        "def softmax(x):\n    return x\n"
        "def mine_too():\n    pass\n"
    )
    said = {stage.name: stage.said for stage in board.stages if stage.state == "wrong"}
    assert set(states(board).values()) == {"wrong", "missing"} and len(said) == 4
    assert "IoU is 0.82 here" in said["nms"] and said["upsample"] == "not written yet"
    assert "KeyError: 'oh'; in the line: raise KeyError('oh')" in said["pyramid"]
    assert "two classes; e to the power of each logit is missing" in said["softmax"]
    assert "24 coins, the same" in board.said and "not used by a prediction: mine_too" in board.said


def test_what_is_wrong_in_the_network_alone_is_said_too(written):
    board = written(
        RIGHT.read_text(encoding="utf-8") + "def large(right, wrong):\n"
        "    return lambda x, *more: (right if len(x) < 9 else wrong)(x, *more)\n"
        "softmax = large(my_softmax, lambda x: np.full_like(x, np.nan))\n"
        "my_mold = large(my_mold, lambda framed, config: framed * 1.0)\n"
        "my_box_head = large(my_box_head, lambda x, head: (x, x))\n"
        "del my_softmax\n"
    )
    said = {stage.name: stage.said for stage in board.stages if stage.state == "wrong"}
    assert set(said) == {"softmax", "mold", "box_head"}
    assert all(text.startswith("in the network, ") for text in said.values())
    assert "NaN" in said["softmax"] and "differ, by up to" in said["mold"]
    assert "wanted the shape" in said["box_head"]


def test_a_right_function_that_would_take_too_long_is_left_out_and_called_right(
    written, monkeypatch
):
    monkeypatch.setattr(capstone, "PATIENCE", 1.5)
    monkeypatch.setattr(asked_module, "PATIENCE", 1.5)
    slow = RIGHT.read_text(encoding="utf-8").replace(
        "def my_softmax(logits):", "def my_softmax(logits):\n    __import__('time').sleep(0.9)"
    )
    monkeypatch.setattr(capstone, "STAGES", (("08", "softmax"), ("05", "upsample")))
    board = written(slow)
    assert states(board) == {"softmax": "slow", "upsample": "yours"}
    assert "right, but left out: the whole run would take" in repr(board)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def f(:\n", "is not Python (line 2: invalid syntax)"),
        ("1 / 0\n", "cannot be run (ZeroDivisionError: division by zero)"),
        ("import sys\nsys.exit()\n", "cannot be run (SystemExit: )"),
    ],
)
def test_a_file_that_gives_no_functions_gets_a_sentence(written, source, said):
    board = written(source)
    assert board.stages == () and said in repr(board) and "my_network.py" in repr(board)
    with pytest.raises(ValueError, match="my_network.py"):
        board.picture()


@pytest.mark.parametrize(
    ("path", "said"),
    [("none.py", "none.py: there is no such file"), (3, "the path of a Python file is wanted")],
)
def test_what_is_no_file_gets_a_sentence(path, said):
    assert said in repr(check.mine(path))


def test_the_package_is_as_before_whatever_happens():
    with pytest.raises(KeyboardInterrupt), exchange.exchanged([(NMS, print)]):
        assert minimaskrcnn.nms.nms is minimaskrcnn.proposals.nms is print
        raise KeyboardInterrupt
    assert minimaskrcnn.nms.nms is minimaskrcnn.proposals.nms is NMS


def test_the_functions_of_the_two_conventions_are_not_confused():
    for _, name in capstone.STAGES:
        (home,) = exchange.homes_of(name)
        assert "torchvision" not in home.__name__


def test_a_slow_right_function_is_called_right_and_slow_and_a_quick_one_only_right():
    from minimaskrcnn.nms import nms_plain

    def slow(boxes, scores, threshold):
        __import__("time").sleep(0.05)
        return nms_plain(boxes, scores, threshold)

    verdict = check.nms(slow)
    assert verdict.agrees and "right, but some" in verdict.text and "times slower" in verdict.text
    assert check.nms(lambda b, s, t: NMS(b, s, t)).text == "all agree: 10 cases"


def test_an_own_deconvolution_has_the_relu_and_the_batch_of_the_package():
    own, rng = exchange.functions_of(RIGHT)["deconv2d"], np.random.RandomState(0)
    called = adapters.adapted("deconv2d", own, deconv2d)
    layer = Deconv(rng.standard_normal((2, 2, 3, 4)).astype(np.float32), np.zeros(3, np.float32))
    for shape in ((5, 6, 4), (2, 5, 6, 4), (0, 5, 6, 4)):
        x = rng.standard_normal(shape).astype(np.float32)
        for relu in (False, True):
            given = x, layer, relu
            np.testing.assert_allclose(called(*given), deconv2d(*given), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("more", [{}, {"fill": True}, {"share": 0.5}])
def test_own_targets_that_are_three_things_become_those_of_the_package(more):
    own, rng = exchange.functions_of(RIGHT)["roi_targets"], np.random.RandomState(0)

    def loosely(proposals, boxes, class_ids, crowd_boxes, count, rng, delta_std):
        given = proposals, boxes, class_ids, crowd_boxes, count, rng, delta_std
        rois, labels, deltas = own(*given)
        return rois.tolist(), labels.astype(np.int32), deltas.astype(float)

    called = adapters.adapted("roi_targets", loosely, roi_targets)
    corners = rng.uniform(0, 0.6, (60, 2))
    boxes = np.hstack([corners, corners + rng.uniform(0.1, 0.4, (60, 2))]).astype(np.float32)
    given = boxes, boxes[::10], np.arange(1, 7), boxes[3:4], 20
    std = (0.1, 0.1, 0.2, 0.2)
    answers = [f(*given, np.random.RandomState(1), std, **more) for f in (called, roi_targets)]
    for field in ("rois", "class_ids", "deltas", "objects"):
        mine, wanted = (getattr(answer, field) for answer in answers)
        assert mine.dtype == wanted.dtype and mine.shape == wanted.shape
        np.testing.assert_allclose(mine, wanted, atol=1e-5)


def test_a_misspelt_name_is_told_with_the_one_that_may_be_meant(written):
    wrong = "def my_nsm(b, s, t):\n    pass\n\ndef softmaks(x):\n    pass\n\n"
    wrong += "def my_iou(a, b):\n    pass\n"
    said = written(wrong).said
    assert "nsm (did you mean nms?), softmaks (did you mean softmax?)" in said
    assert "iou_matrix" in said and "iou_matrix (did" not in said
    board = written(wrong + "def softmax(x):\n    return x\n")
    assert "softmaks (did" not in board.said  # softmax is there


def test_the_network_is_given_arrays_whatever_the_reader_returns():
    boxes, scores = np.array([[0, 0, 9, 9], [20, 0, 29, 9]], np.float32), np.ones(2, np.float32)
    for answer in ([1, 0], (1, 0), np.array([1, 0], np.uint64), np.array([1, 0], np.int32)):
        given = adapters.adapted("nms", lambda *a, answer=answer: answer, NMS)(boxes, scores, 0.5)
        assert given.dtype == np.int64 and given.tolist() == [1, 0]
    assert adapters.like(None, boxes) is None and adapters.like(..., boxes) is ...


def test_fewer_coins_are_not_called_the_same():
    found = check.mine(RIGHT).found
    assert "the same as" in capstone._comparison(found, found)
    said = capstone._comparison(found[:23], found)
    assert "finds 23 coins, not the 24 of the package's own" in said


def test_an_answer_counts_as_agreeing_as_a_check_would_have_it():
    from minimaskrcnn.check.verdict import agree

    wanted = np.array([1.0, 2.0], np.float32)
    assert agree([1, 2.00001], wanted) and not agree([1, 2.01], wanted)
    assert not agree([[1, 2]], wanted) and not agree(None, wanted)
    whole = np.array([1, 2])
    assert agree(np.array([1, 2], np.uint8), whole) and not agree([1.0, 2.0], whole)
    assert agree((wanted, whole), (wanted, whole)) and not agree(wanted, (wanted, whole))


def test_a_folder_is_no_file_of_functions(tmp_path):
    assert "there is no such file" in repr(check.mine(tmp_path))


def test_a_function_of_the_exercise_answers_as_the_package_does_with_all_arguments():
    functions = exchange.functions_of(RIGHT)
    rs = np.random.RandomState(0)
    x, add = (rs.standard_normal((2, 5, 6, n)).astype(np.float32) for n in (3, 4))
    layer = conv.Conv(rs.standard_normal((3, 3, 3, 4)).astype(np.float32), add[0, 0, 0], 1, (1, 1))
    own = adapters.adapted("conv2d", functions["conv2d"], conv.conv2d)
    for relu, shortcut in ((False, None), (True, None), (False, add), (True, add)):
        wanted = conv.conv2d(x, layer, relu=relu, add=shortcut)
        np.testing.assert_allclose(own(x, layer, relu, add=shortcut), wanted, atol=1e-4)
    boxes = np.array([[0, 0, 4, 4], [0, 1, 4, 5], [8, 8, 9, 9]], np.float32)
    own = adapters.adapted("nms", functions["nms"], NMS)
    kept = own(boxes, np.array([0.9, 0.8, 0.7], np.float32), 0.5, limit=1)
    assert kept.tolist() == [0] and kept.dtype == np.int64
    with pytest.raises(ValueError, match="boxes"):
        own(boxes[:, :3], np.zeros(3, np.float32), 0.5)
