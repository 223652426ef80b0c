"""Samples made by hand, and a data set that consists of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emonas.datasets.clips.sample import ReadResult, Sample
from emonas.datasets.databases import registry
from emonas.datasets.reading.choices import NO_CHOICES, Choices
from emonas.datasets.store.config import PrepareConfig
from emonas.datasets.store.prepare import prepare
from emonas.datasets.store.prepared import Prepared
from emonas.errors import UserError
from emonas.options.types import Representation


@dataclass(frozen=True)
class Greys:
    """Even frames, one for each grey value; ``broken`` is what reading them says instead."""

    values: tuple[int, ...]
    height: int = 6
    width: int = 5
    broken: str = ""

    def __len__(self) -> int:
        return len(self.values)

    def read(self) -> np.ndarray:
        if self.broken:
            raise UserError(self.broken)
        values = np.array(self.values, np.uint8).reshape(-1, 1, 1, 1)
        return np.broadcast_to(values, (len(self), self.height, self.width, 3)).copy()

    def flaw(self) -> str:
        return ""


def still(grey: int, subject: str | None = "s1", label: str = "happy", **more: Any) -> Sample:
    """A still in one grey value, which its clip is named after."""
    return Sample("made", subject, f"clip{grey}", label, more.pop("frames", Greys((grey,))), **more)


def broken(sample: Sample, why: str = "/photos/1.png: cut off") -> Sample:
    """The same sample with frames that cannot be read."""
    return replace(sample, frames=replace(sample.frames, broken=why))


#: Four people, each with two of three classes.
STILLS = tuple(still(10 * i, f"s{i // 2}", ("angry", "happy", "sad")[i % 3], part="test" if i > 5 else "train")
               for i in range(8))  # fmt: skip


@dataclass
class Source:
    """What registry.read returns in a test, and how often it was asked."""

    samples: tuple[Sample, ...]
    notes: tuple[str, ...] = ()
    read: int = field(default=0, init=False)

    def __call__(self, name: str, source: Path | None, choices: Choices = NO_CHOICES) -> ReadResult:
        self.read += 1
        return ReadResult(self.samples, tuple(sorted({sample.label for sample in self.samples})), self.notes)


def serve(monkeypatch: pytest.MonkeyPatch, samples: Iterable[Sample] = STILLS) -> Source:
    """Let every data set consist of these samples."""
    source = Source(tuple(samples))
    monkeypatch.setattr(registry, "read", source)
    return source


def prepared_from(
    samples: Iterable[Sample] = STILLS, size: int = 8, representation: Representation = "auto", **more: Any
) -> Prepared:
    """A prepared data set called synthetic-macro that was made of these samples."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        serve(monkeypatch, samples)
        config = PrepareConfig(size=size, representation=representation, **{"jobs": 1, **more})
        return prepare("synthetic-macro", None, config, quiet=True)


def files_below(folder: Path) -> list[str]:
    """All files and folders below a folder, as text."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
