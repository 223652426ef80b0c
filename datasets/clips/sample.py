"""One labelled expression, as every reader returns it and every protocol sees it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

import numpy as np

from emonas.errors import UserError

#: The parts of an owner's fixed split.
PARTS = ("train", "validation", "test")


class Frames(Protocol):
    """Where the pixels of a sample come from; cheap to hold, read only when needed.

    Implementations are small frozen dataclasses, so that they travel to worker processes.
    """

    def __len__(self) -> int:
        """Number of frames; 1 for a still image."""
        ...

    def read(self) -> np.ndarray:
        """All frames in order as uint8 of shape (T, H, W, 3), RGB. Raises UserError when a frame cannot be read."""
        ...

    def flaw(self) -> str:
        """Why the frames cannot be what they should be, by a look at the files without decoding; else empty."""
        ...


@runtime_checkable
class Divisible(Protocol):
    """Frames of which some can be read without the others."""

    def part(self, first: int, last: int) -> Frames:
        """Only the frames from one position to another, both included."""
        ...


@dataclass(frozen=True)
class _Part:
    frames: Frames
    first: int
    last: int

    def __len__(self) -> int:
        return self.last + 1 - self.first

    def read(self) -> np.ndarray:
        return self.frames.read()[self.first : self.last + 1]

    def flaw(self) -> str:
        return self.frames.flaw()


def part_of(frames: Frames, first: int, last: int) -> Frames:
    """The frames from one position to another, both included; the others are not read where that can be."""
    return frames.part(first, last) if isinstance(frames, Divisible) else _Part(frames, first, last)


class UnusableError(UserError):
    """Frames that can be read, but of which no picture can be made."""


@dataclass(frozen=True)
class Sample:
    """One labelled expression: a still image, or a clip with its phases.

    ``onset``, ``apex`` and ``offset`` are zero-based positions in ``frames`` (not the owner's frame numbers).
    ``subject`` is None where the owner gives no identities; such samples carry a ``group`` instead, which names
    what must stay on one side of a split (for instance a hash of the pixels, so that copies stay together).
    ``dropped`` is the reason why a sample is left out, empty for a sample in use; ``remarks`` are what was doubtful
    about its frames, each as KIND: DETAIL.
    """

    dataset: str
    subject: str | None
    clip: str
    label: str
    frames: Frames = field(repr=False)
    onset: int | None = None
    apex: int | None = None
    offset: int | None = None
    action_units: tuple[str, ...] = ()
    part: str | None = None
    group: str = ""
    dropped: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def person(self) -> str:
        """The key that protocols group by: data set and subject, or data set and group where nobody is named."""
        return f"{self.dataset}/{self.subject if self.subject is not None else self.group or self.clip}"

    @property
    def portion(self) -> str:
        """What counts are split by: the part of the owner's split, or else the data set, one of a composite's."""
        return self.part or self.dataset

    def drop(self, reason: str) -> Sample:
        """The same sample, left out for a reason that is counted and listed."""
        return replace(self, dropped=reason)


@dataclass(frozen=True)
class ReadResult:
    """What a reader found in a source: all samples, also the dropped ones, and what a user should know.

    ``choices`` are the options by which it was read, as the reader has settled them ("auto" replaced).
    """

    samples: tuple[Sample, ...]
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()
    choices: Mapping[str, str] = field(default_factory=dict)

    @property
    def used(self) -> tuple[Sample, ...]:
        """The samples that are not dropped."""
        return tuple(sample for sample in self.samples if not sample.dropped)


def pick_evenly(samples: Sequence[Sample], most: int) -> list[Sample]:
    """At most so many of the samples, spread evenly over them; always the same ones."""
    places = np.linspace(0, len(samples) - 1, min(most, len(samples))).astype(int)
    return [samples[place] for place in places]


def with_onset_frame(sample: Sample) -> Sample:
    """The sample with the one frame in which a face is looked for, so that the others need not be read."""
    onset = sample.onset or 0
    return replace(sample, frames=part_of(sample.frames, onset, onset), onset=None)


def fingerprint(chunks: Iterable[bytes]) -> str:
    """A short text that is the same for the same bytes: the ``group`` of a sample whose subject is unknown."""
    digest = hashlib.blake2b(digest_size=8)
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def copies_note(samples: Sequence[Sample]) -> tuple[str, ...]:
    """A note on how many samples outside the test part have a copy in it; none if there are no copies."""
    tested = {sample.group for sample in samples if sample.part == "test" and sample.group}
    copies = [sample.part for sample in samples if sample.part != "test" and sample.group in tested]
    if not copies:
        return ()
    counts = ", ".join(f"{copies.count(part)} {part}" for part in ("train", "validation") if part in copies)
    return (f"exact copies of test samples: {counts}",)
