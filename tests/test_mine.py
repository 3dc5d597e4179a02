"""`--mine FILE`: the tests of a stage run on a reader's own functions."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mine import settle

from minimaskrcnn import check
from minimaskrcnn.check.adapters import adapted
from minimaskrcnn.conv import BatchNorm, Conv, fold_batch_norm

ROOT = Path(__file__).parent.parent
THE_THRESHOLD = "test_an_overlap_equal_to_the_threshold_is_kept"
RIGHT = """
import numpy as np
from numba import njit
from minimaskrcnn.boxes import iou_matrix

def my_nms(boxes, scores, iou_threshold, limit=None):
    keep, iou = [], iou_matrix(boxes, boxes)
    for i in np.argsort(-scores, kind="stable"):
        if all(iou[i, j] <= np.float32(iou_threshold) for j in keep):
            keep.append(i)
    return np.array(keep[:limit], np.int64)
"""


def run_on(tmp_path, source, *selection):
    """The exit status and output of the tests of NMS, run on the functions of a file."""
    path = tmp_path / "my_nms.py"
    path.write_text(source, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests/test_09_nms.py"]
    done = subprocess.run(
        [*command, "--mine", path, *selection], cwd=ROOT, capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


def test_a_right_version_passes_and_is_said_to_have_been_tested(tmp_path):
    status, output = run_on(tmp_path, RIGHT, "-k", f"{THE_THRESHOLD} or chain or equal")
    assert status == 0 and "--mine: your 'nms' was tested as minimaskrcnn.nms.nms" in output


@pytest.mark.parametrize(
    "returned",
    ["keep", "np.array(keep, np.int32)", "np.array(keep, np.uint8)", "tuple(int(i) for i in keep)"],
)
def test_what_the_exercise_calls_right_passes_all_tests(tmp_path, returned):
    loose = RIGHT.replace(", limit=None", "").replace("np.array(keep[:limit], np.int64)", returned)
    loose = loose.replace("my_nms", "right_nms")
    names = {}
    exec(loose, names)
    assert check.nms(names["right_nms"]).agrees
    status, output = run_on(tmp_path, loose.replace("right_nms", "my_nms"))
    assert status == 0, output[-2000:]


def test_a_report_says_of_every_function_what_is_right_and_wrong(tmp_path):
    wrong = "def my_softmax(logits):\n    return logits\n\ndef iou(a, b):\n    return a\n"
    status, output = run_on(tmp_path, RIGHT + wrong, "--grade", tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    rows = {row["name"]: row for row in report["functions"]}
    assert status == 0 and f"1 of {len(rows)} functions are right" in output
    assert "24 coins" in report["network"] and len(rows) >= 20
    assert rows["nms"]["state"] == "yours" and rows["conv2d"]["state"] == "missing"
    assert rows["softmax"]["state"] == rows["iou_matrix"]["state"] == "wrong"
    assert "is missing" in rows["softmax"]["said"] and rows["iou_matrix"]["said"]


def test_the_command_that_the_teachers_page_prints_writes_the_report(tmp_path):
    page = (ROOT / "chapters" / "TEACHING.md").read_text(encoding="utf-8")
    (line,) = [line.strip() for line in page.splitlines() if "--grade" in line]
    (tmp_path / "my_network.py").write_text(RIGHT, encoding="utf-8")
    command = line.replace("pytest tests", f"pytest {ROOT / 'tests'}").split()
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0 and (tmp_path / "report.json").exists(), done.stdout + done.stderr


def test_a_report_without_functions_is_refused(tmp_path):
    command = [sys.executable, "-m", "pytest", "tests", "--grade", tmp_path / "report.json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 4 and "--mine FILE says whose functions" in done.stderr
    assert not (tmp_path / "report.json").exists()


def test_wrong_versions_fail_and_names_that_the_package_does_not_have_are_reported(tmp_path):
    wrong = RIGHT.replace("<=", "<") + (
        "@njit\ndef nms_plain(boxes, scores, iou_threshold, limit=None):\n    return scores\n\n"
        "def nmss(boxes):\n    pass\n\ndef _helper():\n    pass\n"
    )
    status, output = run_on(tmp_path, wrong, "-k", THE_THRESHOLD)
    assert status == 1 and "2 failed" in output and f"{THE_THRESHOLD}[my_nms]" in output
    assert "your 'nms_plain' was tested" in output  # a compiled function counts as well
    assert "the package has no function 'nmss'; it is not tested" in output  # nms is there
    assert "_helper" not in output and "'iou_matrix'" not in output  # what is imported is not mine


def test_stages_use_the_readers_function_and_a_file_with_nothing_to_test_is_an_error(tmp_path):
    (tmp_path / "own.py").write_text("def nms(*arguments):\n    raise RuntimeError('mine')\n")
    (tmp_path / "none.py").write_text("def nmss(boxes):\n    pass\n")
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'tests')!r})\n"
        "import numpy as np\n"
        "import mine, minimaskrcnn.nms, minimaskrcnn.proposals, minimaskrcnn.check\n"
        "kernel, check = minimaskrcnn.nms._survivors, minimaskrcnn.check.nms\n"
        "theirs = minimaskrcnn.nms.nms\n"
        "mine.exchange(mine.functions_of('own.py'), 'own.py')\n"
        "assert minimaskrcnn.nms.nms is minimaskrcnn.proposals.nms is not theirs\n"
        "try: minimaskrcnn.nms.nms(np.zeros((1, 4)), np.zeros(1), 0.5)\n"
        "except RuntimeError as error: print(error)\n"
        "assert minimaskrcnn.nms._survivors is kernel and minimaskrcnn.check.nms is check\n"
        "for name in ('none.py', 'missing.py'):\n"
        "    try: mine.exchange(mine.functions_of(name), name)\n"
        "    except (mine.pytest.UsageError, mine.Unreadable) as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("mine\n")
    assert "none.py: nothing to test" in done.stdout and "'nmss'" in done.stdout
    assert "missing.py: there is no such file" in done.stdout


def test_what_a_reader_folds_has_no_norm_left():
    conv = Conv(np.ones((1, 1, 2, 3)), np.ones(3))
    norm = BatchNorm(*np.random.RandomState(0).uniform(1, 2, (4, 3)))

    def own(conv, norm):
        scale = norm.gamma / np.sqrt(norm.variance + 0.001)
        return conv.kernel * scale, (conv.bias - norm.mean) * scale + norm.beta

    fold = adapted("fold_batch_norm", own, fold_batch_norm, settle)
    learning = replace(conv, norm=norm)
    assert fold(learning, norm).norm is None
    np.testing.assert_array_equal(fold(learning, norm).kernel, fold_batch_norm(conv, norm).kernel)
