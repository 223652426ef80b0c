"""Action units as coders write them."""

from __future__ import annotations

import pytest

from emonas.datasets.action_units import action_units


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("4+5+L10", ("4", "5", "L10")),
        ("R4", ("R4",)),
        ("L1+L2", ("L1", "L2")),
        ("4", ("4",)),
        ("r12 + 12 + 12", ("R12", "12")),
        ("?", ()),
        ("", ()),
    ],
)
def test_units_of_a_cell(text: str, units: tuple[str, ...]) -> None:
    assert action_units(text) == units
