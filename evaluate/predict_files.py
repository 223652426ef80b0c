"""The rows of a prediction as files, written while it goes on, whole or not at all: CSV and JSON lines."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from emonas.files import replacing

from .predict_faces import Person
from .predict_rows import ExpressionRow, FaceRow, Row

CSV, JSONL = "predictions.csv", "predictions.jsonl"
_SIDES = ("left", "top", "side")

#: Takes a row and writes it.
Sink = Callable[[Row], None]


@contextmanager
def csv_file(folder: Path, names: Sequence[str], clips: bool) -> Iterator[Sink]:
    """A table with a row for each row, and a column for the probability of each answer. Raises UserError."""
    columns = list(_flat(_blank(clips)))
    with (
        replacing(folder / CSV) as temporary,
        temporary.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file,
    ):
        table = csv.writer(file)
        table.writerow([*columns, *(f"p {name}" for name in names)])

        def write(row: Row) -> None:
            numbers = [f"{value:.4f}" for value in row.answer.probabilities] if row.answer else [""] * len(names)
            table.writerow([*_flat(row).values(), *numbers])

        yield write


@contextmanager
def jsonl_file(folder: Path, names: Sequence[str]) -> Iterator[Sink]:
    """A JSON object on each line, with ``probabilities`` by name, None without an answer. Raises UserError."""
    with (
        replacing(folder / JSONL) as temporary,
        temporary.open("w", encoding="utf-8", errors="backslashreplace") as file,
    ):

        def write(row: Row) -> None:
            said = row.answer and dict(zip(names, (round(value, 4) for value in row.answer.probabilities), strict=True))
            line = {**row.as_dict(), "probabilities": said}
            file.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")

        yield write


def _blank(clips: bool) -> Row:
    """A row of which only the columns matter."""
    if clips:
        return ExpressionRow(Person(0, None), 0, None, 0, 1.0, None, None)
    return FaceRow(0, 0.0, "", None, None)


def _flat(row: Row) -> dict[str, Any]:
    """The row's columns, the box as three of them."""
    cells: dict[str, Any] = {}
    for key, value in row.as_dict().items():
        if key == "box":
            cells.update(zip(_SIDES, value or ("", "", ""), strict=True))
        else:
            cells[key] = "" if value is None else value
    return cells
