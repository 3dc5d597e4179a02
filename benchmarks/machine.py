"""On what machine a benchmark ran, and whether it had the machine to itself.

Idea    Between beginning and end the kernel counts how long the cores worked. What this process and
        its children did not use belongs to other programs; what the host took away ("steal")
        belongs to other machines. A run is called quiet only if both together are little.
Note    Import this before NumPy. OPENBLAS_CORETYPE, if it is set, limits NumPy's products to an
        older processor's instructions, and those of PyTorch and ONNX Runtime not at all; so it is
        taken away, for this process and its children, and that is told.
Source  Linux, proc(5), /proc/stat and /proc/loadavg; OpenBLAS's documentation of its variables.
"""

import os
import platform
import sys
from contextlib import contextmanager
from pathlib import Path

LIMIT = "OPENBLAS_CORETYPE"
OLDER = "--avx2" in sys.argv  # whether to measure as on an older processor
TAKEN_AWAY = None if OLDER else os.environ.pop(LIMIT, None)
MOST = 0.05  # of the cores' time may go to others in a quiet run
AVX2 = {  # environment variables with which each program believes to be on an older processor
    "OPENBLAS_CORETYPE": "Haswell",
    "NUMBA_CPU_NAME": "haswell",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
}


def describe(*modules):
    """The processor, its cores, what BLAS made of it, and versions: a line."""
    import numpy

    from minimaskrcnn.runtime import blas

    named = [f"{module.__name__} {module.__version__}" for module in (numpy, *modules)]
    blas_for = ", ".join(blas.architectures())
    blas_for += f" ({LIMIT}={TAKEN_AWAY} is not obeyed)" if TAKEN_AWAY else ""
    return (
        f"{_processor()}, {os.cpu_count()} cores; BLAS for {blas_for}; "
        f"Python {platform.python_version()}, {', '.join(named)}"
    )


def _processor():
    """Its name, family and model, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0].splitlines()
    except OSError:
        return platform.processor()
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    facts = {key.strip(): value.strip() for key, value in facts.items()}
    return (
        f"{facts.get('model name', platform.processor())} "
        f"(family {facts.get('cpu family', '?')}, model {facts.get('model', '?')})"
    )


@contextmanager
def watched():
    """Print after the `with` block whether the run was quiet, and the load before and after."""
    if not Path("/proc/stat").exists():
        yield
        print("nobody can say here whether the run was quiet: no /proc/stat")
        return
    load, before, own = os.getloadavg()[0], _cores(), _own()
    yield
    busy, stolen, total = (b - a for a, b in zip(before, _cores(), strict=True))
    others = max(busy - (_own() - own), 0) / total
    verdict = "quiet" if others + stolen / total <= MOST else "NOT QUIET, no benchmark"
    print(
        f"\n{verdict}: other programs had {others:.1%} and the host {stolen / total:.1%} of the "
        f"cores' time; load {load:.1f} before, {os.getloadavg()[0]:.1f} after"
    )


def _cores():
    """Seconds that all cores together worked, were taken away, and were there."""
    numbers = Path("/proc/stat").read_text(encoding="utf-8").split("\n", 1)[0].split()[1:9]
    user, nice, system, idle, waiting, irq, softirq, steal = (int(number) for number in numbers)
    busy = user + nice + system + irq + softirq
    ticks = os.sysconf("SC_CLK_TCK")
    return busy / ticks, steal / ticks, (busy + idle + waiting + steal) / ticks


def _own():
    """Seconds that this process and its ended children worked."""
    return sum(os.times()[:4])
