"""The prepared store: pictures as one array, samples as a table that people can open.

A prepared data set is a folder of

    images.npy          uint8, (N, C, H, W), memory-mapped on reading
    samples.csv         a row for each image, in the same order
    dropped.csv         the samples that were left out, each with its reason
    prepared.json       format and version, source, options, classes, counts, notes, fingerprint
    contact_sheet.png   some samples of each class, to look at
"""

from __future__ import annotations

import csv
import os
import re
import tokenize
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from emonas.datasets.clips.sample import Sample
from emonas.errors import UserError
from emonas.records import Count, Format, read_record

FACTS = "prepared.json"
COLUMNS = ("dataset", "subject", "clip", "label", "part", "group", "onset", "apex", "offset", "action_units")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What prepared.json says of a prepared data set, without what its other files say.

    ``counts``: samples of each class; ``dropped``: reasons and how many samples each has cost.
    """

    name: str
    dataset: str
    source: str = ""
    options: dict[str, Any]
    classes: tuple[str, ...]
    counts: dict[str, Count] = field(default_factory=dict)
    samples: Count = 0
    subjects: Count = 0
    dropped: dict[str, Count]
    protocol: str
    notes: tuple[str, ...]
    fingerprint: str


#: How a prepared set may be called: run folders are named after it, and it must not lead out of theirs.
SET_NAME = re.compile(r"\w[\w.-]{0,99}")


def _check_facts(facts: Facts) -> None:
    if not SET_NAME.fullmatch(facts.name):
        raise ValueError('"name" is not the name of a prepared set')
    if not isinstance(facts.options.get("representation"), str):
        raise ValueError('"options" names no representation')


_AGAIN = "run emonas-data prepare --overwrite"
FORMAT = Format(
    Facts,
    "emonas-prepared",
    foreign="not a prepared data set of emonas",
    other_version=_AGAIN,
    repair=_AGAIN,
    check=_check_facts,
)


def home() -> Path:
    """Where emonas keeps prepared data: EMONAS_HOME, or its folder in the user's cache."""
    if chosen := os.environ.get("EMONAS_HOME"):
        return Path(chosen).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("emonas")


def prepared_folder(name: str) -> Path:
    """The folder of the prepared data set ``name``."""
    return home() / "prepared" / name


@dataclass(frozen=True)
class StoredImage:
    """The picture of a prepared sample, as the Frames of one still."""

    images: Path
    index: int

    def __len__(self) -> int:
        return 1

    def read(self) -> np.ndarray:
        """(1, H, W, C), uint8."""
        return np.moveaxis(np.load(self.images, mmap_mode="r")[self.index], 0, -1)[None].copy()

    def flaw(self) -> str:
        """A prepared data set is checked as a whole when it is opened."""
        return ""


@dataclass(frozen=True)
class Prepared:
    """A prepared data set, as it lies on disk. ``dropped``: reasons and how many samples each has cost."""

    folder: Path
    name: str
    dataset: str
    classes: tuple[str, ...]
    protocol: str
    options: dict[str, Any]
    fingerprint: str
    notes: tuple[str, ...]
    samples: tuple[Sample, ...]
    dropped: dict[str, int]

    @cached_property
    def images(self) -> np.ndarray:
        """(N, C, H, W), uint8, memory-mapped."""
        return np.lib.format.open_memmap(self.folder / "images.npy", mode="r")

    @property
    def size(self) -> int:
        """Side of the pictures in pixels."""
        return int(self.images.shape[2])

    @property
    def channels(self) -> int:
        """Channels of the pictures."""
        return int(self.images.shape[1])

    @cached_property
    def labels(self) -> np.ndarray:
        """(N,), int64: the position of each sample's label in ``classes``."""
        index = {name: i for i, name in enumerate(self.classes)}
        return np.array([index[sample.label] for sample in self.samples], dtype=np.int64)

    @property
    def subjects(self) -> tuple[str, ...]:
        """The named people, sorted; empty where the owner names nobody."""
        return tuple(sorted({s.person for s in self.samples if s.subject is not None}))

    @property
    def subjects_known(self) -> bool:
        """Whether every sample has a named person."""
        return all(sample.subject is not None for sample in self.samples)


def load(folder: Path) -> Prepared:
    """Open a prepared data set and check that its three files belong together. Raises UserError."""
    facts = read_record(folder / FACTS, FORMAT)
    try:
        return _opened(folder, facts)
    except KeyError as error:
        reason = f"{error} is missing"
    except OSError as error:
        reason = f"{Path(error.filename or folder).name}: {error.strerror or error}"
    # A damaged header of images.npy may raise nearly anything.
    except (ValueError, TypeError, OverflowError, EOFError, csv.Error, SyntaxError, tokenize.TokenError) as error:
        reason = " ".join(str(error).split())
    raise UserError(f"{folder}: damaged: {reason}; {_AGAIN}")


def _opened(folder: Path, facts: Facts) -> Prepared:
    prepared = Prepared(
        folder=folder,
        name=facts.name,
        dataset=facts.dataset,
        classes=facts.classes,
        protocol=facts.protocol,
        options=facts.options,
        fingerprint=facts.fingerprint,
        notes=facts.notes,
        samples=_read_samples(folder, facts.classes),
        dropped=facts.dropped,
    )
    images = prepared.images
    if images.dtype != np.uint8 or images.ndim != 4 or not 0 < len(images) == len(prepared.samples):
        raise ValueError("images.npy does not match samples.csv")
    return prepared


def _read_samples(folder: Path, classes: tuple[str, ...]) -> tuple[Sample, ...]:
    images = folder / "images.npy"
    samples = []
    # A spreadsheet that has saved the table anew may have put a byte order mark in front.
    with (folder / "samples.csv").open(newline="", encoding="utf-8-sig") as file:
        for i, row in enumerate(csv.DictReader(file)):
            if None in row or None in row.values():
                raise ValueError(f"samples.csv: row {i + 1} has too many or too few columns")
            samples.append(_sample(row, StoredImage(images, i)))
    strange = {sample.label for sample in samples} - set(classes)
    if strange:
        raise ValueError(f"samples.csv has the label {min(strange)!r}, which is not among the classes")
    return tuple(samples)


def _sample(row: dict[str, str], image: StoredImage) -> Sample:
    def number(text: str) -> int | None:
        return int(text) if text else None

    return Sample(
        dataset=row["dataset"],
        subject=row["subject"] or None,
        clip=row["clip"],
        label=row["label"],
        frames=image,
        onset=number(row["onset"]),
        apex=number(row["apex"]),
        offset=number(row["offset"]),
        action_units=tuple(row["action_units"].split()),
        part=row["part"] or None,
        group=row["group"],
    )


def sample_row(sample: Sample) -> dict[str, str]:
    """A sample as a row of samples.csv; the other direction of reading."""
    values: dict[str, object] = {column: getattr(sample, column) for column in COLUMNS}
    values["action_units"] = " ".join(sample.action_units)
    return {column: "" if value is None else str(value) for column, value in values.items()}
