"""The prepared store: pictures as one array, samples as a table that people can open.

A prepared data set is a folder of

    images.npy          uint8, (N, C, H, W), memory-mapped on reading
    samples.csv         a row for each image, in the same order
    dropped.csv         the samples that were left out, each with its reason
    near_copies.csv     pairs of samples of different people that show nearly the same picture, if there are any
    prepared.json       format and version, source, options, classes, counts, notes, fingerprint
    contact_sheet.png   some samples of each class, to look at
"""

from __future__ import annotations

import csv
import os
import re
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from emonas.datasets.clips.sample import Sample
from emonas.datasets.protocols.near_copies import NearCopy
from emonas.datasets.store.fingerprint import csv_text, fingerprint_of, pixels_digest, read_table
from emonas.errors import UserError
from emonas.records import SET_NAME, Count, Format, read_record, shorten

FACTS, TABLE, NEAR_COPIES = "prepared.json", "samples.csv", "near_copies.csv"
NEAR_COPY_COLUMNS = ("row", "other_row", "likeness", "clip", "other_clip")
COLUMNS = ("dataset", "subject", "clip", "label", "part", "group", "onset", "apex", "offset", "action_units")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What prepared.json says of a prepared data set, without what its other files say.

    ``counts``: samples of each class; ``dropped``: reasons and how many samples each has cost; ``pixels``: the SHA-256
    of all pictures, missing in older files; ``fingerprint``: of pictures and samples.csv.
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
    pixels: str = ""
    fingerprint: str


def _check_facts(facts: Facts) -> None:
    if not isinstance(facts.options.get("representation"), str):
        raise ValueError('"options" names no representation')
    if not re.fullmatch(SET_NAME, facts.name):
        raise ValueError(f'"name" is no name of a data set: {shorten(facts.name)}')
    if len(set(facts.classes)) != len(facts.classes):
        raise ValueError('"classes" names a class twice')


_AGAIN = "run emonas-data prepare --overwrite"
FORMAT = Format(
    Facts,
    "emonas-prepared",
    foreign="not a prepared data set of emonas",
    other_version=_AGAIN,
    repair=_AGAIN,
    paths=frozenset({"source", "options"}),
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
    """A prepared data set, as it lies on disk. ``dropped``: reasons and how many samples each has cost.

    ``near_copies``: pairs of positions in ``samples``; none for a set that was prepared before they were looked for.
    """

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
    near_copies: tuple[NearCopy, ...] = ()

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


def check_content(prepared: Prepared) -> None:
    """Refuse pictures and people that are not those that were prepared, by the fingerprint of all of them.

    Reads every pixel: about a second for each GB. Raises UserError.
    """
    table = csv_text(*read_table(prepared.folder / TABLE))
    if fingerprint_of(pixels_digest(prepared.images), table) != prepared.fingerprint:
        raise UserError(
            f"{prepared.folder}: damaged: its pictures or samples are not those that were prepared; {_AGAIN}"
        )


def _opened(folder: Path, facts: Facts) -> Prepared:
    columns, rows = read_table(folder / TABLE)
    prepared = Prepared(
        folder=folder,
        name=facts.name,
        dataset=facts.dataset,
        classes=facts.classes,
        protocol=facts.protocol,
        options=facts.options,
        fingerprint=facts.fingerprint,
        notes=facts.notes,
        samples=_make_samples(folder, rows, facts.classes),
        dropped=facts.dropped,
        near_copies=_read_near_copies(folder, len(rows)),
    )
    _check_images(prepared)
    if facts.samples not in (0, len(prepared.samples)):
        raise ValueError(f"samples.csv has {len(prepared.samples)} samples, where {FACTS} counts {facts.samples}")
    if facts.pixels and fingerprint_of(facts.pixels, csv_text(columns, rows)) != facts.fingerprint:
        raise ValueError("samples.csv is not the table that was prepared")
    return prepared


def _check_images(prepared: Prepared) -> None:
    """Square pictures of the size that was prepared, one for each sample, and nothing else in the file."""
    images, size = prepared.images, prepared.options.get("size")
    if images.dtype != np.uint8 or images.ndim != 4 or not 0 < len(images) == len(prepared.samples):
        raise ValueError("images.npy does not match samples.csv")
    channels, height, width = images.shape[1:]
    if not channels or height != width or size not in (None, height) or not height:
        raise ValueError(f"images.npy has pictures of {channels} x {height} x {width}, not of size {size}")
    file = prepared.folder / "images.npy"
    if isinstance(images, np.memmap) and file.stat().st_size != images.offset + images.nbytes:
        raise ValueError("images.npy has something behind its pictures")


def _make_samples(folder: Path, rows: Sequence[dict[str, str]], classes: tuple[str, ...]) -> tuple[Sample, ...]:
    samples = tuple(_sample(row, StoredImage(folder / "images.npy", i)) for i, row in enumerate(rows))
    strange = {sample.label for sample in samples} - set(classes)
    if strange:
        raise ValueError(f"samples.csv has the label {min(strange)!r}, which is not among the classes")
    return samples


def _read_near_copies(folder: Path, samples: int) -> tuple[NearCopy, ...]:
    if not (folder / NEAR_COPIES).exists():
        return ()
    _, rows = read_table(folder / NEAR_COPIES)
    # Rows are counted from 1, as a person counts them below the header.
    pairs = tuple(NearCopy(int(row["row"]) - 1, int(row["other_row"]) - 1, float(row["likeness"])) for row in rows)
    if not all(0 <= pair.first < pair.second < samples and 0 <= pair.likeness <= 1 for pair in pairs):
        raise ValueError(f"{NEAR_COPIES} names rows that samples.csv does not have")
    return pairs


def near_copy_row(pair: NearCopy, samples: Sequence[Sample]) -> dict[str, str]:
    """A pair as a row of near_copies.csv; the other direction of reading."""
    clips = (samples[pair.first].clip, samples[pair.second].clip)
    values = (str(pair.first + 1), str(pair.second + 1), f"{pair.likeness:.3f}", *clips)
    return dict(zip(NEAR_COPY_COLUMNS, values, strict=True))


def _sample(row: dict[str, str], image: StoredImage) -> Sample:
    def number(text: str) -> int | None:
        if text and int(text) < 0:
            raise ValueError(f"samples.csv: no frame has the number {text}")
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
