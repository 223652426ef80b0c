"""What a trained network must say of itself so that it can be used: its form, its answers, its pictures, its worth.

A model file carries this as JSON beside the weights; a folder of a training's fold gives the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from emonas.errors import UserError
from emonas.genotype import Genotype, from_json

FORMAT = "emonas-model"
VERSION = 1
#: The one scale of pixels that emonas trains with (see datasets/batches.py): levels 0 and 255 become these.
NORMALISATION = {"0": -2.0, "255": 2.0}


@dataclass(frozen=True)
class ModelInfo:
    """A trained network in words and numbers.

    ``arch`` is "genotype" or a well-known network's name. ``names`` are the answers: classes, or action units where
    ``task`` is "units". ``input``: side and channels of the pictures, and every option by which they were prepared.
    ``trained_on``: data sets with the ``people`` in them, the weights' start included. ``score``: what is honestly
    known of its worth, with the protocol ``in_words``; None where nothing was judged.
    """

    arch: str
    genotype: Genotype | None
    cells: int | None
    channels: int | None
    task: str
    names: tuple[str, ...]
    input: Mapping[str, Any]
    trained_on: tuple[Mapping[str, Any], ...]
    score: Mapping[str, Any] | None
    versions: Mapping[str, str]

    @property
    def units(self) -> bool:
        """Whether the answers are action units, of which a face shows any number."""
        return self.task == "units"

    @property
    def size(self) -> int:
        """Side of the pictures in pixels."""
        return int(self.input["size"])

    @property
    def in_channels(self) -> int:
        """Channels of the pictures."""
        return int(self.input["channels"])

    @property
    def representation(self) -> str:
        """What the pictures are: "still", or what becomes of a clip (see datasets/representation.py)."""
        return str(self.input["representation"])

    @property
    def people(self) -> frozenset[str]:
        """Everybody, as "dataset/subject", whom the weights have seen."""
        return frozenset(person for origin in self.trained_on for person in origin["people"])

    @property
    def worth(self) -> str:
        """Its score in a sentence."""
        return str(self.score["in_words"]) if self.score else "never judged on anybody"

    def as_json(self) -> dict[str, Any]:
        """The documented content of a model file's header as plain data."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "arch": self.arch,
            "genotype": self.genotype.as_json() if self.genotype else None,
            "cells": self.cells,
            "channels": self.channels,
            "task": self.task,
            "names": list(self.names),
            "input": dict(self.input),
            "normalisation": NORMALISATION,
            "trained_on": [dict(origin) for origin in self.trained_on],
            "score": dict(self.score) if self.score else None,
            "versions": dict(self.versions),
        }


def read_info(data: Any, name: str) -> ModelInfo:
    """Build a ModelInfo from parsed JSON; ``name`` is how messages call the file. Raises UserError."""
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise UserError(f"{name}: not a model of emonas; emonas-train writes them")
    if data.get("version") != VERSION:
        version = str(data.get("version"))[:20]
        raise UserError(f"{name}: a model of version {version}, this emonas reads version {VERSION}; update emonas")
    try:
        _check(data, name)
        genotype = data["genotype"]
        return ModelInfo(
            arch=data["arch"],
            genotype=None if genotype is None else from_json(genotype, name),
            cells=data["cells"],
            channels=data["channels"],
            task=data["task"],
            names=tuple(data["names"]),
            input=data["input"],
            trained_on=tuple(data["trained_on"]),
            score=data["score"],
            versions=data["versions"],
        )
    except KeyError as error:
        damaged(name, f'"{error.args[0]}" is missing')


def damaged(name: str, flaw: str) -> NoReturn:
    """Refuse a model that is not what it should be. Raises UserError."""
    raise UserError(f"{name}: damaged: {flaw}; take a whole copy or train again")


def _check(data: Mapping[str, Any], name: str) -> None:
    picture = data["input"]
    rules = {
        "arch": isinstance(data["arch"], str) and (data["arch"] == "genotype") == (data["genotype"] is not None),
        "cells": data["cells"] is None or _whole(data["cells"], 1, 200),
        "channels": data["channels"] is None or _whole(data["channels"], 1, 4096),
        "task": data["task"] in ("classes", "units"),
        "names": _texts(data["names"]) and 0 < len(data["names"]) == len(set(data["names"])),
        "input": isinstance(picture, dict) and isinstance(picture.get("representation"), str),
        "trained_on": isinstance(data["trained_on"], list) and all(_origin(one) for one in data["trained_on"]),
        "score": data["score"] is None or _score(data["score"]),
        "versions": isinstance(data["versions"], dict),
    }
    wrong = [key for key, right in rules.items() if not right]
    if wrong:
        damaged(name, f'"{wrong[0]}" is not what it should be')
    if not _whole(picture.get("size"), 1, 4096) or not _whole(picture.get("channels"), 1, 3 * 128):
        damaged(name, '"input" names no size and channels of pictures')
    if data["normalisation"] != NORMALISATION:
        raise UserError(f"{name}: its pixels have another scale than this emonas gives them; update emonas")


def _origin(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("dataset"), str) and _texts(value.get("people"))


def _score(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("in_words"), str)


def _texts(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(item, str) for item in value)


def _whole(value: Any, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high
