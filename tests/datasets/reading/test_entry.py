"""Entries as readers make them: frame numbers, rows in reasons, and expressions cut out of long recordings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from distributions import write_frames

from emonas.datasets.reading.entry import Entry, frame


@pytest.mark.parametrize("text", ["", "/", "\\", "-", "?", "NaN", "None", "n/a", "#N/A"])
def test_what_stands_for_nobody_knows(text: str) -> None:
    assert frame("onset", text) is None


def test_numbers_and_the_apex_zero() -> None:
    assert (frame("onset", "0"), frame("apex", "0"), frame("offset", "12.0")) == (0, None, 12)
    with pytest.raises(ValueError, match="offset not a frame number: 'soon'"):
        frame("offset", "soon")


def _long(folder: Path, **more: Any) -> Entry:
    path = write_frames(folder / "video", range(1, 41))
    return Entry(path, "anger1_1", "anger", "s15", onset="9", apex="11", offset="12", cut=True, **more)


def test_an_expression_is_cut_out_of_a_long_recording(tmp_path: Path) -> None:
    sample = _long(tmp_path, action_units=("4",)).sample("x")
    assert (len(sample.frames), sample.onset, sample.apex, sample.offset) == (4, 0, 2, 3)
    assert sample.frames.read()[:, 0, 0, 0].tolist() == [9, 10, 11, 12]
    assert sample.action_units == ("4",)


def test_frames_outside_the_cut_are_neither_read_nor_checked(tmp_path: Path) -> None:
    entry = _long(tmp_path)
    (entry.path / "img30.jpg").write_bytes(b"no image")
    assert not entry.sample("x").dropped
    assert not replace(entry, cut=False).sample("x").dropped
    assert replace(entry, cut=False, offset="").sample("x").dropped == "not an image: frame img30.jpg"


def test_expressions_of_one_recording_stay_together_where_nobody_is_named(tmp_path: Path) -> None:
    entry = replace(_long(tmp_path), subject=None, cut=False)
    groups = {replace(entry, onset=onset, apex="", offset="").sample("x").group for onset in ("1", "9", "20")}
    assert len(groups) == 1 and groups != {""}


def test_pictures_that_are_no_frames_are_told_by_name_even_where_the_clip_is_dropped(tmp_path: Path) -> None:
    entry = replace(_long(tmp_path), cut=False)
    (entry.path / "img9 - Copy.jpg").write_bytes(b"whatever")
    said = ("pictures left aside, not named like the other frames: img9 - Copy.jpg",)
    assert (entry.sample("x").onset, entry.sample("x").remarks) == (8, said)
    assert (replace(entry, offset="77").sample("x").remarks) == said


def test_phases_in_seconds_where_the_names_are_seconds(tmp_path: Path) -> None:
    path = write_frames(tmp_path / "c", [0, 1, 2, 3], "t_{}.jpg")
    for number in range(4):
        (path / f"t_{number}.jpg").rename(path / f"t_{number * 0.25}s.jpg")
    sample = Entry(path, "c", "x", "s", onset="0.25", apex="0.5", offset="0,75").sample("x")
    assert (sample.onset, sample.apex, sample.offset, sample.dropped) == (1, 2, 3, "")


def test_without_an_offset_the_cut_goes_on_to_the_end(tmp_path: Path) -> None:
    sample = replace(_long(tmp_path), offset="/").sample("x")
    assert (len(sample.frames), sample.offset) == (32, 31)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"flaw": "no label"}, "no label: row 7"),
        ({"flaw": "unknown label: 'x'"}, "unknown label: 'x' (row 7)"),
        ({"onset": "soon"}, "onset not a frame number: 'soon' (row 7)"),
        ({"offset": "77"}, "offset not in the clip: 77 is not among frames 1 to 40 (row 7)"),
        ({"path": Path("nowhere.png"), "cut": False}, "no such file: row 7"),
    ],
)
def test_a_reason_names_the_row_after_its_colon(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    assert replace(_long(tmp_path, row=7), **change).sample("x").dropped == reason
