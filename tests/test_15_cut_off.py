"""Weight files cut off anywhere are refused; in our own formats a changed number is, too."""

import numpy as np
import pytest
from damage import FORMATS, OWN, outcome, toy


@pytest.mark.parametrize("kind", [*FORMATS, "safetensors"])
def test_no_prefix_of_a_file_loads(tmp_path, kind):
    content = toy(kind)
    lengths = np.linspace(0, len(content) - 1, 500).astype(int)
    for length in [*range(100), *lengths]:
        assert outcome(tmp_path / "cut.h5", content[:length]) == "refused", length


@pytest.mark.parametrize("kind", OWN)
def test_in_our_own_format_no_changed_byte_is_taken_for_another_number(tmp_path, kind):
    content, rng = toy(kind), np.random.RandomState(10)
    for _ in range(300):
        changed = bytearray(content)
        for place in rng.randint(0, len(content), rng.randint(1, 4)):
            changed[place] ^= 1 << rng.randint(8)
        assert outcome(tmp_path / "bad", bytes(changed)) in ("refused", "same")
