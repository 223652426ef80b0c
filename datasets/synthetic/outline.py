"""Outlines and paints, the strokes that all parts of a drawn face are made of."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from emonas.datasets.synthetic.identity import Colour

Point = tuple[float, float]
#: Red, green, blue, and how much of the relief's light and shadow falls on it, all 0..255.
Paint = tuple[float, float, float, float]
#: An outline (N, 2) in face units and the paint that fills it.
Patch = tuple[np.ndarray, Paint]

_ROUND = np.linspace(0, 2 * np.pi, 20)
#: A circle of radius 1.
CIRCLE = np.stack([np.cos(_ROUND), np.sin(_ROUND)], axis=1)

_STEPS = 6  # points to a piece of a curve


@lru_cache(maxsize=32)
def _weights(controls: int, closed: bool) -> np.ndarray:
    """What each control point gives to each point of a Catmull-Rom curve, (points, controls)."""
    pieces = controls if closed else controls - 1
    share = np.arange(_STEPS) / _STEPS
    powers = np.stack([share**3, share**2, share, np.ones(_STEPS)], axis=1)
    blend = powers @ (0.5 * np.array([[-1, 3, -3, 1], [2, -5, 4, -1], [-1, 0, 1, 0], [0, 2, 0, 0]]))
    weights = np.zeros((pieces * _STEPS + (not closed), controls))
    for piece in range(pieces):
        rows = slice(piece * _STEPS, (piece + 1) * _STEPS)
        for tap in range(4):
            index = piece + tap - 1
            index = index % controls if closed else min(max(index, 0), controls - 1)
            weights[rows, index] += blend[:, tap]
    if not closed:
        weights[-1, -1] = 1.0
    return weights


def curve(points: Sequence[Point] | np.ndarray, closed: bool = False) -> np.ndarray:
    """A smooth curve (N, 2) through the given points."""
    return _weights(len(points), closed) @ np.asarray(points)


def strip(x: np.ndarray, top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """The outline (2N, 2) between two edges (N,) over a common ``x`` (N,)."""
    outline = np.empty((2 * len(x), 2))
    outline[: len(x), 0], outline[len(x) :, 0] = x, x[::-1]
    outline[: len(x), 1], outline[len(x) :, 1] = top, bottom[::-1]
    return outline


def mirror(half: Sequence[Point]) -> list[Point]:
    """A closed outline from its right half, which starts and ends on the midline."""
    return [*half, *((-x, y) for x, y in half[-2:0:-1])]


def flesh(skin: Colour, shade: float = 1.0, red: float = 0.0) -> Paint:
    """The skin's colour times ``shade`` and some grey levels redder, fully lit."""
    r, g, b = skin
    return r * shade + red, g * shade, b * shade, 255.0
