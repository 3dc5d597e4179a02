"""Measure what everybody waits for: `import minimaskrcnn` and `minimaskrcnn --help`."""

import subprocess
import sys
import time

IMPORT_LIMIT, HELP_LIMIT = 0.5, 0.6  # seconds
RUNS = 5  # the best counts: a busy machine is no fault of the package


def import_seconds():
    """Seconds of `import minimaskrcnn` by Python's own account."""
    command = [sys.executable, "-X", "importtime", "-c", "import minimaskrcnn"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    last = done.stderr.splitlines()[-1]  # import time: self | cumulative | minimaskrcnn
    assert last.endswith(" minimaskrcnn"), last
    return int(last.split("|")[1]) / 1e6


def help_seconds():
    """Seconds from starting `minimaskrcnn --help` to its end."""
    start = time.perf_counter()
    subprocess.run(["minimaskrcnn", "--help"], capture_output=True, check=True)
    return time.perf_counter() - start


def main():
    """Print both; exit status 1 if one is over its limit."""
    importing = min(import_seconds() for _ in range(RUNS))
    helping = min(help_seconds() for _ in range(RUNS))
    print(f"import minimaskrcnn: {importing:.3f} s of at most {IMPORT_LIMIT}")
    print(f"minimaskrcnn --help: {helping:.3f} s of at most {HELP_LIMIT}")
    return int(importing > IMPORT_LIMIT or helping > HELP_LIMIT)


if __name__ == "__main__":
    sys.exit(main())
