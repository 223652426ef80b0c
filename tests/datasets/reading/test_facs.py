"""Action units as coders write them."""

from __future__ import annotations

import pytest

from emonas.datasets.reading.facs import action_units


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


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("12A", ("12",)),
        ("L12", ("L12",)),
        ("R14+17", ("R14", "17")),
        ("T18+39", ("18", "39")),
        ("B18+25", ("18", "25")),
        ("A9E+ref(10)", ("9", "10")),
        ("ref(7B)+43", ("7", "43")),
        ("(R6 or R12)+R15", ("R6", "R12", "R15")),
        ("L12 or L14", ("L12", "L14")),
        ("10A/B", ("10",)),
        ("A/L12", ("12",)),
        ("A / L12", ("12",)),
        ("L or R12", ("12",)),
        ("12A/L14", ("12", "L14")),
        ("R14A or 17A or 24A", ("R14", "17", "24")),
        ("R14+17+soft focus", ("R14", "17")),
        ("7B?", ("7",)),
        ("6or12", ("6", "12")),
        ("L12orR14", ("L12", "R14")),
        ("refL10", ("L10",)),
    ],
)
def test_the_grammar_of_samm(text: str, units: tuple[str, ...]) -> None:
    assert action_units(text) == units
