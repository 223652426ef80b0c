"""Phases as owners write them, and rows brought together with clips: odd numbers, odd spellings, no partner."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emonas.datasets.reading.assemble import (
    Correction,
    apply_correction,
    by_key,
    key,
    match_rows,
    number_in,
    order_phases,
)
from emonas.datasets.reading.entry import Entry, frame


def _entry(onset: object, apex: object, offset: object) -> Entry:
    return Entry(Path(), "c1", "x", "s1", onset=str(onset), apex=str(apex), offset=str(offset))


def _phases(entry: Entry) -> tuple[str, str, str]:
    return entry.onset, entry.apex, entry.offset


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ((4896, 1930, 4970), ("4896", "", "4970")),
        ((1071, 1143, 1134), ("1071", "", "1134")),
        ((10, 20, 5), ("10", "20", "")),
        ((10, "/", 5), ("10", "/", "")),
        ((50, 20, 30), ("", "20", "30")),
        ((50, 20, 10), ("", "", "")),
        (("", 20, 10), ("", "", "10")),
        ((50, 20, ""), ("50", "", "")),
    ],
)
def test_the_phase_that_contradicts_the_others_becomes_unknown(
    given: tuple[object, ...], kept: tuple[str, ...]
) -> None:
    entry, words = order_phases(_entry(*given))
    assert _phases(entry) == kept
    assert words.startswith("s1/c1: onset ")


@given(st.lists(st.integers(0, 99), min_size=3, max_size=3))
def test_afterwards_every_clip_is_in_order_and_sound_ones_are_untouched(numbers: list[int]) -> None:
    before = _entry(*numbers)
    after, words = order_phases(before)
    known = [n for phase in ("onset", "apex", "offset") if (n := frame(phase, getattr(after, phase))) is not None]
    assert known == sorted(known)
    assert (after == before) == (words == "")
    assert order_phases(after) == (after, "")


def test_what_is_no_number_is_left_for_the_entry_to_tell() -> None:
    entry = _entry(50, "soon", 10)
    assert order_phases(entry) == (entry, "")


def test_a_known_slip_is_corrected_where_it_is_found_only() -> None:
    known = {"s1/c1": Correction("apex", "1143", "1105")}
    assert _phases(apply_correction(_entry(1071, 1143, 1134), known)) == ("1071", "1105", "1134")
    for other in (_entry(1071, 1100, 1134), Entry(Path(), "c2", "x", "s1", apex="1143")):
        assert apply_correction(other, known) == other


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
    found = list(match_rows(rows, places, "codes.xlsx"))
    assert [(entry.path, entry.flaw) for entry in found] == [
        (Path("sub1/a"), ""),
        (Path(), "listed before: in row 2"),
        (Path(), "no frames on the disk"),
        (Path(), "no label"),
        (Path(), "listed before: in row 5"),
        (Path("sub4/a.avi"), "no row in codes.xlsx"),
    ]
    assert (found[-1].subject, found[-1].clip) == ("sub4", "a")
