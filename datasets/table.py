"""CSV files of unknown origin: any of the usual separators, header names in any order and spelling of case."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from emonas.errors import UserError

from .flaws import told


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


def shortened(text: str, length: int = 60) -> str:
    """A text that fits into a line of an error message."""
    return text if len(text) <= length else text[: length - 3] + "..."


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield file
    except OSError as error:
        raise UserError(f"{path}: {told(error)}") from None
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
