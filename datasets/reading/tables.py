"""Owners' spreadsheets (.xlsx, .xls, .csv) by the names of their columns, wherever the header stands."""

from __future__ import annotations

import csv
import io
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from emonas.datasets.clips.flaws import file_flaw, os_error_text
from emonas.errors import UserError
from emonas.files import why_not_a_file

#: How far down a header is searched for; SAMM's stands in row 14.
_MOST_PREAMBLE = 40

Grid = list[tuple[int, list[str]]]


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
        for at, (_, cells) in enumerate(lines[:_MOST_PREAMBLE]):
            chosen = _chosen(cells, columns)
            if all(own in chosen for own in columns if own not in optional):
                return [_row(line, cells, chosen, columns) for line, cells in lines[at + 1 :] if any(cells)]
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
    return int(text) if text.isascii() and text.isdigit() else None


def cell_text(value: Any) -> str:
    """A cell as text, the same whether a program stored a number or a text: 1, 1.0 and "1" are "1", "01" is "01"."""
    if value is None or value != value:  # NaN
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _sheets(path: Path) -> Iterator[tuple[str, Grid]]:
    if reason := why_not_a_file(path) or file_flaw(path):
        raise UserError(f"{path}: {reason}")
    if path.suffix.lower() == ".csv":
        yield path.name, grid(path)
        return
    data = path.read_bytes()
    # Some copies carry the other format's ending.
    yield from _sheets_of_xlsx(path, data) if data.startswith(b"PK") else _sheets_of_xls(path, data)


def _sheets_of_xlsx(path: Path, data: bytes) -> Iterator[tuple[str, Grid]]:
    import openpyxl

    try:
        # What openpyxl does not understand (colours, validation) it says aloud; no cell's text depends on it.
        with warnings.catch_warnings(action="ignore"):
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        for sheet in book.worksheets:
            # Some programs write a wrong size into a sheet; without it all rows are read.
            sheet.reset_dimensions()
            yield sheet.title, _grid(sheet.iter_rows(values_only=True))
    # What a broken archive or broken XML raises depends on where it is broken.
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, EOFError, OSError, SyntaxError) as error:
        raise UserError(f"{path}: damaged or not a workbook: {shorten(str(error))}") from None


def _sheets_of_xls(path: Path, data: bytes) -> Iterator[tuple[str, Grid]]:
    import xlrd

    try:
        with xlrd.open_workbook(file_contents=data, logfile=io.StringIO()) as book:
            for sheet in book.sheets():
                yield sheet.name, _grid(sheet.row_values(at) for at in range(sheet.nrows))
    # xlrd meets damage in many ways; they all mean the same to a user.
    except Exception as error:
        raise UserError(f"{path}: damaged or not a workbook: {shorten(str(error))}") from None


def _grid(rows: Iterable[Sequence[Any]]) -> Grid:
    return [(line, [cell_text(cell) for cell in cells]) for line, cells in enumerate(rows, start=1)]


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

    Raises UserError for a file that is missing, unreadable, empty or not UTF-8 text, and for a name used twice.
    """
    with _opened(path) as file:
        names = _names(next(_reader(path, file), []))
    if not any(names):
        raise UserError(f"{path}: no column names in the first line")
    if twice := [name for name in names if name and names.count(name) > 1]:
        raise UserError(f"{path}: two columns are named {twice[0]!r}")
    return names


def rows(path: Path) -> Iterator[Row]:
    """The rows below the header, one at a time; stripped cells, "" where a row is too short, blank rows skipped.

    Raises UserError like ``columns``, also in the middle of a file that stops being text.
    """
    lines = _lines(path)
    names = _names(next(lines, (1, []))[1])
    for line, cells in lines:
        if any(cells):
            missing = [""] * (len(names) - len(cells))
            yield Row(line, dict(zip(names, cells + missing, strict=False)))


def grid(path: Path) -> list[tuple[int, list[str]]]:
    """All lines of a file that may have something before its header: number and stripped cells. Raises UserError."""
    return list(_lines(path))


def shorten(text: str, length: int = 60) -> str:
    """A text that fits into a line of an error message."""
    return text if len(text) <= length else text[: length - 3] + "..."


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    if reason := why_not_a_file(path):
        raise UserError(f"{path}: {reason}")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield file
    except OSError as error:
        raise UserError(f"{path}: {os_error_text(error)}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not a UTF-8 text file (save spreadsheets as CSV UTF-8)") from None
    except csv.Error as error:
        raise UserError(f"{path}: not a CSV file: {error}") from None


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    with _opened(path) as file:
        reader = _reader(path, file)
        for cells in reader:
            yield reader.line_num, [cell.strip() for cell in cells]


def _reader(path: Path, file: TextIO) -> Any:
    header = file.readline()
    if not header:
        raise UserError(f"{path}: empty file")
    file.seek(0)
    return csv.reader(_text(path, file), delimiter=max(",;\t", key=header.count))


def _text(path: Path, file: TextIO) -> Iterator[str]:
    for line in file:
        if "\0" in line:
            raise UserError(f"{path}: not a text file")
        yield line


def _names(header: list[str]) -> tuple[str, ...]:
    return tuple(name.strip().lower() for name in header)
