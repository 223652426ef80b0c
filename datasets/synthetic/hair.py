"""What frames a drawn face and never moves by itself: hair, ears, neck and clothes."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from emonas.datasets.synthetic.identity import Colour, Hair, Identity, mix
from emonas.datasets.synthetic.outline import CIRCLE, Patch, Point, curve, flesh, mirror

_BLACK = (0.0, 0.0, 0.0)
_SHINE = (255.0, 232.0, 200.0)
_STRANDS = 12
_LIT = 110.0  # hair takes less of the light and shadow than skin, 255

# How far the hair stands off the head, as a share of the head.
_VOLUME = {"short": 0.04, "parted": 0.06, "fringe": 0.06, "long": 0.06, "back": 0.0, "curly": 0.12, "bare": -0.01}


@lru_cache(maxsize=128)
def behind_face(identity: Identity) -> tuple[Patch, ...]:
    """Patches behind the face: falling hair or ears, neck and clothes."""
    jaw = identity.head.jaw
    collar = [(0.0, 0.98), (0.42, 0.98), (0.8, 1.06), (1.5, 1.22), (1.6, 1.6), (0.0, 1.6)]
    neck = [(0.0, 0.5), (0.72 * jaw, 0.5), (0.76 * jaw, 1.0), (0.0, 1.16)]
    body: list[Patch] = [
        (np.array(mirror(collar)), (*identity.clothes, 90.0)),
        (np.array(mirror(neck)), flesh(identity.skin, 0.66, 4)),
    ]
    if identity.hair.style == "long":
        return _falling_hair(identity), *body
    return *body, *_ears(identity)


def _falling_hair(identity: Identity) -> Patch:
    width = identity.head.width
    sides = [(width + 0.14, -0.2), (width + 0.17, 0.6), (width + 0.06, 1.25)]
    fall = [(0.0, -1.08), (0.66, -0.86), *sides, (0.4, 1.2), (0.0, 0.4)]
    return curve(mirror(fall), closed=True), (*mix(identity.hair.colour, _BLACK, 0.3), 70.0)


def _ears(identity: Identity) -> list[Patch]:
    patches: list[Patch] = []
    for side in (-1, 1):
        outer = np.array([side * (identity.head.width + 0.005), 0.02])
        inner = np.array([side * (identity.head.width + 0.025), 0.01])
        patches.append((outer + CIRCLE * (0.085, 0.165), flesh(identity.skin, 0.86, 6)))
        patches.append((inner + CIRCLE * (0.035, 0.1), flesh(identity.skin, 0.66, 8)))
    return patches


@lru_cache(maxsize=128)
def hair_in_front(identity: Identity) -> tuple[Patch, ...]:
    """A band of hair from the hairline to the outline of the head, with strands combed along it."""
    hair = identity.hair
    outer, inner = curve(_crown(hair, identity.head.width)), curve(_hairline(hair, identity.head.width))
    if hair.style == "curly":
        curls = np.sin(np.arange(len(outer)) * 1.9)[:, None]
        outer, inner = outer * (1 + 0.025 * curls), inner + curls * (0.0, 0.02)
    band = np.concatenate([outer, inner[::-1]])
    if hair.style == "bare":
        return ((band, (*mix(hair.colour, identity.skin, 0.72), 200.0)),)
    rng = np.random.default_rng(hair.strands)
    strands = (_strand(rng, outer, inner, hair.colour) for _ in range(_STRANDS))
    return (band, (*hair.colour, _LIT)), *strands


def _crown(hair: Hair, width: float) -> list[Point]:
    """The outline of the hair from the left ear over the head to the right one."""
    half = [(width + 0.02, 0.02), (width + 0.03, -0.25), (width - 0.02, -0.62), (0.42, -0.96), (0.0, -1.04)]
    volume = _VOLUME[hair.style]
    right = [(x * (1 + volume), y * (1 + 0.6 * volume)) for x, y in half]
    if hair.style == "long":
        right[0] = (width + 0.1, 0.6)
    return [*((-x, y) for x, y in right), *right[-2::-1]]


def _hairline(hair: Hair, width: float) -> list[Point]:
    """The lower edge of the hair on the forehead, from the left temple to the right one."""
    y = hair.hairline
    edges = {
        "parted": [(-0.88, -0.42), (-0.64, y - 0.06), (-0.16, y - 0.14), (0.36, y - 0.02), (0.72, -0.5)],
        "fringe": [(-0.9, -0.44), (-0.6, -0.52), (0.0, -0.54), (0.6, -0.52), (0.9, -0.44)],
        "long": [(-0.92, -0.3), (-0.6, y), (0.0, y - 0.14), (0.6, y), (0.92, -0.3)],
    }
    plain = [(-0.86, -0.4), (-0.6, y), (0.0, y - 0.04), (0.6, y), (0.86, -0.4)]
    middle = [(width * share, height) for share, height in edges.get(hair.style, plain)]
    end = 0.5 if hair.style == "long" else -0.06
    return [(-width - 0.01, end), (-width + 0.03, -0.2), *middle, (width - 0.03, -0.2), (width + 0.01, end)]


def _strand(rng: np.random.Generator, outer: np.ndarray, inner: np.ndarray, colour: Colour) -> Patch:
    """A lock of another tone that runs along the band between its outer and inner edge, both (N, 2)."""
    length = int(rng.integers(8, 18))
    start = int(rng.integers(0, len(outer) - length))
    along = slice(start, start + length)
    depth = rng.uniform(0.08, 0.85) + rng.uniform(-0.15, 0.15) * np.linspace(-1, 1, length)
    half = rng.uniform(0.015, 0.04) * np.sin(np.linspace(0, np.pi, length))
    low, high = (np.clip(edge, 0, 1)[:, None] for edge in (depth - half, depth + half))
    near = outer[along] * (1 - low) + inner[along] * low
    far = outer[along] * (1 - high) + inner[along] * high
    tone = mix(colour, _SHINE, 0.16) if rng.random() < 0.5 else mix(colour, _BLACK, 0.3)
    return np.concatenate([near, far[::-1]]), (*tone, _LIT)
