"""What emonas knows of each data set before it has seen a file: who owns it, how to get it, how it is judged."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from emonas.datasets.clips.apex import without_apex_dropped
from emonas.datasets.clips.sample import ReadResult
from emonas.datasets.reading.choices import NO_CHOICES, Choices
from emonas.datasets.reading.choices import complete_choices as choices_settled
from emonas.datasets.reading.database import APEX_POLICIES, Database
from emonas.errors import UserError, make_legible

#: The modules of the owners' databases, each with its DATABASE; they are imported when they are asked for.
OWNERS = (
    *("ckplus", "mug", "ised", "disfa", "oulu", "fer2013", "rafdb"),
    *("casme", "casme2", "casme_squared", "samm", "smic", "megc2019"),
)

_DRAWN = ("it shows that everything works; results on it say nothing about people",)
_SYNTHETIC = (
    Database(
        name="synthetic-micro",
        title="drawn clips, 3 expressions",
        full_name="Drawn clips of micro-expressions with a known truth",
        kind="micro",
        owner="emonas",
        request="nothing to ask for: it is drawn on your machine",
        protocol="fixed",
        size=64,
        reader=".synthetic.sets:read_micro",
        embedded=True,
        pitfalls=_DRAWN,
    ),
    Database(
        name="synthetic-macro",
        title="drawn faces, 7 expressions",
        full_name="Drawn faces with seven expressions",
        kind="macro",
        owner="emonas",
        request="nothing to ask for: it is drawn on your machine",
        protocol="fixed",
        size=48,
        reader=".synthetic.sets:read_macro",
        embedded=True,
        pitfalls=_DRAWN,
    ),
)
_FOLDER = Database(
    name="folder",
    title="your own pictures or clips",
    full_name="Your own pictures or clips",
    kind="own",
    owner="you",
    request="a CSV with path, subject and label, and the consent of the people in it",
    protocol="auto",
    size=112,
    reader="folder:read",
    source="a CSV file, or a folder with train/CLASS and test/CLASS",
    layout=(
        "faces.csv: the columns path, subject and label; for clips onset, apex and offset; part for a fixed split",
        "train/CLASS/..., test/CLASS/...: pictures, videos or folders of frames; validation/CLASS if you like; or all "
        "of it one or two levels down",
    ),
    options={"apex_policy": APEX_POLICIES},
    pitfalls=(
        "a path leads from the CSV file's folder to a picture, a folder of frames or a video",
        "frames are numbered as in their file names, those of a video from 0; an apex that is empty, / or 0 is unknown",
        "spellings of one name (001, 1, 1.0; sub04, Sub 4) are one person or class, which a note says",
        "rows with the same path and other phases are expressions of one recording, named path#onset-offset",
        "class folders name nobody: you vouch that no person stands in train and test",
        "pictures and clips are not mixed in one set",
    ),
)


class _Catalogue(Mapping[str, Database]):
    """All databases by name, in the order of the list."""

    _here: Final = {one.name: one for one in (*_SYNTHETIC, _FOLDER)}
    _names: Final = (*(one.name for one in _SYNTHETIC), *OWNERS, _FOLDER.name)

    def __getitem__(self, name: str) -> Database:
        if name in OWNERS:
            return importlib.import_module(f".{name}", __package__).DATABASE
        return self._here[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


DATASETS: Final[Mapping[str, Database]] = _Catalogue()


def entry(name: str) -> Database:
    """The description of a database by its name or an alias, in any case. Raises UserError for an unknown name."""
    wanted = name.casefold()
    if wanted in DATASETS:
        return DATASETS[wanted]
    for known in DATASETS.values():
        if wanted in known.aliases:
            return known
    raise UserError(f"unknown data set {name!r}; known: {', '.join(DATASETS)}")


def resolve_choices(name: str, choices: Choices) -> Choices:
    """The choices with the database's defaults. Raises UserError for those that it does not have."""
    known = entry(name)
    return choices_settled(known.name, known.accepted, choices)


def check_source(name: str, source: Path | None) -> None:
    """Refuse a source that is missing, or one too many, before anything is read. Raises UserError."""
    known = entry(name)
    if known.embedded and source is not None:
        raise UserError(f"{name} is drawn by emonas and takes no source")
    if not known.embedded and source is None:
        raise UserError(f"{name} needs its source: {known.source}")
    if source is not None and not os.path.exists(source):  # noqa: PTH110 (Path.exists raises for a name too long)
        raise UserError(f"{source}: no such file or folder")


def read(name: str, source: Path | None, choices: Choices = NO_CHOICES) -> ReadResult:
    """Read a database from its owner's files, or draw an embedded one.

    ``choices`` reach the reader with the database's defaults filled in. Raises UserError for a wrong source and for
    options that the database does not have.
    """
    check_source(name, source)
    known, choices = entry(name), resolve_choices(name, choices)
    module, function = known.reader.split(":")
    reader = getattr(importlib.import_module(f".{module}", __package__), function)
    found: ReadResult = reader() if known.embedded else reader(source, choices)
    samples = without_apex_dropped(found.samples) if choices.apex_policy == "drop" else found.samples
    return _legible(replace(found, samples=samples, choices={**choices.given(), **found.choices}))


def _legible(found: ReadResult) -> ReadResult:
    samples = [
        replace(
            sample,
            clip=make_legible(sample.clip),
            label=make_legible(sample.label),
            subject=None if sample.subject is None else make_legible(sample.subject),
            dropped=make_legible(sample.dropped),
        )
        for sample in found.samples
    ]
    classes, notes = tuple(map(make_legible, found.classes)), tuple(map(make_legible, found.notes))
    return replace(found, samples=tuple(samples), classes=classes, notes=notes)
