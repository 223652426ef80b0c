"""OULU-CASIA in miniature: 80 people with six sequences each, under every condition, original and cut out."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from data_command import Command, fits
from distributions import counts, image_bytes, people, read, sample_of, write_frames
from made_samples import files_below

from emonas.datasets.clips.sample import ReadResult
from emonas.datasets.databases.oulu import DATABASE
from emonas.datasets.protocols.protocol import folds
from emonas.datasets.reading.expected import chosen, compare, verdict
from emonas.errors import UserError

EMOTIONS = ("Anger", "Disgust", "Fear", "Happiness", "Sadness", "Surprise")
SIX = {name.lower(): 80 for name in EMOTIONS}
#: Spellings under which the two parts have been seen; the first of each is the one used by default here.
ORIGINAL = ("B_OriginalImg/B_OriginalImg/OriginalImg", "B_OriginalImg", "OriginalImg")
CROPPED = ("PreProcess_Img/PreProcess_Img", "PreProcess", "PreProcessImg")


def condition(root: Path, name: str, subjects: range, frames: int = 4) -> Path:
    """All sequences of some people under a condition such as VL/Strong; a frame's grey is its number."""
    for subject in subjects:
        for emotion in EMOTIONS:
            write_frames(root / name / f"P{subject:03}" / emotion, range(frames), "{:03}.jpeg")
    return root / name


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The strong light before both cameras; of the cut out faces a sequence is empty."""
    root = tmp_path_factory.mktemp("oulu") / "Oulu_CASIA_NIR_VIS"
    original, cropped = root / ORIGINAL[0], root / CROPPED[0]
    condition(original, "VL/Strong", range(1, 81))
    condition(original, "VL/Weak", range(1, 4))
    condition(original, "NI/Dark", range(1, 3))
    strong = condition(cropped, "VL_Acropped/Strong", range(1, 81))
    for picture in (strong / "P044" / "Fear").iterdir():
        picture.unlink()
    condition(cropped, "NI_Acropped/Strong", range(1, 6))
    (root / "PreProcess_Img" / "change_log.txt").write_text("x")
    (strong / "P001" / "Anger" / "Thumbs.db").write_bytes(b"x")
    (strong / "P001" / "notes.txt").write_bytes(b"x")
    return root


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setenv("COLUMNS", "80")
    return Command(capsys)


def said(found: ReadResult) -> str:
    expected = chosen(DATABASE.expected, found.choices)
    return "" if expected is None else verdict(compare(expected, found.used))


def test_480_sequences_of_80_people_in_whole_frames(whole: Path) -> None:
    found = read("oulu", whole, crop="full")
    assert found.choices == {"classes": "6", "variant": "vl-strong", "crop": "full", "frames": "peak"}
    assert (counts(found), len(found.used), people(found)) == (SIX, 480, 80)
    assert said(found) == "as published"
    assert not [s for s in found.samples if s.dropped]


def test_an_empty_sequence_of_the_owners_faces_is_tolerated_and_told(whole: Path) -> None:
    found = read("oulu", whole)
    assert found.choices["crop"] == "owner"
    assert (len(found.used), people(found)) == (479, 80)
    assert [(s.subject, s.clip, s.dropped) for s in found.samples if s.dropped] == [("P044", "Fear", "no frames")]
    assert said(found) == "other than reported (479 of 480 samples, 79 of 80 fear); the report is unconfirmed"


@pytest.mark.parametrize(
    ("classes", "frames", "pictures"), [("6", "last3", 1440), ("7n", "peak", 960), ("7n", "last3", 1920)]
)
def test_the_last_three_frames_and_neutral_first_ones(whole: Path, classes: str, frames: str, pictures: int) -> None:
    found = read("oulu", whole, crop="full", classes=classes, frames=frames)
    assert len(found.used) == pictures
    assert counts(found).get("neutral", 0) == (480 if classes == "7n" else 0)
    assert said(found) == "as published"


def test_pictures_carry_their_sequence_and_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    folder = condition(tmp_path, "VL/Strong", range(1, 2)) / "P001" / "Anger"
    write_frames(folder, (1000,), "{}.jpeg")  # as text 1000 would come before 002
    shutil.rmtree(folder.parent / "Fear")
    found = read("oulu", tmp_path, classes="7n", frames="last3")
    anger = {s.clip: (s.label, int(s.frames.read()[0, 0, 0, 0])) for s in found.used if s.clip.startswith("Anger")}
    assert anger == {
        "Anger_000": ("neutral", 0),
        "Anger_002": ("anger", 2),
        "Anger_003": ("anger", 3),
        "Anger_1000": ("anger", 0),  # greys go up to 249
    }
    assert {s.subject for s in found.used} == {"P001"}


@pytest.mark.parametrize(
    ("variant", "crop", "there"),
    [
        ("vl-weak", "full", 3),
        ("ni-dark", "full", 2),
        ("ni-dark", "auto", 2),
        ("ni-strong", "auto", 5),
    ],
)
def test_each_condition_is_a_variant(whole: Path, variant: str, crop: str, there: int) -> None:
    found = read("oulu", whole, variant=variant, crop=crop)
    assert (people(found), len(found.used)) == (there, 6 * there)


@pytest.mark.parametrize("parent", [*ORIGINAL, *CROPPED, ""])
@pytest.mark.parametrize("ending", [".jpeg", ".jpg"])
def test_every_spelling_of_the_folders_is_found(tmp_path: Path, parent: str, ending: str) -> None:
    light = "VL_Acropped/strong" if parent in CROPPED else "VL/STRONG"
    for emotion in ("Anger", "Happy"):
        write_frames(tmp_path / parent / light / "p001" / emotion, range(3), f"{{:03}}{ending}")
    found = read("oulu", tmp_path)
    assert [(s.subject, s.label) for s in found.used] == [("P001", "anger"), ("P001", "happiness")]
    assert found.choices["crop"] == ("owner" if parent in CROPPED else "full")


def test_a_condition_that_is_not_there_is_refused_by_name(whole: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"looked for whole frames \(ni/weak/p\[0-9\]\*/\*/\*\.jp\*g\)"):
        read("oulu", whole, variant="ni-weak", crop="full")
    condition(tmp_path, "VL/Strong", range(1, 3))
    with pytest.raises(UserError, match=r"looked for cropped faces \(vl_acropped/strong"):
        read("oulu", tmp_path, crop="owner")


def test_a_picture_that_is_cut_off_and_a_folder_of_another_kind_are_dropped(tmp_path: Path) -> None:
    strong = condition(tmp_path, "VL/Strong", range(1, 3))
    (strong / "P001" / "Fear" / "003.jpeg").write_bytes(image_bytes(".jpeg")[:-20])
    write_frames(strong / "P002" / "Landmarks", range(2), "{:03}.jpeg")
    found = read("oulu", tmp_path)
    assert sample_of(found, "P001", "Fear_003").dropped == "cut off"
    assert sample_of(found, "P002", "Landmarks_001").dropped == "unknown label: 'Landmarks'"
    assert len(found.used) == 11


def test_no_sequence_and_nobody_stands_on_both_sides(whole: Path) -> None:
    samples = read("oulu", whole, crop="full", classes="7n", frames="last3").used
    made = folds(samples, DATABASE.protocol, DATABASE.folds)
    assert len(made) == 10
    for fold in made:
        assert not {samples[at].subject for at in fold.train} & {samples[at].subject for at in fold.test}


def test_check_says_ten_folds_and_what_is_there(command: Command, whole: Path, home: Path) -> None:
    out = command.succeed("check", "oulu-casia", whole)
    fits(out)
    assert "10 folds by subject" in out and "other than reported (479 of 480 samples" in out
    assert files_below(home) == []


@pytest.mark.parametrize("stray", ["", "notes.txt", "OriginalImg.zip", "VL/Strong/P001/000.jpeg"])
def test_a_source_that_is_not_oulu_is_one_line(command: Command, tmp_path: Path, home: Path, stray: str) -> None:
    source = tmp_path / "source"
    source.mkdir()
    if stray:
        (source / stray).parent.mkdir(parents=True, exist_ok=True)
        (source / stray).write_bytes(b"x")
    before = files_below(source)
    for verb in ("check", "prepare"):
        line = command.refuse(verb, "oulu", source)
        assert "looked for cropped faces (vl_acropped/strong/p[0-9]*/*/*.jp*g) or whole frames" in line
    assert files_below(home) == [] and files_below(source) == before
