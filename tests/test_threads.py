"""The thread pool: every block once, however many threads there are, and BLAS put back."""

import gc
import linecache
import multiprocessing
import os
import subprocess
import sys
import threading
import time
import weakref
from contextlib import suppress

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from minimaskrcnn import cli
from minimaskrcnn.errors import SettingError
from minimaskrcnn.runtime import blas, cores, threads


@pytest.fixture(autouse=True)
def two_threads():
    before = threads.get_num_threads()
    threads.set_num_threads(2)
    yield
    threads.set_num_threads(before)


@pytest.fixture(autouse=True)
def blas_with_two_threads():
    """So that a limit that is not put back shows, on a machine of one core too."""
    with threadpool_limits(2, user_api="blas"):
        yield
        assert blas_threads() == {2}


def blas_threads():
    """Of NumPy's library; another one may be loaded later, say by SciPy, that is not used."""
    return {info["num_threads"] for info in blas._libraries().info()}


@pytest.mark.parametrize("number", [1, 2, 3, 8])
@pytest.mark.parametrize("count", [0, 1, 2, 7, 100])
def test_every_block_is_done_exactly_once(number, count):
    threads.set_num_threads(number)
    done = []
    threads.run(done.append, count)
    assert sorted(done) == list(range(count))


def test_two_threads_work_at_the_same_time():
    meeting = threading.Barrier(2)
    threads.run(lambda i: meeting.wait(timeout=20), 2)  # each waits for the other


def test_one_thread_does_the_blocks_in_order_and_in_the_callers_thread():
    threads.set_num_threads(1)
    done = []
    threads.run(lambda i: done.append((i, threading.current_thread())), 4)
    assert done == [(i, threading.current_thread()) for i in range(4)]


def test_a_task_may_run_tasks_and_they_are_done_on_the_spot():
    done, threads_seen = [], set()

    def inner(j):
        time.sleep(0.005)  # time enough for the other, idle thread to take the next
        done.append(j)
        threads_seen.add(threading.current_thread())

    threads.run(lambda i: threads.run(inner, 8), 1)
    assert done == list(range(8)) and len(threads_seen) == 1


@pytest.mark.parametrize("number", [1, 3])
def test_the_first_exception_is_raised_and_blocks_not_begun_are_left_out(number):
    threads.set_num_threads(number)
    begun = []

    def task(i):
        begun.append(i)
        if i == 2:
            raise ZeroDivisionError("block 2")

    with pytest.raises(ZeroDivisionError, match="block 2"):
        threads.run(task, 10_000)
    assert len(begun) < 10_000
    threads.run(begun.append, 3)  # the pool still works


def test_of_two_exceptions_the_one_that_came_first_is_raised():
    other_has_begun, has_failed = threading.Event(), threading.Event()

    def task(i):
        if i == 1:
            other_has_begun.set()
            assert has_failed.wait(timeout=20)
            time.sleep(0.1)  # until the failure has been noted down
            raise KeyError("later")
        assert other_has_begun.wait(timeout=20)
        has_failed.set()
        raise ZeroDivisionError("first")

    with pytest.raises(ZeroDivisionError, match="first"):
        threads.run(task, 2)


def test_what_a_failed_task_held_is_free_at_once():
    threads.set_num_threads(1)  # else the other thread may not yet have let go of the task

    def fail():
        array = np.zeros(3)
        freed = weakref.ref(array)
        with suppress(IndexError):
            threads.run(lambda i: array["no number"], 2)
        return freed

    gc.disable()
    try:
        assert fail()() is None
    finally:
        gc.enable()


def test_a_number_that_is_set_is_not_undone_by_a_first_look(monkeypatch):
    looking, is_set = threading.Event(), threading.Event()

    def default():
        looking.set()
        is_set.wait(timeout=0.5)  # it cannot be, while the other thread looks
        return 3

    monkeypatch.setattr(threads, "_num_threads", None)
    monkeypatch.setattr(threads, "threads_to_begin_with", default)
    first = threading.Thread(target=threads.get_num_threads)
    first.start()
    assert looking.wait(timeout=20)
    threads.set_num_threads(7)
    is_set.set()
    first.join()
    assert threads.get_num_threads() == 7


def test_a_call_does_not_return_before_its_last_block_is_done():
    caller, other_has_begun, done = threading.current_thread(), threading.Event(), []

    def task(i):
        if threading.current_thread() is caller:
            assert other_has_begun.wait(timeout=20)
        else:
            other_has_begun.set()
            time.sleep(0.2)
        done.append(i)

    threads.run(task, 2)
    assert sorted(done) == [0, 1]


@pytest.mark.parametrize("number", [1, 2])
def test_blas_has_one_thread_during_a_call_and_its_own_again_after(number):
    threads.set_num_threads(number)
    seen = []
    threads.run(lambda i: seen.append(blas_threads()), 3)
    assert seen == [{1}] * 3
    assert blas_threads() == {2}


def test_blas_has_its_threads_again_after_an_exception():
    with pytest.raises(KeyError):
        threads.run({}.__getitem__, 2)
    assert blas_threads() == {2}


def test_blas_has_its_threads_again_only_when_the_last_of_several_calls_ends():
    inside, release, seen = threading.Event(), threading.Event(), []

    def long_task(_):
        inside.set()
        assert release.wait(timeout=20)

    long_call = threading.Thread(target=threads.run, args=(long_task, 1))
    long_call.start()
    assert inside.wait(timeout=20)
    threads.run(lambda i: None, 2)  # a short call begins and ends within the long one
    seen.append(blas_threads())
    release.set()
    long_call.join()
    seen.append(blas_threads())
    assert seen == [{1}, {2}]


def test_many_threads_may_call_at_once():
    totals = np.zeros((8, 200), int)

    def caller(row):
        for _ in range(20):
            threads.run(lambda i: totals[row].__setitem__(i, totals[row, i] + i), 200)

    callers = [threading.Thread(target=caller, args=(row,)) for row in range(8)]
    for each in callers:
        each.start()
    for each in callers:
        each.join()
    assert (totals == 20 * np.arange(200)).all()


def test_a_smaller_number_of_threads_ends_the_workers_that_are_too_many():
    before = threading.active_count()
    threads.set_num_threads(6)
    threads.run(lambda i: time.sleep(0.001), 20)
    assert threading.active_count() >= before + 4
    threads.set_num_threads(1)
    for _ in range(200):
        if threading.active_count() <= before:
            break
        time.sleep(0.01)
    assert threading.active_count() <= before


@pytest.mark.parametrize("number", [0, -1, 1.5, "2", True, None, 1025, 10**6])
def test_a_number_of_threads_that_is_none_is_refused(number):
    with pytest.raises(SettingError, match="integer of 1 or more, at most 1024, got"):
        threads.set_num_threads(number)


def environment(value):
    code = "from minimaskrcnn.runtime import threads; print(threads.get_num_threads())"
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "MINIMASKRCNN_NUM_THREADS": value},
        capture_output=True,
        text=True,
    )


def test_the_environment_sets_the_number_of_threads():
    assert environment("3").stdout == "3\n"
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert environment("").stdout == f"{usable}\n"


@pytest.mark.parametrize("value", ["0", "two", "-1", "100000", "1" * 5000, "²", "1.5"])
def test_an_environment_that_says_no_number_of_threads_is_refused_in_a_sentence(
    value, capsys, tmp_path
):
    message = "MINIMASKRCNN_NUM_THREADS must be an integer of 1 or more, at most 1024, got"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINIMASKRCNN_NUM_THREADS", value)
        patch.setattr(threads, "_num_threads", None)
        with pytest.raises(SettingError, match=message):
            threads.run(print, 2)
        assert cli.main(["demo", "--output", str(tmp_path / "demo.png")]) == 2
    assert message in capsys.readouterr().err


def test_the_cores_are_those_that_the_container_allows(tmp_path):
    own, usable = tmp_path / "own", cores.usable_cores(tmp_path, tmp_path / "none")
    own.write_text("0::/a/b\n")
    (tmp_path / "a" / "b").mkdir(parents=True)
    for quota, found in (("max 100000", usable), ("100000 100000", 1), ("50000 100000", 1),
                         ("100000000 100000", usable), ("nonsense", usable), ("5 0", usable),
                         ("", usable)):  # fmt: skip
        for folder in (tmp_path / "a" / "b", tmp_path / "a", tmp_path):  # the groups around it, too
            (folder / "cpu.max").write_text(quota)
            assert cores.usable_cores(tmp_path, own) == found, (quota, folder)
            (folder / "cpu.max").unlink()


def test_a_quota_of_two_cores_and_a_half_is_three_threads(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(16), raising=False)
    (tmp_path / "cpu.max").write_text("250000 100000\n")
    (tmp_path / "own").write_text("0::/\n")
    assert cores.usable_cores(tmp_path, tmp_path / "own") == 3
    first = tmp_path / "cpu,cpuacct" / "docker"  # version 1
    first.mkdir(parents=True)
    (tmp_path / "cpu.max").unlink()
    (first / "cpu.cfs_quota_us").write_text("400000\n")
    (first / "cpu.cfs_period_us").write_text("100000\n")
    (tmp_path / "own").write_text("9:memory:/docker\n4:cpu,cpuacct:/docker\n")
    assert cores.usable_cores(tmp_path, tmp_path / "own") == 4
    (first / "cpu.cfs_quota_us").write_text("-1\n")
    assert cores.usable_cores(tmp_path, tmp_path / "own") == 16


@pytest.mark.parametrize("allowed", [0, 1])
def test_where_no_thread_can_be_started_the_work_is_done_by_those_there_are(monkeypatch, allowed):
    started = []

    class Thread(threading.Thread):
        def start(self):
            if len(started) == allowed:
                raise RuntimeError("can't start new thread")
            started.append(self)
            super().start()

    threads.set_num_threads(8)
    monkeypatch.setattr(threads.threading, "Thread", Thread)
    for _ in range(3):
        done = []
        threads.run(done.append, 20)
        assert sorted(done) == list(range(20))
    assert len(started) == allowed


def test_no_job_is_left_behind_where_the_number_of_threads_changes_meanwhile(monkeypatch):
    threads.set_num_threads(8)
    kept = []

    def task_with_array():
        array = np.zeros(3)
        kept.append(weakref.ref(array))
        return lambda i: array

    first_look = threads.get_num_threads

    def look_and_lose():  # the number changes between the look at it and the call
        first_look()
        threads.set_num_threads(1)

    monkeypatch.setattr(threads, "get_num_threads", look_and_lose)
    threads.run(task_with_array(), 4)
    gc.collect()
    assert kept[0]() is None


def interrupted(action, number):
    """Do `action`, with Ctrl-C before the `number`-th line of blas.py; whether it has so many."""
    lines = 0

    def trace(frame, event, argument):
        nonlocal lines
        if frame.f_code.co_filename != blas.__file__ or event != "line":
            return trace
        if "with _lock" in linecache.getline(blas.__file__, frame.f_lineno):
            return trace  # Python looks for signals neither before taking a lock nor at its release
        lines += 1
        if lines == number:
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        action()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return lines >= number


@pytest.mark.parametrize("action", [lambda: threads.run(len, 0), lambda: held_twice()])
def test_ctrl_c_before_any_line_of_blas_leaves_blas_its_threads(action):
    number = 1
    while interrupted(action, number):
        assert blas_threads() == {2}, f"line {number}"
        assert not blas._in_flight, f"line {number}"
        number += 1
    assert number > 12


def held_twice():
    with blas.one_thread(), blas.one_thread():
        assert blas_threads() == {1}


def child(queue, number):
    """In a child process: do two blocks that must meet, and report BLAS's threads after."""
    if number is not None:
        threads.set_num_threads(number)
    meeting, done = threading.Barrier(2), []
    threads.run(lambda i: (meeting.wait(timeout=20), done.append(i)), 2)
    queue.put((sorted(done), blas_threads()))


def result_of_child(method, number=None):
    context = multiprocessing.get_context(method)
    queue = context.SimpleQueue()
    process = context.Process(target=child, args=(queue, number))
    process.start()
    process.join(timeout=60)
    assert process.exitcode == 0
    return queue.get()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_has_a_pool_of_its_own():
    threads.run(lambda i: None, 2)  # the parent's workers exist
    assert result_of_child("fork") == ([0, 1], {2})


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_forked_in_the_middle_of_a_call_gets_blas_threads_back():
    inside, release, results = threading.Event(), threading.Event(), []

    def long_task(_):
        inside.set()
        assert release.wait(timeout=60)

    long_call = threading.Thread(target=threads.run, args=(long_task, 2))
    long_call.start()
    assert inside.wait(timeout=20)
    try:
        results.append(result_of_child("fork"))
    finally:
        release.set()
        long_call.join()
    assert results == [([0, 1], {2})]


def test_a_spawned_child_works():
    done, _ = result_of_child("spawn", 2)
    assert done == [0, 1]


def test_scratch_is_reused_by_one_thread_and_never_shared_by_two():
    first = threads.scratch("test", (2, 3), np.float32)
    assert first.shape == (2, 3) and first.dtype == np.float32
    assert np.shares_memory(first, threads.scratch("test", (6,), np.float32))
    assert np.shares_memory(first, threads.scratch("test", (1, 4), np.float32))
    assert not np.shares_memory(first, threads.scratch("another", (6,), np.float32))
    assert not np.shares_memory(first, threads.scratch("test", (6,), np.float64))
    assert threads.scratch("test", (7,), np.float32).shape == (7,)  # grows
    others = []
    thread = threading.Thread(
        target=lambda: others.append(threads.scratch("test", (6,), np.float32))
    )
    thread.start()
    thread.join()
    assert not np.shares_memory(others[0], threads.scratch("test", (6,), np.float32))


def test_importing_the_pool_imports_neither_numba_nor_threadpoolctl():
    code = (
        "import sys; from minimaskrcnn.runtime import threads; "
        "print({'numba', 'threadpoolctl'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout == "set()\n"
