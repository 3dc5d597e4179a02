"""torchvision's first version whole, on a portrait; the others are in `test_20_version1.py`."""

from torchvision_cases import check_photograph, full_model


def test_a_portrait_is_seen_as_torchvision_sees_it():
    check_photograph(full_model(1), 1, "portrait")
