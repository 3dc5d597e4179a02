"""Weight files cut off anywhere: refused in one sentence."""

import numpy as np
import pytest
from damage import FORMATS, outcome, toy


@pytest.mark.parametrize("kind", [*FORMATS, "safetensors"])
def test_no_prefix_of_a_file_loads(tmp_path, kind):
    content = toy(kind)
    lengths = np.linspace(0, len(content) - 1, 500).astype(int)
    for length in [*range(100), *lengths]:
        assert outcome(tmp_path / "cut.h5", content[:length]) == "refused", length
