"""Predict many times in one process: always the same, and the memory does not grow.

    python tests/long_running.py --count 3000           # one after another
    python tests/long_running.py --count 500 --at-once  # eight threads at a time

Drawn scenes of several sizes go through the bundled model. Each prediction must be the same as that
scene's first one, to the bit. After the first tenth the process may grow by 20 MB.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from attack import memory, parser_of

import minimaskrcnn
from minimaskrcnn.datasets.scenes import scene

SCENES, GROWTH = 10, 20  # different photographs; MB


def main(count, at_once=False):
    """Predict `count` times; prints how often it went wrong. Returns the exit status."""
    model = minimaskrcnn.load_model("shapes")
    photos = [scene(i, 96 + 32 * (i % 3)).image for i in range(SCENES)]
    expected = [model.predict(photo) for photo in photos]

    def is_same(i):
        found, first = model.predict(photos[i % SCENES]), expected[i % SCENES]
        same = np.array_equal(found.boxes, first.boxes) and np.array_equal(found.masks, first.masks)
        return same and np.array_equal(found.scores, first.scores)

    with ThreadPoolExecutor(8 if at_once else 1) as pool:
        same = list(pool.map(is_same, range(count // 10)))
        before = memory("VmRSS")
        same += list(pool.map(is_same, range(count - count // 10)))
    grown = memory("VmRSS") - before
    how = "at once" if at_once else "one after another"
    print(f"predictions {how}: {count} tried, {same.count(False)} failed; {grown:.0f} MB more")
    return 1 if same.count(False) or grown > GROWTH else 0


if __name__ == "__main__":
    parser = parser_of(__doc__, count=3000)
    parser.add_argument("--at-once", action="store_true", help="in eight threads")
    said = parser.parse_args()
    sys.exit(main(said.count, said.at_once))
