"""SAMM in miniature: 159 rows of 29 subjects with the published counts, and every odd thing in the real files."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from data_command import Command, fits
from distributions import counts, people, read, sample_of, write_frames
from made_samples import files_below
from owner_samm import (
    HEADER,
    MEGC,
    SLIPS,
    Clip,
    _cut_off,
    _empty,
    _empty_clips,
    _long_videos,
    _no_frames,
    _other_table,
    _packed,
    _wrong,
    as_published,
    build,
    clips,
    sheet,
    small,
    write_clip,
)

from emonas.errors import UserError


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("samm") / "SAMM")


@pytest.mark.parametrize(
    ("classes", "samples", "persons", "some"),
    [
        ("5", 136, 27, {"anger": 57, "other": 26, "happiness": 26, "surprise": 15, "contempt": 12}),
        ("3", 133, 28, {"negative": 92, "positive": 26, "surprise": 15}),
        ("8", 159, 29, {"disgust": 9, "fear": 8, "sadness": 6}),
        ("7objective", 159, 29, {"I": 24, "II": 13, "III": 20, "IV": 8, "V": 3, "VI": 7, "VII": 84}),
    ],
)
def test_the_published_counts(whole: Path, classes: str, samples: int, persons: int, some: dict[str, int]) -> None:
    found = read("samm", whole, classes=classes)
    assert found.choices == {"classes": classes, "crop": "full", "apex_policy": "middle"}
    assert (len(found.used), people(found)) == (samples, persons)
    assert some.items() <= counts(found).items()
    assert as_published(found)
    assert {s.dropped.split(":")[0] for s in found.samples if s.dropped} <= {"outside the class set"}


def test_five_classes_are_the_default_and_three_are_those_of_megc(whole: Path) -> None:
    assert read("samm", whole).choices["classes"] == "5"
    found = read("samm", whole, classes="3")
    assert found.classes == ("negative", "positive", "surprise")
    assert Counter(s.subject for s in found.used) == {f"{n:03}": count for n, count in MEGC.items() if count}


def test_objective_classes_need_their_column(tmp_path: Path) -> None:
    small(tmp_path, header=(*HEADER[:10], "Remark", "Notes"))
    assert len(read("samm", tmp_path).used) == 2
    with pytest.raises(UserError, match=r"no sheet with the columns .*objective classes"):
        read("samm", tmp_path, classes="7objective")


def test_rows_are_numbered_as_in_the_file_below_a_preamble(tmp_path: Path) -> None:
    bored = Clip(9, "009_1_1", "Boredom", 1, 2, 3)
    for folder, preamble, row in (("old", True, 15), ("new", False, 2)):
        found = read("samm", small(tmp_path / folder, bored, preamble=preamble))
        assert found.samples[0].dropped == f"unknown label: 'Boredom' (row {row})"
        assert len(found.used) == 2


@pytest.mark.parametrize("as_text", [True, False])
def test_subjects_keep_their_zeros(tmp_path: Path, as_text: bool) -> None:
    found = read("samm", small(tmp_path, as_text=as_text))
    assert [(s.subject, s.clip) for s in found.used] == [("006", "006_1_2"), ("007", "007_3_1")]


def test_other_is_spelled_in_two_ways(tmp_path: Path) -> None:
    one, two = Clip(9, "009_1_1", "Other", 1, 2, 3), Clip(9, "009_1_2", "Others ", 1, 2, 3)
    assert [s.label for s in read("samm", small(tmp_path, one, two)).used[:2]] == ["other", "other"]


def test_the_two_slips_are_put_right_and_nothing_else(whole: Path) -> None:
    found = read("samm", whole, classes="8")
    phases = {s.clip: (s.onset, s.apex, s.offset) for s in found.used if s.clip in SLIPS}
    assert phases == {"028_4_1": (0, 1105 - 1071, 1134 - 1071), "032_3_1": (0, 4945 - 4896, 4970 - 4896)}
    assert found.notes == ()


def test_another_value_than_the_slip_is_not_corrected(tmp_path: Path) -> None:
    slip = Clip(28, "028_4_1", "Anger", 1071, 1144, 1134)
    found = read("samm", small(tmp_path, slip))
    assert sample_of(found, "028", "028_4_1").apex is None
    assert any("028/028_4_1: onset 1071, apex 1144, offset 1134" in note for note in found.notes)


def test_odd_frame_names_are_in_the_order_of_their_numbers(whole: Path) -> None:
    found = read("samm", whole, classes="8")
    for clip in clips():
        sample = sample_of(found, f"{clip.subject:03}", clip.name)
        frames: Any = sample.frames
        assert (sample.onset, sample.offset) == (0, clip.offset - clip.onset)
        numbers = [int(path.stem.replace("-", "_").split("_")[-1]) for path in frames.paths]
        assert numbers == list(range(clip.onset, clip.offset + 1)), clip.name


def test_action_units_in_every_spelling(whole: Path) -> None:
    found = read("samm", whole, classes="8")
    units = {clip.units: sample_of(found, f"{clip.subject:03}", clip.name).action_units for clip in clips()}
    assert units["A9E+ref(10)"] == ("9", "10")
    assert units["(R6 or R12)+R15"] == ("R6", "R12", "R15")
    assert units["R14A or 17A or 24A"] == ("R14", "17", "24")
    assert (units["?"], units[None], units[4], units["T18+39"]) == ((), (), ("4",), ("18", "39"))


def test_whole_frames_come_before_crops_that_others_have_made(tmp_path: Path) -> None:
    source = small(tmp_path / "data")
    shutil.copytree(source / "SAMM", source / "SAMM_CROP" / "SAMM_CROP")
    for crop, folder in (("auto", "SAMM"), ("full", "SAMM"), ("owner", "SAMM_CROP")):
        found = read("samm", source, crop=crop)
        frames: Any = found.used[0].frames
        assert folder in frames.paths[0].relative_to(source).parts
        assert found.choices["crop"] == ("owner" if crop == "owner" else "full")
    shutil.rmtree(source / "SAMM")
    assert read("samm", source).choices["crop"] == "owner"
    with pytest.raises(UserError, match="looked for whole frames"):
        read("samm", source, crop="full")


def test_crops_may_be_of_another_kind(tmp_path: Path) -> None:
    source = small(tmp_path / "data")
    shutil.rmtree(source / "SAMM")
    write_frames(source / "SAMM_CROP" / "006" / "006_1_2", range(5562, 5567), "006_{:05}.png")
    assert [s.clip for s in read("samm", source).used] == ["006_1_2"]


def test_what_unpacking_leaves_about_is_not_taken_for_the_frames(tmp_path: Path) -> None:
    source = small(tmp_path / "data")
    (source / "SAMM").rename(source / "samm")
    write_frames(source / "__MACOSX" / "006" / "006_1_2", (1,), "._006_{:05}.jpg")
    write_frames(source / "__MACOSX" / "006" / "006_1_2", (1,), "006_{:05}.jpg")
    (source / "samm" / "006" / "006_1_2" / "Thumbs.db").write_bytes(b"x")
    assert [(s.clip, len(s.frames)) for s in read("samm", source).used] == [("006_1_2", 5), ("007_3_1", 3)]


def test_of_two_tables_one_is_read_and_told(tmp_path: Path) -> None:
    small(tmp_path, name="SAMM_Micro_FACS_Codes_v2.xlsx", preamble=True)
    found = read("samm", small(tmp_path))
    assert found.notes == ("2 tables of FACS codes are there; SAMM_20181215_Micro_FACS_Codes_v2.xlsx is read",)


def test_a_table_saved_as_csv(tmp_path: Path) -> None:
    small(tmp_path, name="unused.xlsx")
    rows = ("Subject,Filename,Onset Frame,Apex Frame,Offset Frame,Action Units,Estimated Emotion",
            "6,006_1_2,5562,5564,5566,R14+17,Happiness")  # fmt: skip
    (tmp_path / "SAMM_Micro_FACS_Codes_v2.csv").write_text("\n".join(rows))
    (sample,) = read("samm", tmp_path).used
    assert (sample.subject, sample.apex, sample.action_units) == ("006", 2, ("R14", "17"))


def test_rows_without_frames_and_clips_without_rows_are_dropped(tmp_path: Path) -> None:
    lost, bare = Clip(9, "009_1_1", "Anger", 1, 2, 3), Clip(10, "", "Anger", 1, 2, 3)
    small(tmp_path, lost)
    shutil.rmtree(tmp_path / "SAMM" / "009")
    write_clip(tmp_path / "SAMM", replace(lost, name="009_1_2"))
    sheet(tmp_path / "SAMM_20181215_Micro_FACS_Codes_v2.xlsx",
          [lost, bare, Clip(7, "007_3_1", "Anger", 9, 10, 11)])  # fmt: skip
    assert [s.dropped for s in read("samm", tmp_path).samples] == [
        "no frames on the disk: row 2",
        "no clip name: row 3",
        "onset not in the clip: 9 is not among frames 1 to 3 (row 4)",
        "no row in SAMM_20181215_Micro_FACS_Codes_v2.xlsx",
        "no row in SAMM_20181215_Micro_FACS_Codes_v2.xlsx",
    ]


def test_the_check_says_that_all_is_as_published(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = Command(capsys).succeed("check", "samm", whole, "--classes", "3", "--quick")
    fits(out)
    assert "as published" in out and "28 folds" in out


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_empty, "looked for the FACS codes (SAMM_Micro_FACS_Codes_v2.xlsx)"),
        (_wrong, "found Cropped/"),
        (_packed, "found SAMM.zip, still packed: unpack it"),
        (_no_frames, "looked for frames (006/006_1_2/006_05562.jpg)"),
        (_empty_clips, "looked for frames"),
        (_cut_off, "damaged or not a workbook"),
        (_other_table, "no sheet with the columns subject, filename, onset frame"),
        (_long_videos, "looked for the FACS codes"),
    ],
)
def test_a_source_that_is_not_samm_is_one_line(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str], damage: Any, words: str
) -> None:
    damage(small(tmp_path / "SAMM"))
    for what in ("check", "prepare"):
        status, out, err = Command(capsys)(what, "samm", tmp_path / "SAMM")
        assert (status, out) == (2, "")
        assert words in err and err.count("\n") == 1
    assert files_below(home) == []
