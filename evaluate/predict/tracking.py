"""Who is where: the faces of a frame, looked for now and then, each with a number that it keeps while it stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from emonas.datasets.faces.crop import crop_face, make_finder
from emonas.datasets.faces.face import MARGIN, Face, FaceFinder
from emonas.datasets.faces.options import FaceOptions, Faces
from emonas.evaluate.model.inputs import face_finder

#: A picture no larger than this, or of which a face's cut takes this share of the longer side, is a face already ...
_SMALL, _FILLED = 128, 0.8
#: ... if it is about square.
_SQUARE = 1.25
#: Squares that share this much of what they cover together are of one person.
_SAME = 0.3
#: So many looks without a face, and whoever comes there is somebody else.
_LOST = 3


@dataclass(frozen=True)
class Track:
    """A face of a frame: its number and its square; ``face`` None takes the picture whole."""

    number: int
    face: Face | None

    def cut(self, image: np.ndarray) -> np.ndarray:
        """The face of a frame (H, W, 3) as preparing would cut it out."""
        return image if self.face is None else crop_face(image[None], self.face)[0]

    def box(self) -> tuple[int, int, int] | None:
        """Left, top and side in pixels of what is cut out; None for the whole picture."""
        if self.face is None:
            return None
        side = max(1, round(MARGIN * self.face.side))
        return round(self.face.x - side / 2), round(self.face.y - side / 2), side


@dataclass(frozen=True)
class FaceLocator:
    """How faces are looked for: by ``finder`` or not at all; ``filled`` asks whether the picture is one already."""

    finder: FaceFinder | None
    filled: bool = False

    def locate(self, image: np.ndarray) -> list[Face | None]:
        """The faces of a picture (H, W, 3), the largest first; None stands for the whole picture."""
        if self.finder is None:
            return [None]
        height, width = image.shape[:2]
        square = max(height, width) <= _SQUARE * min(height, width)
        if self.filled and square and max(height, width) <= _SMALL:
            return [None]
        found = sorted(self.finder.find(image), key=lambda face: -face.side)
        if self.filled and square and found and MARGIN * found[0].side >= _FILLED * max(height, width):
            return [None]
        return list(found)


def make_locator(picture: dict[str, Any], faces: Faces, model: Path | None) -> FaceLocator:
    """How faces are looked for, for a model's pictures and by a user's choice; see PredictConfig.faces."""
    trained_whole = picture.get("faces") != "detect"
    if faces == "auto" and trained_whole:
        return FaceLocator(make_finder(FaceOptions(faces="detect", face_model=model)), filled=True)
    return FaceLocator(face_finder(picture, faces, model))


@dataclass
class Tracker:
    """The people of a video: looked for in every ``every``-th frame, held in between.

    Who is lost keeps the number for some more looks, since a detector blinks.
    """

    looker: FaceLocator
    every: int
    people: list[Track] = field(default_factory=list)
    _known: dict[int, tuple[Face | None, int]] = field(default_factory=dict)
    _met: int = 0
    _next: int = 0

    def __post_init__(self) -> None:
        self._settled = self.looker

    def see(self, number: int, image: np.ndarray) -> list[Track]:
        """The people in a frame; frames come in order."""
        if number >= self._next:
            self.people = self._named(self._look(image), number)
            self._next = number + self.every
        return self.people

    def forget(self) -> None:
        """Look anew in the next frame, and count from one again: it has nothing to do with the last."""
        self.people, self._known, self._met, self._next, self._settled = [], {}, 0, 0, self.looker

    def _look(self, image: np.ndarray) -> list[Face | None]:
        found = self._settled.locate(image)
        if self._settled.filled and found:
            # Once for all frames that belong together: a face that comes nearer must not change how it is cut out.
            self._settled = FaceLocator(None) if found == [None] else FaceLocator(self.looker.finder)
        return found

    def _named(self, found: Sequence[Face | None], now: int) -> list[Track]:
        """Each face with the number of the one whose place it shares most, or a new one."""
        pairs = [(overlap(old, face), number, at) for number, (old, _) in self._known.items()
                 for at, face in enumerate(found)]  # fmt: skip
        numbers: dict[int, int] = {}
        for share, number, at in sorted(pairs, key=lambda pair: -pair[0]):
            if share >= _SAME and at not in numbers and number not in numbers.values():
                numbers[at] = number
        for at in range(len(found)):
            if at not in numbers:
                self._met += 1
                numbers[at] = self._met
        recent = {number: old for number, old in self._known.items() if now - old[1] <= _LOST * self.every}
        self._known = recent | {numbers[at]: (face, now) for at, face in enumerate(found)}
        return sorted((Track(numbers[at], face) for at, face in enumerate(found)), key=lambda person: person.number)


def overlap(one: Face | None, other: Face | None) -> float:
    """What two squares share, as a share of what they cover together; two whole pictures share all."""
    if one is None or other is None:
        return float(one is other)
    shared = 1.0
    for a, b in ((one.x, other.x), (one.y, other.y)):
        shared *= max(0.0, min(a + one.side / 2, b + other.side / 2) - max(a - one.side / 2, b - other.side / 2))
    return shared / (one.side**2 + other.side**2 - shared)
