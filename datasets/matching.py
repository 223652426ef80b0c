"""Rows of an owner's table brought together with the clips on the disk; what has no partner is kept and told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from .entry import Entry
from .frames import VIDEO_SUFFIXES

#: A clip for matching: its subject's number (or folded name) and its own folded name.
Key = tuple[int | str, str]


def number_in(text: str) -> int | None:
    """The last whole number in a text: 5 for "S005", "sub05", "05" and "5". None where there is none."""
    numbers = re.findall(r"[0-9]+", text)
    return int(numbers[-1]) if numbers else None


def key(subject: str | None, clip: str) -> Key:
    """The key by which a row and a clip are the same: owners pad, spell and fold subjects differently in the two."""
    subject = subject or ""
    number = number_in(subject)
    return subject.casefold() if number is None else number, clip.strip().casefold()


def by_key(paths: Iterable[Path], up: int = 1) -> dict[Key, Path]:
    """Clips on the disk by their keys: a video's or folder's own name, and ``up`` levels above it the subject's.

    Files that are no videos are none; of two places with one key the first stays.
    """
    found: dict[Key, Path] = {}
    for path in paths:
        if path.suffix.lower() in VIDEO_SUFFIXES or path.is_dir():
            found.setdefault(key(path.parents[up - 1].name, _clip(path)), path)
    return found


def matched(entries: Iterable[Entry], places: dict[Key, Path], table: str) -> Iterator[Entry]:
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
