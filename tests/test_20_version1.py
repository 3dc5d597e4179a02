"""torchvision's first version whole: ResNet-50, a panorama and a small picture.

The portrait, which takes as long as both, is in `test_20_portrait1.py`. Weights are seeded, not
trained: what is found is nonsense, but it must be torchvision's nonsense.
"""

import pytest
from torchvision_cases import check_photograph, full_model


@pytest.fixture(scope="module")
def model():
    return full_model(1)


@pytest.mark.parametrize("name", ["panorama", "small"])
def test_a_photograph_is_seen_as_torchvision_sees_it(name, model):
    check_photograph(model, 1, name)
