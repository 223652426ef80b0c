"""ISED in miniature: 428 clips of 50 people with the reported counts, and every odd thing in the owner's table."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data_command import Command
from distributions import counts, deal, image_bytes, people, read, sample_of, write_frames, write_video
from made_samples import files_below
from scipy.io import savemat

from emonas.datasets.clips.sample import ReadResult
from emonas.datasets.databases import registry
from emonas.datasets.databases.ised import CLASSES
from emonas.datasets.reading.expected import chosen, compare
from emonas.errors import UserError

LABELS = {"happiness": 227, "surprise": 73, "sadness": 48, "disgust": 80}
#: Clips of each participant: 428 of 50 people.
CLIPS = {number: 9 if number <= 28 else 8 for number in range(1, 51)}
LENGTH = 12


def wrapped(value: Any, times: int) -> Any:
    """A value inside arrays of one element, as cells in cells come out of a file."""
    for _ in range(times):
        outer = np.empty((1, 1), object)
        outer[0, 0] = value
        value = outer
    return value


def row(participant: int, clip: int, label: Any, peak: Any = 7, depth: int = 0, **cells: Any) -> list[Any]:
    """A row of the table, with Windows' separators."""
    values: list[Any] = [float(participant), f"id{participant + 100}", float(clip), peak]
    values += [f"videos\\PS {participant}\\{clip}.avi", f"peakImages\\{participant}_{clip}_{peak}.jpg", label]
    values += [3.0, "M", 0.0, 0.0, "none", np.array([10.0, 20.0, 64.0, 64.0]), np.zeros(2), np.zeros(2), np.zeros(0)]
    for at, value in cells.items():
        values[int(at[1:])] = value
    return [wrapped(value, depth) for value in values]


def details(folder: Path, rows: Sequence[Sequence[Any]], whole: int = 0, name: str = "ISED_details.mat") -> Path:
    table = np.empty((len(rows), len(rows[0])), object)
    for at, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            table[at, column] = cell
    folder.mkdir(parents=True, exist_ok=True)
    savemat(folder / name, {"note": "cells below", "ISED_details": wrapped(table, whole)})
    return folder


def _rows() -> list[list[Any]]:
    numbers: Counter[int] = Counter()
    rows = []
    for index, (participant, label) in enumerate(deal(LABELS, CLIPS)):
        numbers[participant] += 1
        code = CLASSES.index(label) + 1
        rows.append(row(participant, numbers[participant], float(code), 2 + index % 9, index % 3))
    return rows


def _peak(cells: Sequence[Any]) -> tuple[int, int, int]:
    """Participant, clip and peak frame of a row."""

    def plain(value: Any) -> int:
        while isinstance(value, np.ndarray):
            value = value.item()
        return int(value)

    return plain(cells[0]), plain(cells[2]), plain(cells[3])


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete copy, each archive unpacked into a folder of its name."""
    root = tmp_path_factory.mktemp("ised") / "ISED"
    rows = _rows()
    details(root, rows)
    video = write_video(root / "one.avi", range(10, 10 + 10 * LENGTH, 10)).read_bytes()
    (root / "one.avi").unlink()
    for participant, clip, peak in map(_peak, rows):
        folder = root / "videos" / "videos" / f"PS {participant}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{clip}.avi").write_bytes(video)
        write_frames(root / "peakImages" / "peakImages", (peak,), f"{participant}_{clip}_{{}}.jpg")
    (root / "peakImages" / "peakImages" / "Thumbs.db").write_bytes(b"x")
    (root / "HowToUse.m").write_text("load ISED_details")
    (root / "ISED_peak_images.mat").write_bytes(b"x")
    return root


def small(folder: Path, rows: Sequence[Sequence[Any]], **more: Any) -> Path:
    """A copy with a table, and the clip and the picture of each of its rows."""
    details(folder, rows, **more)
    for cells in rows:
        participant, clip, peak = _peak(cells)
        write_video(folder / "videos" / f"PS {participant}" / f"{clip}.avi", range(10, 130, 10))
        write_frames(folder / "peakImages", (peak,), f"{participant}_{clip}_{{}}.jpg")
    return folder


TWO = (row(1, 4, 1.0, 3), row(2, 1, 4.0, 7))


def as_published(found: ReadResult) -> bool:
    expected = chosen(registry.entry("ised").expected, found.choices)
    return expected is not None and not any(one.differs for one in compare(expected, found.used))


@pytest.mark.parametrize(("variant", "settled"), [("auto", "peak"), ("peak", "peak"), ("clips", "clips")])
def test_428_of_50_people_in_either_form(whole: Path, variant: str, settled: str) -> None:
    found = read("ised", whole, variant=variant)
    assert found.choices == {"classes": "4", "variant": settled, "apex_policy": "middle"}
    assert (len(found.samples), len(found.used), people(found)) == (428, 428, 50)
    assert counts(found) == LABELS
    assert as_published(found)
    assert found.notes == ()
    assert {len(sample.frames) for sample in found.used} == {1 if settled == "peak" else LENGTH}


def test_cells_are_unwrapped_whatever_they_are_wrapped_in(tmp_path: Path) -> None:
    for depth in range(3):
        rows = [row(1, 4, 1.0, 3, depth), row(2, 1, "4", 7.0, depth), row(3, 2, "Sadness ", "5", depth)]
        found = read("ised", small(tmp_path / str(depth), rows, whole=depth))
        assert [(s.subject, s.clip, s.label) for s in found.used] == [
            ("PS 1", "4", "happiness"),
            ("PS 2", "1", "disgust"),
            ("PS 3", "2", "sadness"),
        ]


def test_the_peak_is_counted_from_one(tmp_path: Path) -> None:
    found = read("ised", small(tmp_path, TWO), variant="clips")
    assert [(s.onset, s.apex, s.offset) for s in found.used] == [(0, 2, 11), (0, 6, 11)]
    grey = found.used[0].frames.read()[2].mean()
    assert grey == pytest.approx(30, abs=4)


def test_paths_say_where_a_clip_lies_with_either_separator(tmp_path: Path) -> None:
    rows = [row(9, 9, 1.0, 3, _4="videos/PS 1/4.avi"), row(2, 1, 4.0, 7, _4=np.zeros(0))]
    details(tmp_path, [*rows, row(9, 8, 2.0, _4=".\\videos\\PS 3\\5.avi")])
    for place in ("PS 1/4", "PS 2/1", "PS 3/5"):
        write_video(tmp_path / "videos" / f"{place}.avi", range(10, 130, 10))
    found = read("ised", tmp_path)
    assert [(s.subject, s.clip, s.dropped) for s in found.samples] == [
        ("PS 1", "4", ""),
        ("PS 2", "1", ""),
        ("PS 3", "5", ""),
    ]


@pytest.mark.parametrize(("policy", "used"), [("middle", 2), ("drop", 1)])
def test_a_peak_that_is_no_number_follows_the_policy(tmp_path: Path, policy: str, used: int) -> None:
    small(tmp_path, TWO)
    details(tmp_path, [row(1, 4, 1.0, "?"), TWO[1]])
    found = read("ised", tmp_path, variant="clips", apex_policy=policy)
    assert (found.samples[0].apex, len(found.used)) == (None, used)


def test_a_peak_behind_the_end_of_its_clip_drops_it(tmp_path: Path) -> None:
    small(tmp_path, TWO)
    details(tmp_path, [row(1, 4, 1.0, 40), TWO[1]])
    found = read("ised", tmp_path, variant="clips")
    assert found.samples[0].dropped == "apex not in the clip: 39 is not among frames 0 to 11 (row 1)"


def test_a_picture_of_another_peak_than_the_table_says_is_used_and_told(tmp_path: Path) -> None:
    small(tmp_path, TWO)
    details(tmp_path, [row(1, 4, 1.0, 5), TWO[1]])
    found = read("ised", tmp_path)
    assert len(found.used) == 2
    assert found.notes == ("peak frames in the table and in the picture's name differ: PS 1/4: 5 and 3",)


def test_rows_and_clips_without_a_partner_are_dropped_and_named(tmp_path: Path) -> None:
    rows = [*TWO, TWO[0], row(4, 1, 2.0), row(5, 1, 7.0), row(6, 1, 2.0, _0="x", _4="")]
    details(small(tmp_path, TWO), rows)
    write_video(tmp_path / "videos" / "PS 7" / "3.avi", (1, 2))
    found = read("ised", tmp_path, variant="clips")
    assert [s.dropped for s in found.samples] == [
        *("", "", "listed before: in row 1 (row 3)", "no frames on the disk: row 4", "unknown label: '7' (row 5)"),
        "no participant: row 6",
        "no row in ISED_details.mat",
    ]


def test_clips_are_read_where_no_peak_pictures_are(tmp_path: Path) -> None:
    small(tmp_path, TWO)
    shutil.rmtree(tmp_path / "peakImages")
    assert read("ised", tmp_path).choices["variant"] == "clips"
    with pytest.raises(UserError, match="looked for peak pictures"):
        read("ised", tmp_path, variant="peak")


def test_pictures_and_clips_that_are_cut_off_are_dropped(tmp_path: Path) -> None:
    small(tmp_path, TWO)
    picture, video = tmp_path / "peakImages" / "1_4_3.jpg", tmp_path / "videos" / "PS 1" / "4.avi"
    picture.write_bytes(image_bytes(".jpg")[:-9])
    video.write_bytes(video.read_bytes()[:100])
    assert [s.dropped for s in read("ised", tmp_path).samples] == ["cut off: row 1", ""]
    assert [s.dropped for s in read("ised", tmp_path, variant="clips").samples] == ["not a video or cut off: row 1", ""]


_HEADER_OF_7_3 = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM" + b"\0" * 400


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"participant,clip,label\n1,4,1\n" * 9, "damaged or not a file of MATLAB"),
        (_HEADER_OF_7_3, "saved in MATLAB's format 7.3"),
    ],
)
def test_a_table_that_cannot_be_read_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes, reason: str
) -> None:
    small(tmp_path, TWO)
    (tmp_path / "ISED_details.mat").write_bytes(content)
    assert f"ISED_details.mat: {reason}" in Command(capsys).refuse("check", "ised", tmp_path)


def test_a_table_that_is_cut_off_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    small(tmp_path, TWO)
    data = (tmp_path / "ISED_details.mat").read_bytes()
    for length in (100, 200, len(data) // 2, len(data) - 30):
        (tmp_path / "ISED_details.mat").write_bytes(data[:length])
        said = Command(capsys).refuse("check", "ised", tmp_path)
        assert "ISED_details.mat: damaged or not" in said or "ISED_details.mat: not ISED's table" in said


def test_a_source_that_is_not_ised_is_one_line_and_nothing_is_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, home: Path
) -> None:
    command = Command(capsys)
    assert "looked for ISED_details.mat" in command.refuse("check", "ised", tmp_path)
    savemat(tmp_path / "ISED_details.mat", {"faces": np.zeros((4, 16)), "names": np.array(["a", "b"], object)})
    said = command.refuse("check", "ised", tmp_path)
    assert "not ISED's table: no cells in 16 columns among what it holds (faces, names)" in said
    details(tmp_path, TWO)
    assert "looked for peak pictures" in command.refuse("prepare", "ised", tmp_path)
    (tmp_path / "videos" / "PS 1").mkdir(parents=True)
    (tmp_path / "videos.zip").touch()
    assert "found videos.zip, still packed" in command.refuse("prepare", "ised", tmp_path)
    write_frames(tmp_path / "peakImages", (8,), "77_1_{}.jpg")
    assert "no usable sample was found" in command.refuse("prepare", "ised", tmp_path)
    assert files_below(home) in ([], ["prepared"])


def test_it_prepares_in_either_form(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    small(tmp_path, TWO)
    command = Command(capsys)
    data = command.json("prepare", "ised", tmp_path, "--size", "8")
    assert (data["samples"], data["options"]["representation"], data["options"]["variant"]) == (2, "still", "peak")
    data = command.json("prepare", "ised", tmp_path, "--size", "8", "--variant", "clips", "--name", "clips")
    assert (data["samples"], data["options"]["representation"]) == (2, "dynamic")
    assert sample_of(read("ised", tmp_path), "PS 1", "4").label == "happiness"
