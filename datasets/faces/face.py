"""A face in a frame, and what finds one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from emonas.errors import UserError

#: Side of what is cut out, in sides of the face's square: brows rise, and jaws drop, beyond it.
MARGIN = 1.2


@dataclass(frozen=True)
class Face:
    """A square from the forehead to the chin: its middle and its side in pixels.

    ``tilt`` is the angle of the line through the eyes in degrees, clockwise; 0 where the finder sees no eyes.
    """

    x: float
    y: float
    side: float
    tilt: float = 0.0


@dataclass(frozen=True)
class View:
    """What is cut out around a face, in sides of its square."""

    width: float
    height: float


#: The face alone.
CLOSE = View(MARGIN, MARGIN)


class FaceFinder(Protocol):
    """Finds the faces of a picture. Small and frozen: it travels to worker processes and loads what it needs there."""

    def find(self, image: np.ndarray) -> Sequence[Face]:
        """All faces of a picture (H, W, 3), uint8, RGB, in any order. Raises UserError when it cannot work."""
        ...


class NoFaceError(UserError):
    """No face was found where one has to be."""
