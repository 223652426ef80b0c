"""SAMM in miniature: 159 rows of 29 subjects with the published counts, and every odd thing in the real files."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from data_command import Command, fits
from distributions import counts, deal, people, read, sample_of, write_frames, write_xlsx
from made_samples import files_below

from emonas.datasets.expected import chosen, compare
from emonas.datasets.samm import DATABASE
from emonas.datasets.sample import Found
from emonas.errors import UserError

#: Samples of each subject that are in MEGC2019, and made-up numbers of those that are not (its "Other").
MEGC = {6: 11, 7: 8, 9: 4, 10: 4, 11: 20, 12: 3, 13: 6, 14: 10, 15: 3, 16: 5, 17: 4, 18: 3, 19: 1, 20: 4, 21: 2,
        22: 5, 23: 1, 24: 1, 25: 0, 26: 9, 28: 3, 30: 3, 31: 1, 32: 4, 33: 5, 34: 3, 35: 8, 36: 1, 37: 1}  # fmt: skip
OTHERS = {6: 5, 11: 4, 13: 3, 14: 3, 20: 2, 25: 4, 26: 3, 35: 2}
#: Two subjects show nothing that is in five classes, so that of 29 there are 27 left.
SINGLE = {19: "Happiness", 23: "Anger", 24: "Anger", 31: "Disgust", 36: "Contempt", 37: "Fear"}
LABELS = {"Anger": 55, "Contempt": 11, "Disgust": 8, "Fear": 7, "Sadness": 6, "Happiness": 25, "Surprise": 15}
OBJECTIVE = {1: 24, 2: 13, 3: 20, 4: 8, 5: 3, 6: 7, 7: 84}
#: Clips with odd frame names, and the two whose apex is a slip.
NAMED = {13: ("013_1_12", "013_1_8"), 17: ("017_3_2",), 26: ("026_1_1", "026_1_2"), 28: ("028_4_1",),
         32: ("032_3_1",), 35: ("035_7_2",)}  # fmt: skip
SLIPS = {"028_4_1": (1071, 1143, 1134), "032_3_1": (4896, 1930, 4970)}
UNITS = ("12A", "L12", "R14+17", "T18+39", "A9E+ref(10)", "B18+25", "ref(7B)+43", "(R6 or R12)+R15", "L12 or L14",
         "10A/B", "A/L12", "R14A or 17A or 24A", "R14+17+soft focus", "?", 4, None)  # fmt: skip
HEADER = ("Subject", "Filename", "Inducement Code", "Onset Frame", "Apex Frame", "Offset Frame", "Duration", "Micro",
          "Action Units", "Estimated Emotion", "Objective Classes", "Notes")  # fmt: skip
PREAMBLE = ([], ["SAMM micro-movements"], *([f"remark {number}", None, "more"] for number in range(10)), [])


@dataclass(frozen=True)
class Clip:
    subject: int
    name: str
    label: str
    onset: int
    apex: Any
    offset: int
    units: Any = "4+7"
    objective: int = 7


def clips() -> list[Clip]:
    """Our own clips: who shows what is made up, how often it is shown and by how many is not."""
    many = {subject: size for subject, size in MEGC.items() if subject not in SINGLE}
    shown = [*deal(LABELS, many), *SINGLE.items()]
    shown += [(subject, "Other") for subject, count in OTHERS.items() for _ in range(count)]
    classes = [number for number, count in OBJECTIVE.items() for _ in range(count)]
    numbers: Counter[int] = Counter()
    made = []
    for index, (subject, label) in enumerate(sorted(shown)):
        odd = NAMED.get(subject, ())
        name = odd[numbers[subject]] if numbers[subject] < len(odd) else f"{subject:03}_4_{20 + numbers[subject]}"
        numbers[subject] += 1
        onset = (5562, 998, 9998, 99997)[index % 4]  # as text, 10000 would come before 9998
        phases = SLIPS.get(name, (onset, onset + 3, onset + 4))
        spelled = "Others" if label == "Other" and index % 2 else label
        made.append(Clip(subject, name, spelled, *phases, UNITS[index % len(UNITS)], classes[index]))
    return made


def write_clip(root: Path, clip: Clip) -> None:
    odd = {"013_1_12": "13_1_12_{}.jpg", "013_1_8": "0138_{:04}.jpg", "017_3_2": "{}.jpg", "026_1_1": "026-{}.jpg"}
    pattern = odd.get(clip.name, f"{clip.subject:03}_{{:05}}.jpg")
    folder = root / f"{clip.subject:03}" / clip.name
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(clip.onset, clip.offset + 1):
        write_frames(folder, [number], pattern)


def sheet(path: Path, rows: list[Clip], preamble: bool = False, as_text: bool = True, **more: Any) -> Path:
    def cells(clip: Clip) -> tuple[Any, ...]:
        subject = f"{clip.subject:03}" if as_text else clip.subject
        phases = (clip.onset, clip.apex, clip.offset, clip.offset - clip.onset + 1)
        return (subject, clip.name, 1, *phases, "Micro - 1/2", clip.units, clip.label, clip.objective, None)

    header = more.get("header", HEADER)
    return write_xlsx(path, {"MICRO_ONLY": [*(PREAMBLE if preamble else ()), header, *map(cells, rows)]})


def build(root: Path) -> Path:
    """A complete copy, unpacked into a folder of the same name, with the older sheet and what lies about."""
    for clip in clips():
        write_clip(root / "SAMM", clip)
    sheet(root / "SAMM_Micro_FACS_Codes_v2.xlsx", clips(), preamble=True)
    write_xlsx(root / "SAMM_LongVideos_V2_Release.xlsx", {"FACS_Movement_Final": [HEADER[:9], [6, "006_1_1", 1, 5, 6]]})
    return root


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("samm") / "SAMM")


def small(folder: Path, *more: Clip, name: str = "SAMM_20181215_Micro_FACS_Codes_v2.xlsx", **how: Any) -> Path:
    """A few clips of a copy of their own, and two sound ones of other subjects."""
    sound = (Clip(6, "006_1_2", "Happiness", 5562, 5564, 5566), Clip(7, "007_3_1", "Anger", 1, 2, 3))
    for clip in (*more, *sound):
        write_clip(folder / "SAMM", clip)
    sheet(folder / name, [*more, *sound], **how)
    return folder


def as_published(found: Found) -> bool:
    expected = chosen(DATABASE.expected, found.choices)
    return expected is not None and not any(one.differs for one in compare(expected, found.used))


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
    out = Command(capsys).succeed("check", "samm", whole, "--classes", "3")
    fits(out)
    assert "as published" in out and "28 folds" in out


def _no_frames(folder: Path) -> None:
    shutil.rmtree(folder / "SAMM")


def _empty_clips(folder: Path) -> None:
    for path in folder.rglob("*.jpg"):
        path.unlink()


def _packed(folder: Path) -> None:
    shutil.rmtree(folder / "SAMM")
    (folder / "SAMM_20181215_Micro_FACS_Codes_v2.xlsx").unlink()
    (folder / "SAMM.zip").write_bytes(b"PK")


def _empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def _wrong(folder: Path) -> None:
    _empty(folder)
    write_frames(folder / "Cropped" / "sub01" / "EP02_01f", (1, 2), "reg_img{}.jpg")


def _cut_off(folder: Path) -> None:
    table = folder / "SAMM_20181215_Micro_FACS_Codes_v2.xlsx"
    table.write_bytes(table.read_bytes()[:2000])


def _other_table(folder: Path) -> None:
    header = ("Subject", "Filename", None, "OnsetFrame", "ApexFrame", "OffsetFrame", None, "Action Units",
              "Estimated Emotion")  # fmt: skip
    rows = [header, ("01", "EP02_01f", None, 46, 59, 86, None, "12", "happiness")]
    write_xlsx(folder / "SAMM_20181215_Micro_FACS_Codes_v2.xlsx", {"Sheet1": rows})


def _long_videos(folder: Path) -> None:
    (folder / "SAMM_20181215_Micro_FACS_Codes_v2.xlsx").rename(folder / "SAMM_LongVideos_V2_Release.xlsx")


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
