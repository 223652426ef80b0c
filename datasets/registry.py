"""What emonas knows of each data set before it has seen a file: who owns it, how to get it, how it is judged."""

from __future__ import annotations

import importlib
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from emonas.errors import UserError

from .sample import Found

Kind = Literal["macro", "micro", "own"]
_ILLEGIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True)
class Dataset:
    """A registry entry. ``reader`` is "module:function" inside this package; ``embedded`` sets need no files.

    ``size`` is the side of the prepared pictures in pixels. ``protocol`` is the one that the literature uses, or "auto"
    where it depends on what the user's data offers.
    """

    name: str
    title: str
    kind: Kind
    owner: str
    request: str
    protocol: Literal["fixed", "loso", "kfold", "auto"]
    size: int
    reader: str
    source: str = ""
    embedded: bool = False


DATASETS: dict[str, Dataset] = {
    entry.name: entry
    for entry in (
        Dataset(
            name="synthetic-micro",
            title="drawn clips of micro-expressions, 3 classes",
            kind="micro",
            owner="emonas",
            request="nothing to ask for: it is drawn on your machine",
            protocol="fixed",
            size=64,
            reader="synthetic:read_micro",
            embedded=True,
        ),
        Dataset(
            name="synthetic-macro",
            title="drawn faces, 7 expressions",
            kind="macro",
            owner="emonas",
            request="nothing to ask for: it is drawn on your machine",
            protocol="fixed",
            size=48,
            reader="synthetic:read_macro",
            embedded=True,
        ),
        Dataset(
            name="fer2013",
            title="faces from web searches, 7 expressions, 48x48 grey",
            kind="macro",
            owner="P.-L. Carrier and A. Courville (Goodfellow et al., ICONIP 2013)",
            request="Kaggle, competition challenges-in-representation-learning-facial-expression-recognition-challenge",
            protocol="fixed",
            size=48,
            reader="fer2013:read",
            source="fer2013.csv, icml_face_data.csv or train.csv, or a folder that holds one",
        ),
        Dataset(
            name="folder",
            title="your own pictures or clips",
            kind="own",
            owner="you",
            request="a CSV with the columns path, subject, label (onset, apex, offset, part), "
            "or train/ and test/ class folders",
            protocol="auto",
            size=112,
            reader="folder:read",
            source="a CSV file, or a folder with train/CLASS and test/CLASS",
        ),
    )
}


def entry(name: str) -> Dataset:
    """The registry entry of a data set. Raises UserError for an unknown name."""
    if name not in DATASETS:
        raise UserError(f"unknown data set {name!r}; known: {', '.join(DATASETS)}")
    return DATASETS[name]


def check_source(name: str, source: Path | None) -> None:
    """Refuse a source that is missing, or one too many, before anything is read. Raises UserError."""
    known = entry(name)
    if known.embedded and source is not None:
        raise UserError(f"{name} is drawn by emonas and takes no source")
    if not known.embedded and source is None:
        raise UserError(f"{name} needs its source: {known.source}")
    if source is not None and not os.path.exists(source):  # noqa: PTH110 (Path.exists raises for a name too long)
        raise UserError(f"{source}: no such file or folder")


def read(name: str, source: Path | None) -> Found:
    """Read a data set from its owner's files, or draw an embedded one. Raises UserError for a wrong source."""
    check_source(name, source)
    known = entry(name)
    module, function = known.reader.split(":")
    reader = getattr(importlib.import_module(f".{module}", __package__), function)
    return _legible(reader() if known.embedded else reader(source))


def legible(text: str) -> str:
    """A text that fits into one line and any file, with escapes for what does not.

    File names in another encoding than UTF-8 come as lone surrogates, which no file takes; labels may hold line breaks.
    """
    return _ILLEGIBLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _legible(found: Found) -> Found:
    samples = [
        replace(
            sample,
            clip=legible(sample.clip),
            label=legible(sample.label),
            subject=None if sample.subject is None else legible(sample.subject),
            dropped=legible(sample.dropped),
        )
        for sample in found.samples
    ]
    return Found(tuple(samples), tuple(map(legible, found.classes)), tuple(map(legible, found.notes)))
