"""A human face drawn from who it is and what its muscles do, without any photograph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from emonas.datasets.synthetic.identity import Identity, random_identity
from emonas.datasets.synthetic.parts import Units, face_parts
from emonas.datasets.synthetic.relief import bumps, light_and_gloss

__all__ = ["ACTION_UNITS", "Identity", "draw_face", "random_identity"]

#: The FACS action units that a drawn face can show; 43 is the closed eye of a blink.
ACTION_UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 15, 17, 20, 23, 25, 26, 43)

_REACH = 1.15  # face units from the middle of the picture to its edge
_SHIFT = 6  # binary places after the point in OpenCV's coordinates
_GLOSS = 34.0  # grey levels of the strongest reflection on skin
# Shadows on skin keep more red than blue, since light travels some way under the skin.
_WARMTH = np.array([0.16, 0.0, -0.06], dtype=np.float32)


@dataclass(frozen=True)
class _View:
    """From face units to the pixels of a picture: first the turned head, then an affine map."""

    size: int
    matrix: np.ndarray
    offset: np.ndarray
    turn: tuple[float, float]

    def turned(self, points: np.ndarray) -> np.ndarray:
        """Points (N, 2) of the turned head, in face units: what stands nearer to the viewer moves farther."""
        depth = np.sqrt(np.maximum(1 - (points[:, 0] / 0.8) ** 2 - (points[:, 1] / 1.15) ** 2, 0))
        return points + depth[:, None] * 0.6 * np.sin(np.deg2rad(self.turn))

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """Pixel coordinates (N, 2); the centre of the first pixel is (0, 0)."""
        return points @ self.matrix.T + self.offset


def draw_face(
    identity: Identity,
    action_units: Mapping[int, float],
    size: int,
    *,
    drift: tuple[float, float] = (0.0, 0.0),
    roll: float = 0.0,
    scale: float = 1.0,
    turn: tuple[float, float] = (0.0, 0.0),
) -> np.ndarray:
    """The picture, uint8 of shape (size, size, 3), RGB, without camera noise.

    ``action_units`` maps FACS numbers to intensities 0..1. ``drift`` moves the face right and down by fractions of
    its height, ``roll`` tilts it clockwise and ``turn`` turns it right and down, both in degrees.
    """
    units = {unit: min(max(float(action_units.get(unit, 0.0)), 0.0), 1.0) for unit in ACTION_UNITS}
    view = _view(size, drift, roll, scale, turn)
    painted = _paint(identity, units, view)
    bright, gloss = _lit(identity, units, view)
    share = painted[..., 3:] * np.float32(1 / 255)
    shadow = share * (1 - bright)
    picture = painted[..., :3] * (1 - shadow + shadow * _WARMTH) + share * gloss * _GLOSS
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8)


def _view(size: int, drift: tuple[float, float], roll: float, scale: float, turn: tuple[float, float]) -> _View:
    angle, zoom = np.deg2rad(roll), scale * size / (2 * _REACH)
    cosine, sine = zoom * np.cos(angle), zoom * np.sin(angle)
    # the head is two face units high
    offset = size / 2 - 0.5 + 2 * zoom * np.array(drift)
    return _View(size, np.array([[cosine, -sine], [sine, cosine]]), offset, turn)


def _paint(identity: Identity, units: Units, view: _View) -> np.ndarray:
    """Colours and the share of light and shadow that falls on them, float32 (size, size, 4)."""
    fine = max(2, -(-192 // view.size))  # painted larger and averaged, so that outlines move by parts of a pixel
    patches = list(face_parts(identity, units))
    points = view.pixels(view.turned(np.concatenate([outline for outline, _ in patches])))
    fixed = np.rint(((points + 0.5) * fine - 0.5) * 2**_SHIFT).astype(np.int32)
    canvas = np.empty((view.size * fine, view.size * fine, 4), dtype=np.uint8)
    cv2.rectangle(canvas, (0, 0), canvas.shape[1::-1], (*identity.backdrop, 0), cv2.FILLED)
    start = 0
    for outline, paint in patches:
        cv2.fillPoly(canvas, [fixed[start : start + len(outline)]], paint, cv2.LINE_AA, _SHIFT)
        start += len(outline)
    return cv2.resize(canvas, (view.size, view.size), interpolation=cv2.INTER_AREA).astype(np.float32)


def _lit(identity: Identity, units: Units, view: _View) -> tuple[np.ndarray, np.ndarray]:
    """Light and gloss on every pixel, both float32 (size, size, 1)."""
    landscape = bumps(identity, units)
    landscape[:, 1:3] = view.turned(landscape[:, 1:3])
    # finer than the bumps, and small enough for products that numpy does not spread over threads
    cells = min(max(72, view.size), 112)
    cell = 2 * _REACH / cells
    first_cell = np.full((1, 2), cell / 2 - _REACH)
    to_pixels = np.concatenate([view.matrix * cell, view.pixels(first_cell).T], axis=1)
    fields = np.stack(light_and_gloss(landscape, identity.light, cells, _REACH), axis=-1)
    warped = cv2.warpAffine(fields, to_pixels, (view.size, view.size), borderMode=cv2.BORDER_REPLICATE)
    return warped[..., :1], warped[..., 1:]
