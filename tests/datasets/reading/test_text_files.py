"""Tables in text files as programs write them: separators, encodings, and what is no table."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from emonas.datasets.reading.tables import columns, rows
from emonas.datasets.reading.text_files import encoding_note, encoding_of, read_lines
from emonas.errors import UserError

CHINESE = "path,subject,label\n图/甲.png,王喆,高兴\n图/乙.png,李雷,悲伤\n"


def written(folder: Path, content: bytes) -> Path:
    path = folder / "list.csv"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gbk", "gb18030"])
def test_a_chinese_table_is_read_in_every_usual_encoding(tmp_path: Path, encoding: str) -> None:
    path = written(tmp_path, CHINESE.encode(encoding))
    assert columns(path) == ("path", "subject", "label")
    assert [row.cells["subject"] for row in rows(path)] == ["王喆", "李雷"]
    assert bool(encoding_note(path)) is encoding.startswith("gb")


@pytest.mark.parametrize("name", ["Joséphine", "Zoé", "ação", "Übermüller", "Søren"])
def test_latin_text_in_an_old_encoding_is_not_taken_for_chinese(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, f"path,subject,label\n1.png,{name},x\n".encode("cp1252"))
    assert encoding_of(path) == "utf-8"
    with pytest.raises(UserError, match="not a UTF-8 text file"):
        list(read_lines(path))


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "SEP=;"])
def test_a_line_may_name_the_separator(tmp_path: Path, line: str) -> None:
    path = written(tmp_path, f"{line}\r\npath;label, a\r\n1.png;x\r\n".encode())
    assert columns(path) == ("path", "label, a")
    assert [(row.line, row.cells["path"]) for row in rows(path)] == [(3, "1.png")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"sep=;", "nothing below its line 'sep=;'"),
        (b"\xff\xfe", "empty file"),
        (b"a\0b\n", "not a text file"),
        (b"\xff\xfe1", "not a UTF-8 text file"),
        (b'a,"' + b"x" * 200_000, "not a CSV file"),
    ],
)
def test_what_is_no_table_is_one_line(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(UserError, match=reason) as raised:
        columns(written(tmp_path, content))
    assert len(str(raised.value).splitlines()) == 1


def test_very_many_columns_end_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, ",".join(f"c{i}" for i in range(300_000)).encode() + b"\n")
    start = time.monotonic()
    with pytest.raises(UserError, match="300000 columns in a line"):
        columns(path)
    assert time.monotonic() - start < 5
