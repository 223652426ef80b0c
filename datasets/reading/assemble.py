"""From a reader's entries to what it found: classes, phases put in order, samples, and notes on what was doubtful."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from emonas.datasets.clips.sample import ReadResult, Sample
from emonas.datasets.reading.choices import Choices
from emonas.datasets.reading.database import ClassSet, Database
from emonas.datasets.reading.entry import Entry, frame
from emonas.datasets.reading.facs import action_units
from emonas.datasets.reading.identity import identity_key
from emonas.datasets.reading.tables import Row

if TYPE_CHECKING:
    from emonas.datasets.reading.entry import Entry
from emonas.datasets.clips.frames import VIDEO_SUFFIXES

_MOST_NAMED = 5
_MOST_DIGITS = 18


def row_entry(row: Row, subject: str) -> Entry:
    """A row of a coding table with the columns clip, subject, label, onset, apex, offset and units, as an entry.

    ``subject`` forms the shown name from the number, as "sub{:02}" does.
    """
    cells = row.cells
    number = number_in(cells["subject"])
    if number is not None and not _NUMBERED.fullmatch(identity_key(cells["subject"])):
        number = None
    return Entry(
        path=Path(),
        clip=cells["clip"],
        label=cells["label"],
        subject=None if number is None else subject.format(number),
        onset=cells["onset"],
        apex=cells["apex"],
        offset=cells["offset"],
        flaw=_row_flaw(cells, number),
        action_units=action_units(cells["units"]),
        row=row.line,
    )


def _row_flaw(cells: Mapping[str, str], number: int | None) -> str:
    if number is None:
        return f"not a subject: {cells['subject']!r}" if number_in(cells["subject"]) is not None else "no subject"
    return "" if cells["clip"] else "no clip name"


def find_clips(
    database: Database,
    entries: Iterable[Entry],
    places: dict[Key, Path],
    choices: Choices,
    *,
    table: str,
    corrections: Mapping[str, Correction] | None = None,
    notes: Sequence[str] = (),
) -> ReadResult:
    """A database of clips whose labels stand in a table.

    ``entries`` are the table's rows, raw labels and all, without paths; ``places`` are the clips on the disk, by key;
    ``table`` names the table's file; ``corrections`` are known slips by subject/clip in lower case. ``choices`` are
    as the reader has settled them. Rows are first sorted into classes, so that what a class set leaves out is not
    also reported as missing.
    """
    class_set = database.class_set(choices.classes)
    put_right = [order_phases(apply_correction(entry, corrections or {})) for entry in entries]
    placed = match_rows((_classified(entry, class_set) for entry, _ in put_right), places, table)
    doubts = [words for _, words in put_right if words]
    more = _listed("phases out of order, the one that contradicts the others is taken as unknown", doubts)
    return find_entries(database, placed, choices, notes=(*notes, *more), classified=True)


def find_entries(
    database: Database,
    entries: Iterable[Entry],
    choices: Choices,
    *,
    notes: Sequence[str] = (),
    classified: bool = False,
) -> ReadResult:
    """A database whose entries are complete, with their paths; labels are raw unless ``classified``."""
    class_set = database.class_set(choices.classes)
    done = [entry if classified else _classified(entry, class_set) for entry in entries]
    samples = tuple(entry.sample(database.name) for entry in done)
    gaps = _listed("frames lacking inside a clip", list(_gaps(done, samples)))
    return ReadResult(samples, class_set.classes, (*notes, *gaps, *frame_notes(samples)), choices.given())


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
        onset, offset = frame("onset", entry.onset, seconds=True), frame("offset", entry.offset, seconds=True)
        if onset is not None and offset is not None and offset - onset > sample.offset - sample.onset:
            yield f"{sample.subject}/{sample.clip}: {offset - onset - sample.offset + sample.onset}"


def frame_notes(samples: Sequence[Sample]) -> tuple[str, ...]:
    """What was doubtful about the frames of these samples, a note for each kind."""
    kinds: dict[str, dict[str, None]] = {}
    for sample in samples:
        for remark in sample.remarks:
            kind, _, detail = remark.partition(": ")
            where = "/".join(filter(None, (sample.subject, sample.clip)))
            kinds.setdefault(kind, {})[f"{where}: {detail}"] = None
    return tuple(note for kind, cases in kinds.items() for note in _listed(kind, list(cases)))


def _listed(what: str, cases: Sequence[str]) -> tuple[str, ...]:
    if not cases:
        return ()
    more = "; ..." if len(cases) > _MOST_NAMED else ""
    return (f"{what}, in {len(cases)} clip{'s' * (len(cases) > 1)} ({'; '.join(cases[:_MOST_NAMED])}{more})",)


@dataclass(frozen=True)
class Correction:
    """A slip that others have found in an owner's file: where ``phase`` is ``old``, it is to be ``new``."""

    phase: str
    old: str
    new: str


def apply_correction(entry: Entry, known: Mapping[str, Correction]) -> Entry:
    """An entry with its known slip corrected; ``known`` is by subject/clip in lower case.

    A file in which the slip is not to be found, being another version, stays as it is.
    """
    own = identity_key(f"{entry.subject}/{entry.clip}")
    slip = next((slip for one, slip in known.items() if identity_key(one) == own), None)
    if slip is None or getattr(entry, slip.phase) != slip.old:
        return entry
    return _with(entry, {slip.phase: slip.new})


def order_phases(entry: Entry) -> tuple[Entry, str]:
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


#: A clip for matching: its subject's number (or the key of its name) and the key of its own name.
Key = tuple[int | str, str]
#: A subject in an owner's table: letters, if any, and one number. Spreadsheets make dates and sums of others.
_NUMBERED = re.compile(r"[^\d]*\d{1,9}[^\d]*")


def number_in(text: str) -> int | None:
    """The last whole number in a text: 5 for "S005", "sub05", "05", "5" and "5.0". None where there is none."""
    numbers = re.findall(r"[0-9]+", identity_key(text))
    return int(numbers[-1]) if numbers and len(numbers[-1]) <= _MOST_DIGITS else None


def key(subject: str | None, clip: str) -> Key:
    """The key by which a row and a clip are the same: owners pad, spell and fold subjects differently in the two."""
    subject = subject or ""
    number = number_in(subject)
    return identity_key(subject) if number is None else number, identity_key(clip)


def by_key(paths: Iterable[Path], up: int = 1) -> dict[Key, Path]:
    """Clips on the disk by their keys: a video's or folder's own name, and ``up`` levels above it the subject's.

    Files that are no videos are none; of two places with one key the first stays, and another spelling of its name is
    left for a place that no row tells of.
    """
    found: dict[Key, Path] = {}
    for path in paths:
        if path.suffix.lower() in VIDEO_SUFFIXES or path.is_dir():
            own = key(path.parents[up - 1].name, _clip(path))
            if found.setdefault(own, path).name.casefold() != path.name.casefold():
                found[own[0], path.name] = path
    return found


def match_rows(entries: Iterable[Entry], places: dict[Key, Path], table: str) -> Iterator[Entry]:
    """Each entry with the path of its clip, then an entry for each clip that no row tells of.

    A row that repeats an earlier one, a row whose clip is not there, and a clip without a row are flawed with a
    reason. An entry that is already flawed stays so, and its clip counts as told of. ``table`` names the rows' file.
    """
    rows: dict[Key, int | None] = {}
    for entry in entries:
        own = key(entry.subject, entry.clip)
        if entry.flaw:
            yield entry
        elif own in rows:
            yield replace(entry, flaw=f"listed before: in row {rows[own]}")
        elif own not in places:
            yield replace(entry, flaw="no frames on the disk")
        else:
            yield replace(entry, path=places[own])
        rows.setdefault(own, entry.row)
    for own, path in places.items():
        if own not in rows:
            yield Entry(path, _clip(path), "", path.parent.name, flaw=f"no row in {table}")


def _clip(path: Path) -> str:
    return path.stem if path.suffix.lower() in VIDEO_SUFFIXES else path.name
