"""The first run says that it compiles; later ones say nothing."""

from numba import njit

from minimaskrcnn.runtime.compiling import progress_of_compiling


def twice(x):
    return 2 * x


def test_compiling_is_announced_once_however_many_loops_are_compiled(capsys, monkeypatch):
    monkeypatch.setattr("numba.core.config.DISABLE_JIT", 0)
    first, second = njit(twice), njit(twice)
    with progress_of_compiling():
        assert first(2) == 4 and second(3) == 6
    assert capsys.readouterr().err.count("compiling its loops, once") == 1


def test_nothing_is_said_where_nothing_is_compiled(capsys, monkeypatch):
    monkeypatch.setattr("numba.core.config.DISABLE_JIT", 0)
    compiled = njit(twice)
    compiled(1)
    with progress_of_compiling():
        assert compiled(2) == 4
    assert capsys.readouterr().err == ""


def test_compiling_outside_the_block_is_not_announced(capsys, monkeypatch):
    monkeypatch.setattr("numba.core.config.DISABLE_JIT", 0)
    with progress_of_compiling():
        pass
    njit(twice)(1)
    assert capsys.readouterr().err == ""
