"""Print the oldest versions that pyproject.toml allows for a Python: `python .ci/oldest.py 3.13`.

The lines are a constraints file for pip: `numpy==2.1`.
"""

import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"


def oldest(python):
    """{name: Version} of the dependencies for a Python such as "3.13"."""
    found = {}
    for text in tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["dependencies"]:
        wanted = Requirement(text)
        if wanted.marker is None or wanted.marker.evaluate({"python_version": python}):
            floor = max(Version(part.version) for part in wanted.specifier if part.operator == ">=")
            found[wanted.name] = max(found.get(wanted.name, floor), floor)
    return found


if __name__ == "__main__":
    for name, version in oldest(sys.argv[1]).items():
        print(f"{name}=={version}")
