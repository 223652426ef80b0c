"""Light and shadow on a drawn face: a landscape of smooth bumps, lit from one side.

The head is a paraboloid; nose, cheeks, lips, chin, sockets, folds and wrinkles are bumps and dents on it, each an
axis-parallel Gaussian. Slopes of such a sum are two small matrix products, which makes a frame cheap.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from emonas.datasets.synthetic.identity import Identity, Light
from emonas.datasets.synthetic.parts import EYE_LINE, Units, brow_line, jaw_drop, lips, side_gain

# Places along the nasolabial fold, so close that its dents merge into a line.
_FOLD = tuple(place / 8 for place in range(9))

#: Height, x, y, width and height (standard deviations) of a bump, in face units.
Bump = tuple[float, float, float, float, float]


def bumps(identity: Identity, units: Units) -> np.ndarray:
    """All bumps (N, 5) of a face."""
    moving = [*_brow_bumps(identity, units), *_mouth_bumps(identity, units)]
    for side in (-1, 1):
        moving.extend(_cheek_bumps(identity, units, side))
        moving.extend(_fold_bumps(identity, units, side))
    moving.extend(_wrinkles(units))
    moving.extend(_nose_bumps(identity, units))
    return np.array(moving)


def _nose_bumps(identity: Identity, units: Units) -> Iterator[Bump]:
    nose = identity.nose
    tip = nose.length - 0.03 * units[9]
    yield 0.085 * nose.bridge, 0.0, EYE_LINE + 0.02, 0.058, 0.13
    yield 0.075 * nose.bridge, 0.0, tip - 0.14, 0.065, 0.12
    yield 0.12 * nose.tip, 0.0, tip, 0.08, 0.065
    for side in (-1, 1):
        yield 0.05, side * nose.width * 0.72, tip + 0.02 - 0.02 * units[9], 0.042, 0.045
        yield -0.05, side * identity.eyes.distance, EYE_LINE - 0.01, 0.15, 0.075
        yield -0.035, side * 0.12, EYE_LINE - 0.04, 0.06, 0.08
        yield -0.03, side * 0.66, -0.3, 0.1, 0.16
    yield -0.014, 0.0, identity.mouth.height - 0.11, 0.025, 0.04


def _brow_bumps(identity: Identity, units: Units) -> Iterator[Bump]:
    for side in (-1, 1):
        line = brow_line(identity, units, side)
        for x, y in line[1:6:2]:
            yield 0.022, x, y + 0.015, 0.11, 0.06


def _cheek_bumps(identity: Identity, units: Units, side: int) -> Iterator[Bump]:
    gain = side_gain(identity, side)
    lift = gain * (0.8 * units[6] + 0.7 * units[12])
    yield 0.035 * identity.head.cheeks, side * 0.42, 0.14, 0.16, 0.13
    yield 0.035 * lift, side * 0.37, 0.2 - 0.05 * lift, 0.13, 0.09
    yield -0.012 * units[6] * gain, side * identity.eyes.distance, EYE_LINE + 0.13, 0.12, 0.02
    yield -0.012, side * (identity.eyes.distance - 0.03), EYE_LINE + 0.13, 0.11, 0.03


def _fold_bumps(identity: Identity, units: Units, side: int) -> Iterator[Bump]:
    """The nasolabial fold from the wing of the nose past the mouth corner, and crow's feet beside the eye."""
    gain = side_gain(identity, side)
    pulled = gain * (0.75 * units[12] + 0.3 * units[6])
    raised = gain * (0.8 * units[10] + 0.7 * units[9])
    reach = 0.18 + 0.13 * units[12] + 0.05 * units[20] + 0.02 * units[10]
    for share in _FOLD:
        x = identity.nose.width * 1.1 + reach * share**0.75
        y = identity.nose.length + 0.01 + 0.27 * share - 0.03 * (pulled + raised)
        depth = 0.003 + 0.012 * pulled + 0.014 * raised * (1.1 - share)
        yield -depth, side * x, y, 0.03, 0.034
    crow = identity.eyes.distance + identity.eyes.width + 0.05
    for step in (-1, 0, 1):
        yield -0.006 * gain * units[6], side * crow, EYE_LINE + 0.005 + 0.04 * step, 0.035, 0.011


def _mouth_bumps(identity: Identity, units: Units) -> Iterator[Bump]:
    edges = lips(identity, units)
    drop = jaw_drop(units)
    middle = len(edges.x) // 2
    upper = float(edges.top[middle] + edges.upper[middle]) / 2
    lower = float(edges.lower[middle] + edges.bottom[middle]) / 2
    yield 0.03, 0.0, identity.mouth.height, 0.26, 0.17
    yield 0.016, 0.0, upper, 0.12, 0.03
    yield 0.03, 0.0, lower, 0.11, 0.036
    yield -0.032 - 0.014 * units[17], 0.0, float(edges.bottom[middle]) + 0.03, 0.13, 0.035
    yield 0.055 + 0.03 * units[17], 0.0, 0.84 + drop - 0.02 * units[17], 0.15, 0.08
    for side, corner in ((-1, 0), (1, -1)):
        gain = side_gain(identity, side)
        pressed = gain * (units[12] + units[20] + units[15])
        x, y = float(edges.x[corner]), float(edges.upper[corner])
        yield -0.008 - 0.014 * pressed, x * 1.1, y, 0.035, 0.035
        yield -0.01 * gain * units[15], x * 1.08, y + 0.07, 0.03, 0.05
        yield -0.012 * units[17], side * 0.1, 0.8 - 0.02 * units[17], 0.03, 0.03


def _wrinkles(units: Units) -> Iterator[Bump]:
    """Rows across the forehead (1, 2), furrows between the brows (4) and across the bridge of the nose (9)."""
    for row, share in enumerate((1.0, 0.9, 0.6)):
        y = -0.47 - 0.075 * row - 0.02 * (units[1] + units[2])
        yield -0.009 * share * units[1], 0.0, y, 0.17, 0.016
        for side in (-1, 1):
            yield -0.009 * share * units[2], side * 0.33, y + 0.015, 0.13, 0.016
    for side in (-1, 1):
        yield -0.016 * units[4], side * 0.05, EYE_LINE - 0.19, 0.016, 0.07
        yield -0.012 * units[9], side * 0.07, EYE_LINE + 0.06, 0.03, 0.015
    yield 0.018 * units[4], 0.0, EYE_LINE - 0.17, 0.03, 0.06
    for row in range(3):
        yield -0.012 * units[9], 0.0, EYE_LINE - 0.05 + 0.055 * row, 0.07, 0.014


@lru_cache(maxsize=8)
def _axis(cells: int, reach: float) -> np.ndarray:
    return np.linspace(-reach, reach, 2 * cells + 1, dtype=np.float32)[1::2]


def light_and_gloss(landscape: np.ndarray, light: Light, cells: int, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """How much light falls on every cell (1: on a flat face) and how much is reflected, both (cells, cells) float32.

    The grid spans -reach..reach face units both ways. Lambert's cosine law and ambient light, with dents darker as
    they see less of the room; the reflection is Blinn and Phong's.
    """
    axis = _axis(cells, reach)
    height, x, y, wide, high = landscape.astype(np.float32).T[..., None]
    off_x, off_y = (axis - x) / wide, (axis - y) / high
    # cut off far from a bump: subnormal numbers would slow the products down many times over
    across = np.exp(np.maximum(-0.5 * off_x**2, -30))
    down = height * np.exp(np.maximum(-0.5 * off_y**2, -30))
    slope_x = down.T @ (across * off_x / wide) + 0.35 * axis + 1.1 * axis**3
    slope_y = (down * off_y / high).T @ across + (0.22 * axis + 0.25 * axis**3)[:, None]
    length = np.sqrt(1 + slope_x**2 + slope_y**2)
    facing = np.maximum((slope_x * light.x + slope_y * light.y + 1) / length, 0)
    depth = np.clip(down.T @ across, -0.12, 0.1)
    bright = light.exposure * (1 - light.strength + light.strength * facing) * (1 + 2.2 * depth)
    # halfway between the light and the viewer, who is straight ahead
    distance = (light.x**2 + light.y**2 + 1) ** 0.5
    half = (light.x**2 + light.y**2 + (1 + distance) ** 2) ** 0.5
    mirror = np.maximum((slope_x * light.x + slope_y * light.y + 1 + distance) / (length * half), 0)
    for _ in range(4):  # to the power of 16, for which numpy would take logarithms
        mirror = mirror * mirror
    return bright, mirror
