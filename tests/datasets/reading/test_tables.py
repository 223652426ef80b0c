"""Owners' spreadsheets in all formats, with headers where they stand and cells as they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from distributions import write_xls, write_xlsx
from hypothesis import given
from hypothesis import strategies as st

from emonas.datasets.reading.tables import parse_whole, read_rows, read_sheet
from emonas.datasets.reading.workbooks import cell_text
from emonas.errors import UserError

COLUMNS = {"subject": "subject", "apex": ("apex frame", "apex*"), "units": "au"}


def _written(folder: Path, suffix: str, rows: Sequence[Sequence[Any]]) -> Path:
    path = folder / f"coding{suffix}"
    if suffix == ".csv":
        path.write_text("\n".join(",".join(map(str, row)) for row in rows) + "\n")
        return path
    return write_xls(path, rows) if suffix == ".xls" else write_xlsx(path, {"Codes": rows})


@pytest.mark.parametrize("suffix", [".xlsx", ".xls", ".csv"])
def test_all_formats_give_the_same_rows(tmp_path: Path, suffix: str) -> None:
    rows = [("AU", " Subject", "x", "APEX  Frame"), ("4+5", "01", "", 12), ("", "", "", ""), (4, 1, "y", "/")]
    found = read_rows(_written(tmp_path, suffix, rows), COLUMNS)
    assert [row.line for row in found] == [2, 4]
    assert [tuple(row.cells.values()) for row in found] == [("01", "12", "4+5"), ("1", "/", "4")]


@pytest.mark.parametrize("suffix", [".xlsx", ".xls"])
def test_the_content_tells_the_format_not_the_ending(tmp_path: Path, suffix: str) -> None:
    path = _written(tmp_path, suffix, [("Subject", "Apex", "AU"), ("01", 2, 3)])
    other = path.rename(tmp_path / ("other.xls" if suffix == ".xlsx" else "other.xlsx"))
    assert read_rows(other, COLUMNS)[0].cells["subject"] == "01"


@pytest.mark.parametrize("above", [0, 1, 13, 39])
def test_the_header_is_searched_for_below_a_preamble(tmp_path: Path, above: int) -> None:
    preamble = [("the codes", None, None)] * above
    path = write_xlsx(tmp_path / "a.xlsx", {"1": [*preamble, ("Subject", "ApexF1", "AU"), ("006", 7, None)]})
    (row,) = read_rows(path, COLUMNS)
    assert (row.line, row.cells) == (above + 2, {"subject": "006", "apex": "7", "units": ""})


def test_the_first_sheet_that_has_the_columns_or_the_one_of_that_name(tmp_path: Path) -> None:
    header = ("Subject", "Apex", "AU")
    sheets = {"About": [("read me",)], "Micro Only": [header, (1, 2, 3)], "Macro": [header, (4, 5, 6)], "Empty": []}
    path = write_xlsx(tmp_path / "a.xlsx", sheets)
    assert read_rows(path, COLUMNS)[0].cells["subject"] == "1"
    assert read_rows(path, COLUMNS, sheet="macro*")[0].cells["subject"] == "4"


def test_spellings_are_tried_in_turn_and_each_column_is_taken_once(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", {"1": [("OnsetF", "ApexF2", "ApexF1", "Onset(ms)"), (1, 2, 3, 4)]})
    columns = {"apex": ("apexf1", "apex*"), "onset": "onset*", "ms": "onset*", "other apex": "apex*"}
    assert read_rows(path, columns)[0].cells == {"apex": "3", "onset": "1", "ms": "4", "other apex": "2"}


def test_optional_columns_may_be_missing(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", {"1": [("Subject", "Apex"), (1, 2)]})
    assert read_rows(path, COLUMNS, optional=("units",))[0].cells == {"subject": "1", "apex": "2", "units": ""}


def test_the_spreadsheet_of_another_set_says_what_it_has(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", {"One": [("Name", "Apex"), (1, 2)], "Two": []})
    with pytest.raises(UserError) as raised:
        read_rows(path, COLUMNS)
    assert str(raised.value) == (
        f"{path}: no sheet with the columns subject, apex frame, au; it has 'One' with Name, Apex; 'Two' with nothing"
    )


def test_a_sheet_without_a_header_by_position(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", {"naming": [("x",)], "code_final": [(1, "anger1_1", 557, 0), (2, "b", 1.0)]})
    rows = read_sheet(path, ("subject", "", "onset", "apex"), sheet="*final")
    assert [row.cells for row in rows] == [
        {"subject": "1", "onset": "557", "apex": "0"},
        {"subject": "2", "onset": "1", "apex": ""},
    ]
    assert read_sheet(path, ("subject", "", "onset", "apex")) == rows
    with pytest.raises(UserError, match="no sheet with 5 columns; it has 'naming' with x"):
        read_sheet(path, ("a", "b", "c", "d", "e"))


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.xlsx", b"", "empty file"),
        ("a.xlsx", b"PK\x03\x04 cut off", "damaged or not a workbook"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 cut off", "damaged or not a workbook"),
        ("a.xls", b"<html>", "damaged or not a workbook"),
        ("a.csv", b"Jos\xe9phine\n", "not a UTF-8 text file"),
        ("none.xlsx", None, "no such file"),
    ],
)
def test_a_file_that_is_no_workbook_is_one_line(tmp_path: Path, name: str, content: bytes | None, reason: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=reason) as raised:
        read_rows(tmp_path / name, COLUMNS)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("cut", [100, 1000, 3000])
def test_a_cut_off_workbook_is_one_line(tmp_path: Path, cut: int) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", {"1": [("Subject", "Apex", "AU")] * 50})
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(UserError, match="damaged or not a workbook"):
        read_rows(path, COLUMNS)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (1, "1"), (1.0, "1"), (1.5, "1.5"), (" 01\u00a0", "01"), (float("nan"), ""), (float("inf"), "inf")],
)
def test_cells_are_the_same_whatever_they_are_stored_as(value: Any, text: str) -> None:
    assert cell_text(value) == text


@given(st.integers(0, 10**9))
def test_a_number_comes_back_from_every_way_to_store_it(number: int) -> None:
    assert {parse_whole(cell_text(value)) for value in (number, float(number), str(number), f" 0{number}")} == {number}


@pytest.mark.parametrize("text", ["", "/", "\\", "x", "1.5", "-1", "²"])
def test_what_is_no_number_is_none(text: str) -> None:
    assert parse_whole(text) is None
