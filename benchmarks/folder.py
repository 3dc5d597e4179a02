"""A folder of photographs: pictures per minute, with and without working one photograph ahead.

    python benchmarks/folder.py [--photographs 12] [--runs 3] [--weights shapes]

Idea    The package's photograph of coins, enlarged to 12 megapixels like those of a camera, is
        written several times, and `minimaskrcnn predict FOLDER` writes a picture and a JSON for
        each. The two ways take turns. What is saved is the time that one core spends on reading and
        writing while the other has nothing to do.
"""

import argparse
import contextlib
import io
import tempfile
import time
from pathlib import Path
from statistics import median

import machine
from PIL import Image

from minimaskrcnn import cli
from minimaskrcnn.commands import predicting

COINS = Path(cli.__file__).parent / "datasets" / "coins.png"


def once(photos, weights):
    """Seconds of one run of the command."""
    with tempfile.TemporaryDirectory() as output:
        command = ["predict", str(photos), "--weights", weights, "--output", output, "--quiet"]
        start = time.perf_counter()
        with contextlib.redirect_stderr(io.StringIO()):
            status = cli.main(command)
        if status:
            raise SystemExit(f"minimaskrcnn {' '.join(command)} ended with {status}")
        return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photographs", type=int, default=12)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--weights", default="shapes")
    given = parser.parse_args()
    print(machine.describe())
    seconds, ways = {}, {"one after the other": iter, "one ahead": predicting.ahead}
    with tempfile.TemporaryDirectory() as folder, machine.watched():
        photo = Image.open(COINS).convert("RGB").resize((4000, 3000))
        for i in range(given.photographs):
            photo.save(Path(folder) / f"{i}.jpg")
        once(folder, given.weights)  # compiles, touches memory
        for _ in range(given.runs):
            for name, way in ways.items():
                predicting.ahead = way
                seconds.setdefault(name, []).append(once(folder, given.weights))
    for name, runs in seconds.items():
        print(f"{name:20} {60 * given.photographs / median(runs):6.1f} photographs per minute")


if __name__ == "__main__":
    main()
