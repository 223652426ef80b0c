"""Tables in text files (CSV) as spreadsheets, scripts and editors write them: any separator, any usual encoding."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from emonas.datasets.clips.flaws import os_error_text
from emonas.errors import UserError

#: What a spreadsheet can hold; more columns than that are no table.
MOST_COLUMNS = 16384
_CHUNK = 2**20
_SEPARATOR_LINE = re.compile('"?sep=(.)"?[\r\n]*', re.IGNORECASE)
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
#: An accented letter inside a Latin word, as a Western encoding gives it when it is read as a Chinese one.
_IN_A_WORD = re.compile(r"(?<=[A-Za-z])[^\x00-\x7f](?=[A-Za-z])")


def read_lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The lines of a table, one at a time: the line of the file that each ends on, and its stripped cells.

    The separator is the one that the first line has most of, or that a line "sep=;" before it names. Raises UserError
    for a file that is missing, unreadable, empty, no text or no table, also in the middle of it.
    """
    try:
        with path.open(encoding=encoding_of(path), newline="") as file:
            header, skipped = file.readline(), 0
            if not header:
                raise UserError(f"{path}: empty file")
            if named := _SEPARATOR_LINE.fullmatch(header):
                header, skipped = file.readline(), 1
                if not header:
                    raise UserError(f"{path}: nothing below its line {named[0].strip()!r}")
            file.seek(0)
            text = _text(path, file)
            for _ in range(skipped):
                next(text)
            reader = csv.reader(text, delimiter=named[1] if named else max(",;\t", key=header.count))
            for cells in reader:
                if len(cells) > MOST_COLUMNS:
                    raise UserError(f"{path}: {len(cells)} columns in a line; a table has at most {MOST_COLUMNS}")
                yield reader.line_num + skipped, [cell.strip() for cell in cells]
    except OSError as error:
        raise UserError(f"{path}: {os_error_text(error)}") from None
    except UnicodeError:
        raise UserError(f"{path}: not a UTF-8 text file (save spreadsheets as CSV UTF-8)") from None
    except csv.Error as error:
        raise UserError(f"{path}: not a CSV file: {error}") from None


def encoding_note(path: Path) -> tuple[str, ...]:
    """A note where a file is read in another encoding than Unicode. Raises OSError."""
    name = encoding_of(path)
    return (f"{path.name} is no UTF-8; it is read as Chinese text ({name.upper()})",) if name == "gb18030" else ()


def encoding_of(path: Path) -> str:
    """Unicode by its mark or its sense, else GB18030 (which GBK is a part of) where that makes sense.

    Of other encodings it is UTF-8, which then cannot be read. Raises OSError.
    """
    state = path.stat()
    return _encoding(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=64)
def _encoding(path: Path, _changed: int, _size: int) -> str:
    """As ``encoding_of``, of a file that stays as it is."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        start = file.read(4)
        if marked := next((name for mark, name in _MARKS.items() if start.startswith(mark)), None):
            return marked
        try:
            decoder.decode(start)
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "gb18030" if _is_chinese(path) else "utf-8"
    return "utf-8"


def _is_chinese(path: Path) -> bool:
    """Whether a file that is no UTF-8 is GB18030 with mostly common signs, rather than Latin text with accents."""
    try:
        text = path.read_bytes()[:_CHUNK].decode(
            "gb18030", errors="strict" if path.stat().st_size <= _CHUNK else "ignore"
        )
    except UnicodeDecodeError:
        return False
    signs = [sign for sign in text if not sign.isascii()]
    common = sum(bool(sign.encode("gb2312", "ignore")) for sign in signs)
    return common - len(_IN_A_WORD.findall(text)) > len(signs) / 2


def _text(path: Path, file: Iterator[str]) -> Iterator[str]:
    for line in file:
        if "\0" in line:
            raise UserError(f"{path}: not a text file")
        yield line
