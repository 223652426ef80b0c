"""The sheets of owners' workbooks (.xlsx, .xls) as lines of texts, however their programs wrote them."""

from __future__ import annotations

import datetime
import io
import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from emonas.datasets.reading.text_files import MOST_COLUMNS
from emonas.errors import UserError

Grid = list[tuple[int, list[str]]]
#: What a spreadsheet program can hold, and what the largest table of an owner stays far below.
_MOST_ROWS, _MOST_CELLS, _MOST_BYTES = 2**20, 2 * 10**6, 2**27
#: Dates before 1954 are numbers whose cells are shown as dates, such as frame 40: nobody was recorded then.
_FIRST_DAY = 20000
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\b[^>]*?\bref="([A-Z]{1,3}[0-9]{1,8}:[A-Z]{1,3}[0-9]{1,8})"')
_WHOLE = re.compile(r"([0-9]+)\.0*")
_LONGEST = 120


def sheets_of_workbook(path: Path) -> Iterator[tuple[str, Grid]]:
    """Each sheet's name and its lines: number and texts, blank lines left out.

    Cells that are merged with those above have their text. Raises UserError, in one line, for a file that is damaged,
    encrypted, no workbook, or far larger than a table of labels.
    """
    data = path.read_bytes()
    # Some copies carry the other format's ending.
    sheets = _sheets_of_xlsx(path, data) if data.startswith(b"PK") else _sheets_of_xls(path, data)
    try:
        yield from sheets
    except UserError:
        raise
    # What damage raises depends on where it is; both libraries meet it in many ways that mean the same to a user.
    except Exception as error:
        raise UserError(f"{path}: {_reason(data, error)}") from None


def cell_text(value: Any) -> str:
    """A cell as text, the same whether a program stored a number or a text: 1, 1.0 and "1.0" are "1", "01" is "01".

    A day is as 2014-05-08; a number that is only shown as a day is a number again.
    """
    if value is None or value != value:  # NaN
        return ""
    if isinstance(value, (datetime.datetime, datetime.date)):
        return _day(value)
    text = str(value).strip()
    return found[1] if (found := _WHOLE.fullmatch(text)) else text


def _day(value: datetime.date) -> str:
    from openpyxl.utils.datetime import to_excel

    number = to_excel(value)
    if number < _FIRST_DAY and number == int(number):
        return str(int(number))
    return value.isoformat().removesuffix("T00:00:00")


def _sheets_of_xlsx(path: Path, data: bytes) -> Iterator[tuple[str, Grid]]:
    import openpyxl

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if sum(member.file_size for member in archive.infolist()) > _MOST_BYTES:
            raise UserError(f"{path}: unpacks to more than {_MOST_BYTES >> 20} MB; a table of labels is smaller")
        # What openpyxl does not understand (colours, validation) it says aloud; no cell's text depends on it.
        with warnings.catch_warnings(action="ignore"):
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        for sheet in book.worksheets:
            # Some programs write a wrong size into a sheet; without it all rows are read.
            sheet.reset_dimensions()
            with warnings.catch_warnings(action="ignore"):
                lines = _grid(path, sheet.iter_rows(values_only=True))
            yield sheet.title, _filled_down(lines, archive.read(sheet._worksheet_path.lstrip("/")))


def _sheets_of_xls(path: Path, data: bytes) -> Iterator[tuple[str, Grid]]:
    import xlrd

    with xlrd.open_workbook(file_contents=data, logfile=io.StringIO()) as book:
        for sheet in book.sheets():
            rows = ([_of_xls(cell, book.datemode) for cell in sheet.row(at)] for at in range(sheet.nrows))
            yield sheet.name, _grid(path, rows)


def _of_xls(cell: Any, datemode: int) -> Any:
    import xlrd

    if cell.ctype == xlrd.XL_CELL_DATE and cell.value >= _FIRST_DAY:
        return xlrd.xldate_as_datetime(cell.value, datemode)
    return "" if cell.ctype == xlrd.XL_CELL_ERROR else cell.value


def _grid(path: Path, rows: Iterable[Sequence[Any]]) -> Grid:
    """The lines that hold something. Raises UserError for more rows or cells than a table has."""
    lines: Grid = []
    cells = 0
    for line, row in enumerate(rows, start=1):
        if line > _MOST_ROWS:
            raise UserError(f"{path}: a row is numbered beyond {_MOST_ROWS}, which no spreadsheet has")
        if not any(cell is not None for cell in row):
            continue
        texts = [cell_text(cell) for cell in islice(row, MOST_COLUMNS)]
        while texts and not texts[-1]:
            texts.pop()
        cells += len(texts)
        if cells > _MOST_CELLS:
            raise UserError(f"{path}: more than {_MOST_CELLS} cells; a table of labels has fewer")
        if texts:
            lines.append((line, texts))
    return lines


def _filled_down(lines: Grid, content: bytes) -> Grid:
    """The lines with the text of merged cells in each of their rows; only their upper row has it in the file."""
    from openpyxl.utils.cell import range_boundaries

    by_line = dict(lines)
    for found in _MERGED.findall(content):
        left, top, _, bottom = range_boundaries(found.decode())
        text = by_line.get(top, [])[left - 1 : left]
        for line in range(top + 1, min(bottom, top + len(by_line)) + 1 if text else 0):
            cells = by_line.get(line)
            if cells and (len(cells) < left or not cells[left - 1]):
                cells.extend([""] * (left - len(cells)))
                cells[left - 1] = text[0]
    return lines


def _reason(data: bytes, error: Exception) -> str:
    """What is wrong with a workbook, in one line."""
    said = " ".join(str(error).split())
    # A workbook with a password is a package of Microsoft's of its own, in which its parts are named in 16 bits.
    if "EncryptedPackage".encode("utf-16-le") in data or "encrypted" in said:
        return "has a password; save it without one"
    short = said if len(said) <= _LONGEST else said[: _LONGEST - 3] + "..."
    return f"damaged or not a workbook: {short or type(error).__name__}; save it anew, as .xlsx or CSV UTF-8"
