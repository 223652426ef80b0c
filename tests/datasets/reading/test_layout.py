"""Roots and files are found by what is in them, and what is missing is said with what is there instead."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from emonas.datasets.reading.layout import (
    describe_contents,
    find_files,
    find_inside,
    find_roots,
    not_as_distributed,
    root_of,
)
from emonas.errors import UserError

PATTERN = "sub*/ep*/img*.jpg"


def _touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.mark.parametrize("nested", ["", "CASME", "CASME/CASME", "a/B/c"])
def test_a_root_lies_at_most_three_levels_down(tmp_path: Path, nested: str) -> None:
    _touch(tmp_path / nested / "sub01" / "EP1" / "img1.jpg")
    assert find_roots(tmp_path, PATTERN) == [tmp_path / nested]


@pytest.mark.parametrize("nested", ["a/b/c/d", "__MACOSX", ".hidden"])
def test_deeper_or_hidden_ones_are_not_found(tmp_path: Path, nested: str) -> None:
    _touch(tmp_path / nested / "sub01" / "EP1" / "img1.jpg")
    assert find_roots(tmp_path, PATTERN) == []


def test_all_roots_come_the_highest_first_and_nothing_below_one(tmp_path: Path) -> None:
    for nested in ("z", "a/b", "z/again"):
        _touch(tmp_path / nested / "sub01" / "EP1" / "img1.jpg")
    assert find_roots(tmp_path, PATTERN) == [tmp_path / "z", tmp_path / "a" / "b"]


def test_case_is_one_and_debris_is_none(tmp_path: Path) -> None:
    _touch(tmp_path / "SUB1" / "ep1" / "IMG1.JPG", tmp_path / "sub2" / "ep1" / "note.txt")
    _touch(tmp_path / "sub2" / "ep - shortcut.lnk", tmp_path / "~$coding.xlsx", tmp_path / "Coding.XLSX")
    assert find_roots(tmp_path, PATTERN) == [tmp_path]
    assert [path.name for path in find_inside(tmp_path, "sub*/EP*")] == ["ep1", "ep1"]
    assert find_files(tmp_path, "coding.xlsx") == [tmp_path / "Coding.XLSX"]


def test_numbers_order_what_is_found(tmp_path: Path) -> None:
    _touch(*(tmp_path / f"s{number}" / "1.jpg" for number in (10, 9, 100)))
    assert [path.name for path in find_inside(tmp_path, "s*")] == ["s9", "s10", "s100"]


def test_files_by_pattern_before_depth(tmp_path: Path) -> None:
    _touch(
        tmp_path / "b.csv", tmp_path / "x" / "a.xlsx", tmp_path / "x" / "y" / "z" / "b.csv", tmp_path / "c.xlsx" / "d"
    )
    assert find_files(tmp_path, "*.xlsx", "*.csv") == [
        tmp_path / "x" / "a.xlsx",
        tmp_path / "b.csv",
        tmp_path / "x" / "y" / "z" / "b.csv",
    ]


def test_the_form_is_chosen_or_the_first_that_is_there(tmp_path: Path) -> None:
    forms = {"owner": ("crops", "sub*/ep*/reg*.jpg"), "full": ("frames", PATTERN)}
    _touch(tmp_path / "raw" / "sub01" / "EP1" / "img1.jpg")
    assert root_of(tmp_path, "X", forms, "auto") == ("full", tmp_path / "raw")
    _touch(tmp_path / "cut" / "sub01" / "EP1" / "reg1.jpg", tmp_path / "cut-Updated" / "sub01" / "EP1" / "reg1.jpg")
    assert root_of(tmp_path, "X", forms, "auto") == ("owner", tmp_path / "cut-Updated")
    assert root_of(tmp_path, "X", forms, "full") == ("full", tmp_path / "raw")


def test_what_was_wanted_and_what_was_found_is_one_line(tmp_path: Path) -> None:
    _touch(*(tmp_path / f"{number}.txt" for number in range(7)), tmp_path / "sub" / "x")
    with pytest.raises(UserError) as raised:
        root_of(tmp_path, "CASME II", {"full": ("frames", PATTERN)}, "auto")
    assert str(raised.value) == (
        f"{tmp_path}: not CASME II as its owner distributes it, or not all of it: looked for frames "
        "(sub*/ep*/img*.jpg) in it and up to three folders down, found sub/, 0.txt, 1.txt, 2.txt, 3.txt and 3 more"
    )


def test_what_else_a_source_may_be(tmp_path: Path) -> None:
    assert describe_contents(tmp_path) == "an empty folder"
    _touch(tmp_path / "A.part1.rar", tmp_path / "readme.txt")
    assert describe_contents(tmp_path) == "A.part1.rar, still packed: unpack it"
    assert describe_contents(tmp_path / "readme.txt") == "a file: name the folder that holds it"
    assert "found b.csv" in str(not_as_distributed(tmp_path, "X", "a.csv", "b.csv"))


def test_a_folder_without_rights_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: object) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(os, "scandir", refuse)
    for search in (find_roots, find_files):
        with pytest.raises(UserError, match="cannot be read: Permission denied"):
            search(tmp_path, "x")


def test_a_system_folder_beside_the_data_is_passed_by_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _touch(tmp_path / "lost+found" / "x", tmp_path / "data" / "sub01" / "EP1" / "img1.jpg")
    listed, allowed = os.scandir, os.access

    def refuse(folder: Path) -> object:
        if folder.name == "lost+found":
            raise PermissionError(13, "Permission denied", str(folder))
        return listed(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    monkeypatch.setattr(os, "access", lambda path, mode: path.name != "lost+found" and allowed(path, mode))
    assert find_roots(tmp_path, PATTERN) == [tmp_path / "data"]
    assert find_files(tmp_path, "*.jpg") == [tmp_path / "data" / "sub01" / "EP1" / "img1.jpg"]
    assert describe_contents(tmp_path) == "data/, lost+found/ (no rights to read it)"
