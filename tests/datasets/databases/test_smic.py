"""SMIC in miniature: three cameras, cut clips and the longer ones of SMIC-E, with every odd thing in the real files."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from data_command import Command, fits
from distributions import counts, people, read, sample_of
from made_samples import files_below
from owner_smic import (
    FEW,
    HS,
    _cut_off,
    _empty,
    _empty_clips,
    _no_table,
    _other_table,
    _packed,
    _table_of_casme2,
    _wrong,
    as_published,
    build,
    build_longer,
    longer,
    row,
    sheet,
    small_cut,
    small_long,
)

from emonas.datasets.databases.smic import DATABASE
from emonas.errors import UserError


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("smic") / "SMIC", ("hs", "vis", "nir"))


@pytest.fixture(scope="session")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_longer(tmp_path_factory.mktemp("smic_e"))


@pytest.mark.parametrize("crop", ["auto", "full"])
@pytest.mark.parametrize(("variant", "samples", "persons"), [("hs", 164, 16), ("vis", 71, 8), ("nir", 71, 8)])
def test_the_published_counts_of_each_camera(whole: Path, variant: str, samples: int, persons: int, crop: str) -> None:
    found = read("smic", whole, variant=variant, crop=crop)
    kind = "owner" if crop == "auto" else crop
    assert found.choices == {"classes": "3", "variant": variant, "crop": kind, "apex_policy": "middle"}
    assert (len(found.used), len(found.samples), people(found)) == (samples, samples, persons)
    assert as_published(found)
    assert all(f"/{variant.upper()}/" in str(s.frames.paths[0]) for s in found.used)  # type: ignore[attr-defined]


def test_the_high_speed_camera_is_the_default_with_its_clips_of_each_subject(whole: Path) -> None:
    found = read("smic", whole)
    assert found.choices["variant"] == "hs"
    assert counts(found) == {"negative": 70, "positive": 51, "surprise": 43}
    assert Counter(s.subject for s in found.used) == {f"s{number:02}": count for number, count in HS.items()}


def test_subjects_and_clips_are_padded_as_in_megc(tmp_path: Path) -> None:
    names = [(s.subject, s.clip) for s in read("smic", small_cut(tmp_path)).used]
    assert names == [("s01", "s01_ne_01"), ("s03", "s03_sur_02"), ("s20", "s20_po_01")]


def test_no_apex_is_given_and_the_whole_clip_is_the_expression(whole: Path) -> None:
    found = read("smic", whole)
    assert {(s.onset, s.apex, s.offset) for s in found.used} == {(0, None, 4)}
    assert "drop" not in DATABASE.options["apex_policy"]


def test_frames_are_in_the_order_of_their_numbers(whole: Path) -> None:
    for sample in read("smic", whole).used[:4]:
        frames = sample.frames.read()[:, 0, 0, 0].astype(int)
        assert [(b - a) % 250 for a, b in pairwise(frames)] == [1] * 4


def test_what_is_no_micro_expression_is_not_read(whole: Path) -> None:
    assert not [s for s in read("smic", whole).samples if "non" in s.clip]


def test_folders_and_names_that_disagree_are_dropped(tmp_path: Path) -> None:
    source = small_cut(tmp_path)
    hs = source / "SMIC_all_cropped" / "HS"
    shutil.copytree(hs / "s1" / "micro" / "negative", hs / "s1" / "micro" / "positive")
    shutil.copytree(hs / "s20", hs / "s4")
    dropped = [s.dropped for s in read("smic", source).samples if s.dropped]
    assert dropped == [
        "folders and clip name disagree: s1/positive/s1_ne_01",
        "folders and clip name disagree: s4/positive/s20_po_01",
    ]


@pytest.mark.parametrize("inside", ["", "SMIC_all_cropped", "SMIC_all_cropped/HS"])
def test_any_folder_of_the_way_may_be_named(tmp_path: Path, inside: str, monkeypatch: pytest.MonkeyPatch) -> None:
    small_cut(tmp_path)
    assert len(read("smic", tmp_path / inside).used) == 3
    monkeypatch.chdir(tmp_path / inside)
    assert len(read("smic", Path()).used) == 3


def test_another_camera_is_not_taken_for_the_wanted_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"looked for faces .* \(NIR/s\[0-9\]\*/micro/.*found SMIC_all_cropped/"):
        read("smic", small_cut(tmp_path), variant="nir")


@pytest.mark.parametrize(("variant", "samples", "persons"), [("hs-e", 161, 16), ("vis-e", 71, 8), ("nir-e", 71, 8)])
def test_the_longer_clips_of_each_camera(extended: Path, variant: str, samples: int, persons: int) -> None:
    found = read("smic", extended / "SMIC-E_raw image", variant=variant)
    assert (found.choices["variant"], found.choices["crop"]) == (variant, "full")
    assert (len(found.used), len(found.samples), people(found)) == (samples, samples, persons)
    assert found.notes == ()
    assert as_published(found)
    first = found.used[0]
    assert (first.subject, len(first.frames), first.onset, first.apex, first.offset) == (first.clip[:3], 5, 0, None, 4)


def test_a_row_may_hold_two_expressions(extended: Path) -> None:
    found = read("smic", extended, variant="hs-e")
    pairs = [clip for clip in longer("hs") if clip.second]
    assert len(pairs) == 4
    for clip in pairs:
        one = sample_of(found, f"s{clip.subject:02}", clip.padded)
        two = sample_of(found, f"s{clip.subject:02}", f"{clip.padded}-2")
        assert (one.label, len(one.frames), len(two.frames)) == (two.label, 5, 3)
        assert int(two.frames.read()[0, 0, 0, 0]) == pytest.approx((clip.offset + 2) % 250, abs=2)


def test_the_camera_may_have_no_folder_of_its_own(tmp_path: Path) -> None:
    assert len(read("smic", build_longer(tmp_path, folder=False), variant="vis-e").used) == 71


def test_remarks_below_the_table_are_no_rows_but_a_row_without_a_name_is_told(tmp_path: Path) -> None:
    rows = [row(clip) for clip in FEW]
    found = read(
        "smic", small_long(tmp_path, rows=[*rows, (5, "s5", 1, 10, 20, None, None, 1, "negative")]), variant="hs-e"
    )
    assert (len(found.used), [s.dropped for s in found.samples[3:]]) == (3, ["not a clip's name: 's5' (row 5)"])


@pytest.mark.parametrize("name", ["s1_ne_01", "S01_NE_01", "s01_ne_01"])
def test_clips_are_found_however_the_table_pads_them(tmp_path: Path, name: str) -> None:
    rows = [(cells[0], name, *cells[2:]) if cells[1] == "s01_ne_01" else cells for cells in map(row, FEW)]
    assert len(read("smic", small_long(tmp_path, rows=rows), variant="hs-e").used) == 3


def test_columns_by_the_beginnings_of_their_names(tmp_path: Path) -> None:
    header = (
        "subject",
        "FileName ",
        "x",
        "onset frame",
        "Offset frame",
        "2nd onset",
        "2nd offset",
        "firstF",
        "EMOTION",
    )
    clip = replace(FEW[0], number=7, second=(23606, 23608))
    found = read("smic", small_long(tmp_path, clip, header=header), variant="hs-e")
    assert [s.clip for s in found.used] == ["s01_ne_07", "s01_ne_07-2", "s01_ne_01", "s03_sur_02", "s20_po_01"]
    assert len(found.used[1].frames) == 3


def test_of_two_cameras_in_one_table_the_wanted_one_is_read(tmp_path: Path) -> None:
    header = ("Subject", "Filename", "OnsetF", "OffsetF", "OnsetF NIR", "OffsetF NIR", "Emotion")
    rows = [(c.subject, c.padded, 1, 2, c.onset, c.offset, c.label) for c in FEW]
    found = read("smic", small_long(tmp_path, header=header, rows=rows, name="NIR"), variant="nir-e")
    assert [(s.clip, len(s.frames)) for s in found.used] == [("s01_ne_01", 5), ("s03_sur_02", 5), ("s20_po_01", 5)]


def test_an_apex_is_read_where_a_table_has_one(tmp_path: Path) -> None:
    header = ("Subject", "Filename", "OnsetF", "ApexF", "OffsetF")
    rows = [(c.subject, c.padded, c.onset, "" if c.subject == 1 else c.onset + 1, c.offset) for c in FEW]
    found = read("smic", small_long(tmp_path, header=header, rows=rows), variant="hs-e")
    assert [(s.label, s.apex) for s in found.used] == [("negative", None), ("surprise", 1), ("positive", 1)]


def test_an_emotion_that_contradicts_the_clips_name_is_dropped(tmp_path: Path) -> None:
    rows = [(*row(FEW[0])[:-1], "positive"), *map(row, FEW[1:])]
    found = read("smic", small_long(tmp_path, rows=rows), variant="hs-e")
    assert found.samples[0].dropped == "label and clip name disagree: positive (row 2)"


def test_the_newer_of_two_tables_is_read_and_told(tmp_path: Path) -> None:
    small_long(tmp_path)
    sheet(tmp_path / "HS_long" / "SMIC-HS-E_annotation_2019.xlsx", [row(clip) for clip in FEW[:2]])
    found = read("smic", tmp_path, variant="hs-e")
    assert found.notes == ("2 tables of HS are there; SMIC-HS-E_annotation_2019.xlsx is read",)
    assert [s.dropped for s in found.samples[2:]] == ["no row in SMIC-HS-E_annotation_2019.xlsx"]


def test_the_cut_clips_and_the_longer_ones_are_never_mixed_up(tmp_path: Path) -> None:
    small_long(tmp_path)
    with pytest.raises(UserError, match=r"looked for .*SMIC-E is --variant hs-e in it .*found HS_long/"):
        read("smic", tmp_path)
    small_cut(tmp_path)
    assert read("smic", tmp_path).choices["crop"] == "owner"
    assert read("smic", tmp_path, variant="hs-e").choices["crop"] == "full"
    with pytest.raises(UserError, match=r"looked for whole frames \(HS/s"):
        read("smic", tmp_path, crop="full")
    with pytest.raises(UserError, match="--crop owner: SMIC-E has whole frames only"):
        read("smic", tmp_path, variant="hs-e", crop="owner")


def test_the_check_says_that_all_is_as_published(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = Command(capsys).succeed("check", "smic", whole)
    fits(out)
    assert "as published" in out and "16 folds" in out


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_empty, "found an empty folder"),
        (_wrong, "found SAMM/"),
        (_packed, "found SMIC.zip.001, still packed: unpack it"),
        (_empty_clips, "looked for whole frames of SMIC-E (HS/s"),
        (_no_table, "looked for its table (SMIC-HS-E_annotation.xlsx)"),
        (_cut_off, "damaged or not a workbook"),
        (_other_table, "no sheet with the columns filename*, onset*, offset*"),
        (_table_of_casme2, "not a clip's name: 'EP02_01f' (row 2)"),
    ],
)
def test_a_source_that_is_not_smic_is_one_line(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str], damage: Any, words: str
) -> None:
    damage(small_long(tmp_path / "x"))
    for what in ("check", "prepare"):
        status, out, err = Command(capsys)(what, "smic", tmp_path / "x", "--variant", "hs-e")
        assert status == 2 and (not out or (what == "check" and "Dropped: " in out))
        assert words in err and err.count("\n") == 1
    assert files_below(home) == []
