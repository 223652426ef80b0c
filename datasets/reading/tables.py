"""Owners' spreadsheets (.xlsx, .xls, .csv) by the names of their columns, wherever the header stands."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from emonas.datasets.clips.flaws import file_flaw
from emonas.datasets.reading.text_files import read_lines
from emonas.datasets.reading.workbooks import Grid, cell_text, sheets_of_workbook
from emonas.errors import UserError

#: How far down a header is searched for; SAMM's stands in row 14.
_MOST_PREAMBLE = 40


def read_rows(
    path: Path, columns: Mapping[str, str | tuple[str, ...]], optional: Sequence[str] = (), sheet: str = "*"
) -> list[Row]:
    """The rows below the header of the first sheet that has the wanted columns.

    ``columns`` leads from our own names to the header's, in lower case and with single blanks; a "*" at the end
    stands for any rest, several spellings are tried in turn, and every column is taken once only: asking twice for
    "onset*" gives the first and the second such column. Columns in ``optional`` may be missing; their cells are then
    empty. ``sheet`` is a pattern for the sheet's name. Cells are texts (see ``cell_text``), blank rows are skipped,
    ``Row.line`` is the row's number as a spreadsheet program shows it.

    Raises UserError for a file that cannot be read, and where no sheet has the columns.
    """
    sheets = {name: lines for name, lines in _sheets(path) if fnmatchcase(name.casefold(), sheet.casefold())}
    for lines in sheets.values():
        for at, (_, header) in enumerate(lines[:_MOST_PREAMBLE]):
            chosen = _chosen(header, columns)
            if all(own in chosen for own in columns if own not in optional):
                below = [(line, cells) for line, cells in lines[at + 1 :] if any(cells) and not _repeats(header, cells)]
                return [_row(line, cells, chosen, columns) for line, cells in below]
    wanted = ", ".join(_first(spellings) for own, spellings in columns.items() if own not in optional)
    raise UserError(f"{path}: no sheet with the columns {wanted}; it has {_contents(sheets)}")


def read_sheet(path: Path, names: Sequence[str], sheet: str = "*") -> list[Row]:
    """The rows of the first sheet by that name pattern that has as many columns; for sheets without a header.

    ``names`` are our own names of the columns from the left; "" skips one. Raises UserError like ``read_rows``.
    """
    sheets = {name: lines for name, lines in _sheets(path) if fnmatchcase(name.casefold(), sheet.casefold())}
    chosen = {name: at for at, name in enumerate(names) if name}
    for lines in sheets.values():
        if any(len(cells) >= len(names) for _, cells in lines):
            return [_row(line, cells, chosen, chosen) for line, cells in lines if any(cells)]
    raise UserError(f"{path}: no sheet with {len(names)} columns; it has {_contents(sheets)}")


def parse_whole(text: str) -> int | None:
    """A cell's whole number; None where it holds none, as "/", blank cells and remarks do."""
    number = re.fullmatch(r"([0-9]{1,18})(?:\.0*)?", text)
    return int(number[1]) if number else None


def _sheets(path: Path) -> Iterator[tuple[str, Grid]]:
    if reason := file_flaw(path):
        raise UserError(f"{path}: {reason}")
    if path.suffix.lower() == ".csv":
        yield path.name, grid(path)
        return
    yield from sheets_of_workbook(path)


def _chosen(header: Sequence[str], columns: Mapping[str, str | tuple[str, ...]]) -> dict[str, int]:
    """The position of each of our columns that a header has."""
    names = [" ".join(cell.split()).casefold() for cell in header]
    chosen: dict[str, int] = {}
    for own, spellings in columns.items():
        for spelling in (spellings,) if isinstance(spellings, str) else spellings:
            free = [at for at, name in enumerate(names) if at not in chosen.values() and fnmatchcase(name, spelling)]
            if free:
                chosen[own] = free[0]
                break
    return chosen


def _repeats(header: Sequence[str], cells: Sequence[str]) -> bool:
    """Whether a line is the lower half of a header whose cells are merged."""
    return len(cells) <= len(header) and all(
        not cell or cell == name for cell, name in zip(cells, header, strict=False)
    )


def _row(line: int, cells: Sequence[str], chosen: Mapping[str, int], columns: Iterable[str]) -> Row:
    return Row(line, {own: cells[chosen[own]] if chosen.get(own, len(cells)) < len(cells) else "" for own in columns})


def _first(spellings: str | tuple[str, ...]) -> str:
    return spellings if isinstance(spellings, str) else spellings[0]


def _contents(sheets: Mapping[str, Grid]) -> str:
    said = []
    for name, lines in sheets.items():
        cells = next((cells for _, cells in lines if any(cells)), [])
        said.append(f"{name!r} with {shorten(', '.join(filter(None, cells)), 80) or 'nothing'}")
    return "; ".join(said) or "no such sheet"


class Row(NamedTuple):
    """One data row: the line of the file it ends on (the header is line 1), and its cells by column name."""

    line: int
    cells: dict[str, str]


def columns(path: Path) -> tuple[str, ...]:
    """The column names of the first line, stripped and in lower case.

    Raises UserError for a file that is missing, unreadable, empty or not text, and for a name used twice.
    """
    names = _names(next(read_lines(path), (1, []))[1])
    if not any(names):
        raise UserError(f"{path}: no column names in the first line")
    if twice := [name for name, times in Counter(names).items() if name and times > 1]:
        raise UserError(f"{path}: two columns are named {twice[0]!r}")
    return names


def rows(path: Path) -> Iterator[Row]:
    """The rows below the header, one at a time; stripped cells, "" where a row is too short, blank rows skipped.

    Raises UserError like ``columns``, also in the middle of a file that stops being text.
    """
    lines = read_lines(path)
    names = _names(next(lines, (1, []))[1])
    for line, cells in lines:
        if any(cells):
            missing = [""] * (len(names) - len(cells))
            yield Row(line, dict(zip(names, cells + missing, strict=False)))


def grid(path: Path) -> Grid:
    """All lines of a file that may have something before its header: number and cells (see ``cell_text``).

    Raises UserError.
    """
    return [(line, [cell_text(cell) for cell in cells]) for line, cells in read_lines(path)]


def shorten(text: str, length: int = 60) -> str:
    """A text that fits into a line of an error message."""
    return text if len(text) <= length else text[: length - 3] + "..."


def _names(header: list[str]) -> tuple[str, ...]:
    return tuple(name.strip().lower() for name in header)
