"""Onset, apex and offset as owners write them: read, put right where they contradict each other, never guessed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .entry import Entry

#: What stands in a spreadsheet for a frame that nobody knows.
UNKNOWN = frozenset({"", "/", "\\", "-", "?", "nan", "none", "n/a", "#n/a"})


def frame(phase: str, text: str) -> int | None:
    """The frame number of a phase ("onset", "apex" or "offset"), None where it is unknown.

    There is no apex 0: owners write it for "none". Raises ValueError for what is no number.
    """
    if text.casefold() in UNKNOWN:
        return None
    # Spreadsheets write whole numbers as 12.0 when another cell of the column is empty.
    number = re.fullmatch(r"([0-9]+)(?:\.0*)?", text)
    if not number:
        raise ValueError(f"{phase} not a frame number: {text!r}")
    return None if phase == "apex" and int(number[1]) == 0 else int(number[1])


@dataclass(frozen=True)
class Correction:
    """A slip that others have found in an owner's file: where ``phase`` is ``old``, it is to be ``new``."""

    phase: str
    old: str
    new: str


def corrected(entry: Entry, known: Mapping[str, Correction]) -> Entry:
    """An entry with its known slip corrected; ``known`` is by subject/clip in lower case.

    A file in which the slip is not to be found, being another version, stays as it is.
    """
    slip = known.get(f"{entry.subject}/{entry.clip}".casefold())
    if slip is None or getattr(entry, slip.phase) != slip.old:
        return entry
    return _with(entry, {slip.phase: slip.new})


def in_order(entry: Entry) -> tuple[Entry, str]:
    """An entry whose phases are in order, and what was wrong with them: an empty text if nothing was.

    The phase that contradicts the two others becomes unknown: an apex outside onset and offset; an offset before the
    onset, or the onset where apex and offset agree. Phases that are no numbers are left for the entry to tell.
    """
    try:
        onset, apex, offset = (frame(phase, getattr(entry, phase)) for phase in ("onset", "apex", "offset"))
    except ValueError:
        return entry, ""
    doubtful: tuple[str, ...] = ()
    if onset is not None and offset is not None and onset > offset:
        if apex is None or apex >= onset:
            doubtful = ("offset",)
        else:
            doubtful = ("onset",) if apex <= offset else ("onset", "apex", "offset")
    elif apex is not None and ((onset is not None and apex < onset) or (offset is not None and apex > offset)):
        doubtful = ("apex",)
    if not doubtful:
        return entry, ""
    where = "/".join(filter(None, (entry.subject, entry.clip)))
    words = f"{where}: onset {entry.onset}, apex {entry.apex or 'unknown'}, offset {entry.offset}"
    return _with(entry, dict.fromkeys(doubtful, "")), words


def _with(entry: Entry, texts: Mapping[str, str]) -> Entry:
    phases = {phase: texts.get(phase, getattr(entry, phase)) for phase in ("onset", "apex", "offset")}
    return replace(entry, onset=phases["onset"], apex=phases["apex"], offset=phases["offset"])
