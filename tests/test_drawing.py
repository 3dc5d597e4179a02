"""How results are drawn as asked, in letters of any script, without pyplot; and shown."""

import os
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_up import made_up
from PIL import Image, ImageDraw, ImageShow

from minimaskrcnn.errors import SettingError
from minimaskrcnn.results import fonts, showing
from minimaskrcnn.results.colours import COLOURS, class_colours, object_colours
from minimaskrcnn.results.fonts import DEJAVU, Lettering, has, spelled
from minimaskrcnn.xray import Report

SEPARATE = np.array([[10, 10, 200, 200], [10, 300, 200, 500], [300, 10, 500, 200]], np.int32)


def three(class_ids=(1, 2, 1), names=("background", "cat", "dog")):
    """Three objects apart, on grey."""
    return replace(
        made_up(3, 600, 600),
        image=np.full((600, 600, 3), 100, np.uint8),
        boxes=SEPARATE,
        class_ids=np.array(class_ids),
        mask_probs=np.pad(np.ones((3, 20, 20), np.float32), [(0, 0), (4, 4), (4, 4)]),
        class_names=names,
    )


def inside(picture, i=0):
    y1, x1, y2, x2 = SEPARATE[i]
    return picture[(y1 + y2) // 2, (x1 + x2) // 2]


def corner(picture, i=0):
    return picture[SEPARATE[i][2] - 1, SEPARATE[i][3] - 1]


# Options


def test_by_class_objects_of_a_class_have_one_colour():
    picture = three().draw(legend=False, colour_by="class")
    assert inside(picture, 0).tolist() == inside(picture, 2).tolist() != inside(picture, 1).tolist()
    by_object = three().draw(legend=False)
    assert len({tuple(inside(by_object, i)) for i in range(3)}) == 3
    assert class_colours([1, 7, 8]).tolist() == COLOURS[[0, 6, 0]].tolist()
    assert class_colours([]).shape == (0, 3)


def test_masks_and_boxes_can_be_had_alone():
    result = three()
    both = result.draw(legend=False)
    only_boxes, only_masks = result.draw(False, masks=False), result.draw(False, boxes=False)
    grey = [100, 100, 100]
    assert inside(only_boxes).tolist() == grey != inside(only_masks).tolist()
    assert corner(only_masks).tolist() == grey != corner(only_boxes).tolist()
    assert inside(both).tolist() == inside(only_masks).tolist()
    assert corner(only_boxes).tolist() == object_colours(result.boxes)[0].tolist()
    assert corner(both).tolist() not in (grey, corner(only_boxes).tolist())
    neither = result.draw(False, boxes=False, masks=False)
    assert inside(neither).tolist() == corner(neither).tolist() == grey


@pytest.mark.parametrize("opacity", [0, 0.25, 1, np.float32(0.5)])
def test_opacity_is_the_share_of_the_colour(opacity):
    result = three()
    picture = result.draw(legend=False, opacity=float(opacity))
    colour = object_colours(result.boxes)[0]
    wanted = 100 * (1 - float(opacity)) + colour * float(opacity)
    np.testing.assert_allclose(inside(picture), wanted, atol=1)


def test_scores_can_be_hidden():
    result = three()
    some = replace(result, scores=np.array([0.9, 0.8, 0.7], np.float32))
    others = replace(result, scores=np.array([0.6, 0.5, 0.4], np.float32))
    np.testing.assert_array_equal(some.draw(scores=False), others.draw(scores=False))
    assert (some.draw() != others.draw()).any()


@pytest.mark.parametrize(
    "style", [{"colour_by": "label"}, {"opacity": 2}, {"opacity": "0.5"}, {"opacity": float("nan")},
              {"opacity": True}]
)  # fmt: skip
def test_an_option_that_makes_no_sense_is_refused_by_name(style):
    with pytest.raises(SettingError, match=next(iter(style))):
        three().draw(**style)


def test_save_and_plot_take_the_same_options(tmp_path):
    style = {"colour_by": "class", "opacity": 0.9, "boxes": False, "scores": False}
    wanted = three().draw(**style)
    three().save(tmp_path / "a.png", **style)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a.png")), wanted)
    np.testing.assert_array_equal(three().plot(**style).images[0].get_array(), wanted)


# Figures


def test_figures_are_our_own_and_none_stays_open():
    program = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "from made_up import made_up\n"
        "for _ in range(3): made_up(2).plot()\n"
        "made_up(2)._repr_jpeg_()\n"
        "print('matplotlib.pyplot' in sys.modules)\n"
    )
    here = str(Path(__file__).parent)
    done = subprocess.run([sys.executable, "-c", program, here], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr


def test_drawing_needs_no_matplotlib_and_so_none_of_its_settings():
    program = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "from made_up import made_up\n"
        "made_up(2).draw(), made_up(2)._repr_jpeg_()\n"
        "print('matplotlib' in sys.modules)\n"
    )
    environment = {**os.environ, "MPLBACKEND": "module://no_such_backend", "HOME": "/nonexistent"}
    done = subprocess.run(
        [sys.executable, "-c", program, str(Path(__file__).parent)],
        capture_output=True, text=True, env=environment,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("False\n", "")


# Letters


def font_file(path, letters):
    """A font in which each of the letters is a black square."""
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    def square(side):
        pen = TTGlyphPen(None)
        pen.moveTo((50, 0))
        for point in ((50, side), (side, side), (side, 0)):
            pen.lineTo(point)
        pen.closePath()
        return pen.glyph()

    names = [".notdef", *(f"letter{i}" for i in range(len(letters)))]
    font = FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder(names)
    font.setupCharacterMap({ord(letter): names[i + 1] for i, letter in enumerate(letters)})
    font.setupGlyf({name: square(200 if name == ".notdef" else 900) for name in names})
    font.setupHorizontalMetrics(dict.fromkeys(names, (1000, 0)))
    font.setupHorizontalHeader(ascent=900, descent=-100)
    font.setupNameTable({"familyName": "Squares", "styleName": "Regular"})
    font.setupOS2()
    font.setupPost()
    font.save(path)


@pytest.fixture
def only(monkeypatch, tmp_path):
    """The system has no fonts but those in a folder, which is returned."""
    monkeypatch.setattr(fonts, "font_folders", lambda: [str(tmp_path)])
    cached = fonts.system_fonts, fonts._path_with, fonts._font
    for function in cached:
        function.cache_clear()
    yield tmp_path
    for function in cached:
        function.cache_clear()


def test_letters_that_dejavu_lacks_come_from_a_font_of_the_system(only):
    (only / "broken.ttf").write_text("no font")
    font_file(only / "squares.ttf", "猫犬")
    assert has(DEJAVU, "a") and not has(DEJAVU, "猫") and not has(str(only / "broken.ttf"), "a")
    runs = Lettering(20).runs("a猫犬b")
    assert [piece for _, piece in runs] == ["a", "猫犬", "b"]
    assert [font.getname()[0] for font, _ in runs] == ["DejaVu Sans", "Squares", "DejaVu Sans"]
    assert Lettering(20).length("a猫犬b") == pytest.approx(sum(f.getlength(p) for f, p in runs))
    assert spelled("猫") == "猫"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = three(names=("background", "猫", "dog")).draw(legend=False)
    black = (picture[:12, 10:60] == 0).all(axis=-1)  # the label of the first object
    assert black.sum() > 60


@pytest.mark.parametrize("name", ["猫", "कुत्ता", "แมว", "cat 猫"])
def test_a_class_whose_letters_no_font_has_is_called_by_its_number_and_it_is_said(only, name):
    result = three(names=("background", "dog", name))
    with pytest.warns(UserWarning, match="no font on this system has the letters of"):
        picture = result.draw(legend=False)
    plain = three(names=("background", "dog", "class 2")).draw(legend=False)
    np.testing.assert_array_equal(picture, plain)


def test_emoji_that_no_font_has_are_spelled(only):
    assert spelled("\U0001f436") == "(dog face)"
    assert spelled("a \U0001f9a5!") == "a (sloth)!"
    assert spelled("\U0001f468\u200d\U0001f467") == "(man)\u200d(girl)"
    assert spelled("dog") == "dog" and spelled("") == "" and spelled("Ωж") == "Ωж"


def test_marks_stay_in_the_font_of_their_letter(only):
    font_file(only / "squares.ttf", "क")
    assert [piece for _, piece in Lettering(20).runs("aक\u0941b")] == ["a", "क\u0941", "b"]


def test_runs_of_several_fonts_stand_side_by_side(only):
    font_file(only / "squares.ttf", "猫")
    lettering, pictures = Lettering(20), []
    for text in ("H猫H", "HH"):
        pictures.append(Image.new("L", (100, 40)))
        lettering.write(ImageDraw.Draw(pictures[-1]), (0, 0), text, fill=255)
    ends = [int(np.flatnonzero(np.asarray(p).any(axis=0)).max()) for p in pictures]
    assert abs(ends[0] - ends[1] - lettering.length("猫")) <= 1


# Showing


def test_show_opens_a_viewer_or_says_that_there_is_none(monkeypatch):
    shown = []
    monkeypatch.setattr(ImageShow, "show", lambda picture: shown.append(picture) or True)
    three().show(colour_by="class")
    np.testing.assert_array_equal(np.asarray(shown[0]), three().draw(colour_by="class"))
    monkeypatch.setattr(ImageShow, "show", lambda picture: False)
    with pytest.raises(SettingError, match="no program that shows pictures"):
        three().show()


def test_a_page_opens_in_the_browser_or_says_where_it_is(monkeypatch):
    opened = []
    monkeypatch.setattr(showing.webbrowser, "open", lambda uri: opened.append(uri) or True)
    Report("<p>whole</p>", "title").show()
    assert opened[0].startswith("file://") and opened[0].endswith("/report.html")
    monkeypatch.setattr(showing.webbrowser, "open", lambda uri: False)
    with pytest.raises(SettingError, match="the page is in .*report.html"):
        Report("<p>whole</p>", "title").show()


def test_in_a_notebook_things_are_shown_there(monkeypatch):
    shown = []
    monkeypatch.setattr(showing, "in_notebook", lambda: True)
    monkeypatch.setattr(showing, "_display", shown.append)
    report = Report("<p>whole</p>", "title")
    report.show()
    three().show()
    assert shown[0] is report and isinstance(shown[1], Image.Image)


def test_a_report_in_a_notebook_is_a_frame_that_holds_the_whole_page():
    from html.parser import HTMLParser

    found = []

    class Frames(HTMLParser):
        def handle_starttag(self, tag, attributes):
            found.append((tag, dict(attributes)))

    page = '<!doctype html><p title="a & b">"quoted" & <b>'
    Frames().feed(Report(page, 'a "title"')._repr_html_())
    assert [tag for tag, _ in found] == ["iframe"] and found[0][1]["srcdoc"] == page
    assert found[0][1]["title"] == 'a "title"'


def test_the_history_shows_what_each_network_computes_once_and_what_for_each_region():
    from minimaskrcnn.pictures.history import NETWORKS, ONCE, OUTSIDE, REGION, history

    colours = [[colour for _, colour in stages] for _, stages in NETWORKS]
    assert colours[0].count(ONCE) == 0 and colours[0].count(OUTSIDE) == 1
    assert colours[1].count(ONCE) == 1 and colours[1].count(OUTSIDE) == 1
    assert colours[2] == colours[3] == [ONCE, ONCE, REGION, REGION]
    assert history().encoded.startswith(b"\x89PNG")
