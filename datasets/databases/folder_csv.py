"""A user's own CSV file: a row for each expression."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from pathlib import Path

from emonas.datasets.reading.entry import Entry
from emonas.datasets.reading.identity import identity_key
from emonas.datasets.reading.layout import Places
from emonas.datasets.reading.tables import columns, rows, shorten
from emonas.datasets.reading.text_files import encoding_note
from emonas.datasets.reading.workbooks import cell_text
from emonas.errors import UserError

#: The names under which a column is understood; the first one is its own.
ALIASES = {
    "path": ("path", "file", "frames", "image", "clip", "video"),
    "label": ("label", "emotion", "class"),
    "subject": ("subject", "person", "participant", "id"),
    "part": ("part", "split", "usage"),
    "onset": ("onset",),
    "apex": ("apex",),
    "offset": ("offset",),
}
#: What users call the parts of a split.
PART_NAMES = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "publictest": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "privatetest": "test",
}


def read_listing(source: Path) -> tuple[list[Entry], tuple[str, ...]]:
    """The entries of a CSV file, the flawed ones with their flaw, and notes on how its columns are understood.

    Paths are relative to the CSV's folder. A subject or part column without a single value counts as absent.
    Raises UserError when the file is no table, or has no path, no label, or neither subjects nor parts.
    """
    chosen = _chosen(source, columns(source))
    table = [{own: row.cells[column] for own, column in chosen.items()} for row in rows(source)]
    if not table:
        raise UserError(f"{source}: no rows below the header")
    present = {own for own in chosen if any(cells[own] for cells in table)}
    if not present & {"subject", "part"}:
        raise UserError(
            f"{source}: add a column 'subject' that names the person in each row, or a column 'part' with "
            "'train' and 'test'"
        )
    places = Places(source.parent)
    entries = [_entry(source.parent, cells, present, places) for cells in table]
    return entries, (*encoding_note(source), *_alias_note(chosen), *_row_number_note(chosen, entries))


def _chosen(source: Path, names: Sequence[str]) -> dict[str, str]:
    """Our column names to those in the file."""
    chosen = {}
    for own, aliases in ALIASES.items():
        there = [alias for alias in aliases if alias in names]
        if len(there) > 1 and own not in there:
            raise UserError(f"{source}: columns {' and '.join(there)} may all mean the {own}: name one {own!r}")
        if there:
            chosen[own] = there[0]
    for own in ("path", "label"):
        if own not in chosen:
            raise UserError(f"{source}: no column {own!r} among: {shorten(', '.join(names))}")
    return chosen


def _entry(folder: Path, cells: Mapping[str, str], present: set[str], places: Places) -> Entry:
    # Lists written on Windows are read elsewhere, too.
    path = places.spelled(cells["path"].replace("\\", "/"))
    part = cells.get("part", "")
    return Entry(
        path=folder / path,
        clip=posixpath.normpath(path) if path else "",
        label=cell_text(cells["label"]),
        subject=cell_text(cells["subject"]) if "subject" in present else None,
        part=PART_NAMES.get(part.lower()),
        onset=cells.get("onset", ""),
        apex=cells.get("apex", ""),
        offset=cells.get("offset", ""),
        flaw=_flaw(cells, present),
    )


def _flaw(cells: Mapping[str, str], present: set[str]) -> str:
    for own in ("path", "label", "subject", "part"):
        if not cells.get(own) and own in ("path", "label", *present):
            return f"no {own}"
    part = cells.get("part", "")
    return f"unknown part: {shorten(part, 20)!r}" if part and part.lower() not in PART_NAMES else ""


def _alias_note(chosen: Mapping[str, str]) -> tuple[str, ...]:
    taken = [f"{column!r} as the {own}" for own, column in chosen.items() if column != own]
    return (f"columns are understood like this: {', '.join(taken)}",) if taken else ()


def _row_number_note(chosen: Mapping[str, str], entries: Sequence[Entry]) -> tuple[str, ...]:
    named = [entry.subject for entry in entries if entry.subject]
    if not named or len(set(map(identity_key, named))) < len(entries):
        return ()
    return (
        f"every row has a subject of its own: if column {chosen['subject']!r} numbers rows and not people, "
        "results are inflated",
    )
