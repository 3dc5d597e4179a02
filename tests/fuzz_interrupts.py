"""Interrupt commands at random moments: no traceback, no half file, and the next run finishes.

    python tests/fuzz_interrupts.py --count 200 --seed 0           # Ctrl-C
    python tests/fuzz_interrupts.py --count 30 --seed 0 --kill     # kill -9

Predicting, converting, training and explaining run in a forked process each, so that Python's own
start is no part of it. After Ctrl-C the status is 130, or 0 if all was done; the last line says so;
every file is whole, and nothing lies beside it. After kill -9 every file under a final name is
whole; the same command, given again, finishes, removes what was left, and ends with the files of a
run that was not disturbed, byte for byte. For systems with `fork`.
"""

import hashlib
import io
import json
import os
import select
import signal
import sys
import tempfile
import time
from contextlib import redirect_stdout
from pathlib import Path

from attack import attack, parser_of
from PIL import Image
from toy_weights import write_toy

from minimaskrcnn import cli, weights
from minimaskrcnn.datasets.scenes import scene
from minimaskrcnn.training import checkpoint

PATIENCE = 120  # seconds


def commands(folder):
    """{name: arguments}; what they read lies in `folder`, they write into the current one."""
    photos = folder / "photos"
    photos.mkdir()
    for i in range(6):
        Image.fromarray(scene(i).image).save(photos / f"{i}.png")
    toy = write_toy(folder / "toy.h5")
    predict = [
        "predict",
        photos,
        "--weights",
        "shapes",
        "-o",
        "out",
        "--format",
        "png,json,coco,csv",
    ]
    train = ["train", "-o", "run", "--steps", 6, "--batch", 2, "--checkpoint-every", 2]
    return {
        "predict": predict,
        "convert": ["weights", "convert", toy, "own.h5"],
        "convert to safetensors": ["weights", "convert", toy, "own.safetensors"],
        "train": train,
        "explain": ["explain", photos / "0.png", "--weights", "shapes", "-o", "page.html"],
    }


def begin(command, folder):
    """Run a command in a forked process in `folder`; returns its id once it has begun."""
    reads, writes = os.pipe()
    child = os.fork()
    if child:
        os.close(writes)
        os.read(reads, 1)
        os.close(reads)
        return child
    status = 99
    try:
        os.chdir(folder)
        words = os.open("words.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for stream in (1, 2):
            os.dup2(words, stream)
        os.write(writes, b"x")
        status = cli.main(list(map(str, command)))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def ended(child):
    """The exit status of a child; below 0 the signal that ended it."""
    start = time.monotonic()
    while time.monotonic() < start + PATIENCE:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        select.select([], [], [], 0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise AssertionError(f"still running after {PATIENCE} seconds")


def undisturbed(command):
    """Seconds that a command takes, and {name: checksum} of what it writes."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        status = ended(begin(command, folder))
        assert status == 0, (folder, Path(folder, "words.txt").read_text())
        return time.monotonic() - start, checksums(folder)


def files(folder):
    return sorted(p for p in Path(folder).rglob("*") if p.is_file() and p.name != "words.txt")


def checksums(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(_without_times(path)).hexdigest()
        for path in files(folder)
    }


def _without_times(path):
    """The bytes of a file, less the seconds that something took."""
    if path.name.endswith(".detections.json"):
        return json.dumps({**json.loads(path.read_text()), "seconds": 0}).encode()
    return b"" if path.suffix in (".csv", ".log", ".npz") else path.read_bytes()


def assert_whole(folder):
    """Every file under a final name can be read to its end."""
    for path in files(folder):
        if path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".png":
            Image.open(path).load()
        elif path.suffix in (".h5", ".safetensors"):
            weights.load(path)
        elif path.suffix == ".npz":
            checkpoint._read(path)
        elif path.suffix == ".html":
            assert path.read_text().rstrip().endswith("</html>"), path
        elif path.suffix == ".csv":
            assert path.read_bytes().endswith(b"\n"), path


def disturbed(command, seconds, rs, number, folder):
    """Run a command in `folder`, send a signal at a random moment; its status and its words."""
    child = begin(command, folder)
    time.sleep(rs.uniform(0, 1.05 * seconds))
    os.kill(child, number)
    status, words = ended(child), Path(folder, "words.txt").read_text()
    trace = max(words.find("Traceback"), words.find("Exception ignored"))
    assert trace < 0, words[trace : trace + 400]
    assert_whole(folder)
    return status, words


def interrupted(command, seconds, expected, rs):
    """Press Ctrl-C at a random moment, and check what is left."""
    with tempfile.TemporaryDirectory() as folder:
        status, words = disturbed(command, seconds, rs, signal.SIGINT, folder)
        beside = [path.name for path in files(folder) if path.suffix == ".part"]
        assert status in (0, 130) and not beside, f"status {status}, {beside}: {words[-300:]}"
        return "interrupted" if status else "done"


def killed(command, seconds, expected, rs):
    """Kill at a random moment, check what is left, and let the command finish."""
    with tempfile.TemporaryDirectory() as folder:
        status, _ = disturbed(command, seconds, rs, signal.SIGKILL, folder)
        for path in files(folder):
            os.utime(path, (0, 0))  # an hour later, or some more
        again = ended(begin(command, folder))
        words = Path(folder, "words.txt").read_text()
        assert again == 0, f"status {again}: {words[-300:]}"
        found = checksums(folder)
        other = [
            name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)
        ]
        assert not other, f"other than undisturbed: {other}"
        return "killed" if status else "done"


def warm_up(given):
    """Import and compile here, once for all that are forked later."""
    here = os.getcwd()
    for command in given:
        with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
            os.chdir(folder)
            cli.main(list(map(str, command)))
            os.chdir(here)


def main(count, seed=0, first=0, kill=False):
    """Interrupt `count` commands; prints what became of them. Returns the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        given = commands(Path(folder))
        warm_up(given.values())
        whole = {name: undisturbed(command) for name, command in given.items()}
        names = sorted(given)

        def attempt(rs):
            name = names[rs.randint(len(names))]
            how = killed if kill else interrupted
            return f"{name}: {how(given[name], *whole[name], rs)}"

        return 1 if attack("kill -9" if kill else "Ctrl-C", count, seed, attempt, first) else 0


if __name__ == "__main__":
    parser = parser_of(__doc__, count=200)
    parser.add_argument("--kill", action="store_true", help="kill -9 instead of Ctrl-C")
    said = parser.parse_args()
    sys.exit(main(said.count, said.seed, said.first, said.kill))
