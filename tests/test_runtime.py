"""What the stages stand on: files, the folder of compiled loops, and a lock between processes."""

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path, PureWindowsPath

import pytest

import minimaskrcnn
from minimaskrcnn.datasets import pictures
from minimaskrcnn.datasets.documents import read_json
from minimaskrcnn.errors import DatasetError
from minimaskrcnn.runtime import compiling, opening

PACKAGE = Path(minimaskrcnn.__file__).parent


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_only_a_file_that_has_an_end_is_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, kind in ((tmp_path / "pipe", "a pipe or a device"), ("/dev/zero", "a pipe or a"),
                       (tmp_path, "a folder")):  # fmt: skip
        with pytest.raises(OSError, match=kind):
            opening.open_regular(path)
    (tmp_path / "file").write_bytes(b"abc")
    with opening.open_regular(tmp_path / "file") as file:
        assert file.read() == b"abc"


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="links cannot be told apart here")
@pytest.mark.parametrize("mode", ["ab", "wb", "a+b"])
def test_a_link_where_a_file_of_ours_should_be_is_not_followed(tmp_path, mode):
    (tmp_path / "precious").write_bytes(b"mine")
    (tmp_path / "ours").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError):
        opening.open_own(tmp_path / "ours", mode)
    assert (tmp_path / "precious").read_bytes() == b"mine"
    with opening.open_own(tmp_path / "new", mode) as file:
        file.write(b"x")
    assert (tmp_path / "new").read_bytes() == b"x"


def test_where_no_folder_can_be_written_loops_are_compiled_for_this_process_and_it_says_so(
    tmp_path,
):
    copied = shutil.copytree(PACKAGE, tmp_path / "minimaskrcnn",
                             ignore=shutil.ignore_patterns("__pycache__"))  # fmt: skip
    for folder in [copied, *(path for path in copied.rglob("*") if path.is_dir())]:
        (folder / "__pycache__").touch()  # a file: no folder of this name can be made
    home = {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null/x", "PYTHONPATH": str(tmp_path)}
    program = (
        "import os, numpy as np; from minimaskrcnn.boxes import iou_matrix\n"
        "print(iou_matrix(np.eye(4), np.eye(4)).sum(), os.environ['NUMBA_CACHE_DIR'])"
    )
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"} | home
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True,
                          text=True, cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    value, folder = done.stdout.split()
    assert value == "0.0" and not os.path.exists(folder)
    assert done.stderr.count("for this process only") == 1 and done.stderr.count("\n") == 1


def test_a_loop_that_another_thread_was_compiling_before_is_no_trouble(capsys):
    from numba.core import event

    with compiling.progress_of_compiling():
        event.end_event("numba:compile", {"dispatcher": None})
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_waits_until_no_other_thread_compiles():
    from numba.core.compiler_lock import global_compiler_lock

    compiling_now, go_on = threading.Event(), threading.Event()

    def compile_something():
        with global_compiler_lock:
            compiling_now.set()
            go_on.wait(timeout=20)

    other = threading.Thread(target=compile_something)
    other.start()
    assert compiling_now.wait(timeout=20)
    threading.Timer(0.3, go_on.set).start()
    child = os.fork()
    if child == 0:
        with global_compiler_lock:  # would wait for a thread that the child does not have
            os._exit(0)
    other.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_annotations_in_a_pipe_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(DatasetError, match="pipe.json: cannot be read .it is a pipe"):
        read_json(tmp_path / "pipe.json")


@pytest.mark.parametrize("name", ["/etc/x", "C:x", "C:/x", "//server/share/x", "../x", "a/../../x"])
def test_a_name_that_leaves_the_folder_on_windows_is_known(name):
    assert not pictures._is_inside(name, PureWindowsPath)
    assert pictures._is_inside("a/b.jpg", PureWindowsPath)
