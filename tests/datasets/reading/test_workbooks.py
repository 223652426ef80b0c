"""Workbooks as owners and their programs leave them: dates, merged cells, passwords, damage, bombs."""

from __future__ import annotations

import datetime
import io
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from openpyxl.chart import BarChart

from emonas.datasets.reading.tables import read_rows
from emonas.datasets.reading.workbooks import cell_text
from emonas.errors import UserError

COLUMNS = {"subject": "subject", "clip": "clip"}


def workbook(folder: Path, change: Callable[[openpyxl.Workbook], None] = lambda book: None) -> Path:
    """A workbook of three clips of two people, changed before it is saved."""
    book = openpyxl.Workbook()
    for row in (("Subject", "Clip"), (1, "a"), (None, "b"), (2, "c")):
        book.active.append(row)
    change(book)
    book.save(folder / "coding.xlsx")
    return folder / "coding.xlsx"


def edited(path: Path, edit: Callable[[str], str], part: str = "xl/worksheets/sheet1.xml") -> Path:
    """The same file with one of its parts changed."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[part] = edit(parts[part].decode()).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def subjects(path: Path) -> list[str]:
    return [row.cells["subject"] for row in read_rows(path, COLUMNS)]


def refused(path: Path, reason: str) -> None:
    with pytest.raises(UserError, match=reason) as raised:
        read_rows(path, COLUMNS)
    assert len(str(raised.value).splitlines()) == 1


def test_merged_cells_hold_for_all_their_rows(tmp_path: Path) -> None:
    assert subjects(workbook(tmp_path)) == ["1", "", "2"]
    assert subjects(workbook(tmp_path, lambda book: book.active.merge_cells("A2:A3"))) == ["1", "1", "2"]


def test_a_header_of_two_merged_rows_is_no_row_of_data(tmp_path: Path) -> None:
    def two_rows(book: openpyxl.Workbook) -> None:
        book.active.insert_rows(2)
        book.active.merge_cells("A1:A2")
        book.active.merge_cells("B1:B2")

    assert subjects(workbook(tmp_path, two_rows)) == ["1", "", "2"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime.datetime(1900, 2, 9), "40"),
        (datetime.datetime(2014, 5, 8), "2014-05-08"),
        (datetime.datetime(2014, 5, 8, 12, 30), "2014-05-08T12:30:00"),
        (datetime.date(2014, 5, 8), "2014-05-08"),
        ("12.0", "12"),
        ("1.05", "1.05"),
        ("v1.0", "v1.0"),
    ],
)
def test_days_and_decimals_that_programs_made_of_numbers(value: object, text: str) -> None:
    assert cell_text(value) == text


def test_a_chart_on_a_sheet_of_its_own_is_passed_over(tmp_path: Path) -> None:
    def chart(book: openpyxl.Workbook) -> None:
        book.create_chartsheet("Chart", 0).add_chart(BarChart())

    assert subjects(workbook(tmp_path, chart)) == ["1", "", "2"]


def test_a_row_numbered_30_million_ends_at_once(tmp_path: Path) -> None:
    refused(edited(workbook(tmp_path), lambda xml: xml.replace('<row r="4"', '<row r="30000000"')), "beyond 1048576")


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = workbook(tmp_path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/image1.png", bytes(2**27 + 1))
    refused(path, "unpacks to more than 128 MB")


@pytest.mark.parametrize(
    ("local", "central", "value", "reason"),
    [(6, 8, 1, "has a password; save it without one"), (8, 10, 99, "damaged or not a workbook: That compression")],
)
def test_an_encrypted_or_oddly_packed_member_is_one_line(
    tmp_path: Path, local: int, central: int, value: int, reason: str
) -> None:
    path = workbook(tmp_path)
    content, name = bytearray(path.read_bytes()), b"xl/worksheets/sheet1.xml"
    for mark, field, at_name in ((b"PK\x03\x04", local, 30), (b"PK\x01\x02", central, 46)):
        for found in re.finditer(re.escape(mark), bytes(content)):
            at = found.start()
            if content[at + at_name : at + at_name + len(name)] == name:
                content[at + field : at + field + 2] = struct.pack("<H", value)
    path.write_bytes(content)
    refused(path, reason)


def test_a_workbook_with_a_password_is_named_as_such(tmp_path: Path) -> None:
    path = tmp_path / "coding.xlsx"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "EncryptedPackage".encode("utf-16-le"))
    refused(path, "has a password")


def test_every_truncation_is_one_line(tmp_path: Path) -> None:
    content = workbook(tmp_path).read_bytes()
    for length in range(1, len(content) - 1, len(content) // 40):
        (tmp_path / "coding.xlsx").write_bytes(content[:length])
        refused(tmp_path / "coding.xlsx", "damaged or not a workbook")


def test_a_member_that_does_not_unpack_is_one_line(tmp_path: Path) -> None:
    path = workbook(tmp_path)
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        start = archive.getinfo("xl/worksheets/sheet1.xml").header_offset
    content = bytearray(path.read_bytes())
    content[start + 60 : start + 120] = b"\xff" * 60
    path.write_bytes(content)
    refused(path, "damaged or not a workbook")
