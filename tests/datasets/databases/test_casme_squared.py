"""CAS(ME)^2 in miniature: 300 macro- and 57 micro-expressions in long recordings of 22 people, without a header."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from data_command import Command, fits
from distributions import counts, deal, image_bytes, people, read, sample_of, write_frames, write_video, write_xlsx
from made_samples import files_below

from emonas.datasets.clips.sample import ReadResult
from emonas.datasets.databases.casme_squared import DATABASE
from emonas.datasets.reading.expected import chosen, compare, verdict

MICRO = {"positive": 8, "negative": 21, "surprise": 9, "others": 19}
MACRO = {"positive": 87, "negative": 95, "surprise": 13, "others": 105}
FOLDERS = (15, 16, 19, 20, 21, 22, 23, 24, 25, 26, 27, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 40)
RECORDINGS = {
    "disgust1": "0101disgustingteeth",
    "disgust2": "0102eatingworms",
    "anger1": "0401girlcrashing",
    "anger2": "0402beatingpregnantwoman",
    "happy1": "0502funnyerrors",
    "happy2": "0503unnyfarting",
    "happy3": "0505funnyinnovations",
    "happy4": "0507climbingthewall",
    "happy5": "0508funnydunkey",
}


@dataclass(frozen=True)
class Clip:
    subject: int
    name: str
    label: str
    onset: Any
    apex: Any
    offset: Any
    kind: str = "macro"
    units: Any = "4+10+L14"

    @property
    def recording(self) -> str:
        folder = FOLDERS[self.subject - 1]
        return f"s{folder}/{folder}_{RECORDINGS[self.name.partition('_')[0]]}"

    @property
    def place(self) -> str:
        return f"s{FOLDERS[self.subject - 1]}/{self.name}"


def _clips() -> list[Clip]:
    """Our own clips: 20 people show macro-expressions, 14 micro-expressions, 12 of them both."""
    macro = dict.fromkeys(range(1, 21), 15)
    micro = {subject: 5 if subject >= 22 else 4 for subject in range(9, 23)}
    numbers: Counter[tuple[int, str]] = Counter()
    clips = []
    shown = [("macro", *one) for one in deal(MACRO, macro)] + [("micro", *one) for one in deal(MICRO, micro)]
    for at, (kind, subject, label) in enumerate(shown):
        stimulus = list(RECORDINGS)[at % 9]
        numbers[subject, stimulus] += 1
        number = numbers[subject, stimulus]
        onset = 6 * number + (94 if stimulus == "happy1" else 0)  # 100 and more come before 99 as text
        clips.append(Clip(subject, f"{stimulus}_{number}", label, onset, onset + 2, onset + 4, kind))
    return clips


def workbook(path: Path, clips: Sequence[Clip]) -> Path:
    """The three sheets; of the labels none has a header."""
    rows = [(c.subject, c.name, c.onset, c.apex, c.offset, c.units, c.label, f"{c.kind}-expression", "helplessness")
            for c in clips]  # fmt: skip
    subjects = [(folder, f"s{folder}", number) for number, folder in enumerate(FOLDERS, start=1)]
    stimuli = [(text[:4], name) for name, text in RECORDINGS.items()]
    return write_xlsx(path, {"CASFEcode_final": rows, "naming rule1": subjects, "naming rule2": stimuli})


def span(clip: Clip) -> range:
    return range(clip.onset, clip.offset + 1)


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete copy: whole recordings, and faces cut out of every expression."""
    root = tmp_path_factory.mktemp("casme_squared") / "CAS(ME)^2"
    for clip in (clips := _clips()):
        write_frames(root / "rawpic" / "rawpic" / clip.recording, span(clip), "img{:03}.jpg")
        write_frames(root / "cropped" / clip.place, span(clip), "img{}.jpg")
    workbook(root / "CAS(ME)^2code_final.xlsx", clips)
    write_xlsx(root / "CAS(ME)^2blink-code.xlsx", {"Sheet1": [(1, "anger1_1", 5, 6, 7, "", "", "", "")]})
    own = root / "rawpic" / "rawpic" / "s19"
    (own / "19_0502funnyerrors").rename(own / "23_0502funnyerrors")
    (own / "19_0101.txt").write_bytes(b"x")
    (own / "19_0101disgustingteeth" / "Thumbs.db").write_bytes(b"x")
    return root


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setenv("COLUMNS", "80")
    return Command(capsys)


SOUND = (Clip(1, "happy1_1", "positive", 1, 4, 5, "micro"), Clip(2, "anger2_1", "negative", 1, 4, 5, "micro"))
CLIP = Clip(1, "anger1_2", "surprise", 98, 100, 103, "micro")


def small(folder: Path, *clips: Clip, form: str = "rawpic", pattern: str = "img{:03}.jpg") -> Path:
    """A few expressions of a copy of their own, in recordings of 120 frames, and two sound ones."""
    for clip in (*clips, *SOUND):
        write_frames(folder / form / clip.recording, range(1, 121), pattern)
    workbook(folder / "CAS(ME)^2code_final.xlsx", [*clips, *SOUND])
    return folder


def said(found: ReadResult) -> str:
    expected = chosen(DATABASE.expected, found.choices)
    return "" if expected is None else verdict(compare(expected, found.used))


def renamed(labels: dict[str, int]) -> dict[str, int]:
    return {"other" if name == "others" else name: count for name, count in labels.items()}


@pytest.mark.parametrize("crop", ["owner", "full"])
@pytest.mark.parametrize(
    ("variant", "labels", "there"),
    [("micro", MICRO, 14), ("macro", MACRO, 20), ("all", Counter(MICRO) + Counter(MACRO), 22)],
)
def test_each_part_and_both_together(whole: Path, variant: str, labels: dict[str, int], there: int, crop: str) -> None:
    found = read("casme_squared", whole, variant=variant, crop=crop)
    assert found.choices == {"classes": "4", "variant": variant, "crop": crop, "apex_policy": "middle"}
    assert counts(found) == renamed(labels)
    assert (len(found.used), people(found)) == (sum(labels.values()), there)
    assert said(found) == "as reported (unconfirmed numbers)"
    others = 357 - len(found.used)
    assert Counter(s.dropped.split(":")[0] for s in found.samples if s.dropped) == (
        {"another part": others} if others else {}
    )
    assert {len(s.frames) for s in found.used} == {5}
    assert found.notes == ()


def test_micro_expressions_of_the_owners_faces_are_the_default(whole: Path) -> None:
    choices = read("casme_squared", whole).choices
    assert (choices["variant"], choices["crop"], choices["classes"]) == ("micro", "owner", "4")


def test_three_classes_are_those_without_other(whole: Path) -> None:
    found = read("casme_squared", whole, classes="3")
    assert counts(found) == {"positive": 8, "negative": 21, "surprise": 9}
    assert said(found) == "as reported (unconfirmed numbers)"


def test_totals_are_published_and_classes_are_hearsay(whole: Path, tmp_path: Path) -> None:
    clips = [replace(c, label="negative") if c.label == "positive" else c for c in _clips()]
    (tmp_path / "cropped").symlink_to(whole / "cropped", target_is_directory=True)
    workbook(tmp_path / "CAS(ME)^2code_final.xlsx", clips)
    assert said(read("casme_squared", tmp_path)).startswith("other than reported (0 of 8 positive, 29 of 21 negative)")
    workbook(tmp_path / "CAS(ME)^2code_final.xlsx", clips[:-1])
    assert said(read("casme_squared", tmp_path)).startswith("NOT as published: 56 of 57 samples")


@pytest.mark.parametrize("pattern", ["img{:03}.jpg", "img{}.jpg", "img_{}.jpg"])
def test_an_expression_is_cut_out_of_its_recording_by_its_numbers(tmp_path: Path, pattern: str) -> None:
    sample = sample_of(read("casme_squared", small(tmp_path, CLIP, pattern=pattern)), "s15", "anger1_2")
    assert (sample.onset, sample.apex, sample.offset) == (0, 2, 5)
    assert sample.frames.read()[:, 0, 0, 0].tolist() == [98, 99, 100, 101, 102, 103]


def test_faces_of_whole_recordings_are_the_owners_too(tmp_path: Path) -> None:
    found = read("casme_squared", small(tmp_path, CLIP, form="longVideoFaceCropped", pattern="img_{}.jpg"))
    assert (found.choices["crop"], len(sample_of(found, "s15", "anger1_2").frames)) == ("owner", 6)


def test_a_video_counts_from_zero_where_the_workbook_counts_from_one(tmp_path: Path) -> None:
    clip = replace(CLIP, onset=8, apex=10, offset=12)
    for own in (clip, *SOUND):
        write_video(tmp_path / "rawvideo" / "rawvideo" / f"{own.recording}.avi", range(10, 170, 8))
    workbook(tmp_path / "CAS(ME)^2code_final.xlsx", [clip, *SOUND])
    found = read("casme_squared", tmp_path)
    assert found.choices["crop"] == "full"
    sample = sample_of(found, "s15", "anger1_2")
    assert (sample.onset, sample.apex, sample.offset) == (0, 2, 4)
    greys = sample.frames.read()[:, 16, 16, 0].tolist()
    assert all(abs(grey - (10 + 8 * at)) <= 3 for grey, at in zip(greys, range(7, 12), strict=True)), greys


@pytest.mark.parametrize("form", ["cropped", "selectedpic"])
@pytest.mark.parametrize("first", [98, 1, 0, 96])
def test_clips_count_on_from_their_recording_or_anew(tmp_path: Path, form: str, first: int) -> None:
    last = 105 if first == 96 else first + 5  # also with some frames before and after
    write_frames(tmp_path / form / CLIP.place, range(first, last + 1), "img{}.jpg")
    for own in SOUND:
        write_frames(tmp_path / form / own.place, span(own), "img{}.jpg")
    workbook(tmp_path / "CAS(ME)^2code_final.xlsx", [CLIP, *SOUND])
    found = read("casme_squared", tmp_path)
    sample = sample_of(found, "s15", "anger1_2")
    before = 2 if first == 96 else 0
    assert (sample.onset, sample.apex, sample.offset) == (before, before + 2, before + 5)
    assert found.choices["crop"] == ("owner" if form == "cropped" else "full")


def test_a_clip_that_counts_anew_may_hold_its_own_onset_by_chance(tmp_path: Path) -> None:
    clip = replace(CLIP, onset=4, apex=6, offset=9)
    write_frames(tmp_path / "cropped" / clip.place, range(1, 7), "img{}.jpg")
    for own in SOUND:
        write_frames(tmp_path / "cropped" / own.place, span(own), "img{}.jpg")
    workbook(tmp_path / "CAS(ME)^2code_final.xlsx", [clip, *SOUND])
    sample = sample_of(read("casme_squared", tmp_path), "s15", "anger1_2")
    assert (sample.onset, sample.apex, sample.offset) == (0, 2, 5)


def test_a_clip_that_counts_anew_and_lacks_frames_is_dropped(tmp_path: Path) -> None:
    for own in (CLIP, *SOUND):
        write_frames(tmp_path / "cropped" / own.place, range(1, 6), "img{}.jpg")
    workbook(tmp_path / "CAS(ME)^2code_final.xlsx", [CLIP, *SOUND])
    (first, *_) = read("casme_squared", tmp_path).samples
    assert first.dropped == "onset not in the clip: 98 is not among frames 1 to 5 (row 1)"


def test_an_apex_of_zero_is_unknown_and_an_offset_of_zero_is_the_apex(tmp_path: Path) -> None:
    small(tmp_path, replace(CLIP, apex=0), replace(CLIP, name="anger1_3", offset=0))
    found = read("casme_squared", tmp_path)
    first, second = (sample_of(found, "s15", f"anger1_{number}") for number in (2, 3))
    assert (first.apex, len(first.frames)) == (None, 6)
    assert (second.apex, second.offset, len(second.frames)) == (2, 2, 3)
    assert found.notes == ()
    assert len(read("casme_squared", tmp_path, apex_policy="drop").used) == 3


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"apex": 0, "offset": 0}, "no onset or no offset: 98, 0 (row 1)"),
        ({"onset": "/"}, "no onset or no offset: /, 103 (row 1)"),
        ({"onset": 120}, "no onset or no offset: 120, 103 (row 1)"),
        ({"offset": 121}, "offset not in the clip: 121 is not among frames 1 to 120 (row 1)"),
        ({"label": "sad"}, "unknown label: 'sad' (row 1)"),
        ({"kind": "mega"}, "neither micro nor macro: 'mega-expression' (row 1)"),
        ({"kind": "macro"}, "another part: macro-expression (row 1)"),
        ({"name": "calm1_1"}, "no frames on the disk: row 1"),
    ],
)
def test_a_row_that_leads_to_no_expression_is_dropped(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    small(tmp_path, CLIP)
    workbook(tmp_path / "CAS(ME)^2code_final.xlsx", [replace(CLIP, **change), *SOUND])
    found = read("casme_squared", tmp_path)
    assert [s.dropped for s in found.samples] == [reason, "", ""]


@pytest.mark.parametrize("subject", [0, 23, "s15", None])
def test_a_subject_that_the_naming_rule_does_not_know_is_dropped(tmp_path: Path, subject: Any) -> None:
    small(tmp_path)
    workbook(tmp_path / "CAS(ME)^2code_final.xlsx", [replace(CLIP, subject=subject), *SOUND])
    (first, *_) = read("casme_squared", tmp_path).samples
    assert first.dropped == f"unknown subject: {'' if subject is None else str(subject)!r} (row 1)"


def test_a_misnamed_recording_is_found_by_its_folder_and_number(whole: Path) -> None:
    found = read("casme_squared", whole, variant="all", crop="full")
    of_19 = [s for s in found.samples if s.subject == "s19" and s.clip.startswith("happy1_")]
    assert of_19 and not [s for s in of_19 if s.dropped]
    paths: Any = of_19[0].frames
    assert paths.paths[0].parent.name == "23_0502funnyerrors"


def test_action_units_as_numbers_and_texts(tmp_path: Path) -> None:
    small(tmp_path, replace(CLIP, units=38), replace(CLIP, name="anger1_3", units="?"))
    found = read("casme_squared", tmp_path)
    assert [s.action_units for s in found.samples[:3]] == [("38",), (), ("4", "10", "L14")]


@pytest.mark.parametrize("name", ["new/CAS(ME)^2code_final(Updated).xlsx", "CAS(ME)^2code_final.csv"])
def test_other_editions_of_the_workbook(tmp_path: Path, name: str) -> None:
    small(tmp_path, CLIP)
    if name.endswith(".csv"):
        (tmp_path / "CAS(ME)^2code_final.xlsx").unlink()
        rows = [f"{c.subject},{c.name},{c.onset},{c.apex},{c.offset},4+10,{c.label},{c.kind}-expression,anger"
                for c in (replace(CLIP, label="positive"), *SOUND)]  # fmt: skip
        (tmp_path / name).write_text("\n".join(rows))
    else:
        workbook(tmp_path / name, [replace(CLIP, label="positive"), *SOUND])
    found = read("casme_squared", tmp_path)
    assert counts(found) == {"positive": 2, "negative": 1, "surprise": 0, "other": 0}


def test_cut_off_pictures_and_missing_recordings_of_a_half_unpacked_copy_are_dropped(tmp_path: Path) -> None:
    other = replace(CLIP, name="disgust2_1")
    small(tmp_path, CLIP, other)
    shutil.rmtree(tmp_path / "rawpic" / other.recording)
    for number in (50, 101):  # the first one is outside the expression
        (tmp_path / "rawpic" / CLIP.recording / f"img{number:03}.jpg").write_bytes(image_bytes(".jpg")[:-20])
    dropped = [s.dropped for s in read("casme_squared", tmp_path).samples]
    assert dropped == ["cut off: frame img101.jpg (row 1)", "no frames on the disk: row 2", "", ""]


def test_check_shows_counts_and_protocol(command: Command, whole: Path, home: Path) -> None:
    out = command.succeed("check", "casmesq", whole)
    fits(out)
    assert "leave one subject out, 14 folds" in out and "300" in out
    assert files_below(home) == []


def test_a_source_that_is_not_casme_squared_is_one_line(command: Command, tmp_path: Path, home: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    line = command.refuse("check", "casme_squared", source)
    assert "looked for the code workbook (CAS(ME)^2code_final.xlsx)" in line
    workbook(source / "CAS(ME)^2code_final.xlsx", SOUND)
    assert "looked for cropped faces" in command.refuse("prepare", "casme_squared", source)
    header = ("Subject", "Filename", None, "OnsetFrame", "ApexFrame", "OffsetFrame", None, "Action Units", "Emotion")
    write_xlsx(source / "CAS(ME)^2code_final.xlsx", {"CASFEcode_final": [header, (1, "EP1", "", 1, 2, 3, "", 4, "x")]})
    assert "column 8 never says micro- or macro-expression" in command.refuse("check", "casme_squared", source)
    write_xlsx(source / "CAS(ME)^2code_final.xlsx", {"Sheet1": [(1, 2)]})
    assert "no sheet with 8 columns" in command.refuse("check", "casme_squared", source)
    (source / "CAS(ME)^2code_final.xlsx").write_bytes(b"PK cut off")
    assert "damaged or not a workbook" in command.refuse("check", "casme_squared", source)
    assert files_below(home) == [] and files_below(source) == ["CAS(ME)^2code_final.xlsx"]
