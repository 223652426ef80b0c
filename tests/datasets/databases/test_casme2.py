"""CASME II in miniature: 255 rows of 26 subjects with the published counts, and every odd thing in the real files."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from distributions import counts, people, read, sample_of, write_frames, write_xls
from owner_casme2 import (
    HEADER,
    MEGC,
    ODD_NAMES,
    ROWS,
    UNLISTED,
    Clip,
    _clips,
    _frames,
    as_published,
    build,
    newer,
    small,
    swap_table,
    with_quirks,
)

from emonas.errors import UserError


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("casme2") / "CASME2")


def test_the_five_classes_of_the_file_of_2014(whole: Path) -> None:
    found = read("casme2", whole)
    assert found.choices == {"classes": "5", "variant": "2014", "crop": "owner", "apex_policy": "middle"}
    assert counts(found) == {"happiness": 32, "disgust": 63, "repression": 27, "surprise": 25, "other": 99}
    assert (len(found.used), people(found)) == (246, 26)
    assert as_published(found)
    assert Counter(s.dropped.split(":")[0] for s in found.samples if s.dropped) == {
        "outside the class set": 9,
        "no row in CASME2-coding-20140508.xlsx": 2,
    }


def test_the_file_of_2019_has_three_more(whole: Path, tmp_path: Path) -> None:
    found = read("casme2", swap_table(whole, tmp_path, newer(_clips())))
    assert found.choices["variant"] == "2019"
    assert (len(found.used), people(found), counts(found)["surprise"]) == (249, 26, 28)
    assert as_published(found)


@pytest.mark.parametrize("version", ["2014", "2019"])
def test_the_three_classes_are_those_of_megc_with_either_file(whole: Path, tmp_path: Path, version: str) -> None:
    clips = with_quirks(newer(_clips()) if version == "2019" else _clips())
    found = read("casme2", swap_table(whole, tmp_path, clips), classes="3")
    assert found.choices["variant"] == version
    assert counts(found) == {"negative": 88, "positive": 32, "surprise": 25}
    assert (len(found.used), people(found)) == (145, 24)
    assert as_published(found)
    assert Counter(s.subject for s in found.used) == {f"sub{n:02}": count for n, count in MEGC.items() if count}
    assert sample_of(found, "sub05", "EP09_05f").dropped.startswith("not in MEGC2019's table: row ")


def test_the_seven_classes_are_all_rows(whole: Path) -> None:
    found = read("casme2", whole, classes="7")
    assert (len(found.used), people(found), counts(found)["fear"], counts(found)["sadness"]) == (255, 26, 2, 7)
    assert Counter(s.subject for s in found.used) == {f"sub{n:02}": count for n, count in ROWS.items()}
    assert as_published(found)


def test_a_clip_without_a_row_is_dropped_and_named(whole: Path) -> None:
    found = read("casme2", whole)
    for place in UNLISTED:
        assert sample_of(found, *place.split("/")).dropped == "no row in CASME2-coding-20140508.xlsx"


@pytest.mark.parametrize(("policy", "used"), [("middle", 255), ("max-diff", 255), ("drop", 254)])
def test_a_slash_for_an_apex_is_unknown_and_follows_the_policy(whole: Path, policy: str, used: int) -> None:
    found = read("casme2", whole, classes="7", apex_policy=policy)
    assert sample_of(found, "sub04", "EP12_01f").apex is None
    assert len(found.used) == used


def test_action_units_as_numbers_texts_and_question_marks(whole: Path) -> None:
    found = read("casme2", whole, classes="7")
    units = [found.samples[index].action_units for index in range(6)]
    assert units == [(), ("4",), ("R4",), ("L1", "L2"), (), ("4", "5", "L10")]


def test_odd_clip_names_find_their_frames(whole: Path) -> None:
    found = read("casme2", whole, classes="7")
    for (subject, _), name in ODD_NAMES.items():
        assert not sample_of(found, f"sub{subject:02}", name).dropped


def test_frames_are_in_the_order_of_their_numbers_which_the_rows_mean(tmp_path: Path) -> None:
    clip = Clip(1, "EP02_01f", "happiness", 97, 100, 102)
    small(tmp_path, clip)
    write_frames(tmp_path / "Cropped" / "sub01" / clip.name, (9, 10, 96, 103), "reg_img{}.jpg")
    sample = sample_of(read("casme2", tmp_path), "sub01", clip.name)
    frames = sample.frames.read()[:, 0, 0, 0]
    assert (sample.onset, sample.apex, sample.offset) == (3, 6, 8)
    assert [int(frames[at]) for at in (sample.onset, sample.apex, sample.offset)] == [97, 100, 102]


@pytest.mark.parametrize("as_text", [True, False])
def test_subjects_as_texts_and_as_numbers(tmp_path: Path, as_text: bool) -> None:
    found = read("casme2", small(tmp_path, as_text=as_text))
    assert [s.subject for s in found.used] == ["sub07", "sub08"]


def test_columns_by_name_whatever_stands_between_them(tmp_path: Path) -> None:
    header = (" subject", "FILENAME ", "note", "Onset Frame", "ApexFrame", "OffsetFrame", "", "Action Unit", "Emotion")
    with pytest.raises(UserError, match="no sheet with the columns subject, filename, onsetframe"):
        read("casme2", small(tmp_path, header=header))
    spelled = tuple("OnsetFrame" if name == "Onset Frame" else name for name in header)
    assert len(read("casme2", small(tmp_path, header=spelled)).used) == 2


def test_an_old_workbook_is_read_as_well(tmp_path: Path) -> None:
    small(tmp_path, name="unused.xlsx")
    rows = [[name or "" for name in HEADER], [7, "EP01_01f", "", 1, 4, 5, "", "12", "happiness"],
            [8.0, "EP01_01f", "", 1, "\\", 5, "", 4, "Disgust"]]  # fmt: skip
    write_xls(tmp_path / "CASME2-coding-20140508.xls", rows)
    found = read("casme2", tmp_path)
    assert [(s.subject, s.label, s.apex, s.action_units) for s in found.used] == [
        ("sub07", "happiness", 3, ("12",)),
        ("sub08", "disgust", None, ("4",)),
    ]


def test_a_wrong_offset_becomes_unknown_and_is_told(tmp_path: Path) -> None:
    wrong = Clip(1, "EP02_01f", "happiness", 46, 48, 5)
    _frames(tmp_path / "Cropped", replace(wrong, offset=50), "reg_img{}.jpg")
    found = read("casme2", small(tmp_path, wrong))
    sample = sample_of(found, "sub01", "EP02_01f")
    assert (sample.dropped, sample.apex, sample.offset) == ("", 2, 4)
    assert any("sub01/EP02_01f: onset 46, apex 48, offset 5" in note for note in found.notes)


def test_annotated_frames_that_are_not_on_the_disk_drop_the_clip(tmp_path: Path) -> None:
    clip = Clip(1, "EP02_01f", "happiness", 46, 49, 50)
    small(tmp_path, clip)
    (tmp_path / "Cropped" / "sub01" / "EP02_01f" / "reg_img46.jpg").unlink()
    dropped = sample_of(read("casme2", tmp_path), "sub01", "EP02_01f").dropped
    assert dropped == "onset not in the clip: 46 is not among frames 47 to 50 (row 2)"


def test_frames_that_are_lacking_in_between_are_told(tmp_path: Path) -> None:
    small(tmp_path, Clip(1, "EP02_01f", "happiness", 46, 55, 60))
    for number in (48, 49, 57):
        (tmp_path / "Cropped" / "sub01" / "EP02_01f" / f"reg_img{number}.jpg").unlink()
    found = read("casme2", tmp_path)
    assert len(found.used) == 3
    assert found.notes == ("frames lacking inside a clip, in 1 clip (sub01/EP02_01f: 3)",)


def test_rows_that_repeat_lack_frames_or_say_too_little_are_dropped_with_their_row(tmp_path: Path) -> None:
    clip = Clip(1, "EP02_01f", "happiness", 1, 4, 5)
    small(tmp_path, clip, clip, replace(clip, name="EP03_01f"), replace(clip, name="EP04_01f", label="bored"))
    shutil.rmtree(tmp_path / "Cropped" / "sub01" / "EP03_01f")
    found = read("casme2", tmp_path)
    assert [s.dropped for s in found.samples[:4]] == [
        "",
        "listed before: in row 2 (row 3)",
        "no frames on the disk: row 4",
        "unknown label: 'bored' (row 5)",
    ]


def test_either_kind_of_frames_can_be_chosen(whole: Path, tmp_path: Path) -> None:
    for crop, prefix in (("auto", "reg_img"), ("owner", "reg_img"), ("full", "img")):
        found = read("casme2", whole, crop=crop)
        frames: Any = found.used[0].frames
        assert frames.paths[0].name.startswith(prefix)
        assert found.choices["crop"] == ("full" if crop == "full" else "owner")
    with pytest.raises(UserError, match=r"looked for whole frames \(sub\*/ep\*/img\*\.jpg\).*found"):
        read("casme2", small(tmp_path), crop="full")


def test_whole_frames_are_taken_where_no_crops_are(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole / "CASME2_RAW_selected" / "CASME2_RAW_selected" / "sub15", tmp_path / "CASME2-RAW" / "sub15")
    shutil.copy(whole / "CASME2-coding-20140508.xlsx", tmp_path)
    found = read("casme2", tmp_path)
    assert (found.choices["crop"], len(found.used)) == ("full", 3)
    assert not as_published(found)


def test_the_updated_crops_are_preferred(tmp_path: Path) -> None:
    small(tmp_path)
    shutil.copytree(tmp_path / "Cropped", tmp_path / "Cropped-updated" / "Cropped")
    frames: Any = read("casme2", tmp_path).used[0].frames
    assert "Cropped-updated" in frames.paths[0].parts


def test_both_coding_files_are_told_apart_by_their_labels_not_their_names(tmp_path: Path) -> None:
    clip = Clip(24, "EP07_01", "sadness", 1, 4, 5)
    small(tmp_path, clip, name="CASME2-coding-a.xlsx")
    small(tmp_path, *newer([clip]), name="CASME2-coding-b.xlsx")
    found = read("casme2", tmp_path, classes="7")
    assert sample_of(found, "sub24", "EP07_01").label == "surprise"
    assert found.notes == ("both coding files are there; that of 2019 is read, --variant chooses",)
    older = read("casme2", tmp_path, classes="7", variant="2014")
    assert (sample_of(older, "sub24", "EP07_01").label, older.notes) == ("sadness", ())
    (tmp_path / "CASME2-coding-b.xlsx").unlink()
    with pytest.raises(UserError, match="the coding file there is that of 2014, not of 2019"):
        read("casme2", tmp_path, variant="2019")


def test_a_source_that_is_not_casme2_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"looked for the coding file .* found an empty folder") as raised:
        read("casme2", tmp_path)
    (tmp_path / "CASME2.zip").touch()
    with pytest.raises(UserError, match=r"found CASME2\.zip, still packed: unpack it"):
        read("casme2", tmp_path)
    small(tmp_path)
    shutil.rmtree(tmp_path / "Cropped")
    (tmp_path / "CASME2.zip").unlink()
    with pytest.raises(UserError, match=r"looked for cropped faces .* or whole frames .* found CASME2-coding-2014"):
        read("casme2", tmp_path)
    assert "\n" not in str(raised.value)
