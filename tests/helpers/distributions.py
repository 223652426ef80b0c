"""Distributions in miniature: files as owners name and lay them out, drawn here, quick enough to build by hundreds."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import openpyxl

from emonas.datasets.clips.sample import ReadResult, Sample
from emonas.datasets.databases import registry
from emonas.datasets.reading.choices import Choices


@cache
def image_bytes(suffix: str, grey: int = 128, side: int = 8) -> bytes:
    """A tiny grey picture as a file of that kind; encoded once."""
    return bytes(cv2.imencode(suffix, np.full((side, side, 3), grey, np.uint8))[1].tobytes())


def write_frames(folder: Path, numbers: Iterable[int], pattern: str = "img{}.jpg") -> Path:
    """A clip: a file for each frame number, each number in a grey of its own (modulo 250)."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        name = pattern.format(number)
        (folder / name).write_bytes(image_bytes(Path(name).suffix, number % 250))
    return folder


def write_video(path: Path, greys: Sequence[int], side: int = 32) -> Path:
    """A video with an even frame for each grey value; lossy, so greys come back to within a few levels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    codec = cv2.VideoWriter_fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, codec, 20.0, (side, side))
    for grey in greys:
        writer.write(np.full((side, side, 3), grey, np.uint8))
    writer.release()
    return path


def write_xlsx(path: Path, sheets: Mapping[str, Sequence[Sequence[Any]]]) -> Path:
    """A workbook with a sheet for each name; rows of cells."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)
    return path


def write_xls(path: Path, rows: Sequence[Sequence[Any]]) -> Path:
    """A workbook in the old format (BIFF 2, one sheet), which xlrd reads like any later one: numbers and texts."""
    data = struct.pack("<4H", 0x0009, 4, 2, 0x0010)
    for at, row in enumerate(rows):
        for column, cell in enumerate(row):
            place = struct.pack("<2H3x", at, column)
            if isinstance(cell, int | float):
                data += struct.pack("<2H", 0x0003, 15) + place + struct.pack("<d", cell)
            elif cell:
                text = str(cell).encode("latin-1")
                data += struct.pack("<2H", 0x0004, 8 + len(text)) + place + bytes([len(text)]) + text
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data + struct.pack("<2H", 0x000A, 0))
    return path


def deal(labels: Mapping[str, int], sizes: Mapping[int, int]) -> Iterator[tuple[int, str]]:
    """(subject, label) for every clip: labels in the given numbers, subjects in the given sizes.

    The labels go round, so that every subject gets different ones.
    """
    assert sum(labels.values()) == sum(sizes.values())
    left, seats = dict(labels), [subject for subject, size in sizes.items() for _ in range(size)]
    for subject in seats:
        # The label of which the largest share is still to be dealt.
        label = max(left, key=lambda name: left[name] / labels[name])
        left[label] -= 1
        yield subject, label


def read(name: str, source: Path, **choices: str) -> ReadResult:
    """Read a database as the commands do, with options such as classes="3"."""
    return registry.read(name, source, Choices(**choices))


def counts(found: ReadResult) -> dict[str, int]:
    """The samples in use of each class."""
    return {label: sum(sample.label == label for sample in found.used) for label in found.classes}


def people(found: ReadResult) -> int:
    """How many people the samples in use have."""
    return len({sample.person for sample in found.used})


def sample_of(found: ReadResult, subject: str, clip: str) -> Sample:
    """The one sample of that subject and clip."""
    (sample,) = (s for s in found.samples if (s.subject, s.clip) == (subject, clip))
    return sample
