"""SAMM in miniature: 159 rows of 29 subjects with the published counts, and every odd thing in the real files."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distributions import deal, write_frames, write_xlsx

from emonas.datasets.clips.sample import ReadResult
from emonas.datasets.databases.samm import DATABASE
from emonas.datasets.reading.expected import chosen, compare

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


def small(folder: Path, *more: Clip, name: str = "SAMM_20181215_Micro_FACS_Codes_v2.xlsx", **how: Any) -> Path:
    """A few clips of a copy of their own, and two sound ones of other subjects."""
    sound = (Clip(6, "006_1_2", "Happiness", 5562, 5564, 5566), Clip(7, "007_3_1", "Anger", 1, 2, 3))
    for clip in (*more, *sound):
        write_clip(folder / "SAMM", clip)
    sheet(folder / name, [*more, *sound], **how)
    return folder


def as_published(found: ReadResult) -> bool:
    expected = chosen(DATABASE.expected, found.choices)
    return expected is not None and not any(one.differs for one in compare(expected, found.used))


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
