"""CASME in miniature: 193 rows of 19 subjects in two parts that number their frames differently, and odd values."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from data_command import Command, fits
from distributions import counts, deal, image_bytes, people, read, sample_of, write_frames, write_xls, write_xlsx
from made_samples import files_below

from emonas.datasets.clips.sample import ReadResult
from emonas.datasets.databases.casme import DATABASE
from emonas.datasets.reading.expected import chosen, compare, verdict
from emonas.errors import UserError

FOUR = {"tense": 69, "disgust": 44, "repression": 38, "surprise": 20}
RARE = {"happiness": 10, "contempt": 4, "fear": 3, "sadness": 5}
HEADER = ("Subject", "Filename", "", "OnsetF", "ApexF1", "ApexF2", "OffsetF", "", "Onset(ms)", "Total(ms)", "AU",
          "Emotion")  # fmt: skip


@dataclass(frozen=True)
class Clip:
    subject: int
    name: str
    label: str
    onset: int
    apex: Any
    offset: int
    second: Any = "\\"
    units: Any = "4+9"
    padded: bool = False


def _clips() -> list[Clip]:
    """Our own clips: part A has the first 92 rows, and part B counts its frames with three digits."""
    sizes = {subject: 11 if subject <= 3 else 10 for subject in range(1, 20)}
    numbers: Counter[int] = Counter()
    clips = []
    for at, (subject, label) in enumerate(deal({**FOUR, **RARE}, sizes)):
        numbers[subject] += 1
        onset = (73, 98, 8)[at % 3]  # as text 100 would come before 98 and 10 before 9
        name = f"EP{1 + numbers[subject] // 5:02}_{numbers[subject]}"
        clips.append(Clip(subject, name, label.capitalize() if at % 2 else label, onset, onset + 2, onset + 4,
                          units=("4+9", "?", 4, "L12")[at % 4], padded=at >= 92))  # fmt: skip
    return clips


def _pictures(root: Path, clip: Clip, prefix: str) -> Path:
    pattern = f"{prefix}{clip.name}-{'{:03}' if clip.padded else '{}'}.jpg"
    return write_frames(root / f"sub{clip.subject:02}" / clip.name, range(clip.onset, clip.offset + 1), pattern)


def _rows(clips: Sequence[Clip]) -> list[tuple[Any, ...]]:
    return [HEADER, *((c.subject, c.name, "", c.onset, c.apex, c.second, c.offset, "", 300, 500, c.units, c.label)
                      for c in clips)]  # fmt: skip


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete copy: both kinds of frames, the old workbook, and what systems leave about."""
    root = tmp_path_factory.mktemp("casme") / "CASME"
    for clip in (clips := _clips()):
        _pictures(root / "Cropped" / "Cropped", clip, "reg_")
        _pictures(root / "CASME_raw_selected", clip, "")
    write_xls(root / "CASME-coded-20190721.xls", _rows(clips))
    (root / "Cropped" / "Cropped" / "sub01" / ".DS_Store").write_bytes(b"x")
    (root / "Cropped" / "Cropped" / "sub01" / clips[0].name / "Thumbs.db").write_bytes(b"x")
    (root / "~$CASME-coded-20190721.xls").write_bytes(b"x")
    return root


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setenv("COLUMNS", "80")
    return Command(capsys)


SOUND = (Clip(7, "EP01_01", "tense", 1, 4, 5), Clip(8, "EP01_1", "disgust", 1, 4, 5, padded=True))


def small(folder: Path, *clips: Clip) -> Path:
    """A few clips of a copy of their own, and two sound ones of other subjects."""
    for clip in (*clips, *SOUND):
        _pictures(folder / "Cropped", clip, "reg_")
    write_xls(folder / "CASME-coded-20190721.xls", _rows([*clips, *SOUND]))
    return folder


def said(found: ReadResult) -> str:
    expected = chosen(DATABASE.expected, found.choices)
    return "" if expected is None else verdict(compare(expected, found.used))


def test_the_four_frequent_emotions(whole: Path) -> None:
    found = read("casme", whole)
    assert found.choices == {"classes": "4", "crop": "owner", "apex_policy": "middle"}
    assert counts(found) == FOUR and len(found.used) == 171
    assert said(found) == "as reported (unconfirmed numbers)"
    assert Counter(s.dropped.split(":")[0] for s in found.samples if s.dropped) == {"outside the class set": 22}
    assert found.notes == ()


def test_all_eight_emotions_of_all_rows(whole: Path) -> None:
    found = read("casme", whole, classes="8")
    assert counts(found) == {**FOUR, **RARE}
    assert (len(found.used), people(found)) == (193, 19)
    assert said(found) == "as reported (unconfirmed numbers)"


def test_an_edition_with_fewer_rows_is_read_and_its_difference_told_as_hearsay(whole: Path, tmp_path: Path) -> None:
    (tmp_path / "Cropped").symlink_to(whole / "Cropped" / "Cropped", target_is_directory=True)
    write_xlsx(tmp_path / "casme.xlsx", {"Sheet1": _rows(_clips()[4:])})
    found = read("casme", tmp_path, classes="8")
    assert len(found.used) == 189
    assert said(found) == "other than reported (189 of 193 samples); the report is unconfirmed"
    assert Counter(s.dropped for s in found.samples if s.dropped) == {"no row in casme.xlsx": 4}


@pytest.mark.parametrize("crop", ["owner", "full"])
@pytest.mark.parametrize("padded", [False, True])
def test_frames_of_both_parts_are_found_by_their_number(tmp_path: Path, crop: str, padded: bool) -> None:
    clip = Clip(1, "EP01_12", "tense", 98, 100, 102, padded=padded)
    small(tmp_path, clip)
    if crop == "full":
        for own in (clip, *SOUND):
            _pictures(tmp_path / "CASME_raw_selected", own, "")
    sample = sample_of(read("casme", tmp_path, crop=crop), "sub01", "EP01_12")
    assert (sample.onset, sample.apex, sample.offset) == (0, 2, 4)
    assert sample.frames.read()[:, 0, 0, 0].tolist() == [98, 99, 100, 101, 102]


@pytest.mark.parametrize(
    ("first", "second", "apex"),
    [(3, 4, 2), (3, "\\", 2), ("\\", 4, 3), ("/", "", None), ("", "\\", None), (0, 4, 3), (0, "", None)],
)
def test_the_second_apex_helps_only_where_the_first_is_none(
    tmp_path: Path, first: Any, second: Any, apex: int | None
) -> None:
    small(tmp_path, Clip(1, "EP01_12", "tense", 1, first, 5, second))
    assert sample_of(read("casme", tmp_path), "sub01", "EP01_12").apex == apex


def test_a_clip_without_any_apex_follows_the_policy(tmp_path: Path) -> None:
    small(tmp_path, Clip(1, "EP01_12", "tense", 1, "\\", 5))
    assert len(read("casme", tmp_path).used) == 3
    assert len(read("casme", tmp_path, apex_policy="drop").used) == 2


def test_rows_that_contradict_themselves_are_put_right_and_told(tmp_path: Path) -> None:
    late = Clip(1, "EP01_1", "tense", 73, 75, 77)
    small(tmp_path, late, replace(late, name="EP01_2"), replace(late, name="EP01_3"))
    wrong = [replace(late, onset=108), replace(late, name="EP01_2", offset=7), replace(late, name="EP01_3", apex=99)]
    write_xls(tmp_path / "CASME-coded-20190721.xls", _rows([*wrong, *SOUND]))
    found = read("casme", tmp_path)
    phases = [(s.onset, s.apex, s.offset) for s in found.samples[:3]]
    assert phases == [(0, 2, 4), (0, 2, 4), (0, None, 4)]
    assert len(found.used) == 5
    (note,) = found.notes
    assert note.startswith("phases out of order, the one that contradicts the others is taken as unknown, in 3 clips")
    for words in ("sub01/EP01_1: onset 108", "sub01/EP01_2: onset 73, apex 75, offset 7", "sub01/EP01_3"):
        assert words in note


def test_amusement_is_another_word_for_happiness(tmp_path: Path) -> None:
    small(tmp_path, Clip(1, "EP01_1", "Amusement", 1, 3, 5))
    assert sample_of(read("casme", tmp_path, classes="8"), "sub01", "EP01_1").label == "happiness"
    assert sample_of(read("casme", tmp_path), "sub01", "EP01_1").dropped.startswith("outside the class set: amusement")


def test_action_units_as_numbers_texts_and_question_marks(whole: Path) -> None:
    units = [s.action_units for s in read("casme", whole, classes="8").samples[:4]]
    assert units == [("4", "9"), (), ("4",), ("L12",)]


def test_the_coding_file_with_the_most_rows_is_read_and_those_of_other_sets_are_not(tmp_path: Path) -> None:
    small(tmp_path, Clip(1, "EP01_1", "tense", 1, 3, 5))
    write_xlsx(tmp_path / "casme.xlsx", {"Sheet1": _rows(SOUND)})
    other = ("Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Estimated Emotion")
    write_xlsx(tmp_path / "CASME2-coding-20140508.xlsx", {"Sheet1": [other, *[(1, "EP01_1", 1, 3, 5, "fear")] * 9]})
    found = read("casme", tmp_path)
    assert len(found.used) == 3
    assert found.notes == ("2 coding files are there; CASME-coded-20190721.xls, the one with the most rows, is read",)


def test_rows_and_clips_without_partners_and_cut_off_pictures_are_dropped(tmp_path: Path) -> None:
    lost, broken, extra = (Clip(1, f"EP01_{n}", "tense", 1, 3, 5) for n in (1, 2, 3))
    small(tmp_path, lost, broken)
    shutil.rmtree(tmp_path / "Cropped" / "sub01" / "EP01_1")
    (tmp_path / "Cropped" / "sub01" / "EP01_2" / "reg_EP01_2-4.jpg").write_bytes(image_bytes(".jpg")[:-20])
    _pictures(tmp_path / "Cropped", extra, "reg_")
    assert [s.dropped for s in read("casme", tmp_path).samples] == [
        "no frames on the disk: row 2",
        "cut off: frame reg_EP01_2-4.jpg (row 3)",
        "",
        "",
        "no row in CASME-coded-20190721.xls",
    ]


def test_check_shows_counts_and_protocol(command: Command, whole: Path, home: Path) -> None:
    out = command.succeed("check", "casme-i", whole)
    fits(out)
    text = " ".join(out.split())
    assert "protocol leave one subject out, 19 folds" in text and "counts as reported (unconfirmed numbers)" in text
    assert files_below(home) == []


def test_a_source_that_is_not_casme_is_one_line(command: Command, tmp_path: Path, home: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    assert "looked for the coding file (CASME-coded-*.xls)" in command.refuse("check", "casme", source)
    write_xlsx(source / "CASME2-coding-20140508.xlsx", {"Sheet1": [("Subject", "Filename", "OnsetFrame")]})
    line = command.refuse("check", "casme", source)
    assert "no sheet with the columns subject, filename, onsetf, apexf1, offsetf, emotion; it has 'Sheet1' with" in line
    write_xls(source / "CASME-coded-20190721.xls", _rows(SOUND))
    assert "looked for cropped faces" in command.refuse("prepare", "casme", source)
    (source / "CASME-coded-20190721.xls").write_bytes(b"\xd0\xcf\x11\xe0 cut off")
    (source / "CASME2-coding-20140508.xlsx").unlink()
    assert "damaged or not a workbook" in command.refuse("check", "casme", source)
    assert files_below(home) == [] and files_below(source) == ["CASME-coded-20190721.xls"]
    with pytest.raises(UserError, match=r"looked for whole frames \(sub\*/ep\*/ep\*\.jpg\)"):
        read("casme", small(tmp_path / "copy"), crop="full")
