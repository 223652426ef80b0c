"""MUG in miniature: 52 subjects, with and without sessions, and every odd thing in the real folders."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from data_command import Command
from distributions import counts, image_bytes, people, read, sample_of, write_frames
from made_samples import files_below

from emonas.errors import UserError

SIX = ("anger", "disgust", "fear", "happiness", "sadness", "surprise")
#: 52 of the numbers up to 86, as they are handed out.
SUBJECTS = tuple(f"{number:03}" for number in range(1, 87) if number % 5 < 3)[:52]
#: Frames of a take here, numbered without zeros: as text, img_10 would come before img_9.
LENGTH = 11


def take(folder: Path, greys: Sequence[int] = range(LENGTH), pattern: str = "img_{}.jpg") -> Path:
    """A take whose frames have these greys."""
    folder.mkdir(parents=True)
    for number, grey in enumerate(greys):
        (folder / pattern.format(number)).write_bytes(image_bytes(".jpg", grey))
    return folder


def grey(sample: Any) -> int:
    """The grey of the still, to tell which frame it is."""
    return int(sample.frames.read()[0, 0, 0, 0])


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete copy: every third subject has sessions, neutral without takes, and takes that are set aside."""
    source = tmp_path_factory.mktemp("mug") / "MUG"
    root = source / "subjects3" / "subjects3"
    for index, subject in enumerate(SUBJECTS):
        folder = root / subject / "session0" if index % 3 == 0 else root / subject
        for label in SIX:
            for number in range(2):
                write_frames(folder / label / f"take{number:03}", range(LENGTH), "img_{}.jpg")
        write_frames(folder / "neutral", range(LENGTH), "img_{}.jpg")
    for name in ("take002end", "take003nsg", "take004_nsg_b"):
        write_frames(root / SUBJECTS[1] / "fear" / name, range(LENGTH), "img_{}.jpg")
    (root / SUBJECTS[1] / "fear" / "take005").mkdir()
    write_frames(root / SUBJECTS[0] / "session1" / "anger" / "take000", range(LENGTH), "img_{}.jpg")
    write_frames(root / SUBJECTS[1] / "mixed" / "take000", range(LENGTH), "img_{}.jpg")
    for stray in ("Thumbs.db", ".DS_Store", "landmarks.txt"):
        (root / SUBJECTS[1] / "anger" / "take000" / stray).write_bytes(b"x")
    write_frames(source / "__MACOSX" / "001" / "anger" / "take000", (1,), "img_{}.jpg")
    return source


def test_all_takes_with_and_without_sessions(whole: Path) -> None:
    found = read("mug", whole)
    assert found.choices == {"classes": "6", "frames": "1", "apex_policy": "middle"}
    assert (len(found.used), people(found)) == (52 * 12 + 1, 52)
    assert counts(found) == {"anger": 105, **dict.fromkeys(SIX[1:], 104)}
    assert Counter(s.dropped.split(":")[0] for s in found.samples if s.dropped) == {
        "outside the class set": 52,
        "set aside by its name": 3,
        "no frames": 1,
        "unknown label": 1,
    }
    assert {s.subject for s in found.used} == set(SUBJECTS)


def test_sessions_keep_their_takes_apart(whole: Path) -> None:
    found = read("mug", whole)
    of_first = sorted(s.clip for s in found.used if s.subject == SUBJECTS[0] and s.label == "anger")
    assert of_first == ["session0/anger/take000", "session0/anger/take001", "session1/anger/take000"]
    assert sample_of(found, SUBJECTS[1], "anger/take001").label == "anger"


def test_takes_that_are_set_aside_are_named(whole: Path) -> None:
    found = read("mug", whole)
    for name in ("take002end", "take003nsg", "take004_nsg_b"):
        assert sample_of(found, SUBJECTS[1], f"fear/{name}").dropped == "set aside by its name: end or nsg"


def test_neutral_needs_no_takes(whole: Path, tmp_path: Path) -> None:
    found = read("mug", whole, classes="7")
    assert counts(found)["neutral"] == 52
    assert sample_of(found, SUBJECTS[1], "neutral").label == "neutral"
    take(tmp_path / "001" / "neutral" / "take000", [7] * 5)
    take(tmp_path / "001" / "anger" / "take000")
    neutral = sample_of(read("mug", tmp_path, classes="7"), "001", "neutral/take000")
    assert (neutral.label, neutral.dropped, grey(neutral)) == ("neutral", "", 7)


def test_neutral_has_no_apex(tmp_path: Path) -> None:
    take(tmp_path / "001" / "neutral", [10, 60, 10, 20, 10])
    take(tmp_path / "001" / "anger" / "take000", [10, 60, 10, 20, 10])
    found = read("mug", tmp_path, classes="7", apex_policy="max-diff")
    assert {sample.label: grey(sample) for sample in found.used} == {"neutral": 10, "anger": 60}


def test_the_middle_of_the_take_is_taken_by_number_and_never_its_neutral_end(whole: Path) -> None:
    assert grey(sample_of(read("mug", whole), SUBJECTS[1], "anger/take000")) == 5


@pytest.mark.parametrize("policy", ["middle", "max-diff"])
@pytest.mark.parametrize("frames", [1, 3, 5])
def test_stills_about_the_apex(tmp_path: Path, policy: str, frames: int) -> None:
    take(tmp_path / "001" / "happiness" / "take000", [10, 11, 40, 90, 180, 60, 30, 20, 15, 12, 10], "img_{:04}.jpg")
    found = read("mug", tmp_path, frames=str(frames), apex_policy=policy)
    apex = {"middle": 60, "max-diff": 180}[policy]
    greys = [grey(sample) for sample in found.used]
    assert len(found.used) == frames
    assert greys[frames // 2] == apex
    assert (
        greys
        == {
            ("middle", 1): [60],
            ("middle", 3): [180, 60, 30],
            ("middle", 5): [90, 180, 60, 30, 20],
            ("max-diff", 1): [180],
            ("max-diff", 3): [90, 180, 60],
            ("max-diff", 5): [40, 90, 180, 60, 30],
        }[policy, frames]
    )
    assert all(len(sample.frames) == 1 and sample.onset is None for sample in found.used)


def test_an_apex_at_the_end_and_a_short_take_give_no_frame_twice(tmp_path: Path) -> None:
    take(tmp_path / "001" / "fear" / "take000", [10, 20, 30, 40, 200, 10])
    take(tmp_path / "002" / "fear" / "take000", [10, 99, 20])
    found = read("mug", tmp_path, frames="5", apex_policy="max-diff")
    assert [grey(s) for s in found.used if s.subject == "001"] == [20, 30, 40, 200, 10]
    assert [grey(s) for s in found.used if s.subject == "002"] == [10, 99, 20]
    assert [s.clip for s in found.used if s.subject == "002"] == [f"fear/take000 ({i} of 3)" for i in (1, 2, 3)]


def test_two_unpacked_folders_are_one_database_without_copies(tmp_path: Path) -> None:
    take(tmp_path / "subjects1" / "001" / "anger" / "take000")
    take(tmp_path / "subjects2" / "002" / "anger" / "take000")
    take(tmp_path / "subjects2" / "001" / "anger" / "take000")
    assert [(s.subject, s.clip) for s in read("mug", tmp_path).used] == [
        ("001", "anger/take000"),
        ("002", "anger/take000"),
    ]


@pytest.mark.parametrize(("policy", "why"), [("middle", "cut off"), ("max-diff", "cut off: frame img_5.jpg")])
def test_a_frame_that_is_cut_off_drops_the_still(tmp_path: Path, policy: str, why: str) -> None:
    for subject in ("001", "002"):
        folder = take(tmp_path / subject / "anger" / "take000")
    (folder / "img_5.jpg").write_bytes((folder / "img_5.jpg").read_bytes()[:-20])
    found = read("mug", tmp_path, apex_policy=policy)
    assert [s.dropped for s in found.samples] == ["", why]


def test_a_frame_that_no_still_needs_may_be_cut_off(tmp_path: Path) -> None:
    folder = take(tmp_path / "001" / "anger" / "take000")
    (folder / "img_0.jpg").write_bytes(b"")
    assert len(read("mug", tmp_path).used) == 1
    assert not read("mug", tmp_path, apex_policy="max-diff").used


def test_a_source_that_is_not_mug_is_one_line_and_nothing_is_written(
    capsys: pytest.CaptureFixture[str], whole: Path, tmp_path: Path, home: Path
) -> None:
    command = Command(capsys)
    assert "found an empty folder" in command.refuse("check", "mug", tmp_path)
    (tmp_path / "subjects3.zip").touch()
    assert "found subjects3.zip, still packed" in command.refuse("prepare", "mug", tmp_path)
    write_frames(tmp_path / "S005" / "001", (1, 2), "S005_001_{:08}.png")
    assert "looked for takes of expressions" in command.refuse("check", "mug", tmp_path)
    half = tmp_path / "half"
    shutil.copytree(whole / "subjects3" / "subjects3" / SUBJECTS[1] / "anger", half / SUBJECTS[1] / "anger")
    assert "all samples have the one class 'anger'" in command.refuse("prepare", "mug", half)
    assert "mug has no option --crop" in command.refuse("check", "mug", half, "--crop", "full")
    assert files_below(home) in ([], ["prepared"])


def test_it_prepares(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for subject in ("001", "002", "003"):
        take(tmp_path / subject / "anger" / "take000")
        take(tmp_path / subject / "fear" / "take000")
    command = Command(capsys)
    data = command.json("prepare", "mug", tmp_path, "--size", "8", "--frames", "3", "--apex-policy", "max-diff")
    assert (data["samples"], data["subjects"], data["options"]["representation"]) == (18, 3, "still")


def test_the_apex_needs_a_take_that_can_be_read(tmp_path: Path) -> None:
    folder = take(tmp_path / "001" / "anger" / "take000")
    sample = read("mug", tmp_path, apex_policy="max-diff").used[0]
    (folder / "img_3.jpg").unlink()
    with pytest.raises(UserError, match=r"img_3\.jpg: no such file"):
        sample.frames.read()
