"""A prediction on the terminal: the rows where they are few, how often each label came, and what was left out."""

from __future__ import annotations

import csv
import json
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emonas.console import say, show_table, warn
from emonas.evaluate.predict.rows import NO_FACE, ExpressionRow, FaceRow, Progress, Row
from emonas.evaluate.predict.spotting import METHOD
from emonas.evaluate.predict.tracking import Track
from emonas.files import guard_cell, replacing

#: More rows than this are counted only.
_MOST = 24
_LONGEST, _WIDTH = 22, 80


@dataclass
class Table:
    """Gathers rows for the terminal: the first ones as they are, all of them as counts."""

    clips: bool
    files: bool
    shown: list[Row] = field(default_factory=list)
    total: int = 0
    #: label -> rows and the sum of their probabilities
    labels: dict[str, tuple[int, float]] = field(default_factory=dict)

    def add(self, row: Row) -> None:
        """Take in a row."""
        self.total += 1
        if len(self.shown) < _MOST:
            self.shown.append(row)
        count, score = self.labels.get(_label(row), (0, 0.0))
        self.labels[_label(row)] = (count + 1, score + (row.answer.score if row.answer else 0.0))

    def show(self, tally: Progress, worth: str) -> None:
        """Print what was found, then what was left out, and what the model is worth."""
        if self.clips and tally.faces:
            self._show_expressions()
        elif not self.clips and self.total <= _MOST:
            self._show_faces()
        if self.total > _MOST or (not self.clips and self.total > 1):
            self._show_counts()
        say(_summary(tally))
        say(textwrap.fill(f"the model: {worth}", _WIDTH, subsequent_indent=" " * 11))
        for note in tally.notes:
            warn(note)
        if tally.skipped:
            more = f"; and {tally.skipped - len(tally.flaws)} more" if tally.skipped > len(tally.flaws) else ""
            warn(f"{tally.skipped} frames skipped, which cannot be read: {'; '.join(tally.flaws)}{more}")

    def _show_faces(self) -> None:
        rows = [row for row in self.shown if isinstance(row, FaceRow)]
        cells = [
            (
                _end(row.file) if self.files else row.frame,
                row.person.number if row.person else "-",
                _box(row),
                _label(row),
                _score(row),
            )
            for row in rows
        ]
        show_table("faces", ("file" if self.files else "frame", "face", "box", "label", "prob."), cells, (1, 4))

    def _show_expressions(self) -> None:
        if not self.total:
            say("no expression found: no motion stands out (--whole-clip takes a clip that is one expression)")
            return
        rows = [row for row in self.shown if isinstance(row, ExpressionRow)]
        cells = [
            (
                row.person.number,
                *("-" if seconds is None else f"{seconds:.2f}" for seconds in row.seconds),
                f"{row.onset}-{row.offset}",
                _label(row),
                _score(row),
                "-" if row.strength is None else f"{row.strength:.1f}",
            )
            for row in rows
        ]
        columns = ("face", "onset s", "apex s", "offset s", "frames", "label", "prob.", "motion")
        show_table("expressions", columns, cells, (0, 1, 2, 3, 6, 7))
        if any(row.strength is not None for row in rows):
            say(METHOD)

    def _show_counts(self) -> None:
        found = sorted(self.labels.items(), key=lambda item: -item[1][0])
        rows = [
            (label, count, f"{100 * count / self.total:.0f} %", f"{score / count:.2f}" if score else "-")
            for label, (count, score) in found
        ]
        title = "all expressions" if self.clips else "all faces and frames"
        show_table(title, ("label", "rows", "share", "mean prob."), rows, (1, 2, 3))


def _summary(tally: Progress) -> str:
    frames = f"{tally.frames} {'picture' if tally.apart else 'frame'}{'s' * (tally.frames != 1)}"
    if not tally.faces:
        return f"{frames}, {NO_FACE}"
    faces = f"{tally.faces} face{'s' * (tally.faces != 1)}"
    return f"{frames}, {faces}{f'; {NO_FACE} in {tally.faceless}' if tally.faceless else ''}"


def _label(row: Row) -> str:
    return _end(row.answer.label or "none") if row.answer else row.note


def _score(row: Row) -> str:
    return f"{row.answer.score:.2f}" if row.answer else "-"


def _box(row: FaceRow) -> str:
    box: Sequence[int] | None = row.person.box() if row.person else None
    if box is None:
        return "whole" if row.person else "-"
    return f"{box[0]},{box[1]} {box[2]}x{box[2]}"


def _end(text: str) -> str:
    return text if len(text) <= _LONGEST else f"…{text[1 - _LONGEST :]}"


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
            table.writerow([*map(guard_cell, _flat(row).values()), *numbers])

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
        return ExpressionRow(Track(0, None), 0, None, 0, (0.0, None, 0.0), None, None)
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
