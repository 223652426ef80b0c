"""Action units as coders write them in one cell of a spreadsheet."""

from __future__ import annotations

import re

#: A side between two, the letters before a unit, and the unit: "A/" and "L12", "" and "orR12", "" and "T18".
_UNIT = re.compile(r"((?<![0-9a-z])[a-z]\s*(?:/|\bor\b)\s*)?([a-z]*)([0-9]+)")


def action_units(text: str) -> tuple[str, ...]:
    """The action units of a cell such as "4+5+L10", in their order, each once: ("4", "5", "L10").

    A side (L or R) stays where it is sure; an intensity (A to E behind the number), an asymmetry or a place (A, T or B
    before it) does not. Alternatives ("R6 or R12", "A/L12") and units of the resting face ("ref(7B)", as in SAMM) are
    all named; "?", remarks and an empty cell name none.
    """
    found = _UNIT.findall(text.casefold())
    return tuple(dict.fromkeys(("" if either else _side(letters)) + unit for either, letters, unit in found))


def _side(letters: str) -> str:
    """The side that the letters before a unit name: words may stand there without a blank."""
    side = re.sub("^(or|ref)", "", letters)
    return side.upper() if side in ("l", "r") else ""
