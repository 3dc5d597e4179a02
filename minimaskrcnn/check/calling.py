"""Call a reader's function safely, and say in words what went wrong.

Idea    The function runs in a thread of its own, so that an endless loop can be stopped. What it
        prints is shown, up to a limit. Whatever goes wrong becomes a `Trouble` with a sentence.
"""

import ctypes
import inspect
import sys
import threading
import traceback

SECONDS = 20.0  # then a call is given up; the slowest right loops in plain Python take 1
CHARACTERS = 20_000  # that a call may print


class Trouble(Exception):
    """A call that gave no answer: the sentence says why."""

    def __init__(self, sentence, unwritten=False):
        super().__init__(sentence)
        self.unwritten = unwritten  # whether the function looks as if it were still to be written


class _Stop(BaseException):
    """Raised inside the called function to end it."""


def call(function, arguments, seconds=None, whose=None):
    """Return `function(*arguments)`; raises Trouble, and nothing else, if there is no answer.

    `seconds` is the patience: SECONDS, if it is not given. `whose` is the reader's function, if
    `function` only calls it: the line that an error passed through is then looked for there.
    """
    outcome, seconds = {}, SECONDS if seconds is None else seconds

    def work():
        try:
            outcome["answer"] = function(*arguments)
        except BaseException as error:  # SystemExit, too
            outcome["error"] = error

    loud, sys.stdout = sys.stdout, _Counted(sys.stdout)
    thread = threading.Thread(target=work, daemon=True)
    try:
        thread.start()
        thread.join(seconds)
        endless = thread.is_alive()
    except KeyboardInterrupt:
        endless = True
    finally:
        _stop(thread)
        sys.stdout = loud
    if endless:
        raise Trouble(
            f"your function does not come to an end within {seconds:g} seconds: look for a loop "
            "that never stops"
        )
    if "error" in outcome:
        raise _trouble(outcome["error"], whose or function)
    if outcome["answer"] is None or outcome["answer"] is Ellipsis:
        said = "your function returns nothing: is there a `return` in every branch?"
        raise Trouble(said, _does_nothing(whose or function))
    return outcome["answer"]


def _does_nothing(function):
    """Whether the body of a function is only `...`: it uses no name and assigns nothing."""
    code = getattr(function, "__code__", None)
    if code is None:
        return False
    arguments = code.co_argcount + code.co_kwonlyargcount
    arguments += bool(code.co_flags & inspect.CO_VARARGS) + bool(
        code.co_flags & inspect.CO_VARKEYWORDS
    )
    return not code.co_names and code.co_nlocals == arguments


def _stop(thread):
    if thread.is_alive():
        ident = ctypes.c_ulong(thread.ident)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, ctypes.py_object(_Stop))
        thread.join(1.0)  # it may be in a call that does not look: then it is left alone


def _trouble(error, function):
    if isinstance(error, NotImplementedError):
        return Trouble("your function raises NotImplementedError", True)
    if isinstance(error, _TooMuch):
        return Trouble("your function prints without end: look for a loop that never stops")
    try:
        said = f"{type(error).__name__}: {error}"
    except BaseException:
        said = type(error).__name__
    return Trouble(f"your function raises {said[:300]}{_place(error, function)}")


def _place(error, function):
    """The last line of the reader's own file that the error passed through."""
    file = getattr(getattr(function, "__code__", None), "co_filename", None)
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f"\n    in the line: {own[-1].line}" if own and own[-1].line else ""


class _TooMuch(BaseException):
    """Raised by `print` in the called function when it has printed enough."""


class _Counted:
    """Standard output that refuses more than CHARACTERS."""

    def __init__(self, stream):
        self.stream, self.left = stream, CHARACTERS

    def write(self, text):
        self.left -= len(text)
        if self.left < 0:
            raise _TooMuch
        return self.stream.write(text)

    def __getattr__(self, name):
        return getattr(self.stream, name)
