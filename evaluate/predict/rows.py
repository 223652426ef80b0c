"""What a prediction says: a row for each face of each frame or for each expression of a clip, and what was left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from emonas.evaluate.predict.sources import Frame
from emonas.evaluate.predict.tracking import Track

NO_FACE = "no face"
#: How many flaws are told one by one.
_MOST_FLAWS = 5


@dataclass(frozen=True)
class Answer:
    """A label ("" for none of the action units), its probability, and the probabilities of all answers."""

    label: str
    score: float
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class FaceRow:
    """A face of the frame with this zero-based number; without a face ``person`` and ``answer`` are None."""

    frame: int
    seconds: float
    file: str
    person: Track | None
    answer: Answer | None

    @property
    def note(self) -> str:
        """Why there is no answer."""
        return "" if self.answer else NO_FACE

    def as_dict(self) -> dict[str, Any]:
        """All but the probabilities, for a table; ``box`` is left, top and side in pixels, None for a whole picture."""
        return {
            "frame": self.frame,
            "seconds": round(self.seconds, 3),
            "file": self.file,
            "face": self.person.number if self.person else None,
            "box": self.person.box() if self.person else None,
            **_said(self.answer),
            "note": self.note,
        }


@dataclass(frozen=True)
class ExpressionRow:
    """An expression of a face: the zero-based numbers of its frames; ``apex`` None where the model's rule chose it.

    ``seconds`` are the times of the three. ``strength`` is how far its motion stands out, in thresholds; None where
    nothing was looked for. ``note`` says why there is no answer.
    """

    person: Track
    onset: int
    apex: int | None
    offset: int
    seconds: tuple[float, float | None, float]
    strength: float | None
    answer: Answer | None
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """All but the probabilities, for a table."""
        onset, apex, offset = self.seconds
        return {
            "face": self.person.number,
            "box": self.person.box(),
            "onset": self.onset,
            "apex": self.apex,
            "offset": self.offset,
            "onset_seconds": round(onset, 3),
            "apex_seconds": None if apex is None else round(apex, 3),
            "offset_seconds": round(offset, 3),
            **_said(self.answer),
            "strength": None if self.strength is None else round(self.strength, 2),
            "note": self.note,
        }


Row = FaceRow | ExpressionRow


@dataclass(frozen=True, eq=False)
class Chunk:
    """What is known next: rows, with the frame that they are of where it was asked for, or with a stretch of motion.

    ``curve`` (T,) is the motion of the face ``number`` from frame ``first`` on, in thresholds, at the times
    ``seconds`` (T,).
    """

    rows: tuple[Row, ...]
    frame: Frame | None = None
    number: int = 0
    first: int = 0
    curve: np.ndarray | None = None
    seconds: tuple[float, ...] = ()


@dataclass
class Progress:
    """What was seen so far: frames that were read, of them those without a face, what was skipped and why.

    ``faces``: how many people; where pictures stand ``apart``, with nothing to do with each other, each face is one.
    """

    frames: int = 0
    faceless: int = 0
    faces: int = 0
    apart: bool = False
    skipped: int = 0
    flaws: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stopped: bool = False
    endless: bool = False
    _numbers: set[int] = field(default_factory=set)

    def skip(self, frame: Frame) -> None:
        """Count a frame that cannot be read; the first ones are told by name."""
        self.skipped += 1
        if len(self.flaws) < _MOST_FLAWS:
            self.flaws.append(f"{frame.name or f'frame {frame.number}'}: {frame.flaw}")

    def see(self, numbers: Sequence[int]) -> None:
        """Count a frame with these faces."""
        self.frames += 1
        self.faceless += not numbers
        self._numbers.update(() if self.apart else numbers)
        self.faces = self.faces + len(numbers) if self.apart else len(self._numbers)


def _said(answer: Answer | None) -> dict[str, Any]:
    return {"label": answer.label if answer else None, "score": round(answer.score, 4) if answer else None}
