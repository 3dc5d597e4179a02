"""Working ahead: the next photograph is predicted while the last result is used."""

import threading

import numpy as np
import pytest

from minimaskrcnn.errors import ImageError
from minimaskrcnn.results.each import each_result
from minimaskrcnn.runtime.ahead import ahead, outcomes

PHOTO = np.zeros((8, 8, 3), np.uint8)


def failing_at(bad):
    def function(item):
        if item == bad:
            raise ValueError(f"bad {item}")
        return 10 * item

    return function


def test_the_next_item_is_made_while_the_last_one_is_used():
    used, made = threading.Event(), threading.Event()

    def items():
        yield "first"
        assert used.wait(20)  # only the caller, who holds the first, can end this
        made.set()
        yield "second"

    waiting = ahead(items())
    assert next(waiting) == "first"
    used.set()
    assert made.wait(20)  # nobody has asked for the second yet
    assert list(waiting) == ["second"]


def test_never_more_than_one_item_is_made_ahead():
    begun, again = [], threading.Event()

    def items():
        for i in range(9):
            begun.append(i)
            if i == 1:
                again.set()
            yield i

    waiting = ahead(items())
    assert next(waiting) == 0
    assert again.wait(20)
    assert begun == [0, 1]
    waiting.close()
    assert begun == [0, 1]


def test_an_error_comes_after_the_items_before_it():
    def items():
        yield 1
        raise ValueError("broken")

    waiting = ahead(items())
    assert next(waiting) == 1
    with pytest.raises(ValueError, match="broken"):
        next(waiting)


def test_outcomes_go_on_after_an_error_of_the_kind_and_end_at_another():
    assert [str(o) for _, o in outcomes(failing_at(2), [1, 2, 3], ValueError)] == [
        "10",
        "bad 2",
        "30",
    ]
    with pytest.raises(ValueError, match="bad 2"):
        list(outcomes(failing_at(2), [1, 2, 3], (KeyError, OSError)))


def test_a_generator_is_asked_for_the_next_photograph_only_when_the_last_result_was_used():
    asked = []

    def camera():
        for i in range(3):
            asked.append((i, threading.current_thread()))
            yield PHOTO

    for count, _ in enumerate(each_result(np.mean, camera()), 1):
        assert asked == [(i, threading.main_thread()) for i in range(count)]


def test_each_error_has_its_turn_in_a_list_of_photographs_and_folders(tmp_path):
    def predict(photo):
        if photo is None:
            raise ImageError("None: no picture")
        return "found"

    turns = []
    for result in each_result(
        predict,
        [PHOTO, str(tmp_path), None, PHOTO],
        on_error=lambda photo, error: turns.append((photo, threading.current_thread())),
    ):
        turns.append(result)
    here = threading.current_thread()
    assert turns == ["found", (str(tmp_path), here), (None, here), "found"]

    results = each_result(predict, [PHOTO, str(tmp_path)])  # without on_error it is raised
    assert next(results) == "found"
    with pytest.raises(ImageError, match="holds no|no picture"):
        next(results)
