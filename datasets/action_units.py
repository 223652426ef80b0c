"""Action units as coders write them in one cell of a spreadsheet."""

from __future__ import annotations

import re


def action_units(text: str) -> tuple[str, ...]:
    """The action units of a cell such as "4+5+L10", in their order, each once: ("4", "5", "L10").

    A side (L or R) stays, an intensity (A to E) does not; "?" and an empty cell name none.
    """
    return tuple(dict.fromkeys(side.upper() + unit for side, unit in re.findall(r"([LlRr]?)(\d+)", text)))
