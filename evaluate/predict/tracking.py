"""Who is where: the faces of a frame, looked for now and then, each with a number that it keeps while it stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from emonas.datasets.faces.face import Face
from emonas.evaluate.model.faces import FaceLocator, face_box

#: Squares that share this much of what they cover together are of one person.
_SAME = 0.3
#: So many looks without a face, and whoever comes there is somebody else.
_LOST = 3


@dataclass(frozen=True)
class Track:
    """A face of a frame: its number and its square; ``face`` None takes the picture whole."""

    number: int
    face: Face | None

    def box(self) -> tuple[int, int, int] | None:
        """Left, top and side in pixels of the face; None for the whole picture."""
        return face_box(self.face)


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

    def cut(self, person: Track, image: np.ndarray) -> np.ndarray:
        """What the network is shown of a person in a frame (H, W, 3), as preparing would cut it out."""
        return self.looker.cut(image[None], person.face)[0]

    def forget(self) -> None:
        """Look anew in the next frame, and count from one again: it has nothing to do with the last."""
        self.people, self._known, self._met, self._next, self._settled = [], {}, 0, 0, self.looker

    def _look(self, image: np.ndarray) -> list[Face | None]:
        found = self._settled.locate(image)
        # Once for all frames that belong together: a face that comes nearer must not change how it is cut out.
        self._settled = self._settled.settle(found)
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
