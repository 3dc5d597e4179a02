"""Memory that is used again holds nothing but what its array's owner writes."""

import gc
import threading

import numpy as np
import pytest
from toy_training import TINY, recipe, small_scenes

from minimaskrcnn.runtime import memory
from minimaskrcnn.training.batches import make_batch
from minimaskrcnn.training.initialise import new_model
from minimaskrcnn.training.step import learn


def address(array):
    return array.__array_interface__["data"][0]


def ask():
    return memory.empty((64, 64, 4), np.float32)


def test_outside_the_block_an_array_owns_its_memory():
    assert ask().base is None
    with memory.reuse():
        assert ask().base is not None
    assert ask().base is None


def test_an_array_lies_in_the_block_of_one_that_is_gone():
    with memory.reuse():
        first = ask()
        at = address(first)
        del first
        assert address(ask()) == at


def test_an_array_is_aligned_and_as_asked_for():
    with memory.reuse():
        for shape, dtype in (((64, 64, 4), np.float32), ((3, 1001, 7), np.float64)):
            array = memory.empty(shape, dtype)
            assert array.shape == shape and array.dtype == dtype
            assert array.flags.c_contiguous and array.flags.aligned and array.flags.writeable


def test_no_view_ever_sees_its_block_lent_to_another():
    views = (
        lambda x: x[1],
        lambda x: x.reshape(-1)[5:],
        lambda x: x.view(np.uint8).T,
        lambda x: np.asarray(memoryview(x)),
        lambda x: x.swapaxes(0, 1)[::2][::-1],
    )
    with memory.reuse():
        for view in views:
            array = ask()
            array[...] = 1
            seen = view(array)
            before = seen.copy()
            del array
            gc.collect()
            others = [ask() for _ in range(3)]
            for other in others:
                other[...] = 2
            assert (seen == before).all()


def test_an_array_outlives_the_block_it_was_made_in():
    with memory.reuse():
        array = ask()
        array[...] = 1
    with memory.reuse():
        ask()[...] = 2
    assert (array == 1).all()


def test_a_block_within_a_block_shares_its_memory():
    with memory.reuse():
        first = ask()
        at = address(first)
        del first
        with memory.reuse():
            assert address(ask()) == at


def test_another_thread_is_not_concerned():
    found = []
    with memory.reuse():
        thread = threading.Thread(target=lambda: found.append(ask().base))
        thread.start()
        thread.join()
    assert found == [None]


@pytest.mark.parametrize("shape", [(3, 5, 4), (7, 300, 301), (1, 600, 600)])
def test_a_copy_holds_the_numbers_in_order(shape):
    x = np.random.RandomState(0).standard_normal(shape).astype(np.float32).swapaxes(1, 2)
    copy = memory.contiguous(x)
    assert copy.flags.c_contiguous
    np.testing.assert_array_equal(copy, x)
    assert memory.contiguous(copy) is copy


def test_a_step_of_training_reads_nothing_that_it_has_not_written(monkeypatch):
    """With every lent block full of NaN, a step gives the bits that fresh memory gives."""
    model, sampling = new_model(TINY, seed=1), recipe().sampling
    batch = make_batch(small_scenes, 1, recipe(), TINY, seed=0)

    def step():
        return learn(model, batch, sampling, np.random.RandomState(0))

    losses, gradients, statistics = step()
    lend, lent = memory._Pool.lend, []

    def lend_poisoned(pool, size):
        block = lend(pool, size)
        block[: size // 4 * 4].view(np.float32)[...] = np.nan
        lent.append(size)
        return block

    monkeypatch.setattr(memory._Pool, "lend", lend_poisoned)
    with memory.reuse():
        for _ in range(2):
            again = step()
            assert again[0] == losses
            for name, gradient in gradients.items():
                assert again[1][name].tobytes() == gradient.tobytes(), name
            for (_, *one), (_, *other) in zip(statistics, again[2], strict=True):
                np.testing.assert_array_equal(one, other)
    assert len(lent) > 100


def test_a_large_array_is_filled_in_parts_to_the_same_numbers():
    a, b = np.random.RandomState(0).standard_normal((2, 13, 300, 100))  # 3 MB each
    assert (memory.filled(np.add, a, b) == a + b).all()
    assert memory.filled(np.add, np.float64(1), np.float64(2)) == 3  # without an axis
