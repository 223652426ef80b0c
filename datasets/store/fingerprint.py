"""The content of a prepared data set as one short text: that of its pictures and of its table of samples."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from emonas.errors import ILLEGIBLE
from emonas.files import guard_cell, unguard_cell
from emonas.records import shorten

#: Pictures that are read at once.
_AT_ONCE = 1024


def fingerprint_of(pixels: str, table: str) -> str:
    """A short text that is another one for other pictures, given by their digest, or another samples.csv."""
    return hashlib.sha256((pixels + table).encode()).hexdigest()[:16]


def pixels_digest(images: np.ndarray) -> str:
    """The SHA-256 of pictures (N, C, H, W), uint8, of which few are in memory at a time."""
    digest = hashlib.sha256()
    for start in range(0, len(images), _AT_ONCE):
        digest.update(np.ascontiguousarray(images[start : start + _AT_ONCE]).data)
    return digest.hexdigest()


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    """A table as it is written, and as its fingerprint is taken."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({column: guard_cell(cell) for column, cell in row.items()} for row in rows)
    return text.getvalue()


def read_table(path: Path) -> tuple[tuple[str, ...], list[dict[str, str]]]:
    """Columns and rows of a samples.csv. Raises OSError, csv.Error, and ValueError for what is damaged."""
    # A spreadsheet that has saved the table anew may have put a byte order mark in front.
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        columns, rows = tuple(reader.fieldnames or ()), list(reader)
    for i, row in enumerate(rows):
        if None in row or None in row.values():
            raise ValueError(f"{path.name}: row {i + 1} has too many or too few columns")
        if odd := next((text for text in row.values() if ILLEGIBLE.search(text)), None):
            raise ValueError(f"{path.name}: row {i + 1} has control characters: {shorten(odd)}")
    return columns, [{column: unguard_cell(cell) for column, cell in row.items()} for row in rows]
