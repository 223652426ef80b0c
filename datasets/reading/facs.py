"""From the intensities of action units in every frame to stills with an emotion: rules, events and their peaks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy as np

#: Action units that together stand for an emotion (after EMFACS).
RULES: Mapping[str, frozenset[int]] = {
    "happiness": frozenset({6, 12}),
    "sadness": frozenset({1, 4, 15}),
    "surprise": frozenset({1, 2, 5, 26}),
    "fear": frozenset({1, 2, 4, 5, 20, 26}),
    "disgust": frozenset({9}),
}
#: Frames without an emotion: no unit at all; only units too weak to count; units that fit no rule, or two.
NEUTRAL, FAINT, OTHER = "neutral", "faint", "other"


def emotions_of_units(units: Sequence[int], intensities: np.ndarray, least: int) -> list[str]:
    """What the rules make of each frame; ``intensities`` is (frames, units), from ``least`` on a unit counts.

    A rule gives way to one that holds all its units and more; where two others hold, the frame shows no emotion.
    """
    rows = [row.tobytes() for row in intensities.astype(np.uint8)]
    said = {row: _emotion(dict(zip(units, row, strict=True)), least) for row in set(rows)}
    return [said[row] for row in rows]


def _emotion(intensities: Mapping[int, int], least: int) -> str:
    there = {unit for unit, intensity in intensities.items() if intensity >= least}
    if not there:
        return FAINT if any(intensities.values()) else NEUTRAL
    held = {name: units for name, units in RULES.items() if units <= there}
    largest = [name for name, units in held.items() if not any(units < others for others in held.values())]
    return largest[0] if len(largest) == 1 else OTHER


def find_events(classes: Sequence[str | None], rate: int) -> list[tuple[str, list[int]]]:
    """Runs of frames of one class: the class and the frames that have it; None is no class.

    Two runs are one where less than a second without a class parts them, at ``rate`` frames a second.
    """
    found: list[tuple[str, list[int]]] = []
    for label, run in groupby(range(len(classes)), key=classes.__getitem__):
        frames = list(run)
        if label is None:
            continue
        if found and found[-1][0] == label and frames[0] - found[-1][1][-1] <= rate:
            found[-1][1].extend(frames)
        else:
            found.append((label, frames))
    return found


def frames_taken(event: Sequence[int], strengths: np.ndarray, frames: str, rate: int) -> Sequence[int]:
    """The frames of an event that become samples: "all", one a "second", or its "peak".

    The peak is the frame of the largest strength; of several such frames the one in their middle.
    """
    if frames == "all":
        return event
    if frames == "second":
        return event[::rate]
    strongest = [at for at in event if strengths[at] == strengths[event].max()]
    return [strongest[len(strongest) // 2]]


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
