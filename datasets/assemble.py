"""From a reader's entries to what it found: classes, phases put in order, samples, and notes on what was doubtful."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from .action_units import action_units
from .choices import Choices
from .classes import ClassSet
from .database import Database
from .entry import Entry
from .frame_numbers import Correction, corrected, frame, in_order
from .matching import Key, matched, number_in
from .sample import Found, Sample
from .table import Row

_MOST_NAMED = 5


def row_entry(row: Row, subject: str) -> Entry:
    """A row of a coding table with the columns clip, subject, label, onset, apex, offset and units, as an entry.

    ``subject`` forms the shown name from the number, as "sub{:02}" does.
    """
    cells = row.cells
    number = number_in(cells["subject"])
    return Entry(
        path=Path(),
        clip=cells["clip"],
        label=cells["label"],
        subject=None if number is None else subject.format(number),
        onset=cells["onset"],
        apex=cells["apex"],
        offset=cells["offset"],
        flaw="no subject" if number is None else "" if cells["clip"] else "no clip name",
        action_units=action_units(cells["units"]),
        row=row.line,
    )


def found_clips(
    database: Database,
    entries: Iterable[Entry],
    places: dict[Key, Path],
    choices: Choices,
    *,
    table: str,
    corrections: Mapping[str, Correction] | None = None,
    notes: Sequence[str] = (),
) -> Found:
    """A database of clips whose labels stand in a table.

    ``entries`` are the table's rows, raw labels and all, without paths; ``places`` are the clips on the disk, by key;
    ``table`` names the table's file; ``corrections`` are known slips by subject/clip in lower case. ``choices`` are
    as the reader has settled them. Rows are first sorted into classes, so that what a class set leaves out is not
    also reported as missing.
    """
    class_set = database.class_set(choices.classes)
    put_right = [in_order(corrected(entry, corrections or {})) for entry in entries]
    placed = matched((_classified(entry, class_set) for entry, _ in put_right), places, table)
    doubts = [words for _, words in put_right if words]
    more = _listed("phases out of order, the one that contradicts the others is taken as unknown", doubts)
    return found_entries(database, placed, choices, notes=(*notes, *more), classified=True)


def found_entries(
    database: Database,
    entries: Iterable[Entry],
    choices: Choices,
    *,
    notes: Sequence[str] = (),
    classified: bool = False,
) -> Found:
    """A database whose entries are complete, with their paths; labels are raw unless ``classified``."""
    class_set = database.class_set(choices.classes)
    done = [entry if classified else _classified(entry, class_set) for entry in entries]
    samples = tuple(entry.sample(database.name) for entry in done)
    gaps = _listed("frames lacking inside a clip", list(_gaps(done, samples)))
    return Found(samples, class_set.classes, (*notes, *gaps), choices.given())


def _classified(entry: Entry, class_set: ClassSet) -> Entry:
    if entry.flaw:
        return entry
    label, reason = class_set.place(entry.subject, entry.clip, entry.label)
    return replace(entry, label=label, flaw=reason)


def _gaps(entries: Sequence[Entry], samples: Sequence[Sample]) -> Iterator[str]:
    """The clips in use that have fewer frames between onset and offset than their numbers say."""
    for entry, sample in zip(entries, samples, strict=True):
        if sample.dropped or sample.onset is None or sample.offset is None:
            continue
        onset, offset = frame("onset", entry.onset), frame("offset", entry.offset)
        if onset is not None and offset is not None and offset - onset > sample.offset - sample.onset:
            yield f"{sample.subject}/{sample.clip}: {offset - onset - sample.offset + sample.onset}"


def _listed(what: str, cases: Sequence[str]) -> tuple[str, ...]:
    if not cases:
        return ()
    more = "; ..." if len(cases) > _MOST_NAMED else ""
    return (f"{what}, in {len(cases)} clip{'s' * (len(cases) > 1)} ({'; '.join(cases[:_MOST_NAMED])}{more})",)
