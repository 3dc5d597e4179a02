"""How many threads to begin with: what the user says, or the cores that this process may use.

Idea    A machine has cores; a process may be allowed fewer: by its affinity mask, or by the quota
        of its container (cgroup), which the system enforces by stopping the process for the rest of
        every tenth of a second. More threads than that only wait for one another.
Source  Linux kernel documentation, "Control Group v2", cpu.max; and for version 1
        "CFS Bandwidth Control", cpu.cfs_quota_us and cpu.cfs_period_us.
"""

import os
from math import ceil
from pathlib import Path

from minimaskrcnn.errors import SettingError

VARIABLE = "MINIMASKRCNN_NUM_THREADS"
MOST_THREADS = 1024
CGROUPS = Path("/sys/fs/cgroup")


def threads_to_begin_with():
    """The number of threads that the environment variable says, or else one for each usable core.

    Raises
    ------
    SettingError
        If the variable is no whole number from 1 to 1024.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return usable_cores()
    if not (text.isascii() and text.isdecimal()) or len(text) > 9:
        raise _refused(VARIABLE, text)
    return check_number(int(text), VARIABLE)


def check_number(number, name="the number of threads"):
    """Return the number of threads, if it is one; else a SettingError that begins with `name`."""
    whole = isinstance(number, int) and not isinstance(number, bool)
    if not whole or not 1 <= number <= MOST_THREADS:
        raise _refused(name, number)
    return number


def _refused(name, value):
    return SettingError(
        f"{name} must be an integer of 1 or more, at most {MOST_THREADS}, got {value!r:.60}"
    )


def usable_cores(cgroups=CGROUPS, own=Path("/proc/self/cgroup")):
    """How many cores this process may use: by affinity, and by the quota of its container.

    Parameters
    ----------
    cgroups : Path, where the system shows the control groups
    own : Path of the file that says which groups the process is in

    Returns
    -------
    int, at least 1
    """
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, min([cores, *(ceil(quota) for quota in _quotas(cgroups, own))]))


def _quotas(cgroups, own):
    """Yield the quotas, in cores, of the process's group and of all groups around it."""
    for line in _lines(own):
        _, controllers, path = (line.split(":", 2) + ["", ""])[:3]
        for root in [cgroups] if not controllers else [cgroups / controllers, cgroups / "cpu"]:
            inside = Path(path.lstrip("/"))
            for folder in (root / inside, *(root / parent for parent in inside.parents), root):
                yield from _quota(folder)


def _quota(folder):
    texts = _lines(folder / "cpu.max")  # version 2: "quota period", or "max period"
    numbers = texts[0].split() if texts else []
    if not numbers:  # version 1: two files; -1 for no quota
        both = _lines(folder / "cpu.cfs_quota_us") + _lines(folder / "cpu.cfs_period_us")
        numbers = both if len(both) == 2 else []
    if len(numbers) == 2 and all(number.isdecimal() and int(number) for number in numbers):
        yield int(numbers[0]) / int(numbers[1])


def _lines(path):
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except (OSError, ValueError):
        return []
