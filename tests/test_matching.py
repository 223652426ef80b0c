"""Rows and clips find each other however they are padded and spelled, and what has no partner is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from emonas.datasets.entry import Entry
from emonas.datasets.matching import by_key, key, matched, number_in


@pytest.mark.parametrize(("text", "number"), [("S005", 5), ("sub05", 5), ("05", 5), ("5", 5), ("x", None), ("", None)])
def test_the_number_of_a_subject(text: str, number: int | None) -> None:
    assert number_in(text) == number


def test_subjects_match_as_numbers_and_clips_by_folded_names() -> None:
    assert key("s1", "S1_NE_01 ") == key("S01", "s1_ne_01")
    assert key("Anna", "a") == key("ANNA", "a") != key("Bob", "a")
    assert key(None, "a") == key("", "A")
    assert key("s1", "a") != key("s2", "a")


def test_places_are_folders_and_videos(tmp_path: Path) -> None:
    (tmp_path / "sub1" / "EP1").mkdir(parents=True)
    (tmp_path / "PS 1" / "x").mkdir(parents=True)
    for name in ("sub1/ep2.txt", "sub1/EP3.avi"):
        (tmp_path / name).touch()
    assert by_key(sorted(tmp_path.glob("sub1/*"))) == {
        (1, "ep1"): tmp_path / "sub1" / "EP1",
        (1, "ep3"): tmp_path / "sub1" / "EP3.avi",
    }
    assert by_key([tmp_path / "PS 1" / "x"], up=2) == {key(tmp_path.name, "x"): tmp_path / "PS 1" / "x"}


def test_each_row_and_each_clip_has_its_place_or_its_reason() -> None:
    def row(number: int, subject: str, clip: str, flaw: str = "") -> Entry:
        return Entry(Path(), clip, "happy", subject, flaw=flaw, row=number)

    rows = [row(2, "1", "a"), row(3, "01", "A"), row(4, "2", "a"), row(5, "3", "a", "no label"), row(6, "3", "a")]
    places = {(1, "a"): Path("sub1/a"), (3, "a"): Path("sub3/a"), (4, "a"): Path("sub4/a.avi")}
    found = list(matched(rows, places, "codes.xlsx"))
    assert [(entry.path, entry.flaw) for entry in found] == [
        (Path("sub1/a"), ""),
        (Path(), "listed before: in row 2"),
        (Path(), "no frames on the disk"),
        (Path(), "no label"),
        (Path(), "listed before: in row 5"),
        (Path("sub4/a.avi"), "no row in codes.xlsx"),
    ]
    assert (found[-1].subject, found[-1].clip) == ("sub4", "a")
