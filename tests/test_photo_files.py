"""Paths, folders and patterns lead to distinct files, and what is left out is counted by reason."""

import io
import os
import sys

import pytest
from fuzz_photos import encoded, sample_picture
from PIL import Image, ImageFile

from minimaskrcnn.commands.predict import _find
from minimaskrcnn.errors import ImageError
from minimaskrcnn.photo import read_photo
from minimaskrcnn.photo.endings import why_left_out
from minimaskrcnn.photo.finding import Found, find
from minimaskrcnn.photo.sources import each_source

PNG = encoded(sample_picture(), "PNG")
linux = pytest.mark.skipif(sys.platform != "linux", reason="links and pipes as on Linux")


def tree(root, *names):
    """Make empty files, those whose names end in a slash as folders."""
    for name in names:
        path = root / name
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            path.write_bytes(b"")


def found(root, *asked):
    """(names of what is found, what was left out) of paths below a folder."""
    result = Found()
    for path in asked:
        find(os.path.join(root, path), result)
    return list(result.names.values()), result.left_out()


# name: (the files there are, what is asked for, names found, what is left out)
FOUND = {
    "a folder": (["b.png", "a.jpg"], "", ["a.jpg", "b.png"], ""),
    "a folder with others": (
        ["a.png", "1.heic", "2.heic", "v.mp4", "in/b.png"],
        "",
        ["a.png"],
        "left out 4 files: 2 .heic (pip install pillow-heif), 1 .mp4, 1 in a subfolder",
    ),
    "one left out": (["a.png", "v.mp4"], "", ["a.png"], "left out 1 file: 1 .mp4"),
    "a file without an ending": (["a", "b.png"], "*", ["b.png"], "left out 1 file: 1 without an "),
    "a raw file": (["a.NEF", "b.png"], "", ["b.png"], "1 .nef (raw camera file: develop it"),
    "a subfolder among the matches": (["a.png", "in/b.png"], "*", ["a.png"], "1 in a subfolder"),
    "subfolders": (["a.png", "x/b.png", "y/z/c.png"], "*", ["a.png"], "2 in 2 subfolders"),
    "an empty subfolder": (["a.png", "in/"], "*", ["a.png"], ""),
    "a subfolder of texts": (["a.png", "in/b.txt"], "", ["a.png"], ""),
    "any depth": (["a.png", "in/b.png", "in/x/c.png"], "**/*.png", ["a.png", "in/b.png",
                  "in/x/c.png"], ""),
    "any depth, bare": (["a.png", "in/b.png"], "**", ["a.png", "in/b.png"], ""),
    "any depth, twice": (["a.png", "in/b.png"], "**/**/*.png", ["a.png", "in/b.png"], ""),
    "in the middle": (["x/1/a.png", "y/2/3/b.png", "z/c.png"], "*/**/*.png",
                      ["x/1/a.png", "y/2/3/b.png", "z/c.png"], ""),
    "one level of folders": (["a.png", "x/b.png", "y/z/c.png"], "*/*.png", ["x/b.png"], ""),
    "brackets in a folder's name": (["h [2024]/a.png"], "h [2024]/*.png", ["a.png"], ""),
    "brackets further on": (["x/h [1]/a.png", "y/h [1]/b.png"], "*/h [1]/*.png",
                            ["x/h [1]/a.png", "y/h [1]/b.png"], ""),
    "a file of brackets, whatever its ending": (["n [1]", "n [2].dat"], "n [1]", ["n [1]"], ""),
    "a hidden folder in the middle": (["a/x.png", ".h/y.png"], "*/*.png", ["a/x.png"], ""),
    "brackets that are meant": (["1.png", "2.png", "3.png"], "[12].png", ["1.png", "2.png"], ""),
    "a question mark": (["1.png", "22.png"], "?.png", ["1.png"], ""),
    "notes of macOS": (["a.png", "._a.png"], "", ["a.png"], "left out 1 file: 1 hidden"),
    "notes of macOS, matched": (["a.png", "._a.png"], "*.png", ["a.png"], "1 hidden"),
    "a hidden folder": (["a.png", ".git/b.png"], "**/*.png", ["a.png"], ""),
    "what predict wrote": (
        ["a.png", "a.detections.png", "a.masks.png", "a.crops/00_dog.png"],
        "**/*.png",
        ["a.png"],
        "left out 3 files: 3 written by predict",
    ),
    "rarer endings": (["1.jfif", "2.MPO", "3.avif", "4.jp2", "5.pjpeg", "6.tga", "7.qoi"], "",
                      ["1.jfif", "2.MPO", "3.avif", "4.jp2", "5.pjpeg", "6.tga", "7.qoi"], ""),
    "formats that Pillow only recognises": (["a.png", "b.h5", "c.mpg", "d.eps"], "", ["a.png"],
                                            "left out 3 files: 1 .h5, 1 .mpg, 1 .eps"),
}  # fmt: skip


@pytest.mark.parametrize("files, asked, names, left_out", FOUND.values(), ids=FOUND.keys())
def test_what_is_found_and_what_is_left_out(files, asked, names, left_out, tmp_path):
    tree(tmp_path, *files)
    got, said = found(tmp_path, asked)
    assert [name.replace(os.sep, "/") for name in sorted(got)] == sorted(names)
    assert left_out in said and bool(said) == bool(left_out)


# name: (the files there are, what is asked for, why it leads to nothing)
NOTHING = {
    "an empty folder": (["in/"], "in", "in: the folder holds no pictures$"),
    "a folder of others": (["v.mp4"], "", "holds no pictures; left out 1 file: 1 .mp4"),
    "no match": (["a.png"], "*.jpg", r"\*.jpg: no file matches this pattern$"),
    "only others match": (["a.heic"], "*", r"matches no picture; left out 1 file: 1 .heic \(pip"),
    "only folders match": (["in/a.png"], "*/", "matches only folders; end it in /\\*"),
    "only own output": (["a.masks.png"], "*.png", "left out 1 file: 1 written by predict"),
}


@pytest.mark.parametrize("files, asked, why", NOTHING.values(), ids=NOTHING.keys())
def test_nothing_found_is_an_error_that_says_why(files, asked, why, tmp_path):
    tree(tmp_path, *files)
    with pytest.raises(ImageError, match=why):
        found(tmp_path, asked)


@linux
def test_a_link_that_leads_up_again_gives_each_picture_once(tmp_path):
    tree(tmp_path, "in/a.png", "in/deep/b.png")
    (tmp_path / "in" / "up").symlink_to(tmp_path)
    (tmp_path / "in" / "deep" / "here").symlink_to(".")
    assert found(tmp_path, "**/*.png")[0] == ["in/a.png", "in/deep/b.png"]
    names, left_out = found(tmp_path, "in")
    assert names == ["a.png"] and "1 linked folder" in left_out and "1 in a subfolder" in left_out


@linux
def test_a_folder_is_entered_once_under_its_shortest_name(tmp_path):
    tree(tmp_path, "in/z.png")
    (tmp_path / "in" / "aa").symlink_to(tmp_path)  # before in/z.png in the alphabet
    assert found(tmp_path, "**/*.png")[0] == ["in/z.png"]


@linux
def test_a_file_of_several_names_is_taken_once(tmp_path):
    tree(tmp_path, "a.png", "other/")
    (tmp_path / "b.png").symlink_to("a.png")
    (tmp_path / "c.png").hardlink_to(tmp_path / "a.png")
    (tmp_path / "gone.png").symlink_to("nothing")
    names, left_out = found(tmp_path, "", "other/../a.png", "a.png", "*.png")
    assert names == ["a.png"]
    assert "5 already found under another name" in left_out and "2 broken link" in left_out


def test_names_are_those_below_what_was_asked_for(tmp_path):
    tree(tmp_path, "a/x.png", "a/in/x.png", "b/x.png")
    assert found(tmp_path, "a/**/*.png", "b", "b/x.png")[0] == ["in/x.png", "x.png", "x.png"]


@linux
def test_a_pipe_is_left_out_and_nobody_waits_for_it(tmp_path):
    tree(tmp_path, "a.png")
    os.mkfifo(tmp_path / "x.png")
    assert found(tmp_path, "*.png") == (["a.png"], "left out 1 file: 1 pipe or device")
    with pytest.raises(ImageError, match="x.png: cannot be opened .it is a pipe or device"):
        read_photo(tmp_path / "x.png")
    with pytest.raises(ImageError, match="/dev/zero: .*a pipe or device"):
        read_photo("/dev/zero")


def test_a_deep_tree_is_walked_to_its_end(tmp_path):
    deep = tmp_path.joinpath(*["d"] * 300)
    deep.mkdir(parents=True)
    (deep / "a.png").write_bytes(b"")
    assert len(found(tmp_path, "**/*.png")[0]) == 1


def test_a_plugin_for_pillow_adds_its_ending(tmp_path, monkeypatch):
    class Own(ImageFile.ImageFile):
        format = "OWN"

        def _open(self):
            self._size, self._mode = (1, 1), "RGB"
            self.tile = [("raw", (0, 0, 1, 1), 4, ("RGB", 0, 1))]

    Image.init()
    for table in ("OPEN", "EXTENSION", "ID"):
        monkeypatch.setattr(Image, table, getattr(Image, table).copy())
    assert why_left_out(".own") == ".own"
    Image.register_open("OWN", Own, lambda head: head.startswith(b"OWN!"))
    Image.register_extension("OWN", ".own")
    (tmp_path / "a.own").write_bytes(b"OWN!\1\2\3")
    assert found(tmp_path, "")[0] == ["a.own"]
    assert read_photo(tmp_path / "a.own").tolist() == [[[1, 2, 3]]]
    assert read_photo(b"OWN!\1\2\3").tolist() == [[[1, 2, 3]]]


def test_in_python_a_warning_says_what_was_left_out(tmp_path):
    tree(tmp_path, "a.png", "b.mp4")
    with pytest.warns(UserWarning, match="left out 1 file: 1 .mp4"):
        assert len(list(each_source(tmp_path))) == 1


def test_the_command_finds_each_file_once_and_says_what_it_left_out(tmp_path, capsys):
    tree(tmp_path, "a.png", "in/b.png", "v.mp4", "empty/")
    asked = [str(tmp_path / name) for name in ("*", "a.png", "none.png", "empty")]
    asked += ["https://example.org/a.jpg?w=1"]
    photos, failures = _find(asked, quiet=False)
    assert photos == {str(tmp_path / "a.png"): "a.png"}
    assert "left out 2 files: 1 .mp4, 1 in a subfolder" in capsys.readouterr().err
    assert [failure.rpartition(": ")[2] for failure in failures] == [
        "the folder holds no pictures", "no such file",
        "fetch it first, and give the file's path or its bytes"]  # fmt: skip
    assert _find(asked, quiet=True)[0] == photos and capsys.readouterr().err == ""


# What is no path at all

TEXTS = {
    "address": ("https://example.org/a.jpg", "is an address: fetch it first"),
    "address that looks like a pattern": ("http://example.org/*.jpg?w=1", "is an address"),
    "address as a path": (os.path.join("s3:", "bucket", "a.jpg"), "is an address"),
    "data address": ("data:image/png;base64,iVBORw0KGgo=", "a picture as text: .*b64decode"),
    "base64": ("iVBORw0KGgoAAAANSUhEUgAA" * 3000, "a picture as text, not a path: .*b64decode"),
    "base64 in lines": ("AAAAB3NzaC1yc2E\n" * 100, "a picture as text, not a path"),
}


@pytest.mark.parametrize("text, why", TEXTS.values(), ids=TEXTS.keys())
def test_text_that_is_no_path_is_told_what_it_is(text, why):
    with pytest.raises(ImageError, match=why) as refusal:
        read_photo(*each_source(text))
    assert len(str(refusal.value)) < 400


def test_standard_input_is_read_for_a_dash(monkeypatch, capsys):
    from minimaskrcnn.commands.options import photo_of

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(PNG)))
    photos, failures = _find(["-"], quiet=False)
    assert photos == {"-": "stdin"} and not failures
    assert read_photo(photo_of("-")).shape == (31, 45, 3)
