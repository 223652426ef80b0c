"""CASME II in miniature: 255 rows of 26 subjects with the published counts, and every odd thing in the real files."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from distributions import deal, write_frames, write_xlsx

from emonas.datasets.clips.sample import ReadResult
from emonas.datasets.databases.casme2 import DATABASE
from emonas.datasets.reading.expected import chosen, compare

#: Rows of each subject, and those of them that are in MEGC2019.
ROWS = dict(enumerate((9, 13, 7, 5, 19, 5, 9, 3, 14, 14, 10, 12, 8, 4, 3, 4, 36, 3, 16, 11, 2, 2, 12, 10, 7, 17), 1))


MEGC = dict(enumerate((3, 9, 5, 2, 6, 4, 5, 1, 10, 0, 4, 11, 2, 3, 3, 3, 31, 0, 11, 2, 1, 2, 8, 3, 5, 11), 1))


#: Clips of known odd names and labels; the others are numbered through.
NAMED = {
    (4, "EP12_01f"): "disgust",
    (5, "EP09_05f"): "disgust",
    (24, "EP07_01"): "sadness",
    (24, "EP07_04f"): "sadness",
    (24, "EP10_03"): "sadness",
    (10, "EP06_01f"): "fear",
}


ODD_NAMES = {(1, 0): "EP01_2", (1, 1): "EP08_1", (2, 0): "EP06_02_01", (2, 1): "EP06_02_02", (3, 0): "EP09f"}


UNLISTED = ("sub09/EP02_02f", "sub24/EP02_07")


HEADER = ("Subject", "Filename", None, "OnsetFrame", "ApexFrame", "OffsetFrame", None, "Action Units",
          "Estimated Emotion")  # fmt: skip


@dataclass(frozen=True)
class Clip:
    subject: int
    name: str
    label: str
    onset: int
    apex: Any
    offset: int
    units: Any = "4+5+L10"


def _clips() -> list[Clip]:
    """Our own clips: who shows what is made up, how often it is shown and by how many is not."""
    named = Counter(subject for subject, _ in NAMED)
    rest = {subject: ROWS[subject] - MEGC[subject] - named[subject] for subject in ROWS}
    shown = [
        *deal({"disgust": 61, "repression": 27, "happiness": 32, "surprise": 25}, MEGC),
        # Subjects 10 and 18 show others only (10 also a named fear), so that they vanish from three classes.
        *((subject, "others") for subject in (10, 18) for _ in range(rest.pop(subject))),
        *deal({"others": 99 - 16, "sadness": 4, "fear": 1}, rest),
    ]
    numbers: Counter[int] = Counter()
    clips = [_clip(subject, name, label, len(name)) for (subject, name), label in NAMED.items()]
    for index, (subject, label) in enumerate(sorted(shown)):
        name = ODD_NAMES.get((subject, numbers[subject]), f"EP{20 + numbers[subject]:02}_{index % 3 + 1:02}f")
        numbers[subject] += 1
        clips.append(_clip(subject, name, label, index))
    return sorted(clips, key=lambda clip: (clip.subject, clip.name))


def _clip(subject: int, name: str, label: str, index: int) -> Clip:
    onset = (1, 46, 97, 136)[index % 4]  # from 97 on: as text, img100 would come before img97
    return Clip(subject, name, label.capitalize() if index % 2 else label, onset, onset + 3, onset + 4)


def _frames(root: Path, clip: Clip, pattern: str) -> None:
    write_frames(root / f"sub{clip.subject:02}" / clip.name, range(clip.onset, clip.offset + 1), pattern)


def _sheet(path: Path, clips: list[Clip], header: tuple[Any, ...] = HEADER, as_text: bool = True) -> Path:
    def row(clip: Clip) -> tuple[Any, ...]:
        subject = f"{clip.subject:02}" if as_text else clip.subject
        phases = (clip.onset, clip.apex, clip.offset)
        return (subject, clip.name, None, *phases, None, clip.units, clip.label)

    return write_xlsx(path, {"Sheet1": [header, *map(row, clips)], "Sheet2": [], "Sheet3": []})


def newer(clips: list[Clip]) -> list[Clip]:
    """The labels of the coding file of 2019."""
    relabelled = {(24, "EP07_01"), (24, "EP07_04f"), (24, "EP10_03")}
    return [replace(c, label="surprise") if (c.subject, c.name) in relabelled else c for c in clips]


def with_quirks(clips: list[Clip]) -> list[Clip]:
    units = {0: "?", 1: 4, 2: "R4", 3: "L1+L2", 4: None}
    clips = [replace(clip, units=units.get(index, clip.units)) for index, clip in enumerate(clips)]
    return [replace(c, apex="/") if (c.subject, c.name) == (4, "EP12_01f") else c for c in clips]


def small(folder: Path, *clips: Clip, name: str = "CASME2-coding-20140508.xlsx", **more: Any) -> Path:
    """A few clips of a copy of their own, and two sound ones of other subjects."""
    sound = (Clip(7, "EP01_01f", "happiness", 1, 4, 5), Clip(8, "EP01_01f", "disgust", 1, 4, 5))
    for clip in (*clips, *sound):
        _frames(folder / "Cropped", clip, "reg_img{}.jpg")
    _sheet(folder / name, [*clips, *sound], **more)
    return folder


def as_published(found: ReadResult) -> bool:
    expected = chosen(DATABASE.expected, found.choices)
    return expected is not None and not any(one.differs for one in compare(expected, found.used))


def swap_table(whole: Path, folder: Path, clips: list[Clip]) -> Path:
    """The complete copy with another coding file: links to its frames, so that nothing is written there."""
    (folder / "Cropped").symlink_to(whole / "Cropped-updated" / "Cropped", target_is_directory=True)
    _sheet(folder / "coding of CASME 2 coding.xlsx", clips)
    return folder


def build(root: Path) -> Path:
    """A complete copy: both kinds of frames, the coding file of 2014, and what unpacking leaves about."""
    cropped = root / "Cropped-updated" / "Cropped"
    raw = root / "CASME2_RAW_selected" / "CASME2_RAW_selected"
    clips = with_quirks(_clips())
    for clip in clips:
        _frames(cropped, clip, "reg_img{}.jpg")
        _frames(raw, clip, "img{}.jpg")
    for place in UNLISTED:
        write_frames(cropped / place, (1, 5), "reg_img{}.jpg")
    for stray in ("Desktop - Shortcut.lnk", "Thumbs.db", ".DS_Store", "EP_notes.txt"):
        (cropped / "sub01" / stray).write_bytes(b"x")
    (cropped / "sub01" / "EP01_2" / "Thumbs.db").write_bytes(b"x")
    write_frames(root / "__MACOSX" / "sub01" / "EP01_2", (1,), "reg_img{}.jpg")
    _sheet(root / "CASME2-coding-20140508.xlsx", clips)
    (root / "~$CASME2-coding-20140508.xlsx").write_bytes(b"x")
    return root
