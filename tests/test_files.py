"""Writing files: whole or not at all, never over what is no file, and known before the work."""

import os
import stat
import threading
import time

import pytest

from minimaskrcnn import cli
from minimaskrcnn.runtime.files import check_writable, is_stream, make_folder, written_whole

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX's kinds of files")


def test_a_file_is_replaced_when_the_new_one_is_complete(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with written_whole(path) as beside:
        beside.write_text("new")
        assert path.read_text() == "old" and beside.parent == tmp_path
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


@posix
def test_a_pipe_is_written_to_and_not_replaced(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    read = []
    reader = threading.Thread(target=lambda: read.append(path.read_bytes()))
    reader.start()
    with written_whole(path) as beside:
        beside.write_bytes(b"contents")
    reader.join()
    assert read == [b"contents"] and stat.S_ISFIFO(path.stat().st_mode)
    assert list(tmp_path.iterdir()) == [path]


@posix
def test_a_device_is_written_to_and_not_replaced(tmp_path):
    with written_whole("/dev/null") as beside:
        beside.write_bytes(b"contents")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@posix
def test_a_link_of_the_system_to_a_stream_is_one_whatever_it_leads_to(tmp_path):
    assert is_stream("/dev/null")
    with open(tmp_path / "a", "wb") as file:
        assert is_stream(f"/proc/self/fd/{file.fileno()}") == os.path.exists("/proc/self/fd")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert not is_stream(tmp_path / "link") and not is_stream(tmp_path / "none")
    assert not is_stream(tmp_path)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="/dev/full is Linux")
def test_a_full_device_is_named(tmp_path):
    with (
        pytest.raises(OSError, match="cannot be written") as caught,
        written_whole("/dev/full") as p,
    ):
        p.write_bytes(b"contents")
    assert caught.value.filename == "/dev/full"


def test_a_folder_is_not_replaced_by_a_file(tmp_path):
    with pytest.raises(OSError, match="cannot be written") as caught, written_whole(tmp_path) as p:
        p.write_text("contents")
    assert caught.value.filename == str(tmp_path) and tmp_path.is_dir()


def test_a_refusing_disk_is_told_by_the_file_s_own_name(tmp_path, monkeypatch):
    """A read-only disk refuses to remove even what is not there."""

    def refused(self, missing_ok=False):
        raise OSError(30, "Read-only file system", str(self))

    path = tmp_path / "report.html"
    monkeypatch.setattr("pathlib.Path.unlink", refused)
    with pytest.raises(OSError) as caught, written_whole(path):
        raise OSError(30, "Read-only file system", "/some/.0123.part")
    assert caught.value.filename == str(path)
    with written_whole(path) as beside:
        beside.write_text("contents")
    assert path.read_text() == "contents"


@pytest.mark.parametrize("prepare", [make_folder, lambda folder: check_writable(folder / "new")])
def test_what_a_killed_process_left_is_removed_after_an_hour(tmp_path, prepare):
    with written_whole(tmp_path / "a.json") as beside:
        beside.write_text("")
        name = beside.name
    old, young = tmp_path / name, tmp_path / f".{'0' * 24}.part"
    others = [tmp_path / other for other in (".x.part", "a.part", f"{'0' * 24}.part", "a.json")]
    for path in (old, young, *others):
        path.write_text("half")
    for path in (old, *others):
        os.utime(path, (0, time.time() - 3700))
    prepare(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([young, *others])


def test_what_cannot_be_written_is_known_before(tmp_path):
    (tmp_path / "file").write_text("")
    check_writable(tmp_path / "file")
    check_writable(tmp_path / "new")
    make_folder(tmp_path / "a" / "b")
    for check, path in (
        (check_writable, tmp_path),
        (check_writable, tmp_path / "none" / "a"),
        (check_writable, tmp_path / "file" / "a"),
        (make_folder, tmp_path / "file"),
        (make_folder, tmp_path / "file" / "a"),
    ):
        with pytest.raises(OSError, match="cannot be written") as caught:
            check(path)
        assert caught.value.filename == str(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "file"]


@pytest.mark.parametrize(
    "given",
    [["demo", "-o", "{file}/a.png"], ["demo", "-o", "{folder}"],
     ["demo", "-o", "{folder}/no/a.png"],
     ["explain", "x.png", "--weights", "shapes", "-o", "{file}/a.html"],
     ["explain", "x.png", "--weights", "shapes", "-o", "{folder}.html"],
     ["train", "-o", "{file}"], ["chapters", "--no-open", "-o", "{file}"],
     ["weights", "convert", "x.h5", "-o", "{folder}/no/a.h5"]],
)  # fmt: skip
def test_commands_know_before_their_work_that_they_cannot_write(
    given, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("minimaskrcnn.api.load", lambda *args: pytest.fail("worked"))
    monkeypatch.setattr("minimaskrcnn.weights.convert", lambda *args: pytest.fail("worked"))
    (tmp_path / "file").write_text("")
    folder = tmp_path / "folder.png"
    folder.mkdir()
    (tmp_path / "folder.png.html").mkdir()
    given = [word.format(file=tmp_path / "file", folder=folder) for word in given]
    assert cli.main(given) == 2
    err = capsys.readouterr().err
    assert "cannot be written" in err and given[-1] in err and len(err.splitlines()) == 1
