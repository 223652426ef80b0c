"""CK+ in miniature: 593 sequences of 123 people, 327 of them with an emotion, and every odd thing in the real files."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from data_command import Command, fits
from distributions import counts, deal, image_bytes, people, read, sample_of, write_frames
from known_cells import random_genotype
from made_samples import files_below

from emonas.datasets.clips.sample import ReadResult
from emonas.datasets.databases.ckplus import DATABASE, EMOTIONS
from emonas.datasets.protocols.protocol import folds
from emonas.datasets.reading.expected import chosen, compare, verdict
from emonas.errors import UserError
from emonas.evaluate.train.config import TrainConfig
from emonas.evaluate.train.run import run_training

SUBJECTS = (*range(10, 125), *range(501, 507), 895, 999)
LABELLED = {"anger": 45, "contempt": 18, "disgust": 59, "fear": 25, "happiness": 69, "sadness": 28, "surprise": 83}
SIX = {name: count for name, count in LABELLED.items() if name != "contempt"}
PEAK = 11


def sequence(
    root: Path,
    subject: int,
    number: int,
    emotion: str | None,
    units: str = "   1.0000000e+00   3.0000000e+00\n   2.7000000e+01   0.0000000e+00\n",
    frames: tuple[int, ...] = (1, 2, 9, 10, PEAK),
    images: str = "cohn-kanade-images",
    labels: str = "Emotion",
) -> Path:
    """A sequence with its files; where nobody has judged it, its emotion folder is there and empty."""
    name = f"S{subject:03}_{number:03}"
    inner = Path(f"S{subject:03}") / f"{number:03}"
    (root / labels / inner).mkdir(parents=True)
    if emotion is not None:
        code = EMOTIONS.index(emotion) if emotion in EMOTIONS else emotion
        text = f"   {code:.7e}\n" if isinstance(code, int) else code
        (root / labels / inner / f"{name}_{PEAK:08}_emotion.txt").write_text(text)
    if units:
        (root / "FACS" / inner).mkdir(parents=True)
        (root / "FACS" / inner / f"{name}_{PEAK:08}_facs.txt").write_text(units)
    return write_frames(root / images / inner, frames, name + "_{:08}.png")


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete copy: folders in folders of nearly the same name, and what systems leave about."""
    root = tmp_path_factory.mktemp("ckplus") / "CK+"
    judged = {subject: 3 if at < 91 else 2 for at, subject in enumerate(SUBJECTS[:118])}
    labels: dict[int, list[str | None]] = {subject: [] for subject in SUBJECTS}
    for subject, label in deal(LABELLED, judged):
        labels[subject].append(label)
    for at in range(593 - 327):
        labels[SUBJECTS[-1 - at % len(SUBJECTS)]].append(None)
    where = {"images": "extended-cohn-kanade-images/cohn-kanade-images", "labels": "Emotion_labels/Emotion"}
    for subject, own in labels.items():
        for number, shown in enumerate(own, start=1):
            sequence(root, subject, number, shown, **where)  # type: ignore[arg-type]
    first = root / where["images"] / "S010" / "001"
    (first / ".DS_Store").write_bytes(b"x")
    (first.parent / ".DS_Store").write_bytes(b"x")
    write_frames(root / "__MACOSX" / "S010" / "001", (PEAK,), "S010_001_{:08}.png")
    (root / "Landmarks" / "S010" / "001").mkdir(parents=True)
    (root / "Landmarks" / "S010" / "001" / "S010_001_00000001_landmarks.txt").write_text("1.0 2.0\n")
    return root


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setenv("COLUMNS", "80")
    return Command(capsys)


def small(folder: Path, *sequences: tuple[int, int, str | None], **more: Any) -> Path:
    """A few sequences of a copy of their own, and two sound ones of other subjects."""
    for own in sequences:
        sequence(folder, *own, **more)
    sequence(folder, 7, 1, "happiness")
    sequence(folder, 8, 1, "surprise")
    return folder


def said(found: ReadResult) -> str:
    expected = chosen(DATABASE.expected, found.choices)
    return "" if expected is None else verdict(compare(expected, found.used))


def greys(found: ReadResult, subject: str) -> dict[str, int]:
    """The clips of a subject and the grey of each picture, which is its frame's number."""
    return {s.clip: int(s.frames.read()[0, 0, 0, 0]) for s in found.used if s.subject == subject}


def test_the_six_basic_emotions_at_their_peaks(whole: Path) -> None:
    found = read("ckplus", whole)
    assert found.choices == {"classes": "6", "frames": "peak", "crop": "full"}
    assert counts(found) == SIX and len(found.used) == 309
    assert said(found) == "as published"
    assert Counter(s.dropped.split(":")[0] for s in found.samples if s.dropped) == {
        "no emotion label": 593 - 327,
        "outside the class set": 18,
    }
    assert {len(s.frames) for s in found.used} == {1}
    assert found.notes == ()


def test_seven_classes_with_contempt_and_seven_with_neutral_are_two_sets(whole: Path) -> None:
    with_contempt = read("ckplus", whole, classes="7")
    assert counts(with_contempt) == LABELLED
    assert (len(with_contempt.used), people(with_contempt)) == (327, 118)
    with_neutral = read("ckplus", whole, classes="7n")
    assert counts(with_neutral) == {**SIX, "neutral": 309}
    assert said(with_contempt) == "as reported (unconfirmed numbers)" and said(with_neutral) == "as published"


@pytest.mark.parametrize(("classes", "pictures"), [("6", 927), ("7", 981), ("7n", 1236)])
def test_the_last_three_frames_as_papers_take_them(whole: Path, classes: str, pictures: int) -> None:
    found = read("ckplus", whole, classes=classes, frames="last3")
    assert len(found.used) == pictures
    assert said(found).startswith("as ")
    assert len({s.clip for s in found.used}) == pictures


def test_pictures_carry_their_sequence_and_the_frames_their_numbers(tmp_path: Path) -> None:
    found = read("ckplus", small(tmp_path, (5, 2, "anger")), classes="7n", frames="last3")
    assert greys(found, "S005") == {
        "S005_002_00000001": 1,
        "S005_002_00000009": 9,
        "S005_002_00000010": 10,
        "S005_002_00000011": 11,
    }
    labels = {s.clip[-2:]: s.label for s in found.used if s.subject == "S005"}
    assert labels == {"01": "neutral", "09": "anger", "10": "anger", "11": "anger"}


def test_action_units_are_those_of_the_peak_and_zero_is_not_absent(tmp_path: Path) -> None:
    found = read("ckplus", small(tmp_path, (5, 2, "anger")), classes="7n", frames="last3")
    units = {s.clip[-2:]: s.action_units for s in found.used if s.subject == "S005"}
    assert units == {"01": (), "09": (), "10": (), "11": ("1", "27")}


def test_without_action_units_the_pictures_stay_and_a_note_says_so(tmp_path: Path) -> None:
    shutil.rmtree(small(tmp_path) / "FACS")
    found = read("ckplus", tmp_path)
    assert {s.action_units for s in found.used} == {()}
    assert found.notes == ("no FACS files (FACS/S005/001/*_facs.txt), so no picture has action units",)


def test_the_peak_is_the_frame_that_the_emotion_file_names(tmp_path: Path) -> None:
    small(tmp_path, (5, 1, "anger"), frames=(1, 9, 10, PEAK, 12, 13))
    assert greys(read("ckplus", tmp_path), "S005") == {"S005_001_00000011": 11}


def test_a_short_sequence_gives_no_frame_twice(tmp_path: Path) -> None:
    small(tmp_path, (5, 1, "anger"), frames=(10, PEAK))
    sequence(tmp_path, 5, 2, "anger", frames=(PEAK,))
    found = read("ckplus", tmp_path, classes="7n", frames="last3")
    labels = {s.clip: s.label for s in found.used if s.subject == "S005"}
    assert labels == {"S005_001_00000010": "neutral", "S005_001_00000011": "anger", "S005_002_00000011": "anger"}


def test_what_a_half_unpacked_copy_lacks_is_dropped_with_its_reason(tmp_path: Path) -> None:
    small(tmp_path, (5, 1, "anger"), (5, 2, "anger"), (5, 3, None))
    shutil.rmtree(tmp_path / "cohn-kanade-images" / "S005" / "001")
    (tmp_path / "cohn-kanade-images" / "S005" / "002" / f"S005_002_{PEAK:08}.png").unlink()
    found = read("ckplus", tmp_path)
    assert {s.clip: s.dropped for s in found.samples if s.dropped} == {
        "S005_001": "no frames",
        "S005_002": "peak not in the sequence: frame 11",
        "S005_003": "no emotion label",
    }
    assert said(found).startswith("NOT as published: 2 of 309 samples")


def test_a_picture_that_is_cut_off_is_dropped(tmp_path: Path) -> None:
    small(tmp_path, (5, 1, "anger"))
    peak = tmp_path / "cohn-kanade-images" / "S005" / "001" / f"S005_001_{PEAK:08}.png"
    peak.write_bytes(image_bytes(".png")[:-20])
    assert sample_of(read("ckplus", tmp_path), "S005", peak.stem).dropped == "cut off"


@pytest.mark.parametrize(
    ("emotion", "units", "reason"),
    [
        ("   9.0000000e+00\n", "", "unknown emotion: [9] in S005_001_00000011_emotion.txt"),
        ("  -1.0000000e+00\n", "", "unknown emotion: [-1] in S005_001_00000011_emotion.txt"),
        ("", "", "unknown emotion: [] in S005_001_00000011_emotion.txt"),
        ("happy\n", "", "not a file of numbers: S005_001_00000011_emotion.txt"),
        ("nan", "", "not a file of numbers: S005_001_00000011_emotion.txt"),
        ("anger", "AU 1\n", "not a file of numbers: S005_001_00000011_facs.txt"),
    ],
)
def test_a_label_file_that_is_none_drops_its_sequence(tmp_path: Path, emotion: str, units: str, reason: str) -> None:
    small(tmp_path, (5, 1, emotion), units=units)
    assert sample_of(read("ckplus", tmp_path), "S005", "S005_001").dropped == reason


def test_no_sequence_and_nobody_stands_on_both_sides(whole: Path) -> None:
    samples = read("ckplus", whole, classes="7n", frames="last3").used
    made = folds(samples, DATABASE.protocol, DATABASE.folds)
    assert len(made) == 10
    for fold in made:
        sides = [{samples[at].clip[:8] for at in side} for side in (fold.train, fold.test)]
        assert not sides[0] & sides[1]
    assert sorted(at for fold in made for at in fold.test) == list(range(len(samples)))


def test_check_says_ten_folds_and_what_is_published(command: Command, whole: Path, home: Path) -> None:
    before = files_below(whole)
    out = command.succeed("check", "ck+", whole, "--frames", "last3", "--quick")
    fits(out)
    assert "protocol   10 folds by subject, predictions pooled" in out
    assert "counts     as published" in out
    assert files_below(home) == [] and files_below(whole) == before


def test_training_takes_the_ten_folds_where_nothing_else_is_said(command: Command, tmp_path: Path) -> None:
    prepared = command.json("prepare", "ckplus", small(tmp_path / "CK+"), "--size", "12", "--faces", "whole")
    assert prepared["protocol"] == "kfold"
    genotype = random_genotype(random.Random(1), cells=3, channels=2)
    genotype.save(tmp_path / "g.json")
    for said_folds, wanted in ((None, 10), (3, 3)):
        with pytest.raises(UserError, match=f"{wanted} folds by subject need at least {wanted} subjects; there are 2"):
            run_training(TrainConfig(genotype=tmp_path / "g.json", dataset="ckplus", folds=said_folds))


def test_faces_are_searched_for_since_the_owner_cuts_none_out(command: Command, tmp_path: Path) -> None:
    assert "no face found" in command.refuse("prepare", "ckplus", small(tmp_path), "--size", "12", "--json")


@pytest.mark.parametrize(
    ("left", "reason"),
    [
        ((), "looked for the sequences (s[0-9]*/[0-9]*/s*_*.png) in it and up to three folders down, found an empty"),
        (("notes.txt",), "found notes.txt"),
        (("CK+.zip",), "found CK+.zip, still packed: unpack it"),
        (("Emotion", "FACS"), "looked for the sequences"),
        (("cohn-kanade-images", "FACS"), "looked for the emotion files"),
    ],
)
def test_a_source_that_is_not_ckplus_is_one_line(
    command: Command, tmp_path: Path, home: Path, left: tuple[str, ...], reason: str
) -> None:
    whole, source = small(tmp_path / "whole"), tmp_path / "source"
    source.mkdir()
    for name in left:
        if (whole / name).is_dir():
            shutil.copytree(whole / name, source / name)
        else:
            (source / name).write_bytes(b"x")
    before = files_below(source)
    for verb in ("check", "prepare"):
        assert reason in command.refuse(verb, "ckplus", source)
    assert files_below(home) == [] and files_below(source) == before
