"""Frame numbers as owners write them, and what becomes of those that contradict each other."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emonas.datasets.entry import Entry
from emonas.datasets.frame_numbers import Correction, corrected, frame, in_order


def _entry(onset: object, apex: object, offset: object) -> Entry:
    return Entry(Path(), "c1", "x", "s1", onset=str(onset), apex=str(apex), offset=str(offset))


def _phases(entry: Entry) -> tuple[str, str, str]:
    return entry.onset, entry.apex, entry.offset


@pytest.mark.parametrize("text", ["", "/", "\\", "-", "?", "NaN", "None", "n/a", "#N/A"])
def test_what_stands_for_nobody_knows(text: str) -> None:
    assert frame("onset", text) is None


def test_numbers_and_the_apex_zero() -> None:
    assert (frame("onset", "0"), frame("apex", "0"), frame("offset", "12.0")) == (0, None, 12)
    with pytest.raises(ValueError, match="offset not a frame number: 'soon'"):
        frame("offset", "soon")


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
    entry, words = in_order(_entry(*given))
    assert _phases(entry) == kept
    assert words.startswith("s1/c1: onset ")


@given(st.lists(st.integers(0, 99), min_size=3, max_size=3))
def test_afterwards_every_clip_is_in_order_and_sound_ones_are_untouched(numbers: list[int]) -> None:
    before = _entry(*numbers)
    after, words = in_order(before)
    known = [n for phase in ("onset", "apex", "offset") if (n := frame(phase, getattr(after, phase))) is not None]
    assert known == sorted(known)
    assert (after == before) == (words == "")
    assert in_order(after) == (after, "")


def test_what_is_no_number_is_left_for_the_entry_to_tell() -> None:
    entry = _entry(50, "soon", 10)
    assert in_order(entry) == (entry, "")


def test_a_known_slip_is_corrected_where_it_is_found_only() -> None:
    known = {"s1/c1": Correction("apex", "1143", "1105")}
    assert _phases(corrected(_entry(1071, 1143, 1134), known)) == ("1071", "1105", "1134")
    for other in (_entry(1071, 1100, 1134), Entry(Path(), "c2", "x", "s1", apex="1143")):
        assert corrected(other, known) == other
