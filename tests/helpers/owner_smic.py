"""SMIC in miniature: three cameras, cut clips and the longer ones of SMIC-E, with every odd thing in the real files."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from distributions import deal, write_frames, write_xlsx

from emonas.datasets.clips.sample import ReadResult
from emonas.datasets.databases.smic import DATABASE
from emonas.datasets.reading.expected import chosen, compare

#: Clips of each subject of the high-speed camera; made up for the two others.
HS = {1: 6, 2: 6, 3: 39, 4: 19, 5: 2, 6: 4, 8: 13, 9: 4, 11: 7, 12: 9, 13: 10, 14: 10, 15: 4, 18: 7, 19: 2, 20: 22}


SLOW = dict(zip((9, 11, 12, 13, 14, 15, 18, 20), (4, 8, 9, 10, 10, 4, 6, 20), strict=True))


SHOWN = {
    "hs": {"negative": 70, "positive": 51, "surprise": 43},
    "vis": {"negative": 23, "positive": 28, "surprise": 20},
}


CODES = {"negative": "ne", "positive": "po", "surprise": "sur"}


HEADER = ("Subject", "Filename", "Number", "OnsetF", "OffsetF", "Onset2F", "Offset2F", "FirstF", "Emotion")


@dataclass(frozen=True)
class Clip:
    subject: int
    label: str
    number: int
    onset: int = 23600
    length: int = 5
    second: tuple[int, int] | None = None

    @property
    def padded(self) -> str:
        return f"s{self.subject:02}_{CODES[self.label]}_{self.number:02}"

    @property
    def bare(self) -> str:
        """As the folders of cut clips are called."""
        return f"s{self.subject}_{CODES[self.label]}_{self.number:02}"

    @property
    def offset(self) -> int:
        return self.onset + self.length - 1


def clips(variant: str = "hs") -> list[Clip]:
    """Our own clips: who shows what is made up, how often it is shown and by how many is not."""
    numbers: Counter[tuple[int, str]] = Counter()
    made = []
    for index, (subject, label) in enumerate(deal(SHOWN.get(variant, SHOWN["vis"]), HS if variant == "hs" else SLOW)):
        numbers[subject, label] += 1
        onset = (23600, 997, 9998, 99998)[index % 4]  # as text, 10000 would come before 9998
        made.append(Clip(subject, label, numbers[subject, label], onset + (variant == "nir")))
    return made


def longer(variant: str) -> list[Clip]:
    """The clips of SMIC-E: of HS three are lost, and four are the second expression in another's clip."""
    made = clips(variant)
    if variant == "hs":
        made = made[3:]
        made = [replace(clip, second=(clip.offset + 2, clip.offset + 4)) for clip in made[:4]] + made[8:]
    return made


def write_cut(root: Path, clip: Clip, pattern: str) -> Path:
    folder = root / f"s{clip.subject}" / "micro" / clip.label / clip.bare
    return write_frames(folder, range(clip.onset, clip.offset + 1), pattern)


def write_long(root: Path, clip: Clip) -> Path:
    folder = root / f"s{clip.subject:02}" / clip.padded
    return write_frames(folder, range(clip.onset - 3, clip.offset + 8), "image{:06}.jpg")


def row(clip: Clip) -> tuple[Any, ...]:
    second = clip.second or (None, None)
    return (clip.subject, clip.padded, 1, clip.onset, clip.offset, *second, clip.onset - 3, clip.label)


def sheet(path: Path, rows: list[tuple[Any, ...]], header: tuple[Any, ...] = HEADER) -> Path:
    remarks = (
        [],
        [None, "Notes"],
        ["Three clips of the first version could not be found again"],
        ["s3_ne_01: see above"],
    )
    return write_xlsx(path, {"Sheet1": [header, *rows, *remarks]})


def build(root: Path, variants: tuple[str, ...] = ("hs",)) -> Path:
    """The cut clips, faces and whole frames, as the owner lays them out."""
    for variant in variants:
        cropped = root / "SMIC_all_cropped" / "SMIC_all_cropped" / variant.upper()
        raw = root / "SMIC_all_raw" / variant.upper()
        for clip in clips(variant):
            write_cut(cropped, clip, "reg_image{}.bmp")
            write_cut(raw, clip, "image{:06}.bmp")
        for place in (cropped, raw):
            write_frames(place / "s9" / "non_micro" / "s9_non_01", (1, 2), "reg_image{}.bmp")
            (place / "s9" / "micro" / "Thumbs.db").write_bytes(b"x")
    return root


def build_longer(root: Path, folder: bool = True) -> Path:
    """SMIC-E, with or without a folder of the camera's name below that of the set."""
    for variant, table in (("hs", "SMIC-HS-E_annotation.xlsx"), ("vis", "SMIC_VIS_E_annotation.xlsx"),
                           ("nir", "SMIC-NIR-E_annotation.xlsx")):  # fmt: skip
        name = variant.upper()
        place = root / "SMIC-E_raw image" / f"{name}_long" / f"SMIC-{name}-E"
        for clip in longer(variant):
            write_long(place / name if folder else place, clip)
        sheet((place if variant == "hs" else place.parent) / table, [row(clip) for clip in longer(variant)])
    return root


#: Of three subjects, a class each.
FEW = (Clip(1, "negative", 1), Clip(3, "surprise", 2), Clip(20, "positive", 1))


def small_cut(folder: Path) -> Path:
    for clip in FEW:
        write_cut(folder / "SMIC_all_cropped" / "HS", clip, "reg_image{}.bmp")
    return folder


def small_long(folder: Path, *more: Clip, header: tuple[Any, ...] = HEADER, rows: Any = None, name: str = "HS") -> Path:
    place = folder / f"{name}_long"
    for clip in (*more, *FEW):
        write_long(place / f"SMIC-{name}-E" / name, clip)
    sheet(place / f"SMIC-{name}-E_annotation.xlsx", rows or [row(clip) for clip in (*more, *FEW)], header)
    return folder


def as_published(found: ReadResult) -> bool:
    expected = chosen(DATABASE.expected, found.choices)
    return expected is not None and not any(one.differs for one in compare(expected, found.used))


def _empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def _wrong(folder: Path) -> None:
    _empty(folder)
    write_frames(folder / "SAMM" / "006" / "006_1_2", (1, 2), "006_{:05}.jpg")


def _packed(folder: Path) -> None:
    _empty(folder)
    (folder / "SMIC.zip.001").write_bytes(b"PK")


def _empty_clips(folder: Path) -> None:
    for path in folder.rglob("*.jpg"):
        path.unlink()


def _no_table(folder: Path) -> None:
    (folder / "HS_long" / "SMIC-HS-E_annotation.xlsx").unlink()


def _cut_off(folder: Path) -> None:
    table = folder / "HS_long" / "SMIC-HS-E_annotation.xlsx"
    table.write_bytes(table.read_bytes()[:2000])


def _other_table(folder: Path) -> None:
    table = folder / "HS_long" / "SMIC-HS-E_annotation.xlsx"
    write_xlsx(table, {"MICRO_ONLY": [("Subject", "Name", "Estimated Emotion"), (6, "006_1_2", "Anger")]})


def _table_of_casme2(folder: Path) -> None:
    header = ("Subject", "Filename", None, "OnsetFrame", "ApexFrame", "OffsetFrame", None, "Estimated Emotion")
    rows = [header, (1, "EP02_01f", None, 46, 59, 86, None, "happiness")]
    write_xlsx(folder / "HS_long" / "SMIC-HS-E_annotation.xlsx", {"Sheet1": rows})
