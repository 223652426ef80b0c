"""The outlines of a drawn face: what each part looks like and where FACS action units move it.

Parts are patches, painted from back to front, in face units (see face_identity). Action units are named and located
after Ekman & Friesen's Facial Action Coding System; the lengths by which they move skin are ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from emonas.datasets.synthetic.hair import behind_face, hair_in_front
from emonas.datasets.synthetic.identity import Identity, mix
from emonas.datasets.synthetic.outline import CIRCLE, Patch, curve, flesh, mirror, strip

#: Intensities 0..1 of all action units that can be drawn.
Units = Mapping[int, float]

#: y of the line through the eye corners.
EYE_LINE = -0.1

# Shapes across an eye, from the inner to the outer corner, and across the mouth, from left to right.
_ALONG = np.linspace(-1.0, 1.0, 21)
_ASIDE = np.abs(_ALONG)
_UPPER_LID = (1 - _ASIDE**2.3) * (1 - 0.12 * _ALONG)
_LOWER_LID = (1 - _ASIDE**2) * (1 + 0.18 * _ALONG)
_LASHES = 0.35 + 0.65 * np.linspace(0, 1, 21) ** 0.7
_CORNER, _SHARP_CORNER = _ASIDE**1.8, _ASIDE**2.6
_MIDDLE = 1 - _ASIDE**2
_PLATEAU = (1 - _ASIDE**3) * (0.75 + 0.25 * _ASIDE)
_GAP = _MIDDLE**0.6
_MOUTH_LINE = 0.008 * np.cos(2 * np.pi * _ALONG) * _MIDDLE
_UPPER_LIP, _LOWER_LIP = 1 - _ASIDE**1.5, _MIDDLE**0.9
_BOW = np.exp(-((_ALONG / 0.16) ** 2))
_TEETH = 1 - _ASIDE**4
# Shapes along a brow, from the inner to the outer end.
_BROW = np.linspace(0, 1, 7)
_BROW_TAPER = np.array([0.62, 1.0, 1.0, 0.88, 0.68, 0.42, 0.1])
_BROW_ARCH = 2 * np.sin(np.pi * _BROW**1.25)
_BROW_END = 0.05 * _BROW**3
_INNER_BROW = (1 - _BROW) ** 1.5
_OUTER_BROW = np.clip(_BROW * 1.5 - 0.15, 0, 1) * (1.12 - 0.3 * _BROW)

_LASH = (30.0, 22.0, 20.0)


def side_gain(identity: Identity, side: int) -> float:
    """How much more than on average this side of the face moves (1.0: the same)."""
    return min(max(1.0 + side * identity.asymmetry, 0.6), 1.4)


def face_parts(identity: Identity, units: Units) -> Iterator[Patch]:
    """All patches from back to front."""
    yield from behind_face(identity)
    yield from _face(identity, units)
    yield from _nostrils(identity, units)
    yield from _mouth(identity, units)
    for side in (-1, 1):
        yield from _eye(identity, units, side)
    yield from hair_in_front(identity)
    for side in (-1, 1):
        yield from _brow(identity, units, side)


def jaw_drop(units: Units) -> float:
    """How far the chin sinks, in face units."""
    return 0.13 * units[26] + 0.015 * units[25] - 0.012 * units[17]


def _face(identity: Identity, units: Units) -> Iterator[Patch]:
    """The skin of the face, and a beard over it."""
    width, jaw, chin, drop = identity.head.width, identity.head.jaw, identity.head.chin, jaw_drop(units)
    top = [(0.0, -1.0), (0.42, -0.93), (0.66, -0.62), (width, -0.2)]
    cheek, angle = (width - 0.01, 0.12), (jaw + 0.1, 0.48 + 0.3 * drop)
    bottom = [angle, (jaw - 0.04, 0.72 + 0.6 * drop), (chin + 0.1, 0.92 + drop), (0.0, 1.0 + drop)]
    yield curve(mirror([*top, cheek, *bottom]), closed=True), flesh(identity.skin)
    if identity.hair.beard:
        inner = [(0.0, 0.43), (0.22, 0.46 + 0.2 * drop), (0.42, 0.47 + 0.2 * drop), (width - 0.08, 0.2)]
        colour = mix(identity.skin, identity.hair.colour, identity.hair.beard)
        yield curve(mirror([*inner, cheek, *bottom]), closed=True), (*colour, 230.0)


def brow_line(identity: Identity, units: Units, side: int) -> np.ndarray:
    """The middle of an eyebrow from its inner to its outer end, (7, 2)."""
    brows, gain = identity.brows, side_gain(identity, side)
    rise = 0.1 * units[1] * _INNER_BROW + 0.095 * units[2] * _OUTER_BROW
    fall = 0.085 * units[4] + 0.03 * units[9] * _INNER_BROW + (0.012 * units[6] - 0.035 * units[4]) * _BROW
    inwards = gain * (0.045 * units[4] + 0.01 * units[9])
    resting = EYE_LINE - brows.height + _BROW_END - brows.arch * _BROW_ARCH - brows.slant * _BROW
    line = np.empty((len(_BROW), 2))
    line[:, 0] = side * (0.125 + (identity.eyes.distance + 0.085) * _BROW - inwards * _INNER_BROW)
    line[:, 1] = resting + gain * (fall - rise)
    return line


def _brow(identity: Identity, units: Units, side: int) -> Iterator[Patch]:
    line = brow_line(identity, units, side)
    hair = mix(identity.hair.colour, (40, 30, 26), 0.4)
    for share, density in ((0.5, 0.55), (0.3, 1.0)):  # thinner towards the edges
        half = identity.brows.thickness * share * (1 + 0.12 * units[4]) * _BROW_TAPER
        outline = strip(line[:, 0], line[:, 1] - half, line[:, 1] + half)
        colour = mix(identity.skin, hair, density * identity.brows.density)
        yield curve(outline, closed=True), (*colour, 170.0)


def lid_heights(identity: Identity, units: Units, side: int) -> tuple[float, float]:
    """How far the upper lid stands above and the lower lid below the line through the eye corners, in face units."""
    eyes, gain = identity.eyes, side_gain(identity, side)
    below = eyes.opening * 0.66 * (1 - gain * (0.75 * units[7] + 0.5 * units[6] + 0.12 * units[12]))
    above = eyes.opening * (1 + gain * (0.75 * units[5] - 0.22 * units[7] - 0.15 * units[6] - 0.15 * units[4]))
    below = max(below, -0.2 * eyes.opening)
    # a blink is the upper lid travelling down to the lower one
    return above - units[43] * (above + 0.8 * below), below


def _eye(identity: Identity, units: Units, side: int) -> Iterator[Patch]:
    eyes = identity.eyes
    above, below = lid_heights(identity, units, side)
    x = side * eyes.distance + eyes.width * _ALONG
    line = EYE_LINE - side * eyes.slant * _ALONG
    upper, lower = line - above * _UPPER_LID[::side], line + below * _LOWER_LID[::side]
    yield from _lid_skin(identity, units, x, upper, lower)
    yield strip(x, upper, lower), (228, 223, 218, 110)
    yield from _eyeball(identity, x, upper, np.maximum(upper, lower))
    yield strip(x, upper, np.minimum(upper + 0.022, lower)), (*mix(eyes.iris, (70, 60, 58), 0.7), 60.0)
    lashes = _LASHES[::side]
    yield strip(x, upper - 0.017 * lashes, upper + 0.009 * lashes), (*mix(identity.hair.colour, _LASH, 0.7), 60.0)
    yield strip(x, lower - 0.002, lower + 0.008), flesh(identity.skin, 0.66, 10)


def _eyeball(identity: Identity, x: np.ndarray, upper: np.ndarray, lower: np.ndarray) -> Iterator[Patch]:
    """Iris with its dark rim, pupil and the reflection of the light, cut off by both lids."""
    eyes = identity.eyes
    centre = np.array([(x[0] + x[-1]) / 2, EYE_LINE - 0.12 * eyes.opening])
    glint = centre + eyes.iris_radius * np.array([0.4 * np.sign(identity.light.x), -0.42])
    rim = mix(eyes.iris, (0, 0, 0), 0.55)
    for middle, radius, colour, relief in (
        (centre, eyes.iris_radius, rim, 60.0),
        (centre, eyes.iris_radius * 0.82, eyes.iris, 60.0),
        (centre, eyes.iris_radius * 0.42, (12.0, 10.0, 10.0), 60.0),
        (glint, 0.017, (250.0, 250.0, 248.0), 0.0),
    ):
        disc = middle + radius * CIRCLE
        disc[:, 1] = disc[:, 1].clip(np.interp(disc[:, 0], x, upper), np.interp(disc[:, 0], x, lower))
        yield disc, (*colour, relief)


def _lid_skin(identity: Identity, units: Units, x: np.ndarray, upper: np.ndarray, lower: np.ndarray) -> Iterator[Patch]:
    """The upper lid with the fold above it, and the edge of the lower lid."""
    lifted = units[1] + units[2] - 1.6 * units[4] - 0.8 * units[5] - 0.6 * units[9]
    fold_height = max(identity.eyes.fold * (1 + 0.35 * lifted), 0.008) + 0.035 * units[43]
    fold = upper - fold_height * (0.45 + 0.55 * _UPPER_LID)
    yield strip(x, fold, upper), flesh(identity.skin, 0.9, 6)
    yield strip(x, fold - 0.008, fold + 0.006), flesh(identity.skin, 0.62, 8)
    yield strip(x, lower, lower + 0.018 * _LOWER_LID), flesh(identity.skin, 0.93, 8)


def _nostrils(identity: Identity, units: Units) -> Iterator[Patch]:
    nose = identity.nose
    lift = 0.045 * units[9] + 0.015 * units[10]
    flare = 1 + 0.08 * units[12] + 0.1 * units[9]
    for side in (-1, 1):
        y = nose.length + 0.055 - lift
        hole = [(0.2, 0.01), (0.35, -0.018), (0.62, -0.02), (0.78, 0.006), (0.55, 0.018)]
        outline = [(side * a * nose.width * flare, y + b) for a, b in hole]
        yield curve(outline, closed=True), flesh(identity.skin, 0.36, 8)
        wing = [(0.8, -0.02), (1.0, -0.035), (1.05, -0.075), (1.1, -0.03), (1.0, 0.008), (0.8, 0.012)]
        outline = [(side * a * nose.width * flare, y + b) for a, b in wing]
        yield curve(outline, closed=True), flesh(identity.skin, 0.78, 6)


@dataclass(frozen=True)
class Lips:
    """The four edges of the lips from left to right, each of shape (21,), over the common ``x``."""

    x: np.ndarray
    top: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    bottom: np.ndarray


def lips(identity: Identity, units: Units) -> Lips:
    """Where the lips are: 12, 15 and 20 pull the corners, 9, 10, 17 and 23 shape the lips, 25 and 26 part them."""
    mouth = identity.mouth
    half = mouth.width + 0.085 * (units[12] + units[20]) - 0.03 * units[23] - 0.02 * units[17] - 0.05 * units[26]
    thin = (1 - 0.5 * units[23]) * (1 - 0.2 * units[12]) * (1 - 0.2 * units[20])
    opened = (0.042 + 0.03 * units[12] + 0.02 * units[20]) * units[25] + 0.19 * units[26] - 0.018 * units[10]
    pulled = (0.02 * units[20] - 0.125 * units[12]) * _CORNER + 0.085 * units[15] * _SHARP_CORNER
    raised = (0.06 * units[10] + 0.03 * units[9] + 0.01 * units[12]) * _PLATEAU
    line = mouth.height + 0.02 * units[12] + _MOUTH_LINE - 0.03 * units[17] * _MIDDLE
    line += pulled * (1 + identity.asymmetry * np.sign(_ALONG)) + 0.075 * units[26] * _ASIDE
    upper = line - raised - (0.016 * units[25] + 0.03 * units[26]) * _GAP
    lower = np.maximum(line + opened * _GAP, upper)
    top = upper - mouth.upper * thin * (1 - 0.25 * units[10]) * _UPPER_LIP * (1 - mouth.bow * _BOW)
    bottom = lower + mouth.lower * thin * (1 + 0.15 * units[17]) * _LOWER_LIP
    return Lips(half * _ALONG, top, upper, lower, bottom)


def _mouth(identity: Identity, units: Units) -> Iterator[Patch]:
    edges = lips(identity, units)
    colour = identity.mouth.colour
    gap = edges.lower - edges.upper
    if gap.max() > 0.004:
        yield strip(edges.x, edges.upper, edges.lower), (52, 18, 20, 60)
        tongue = np.maximum(edges.upper, edges.lower - 0.5 * np.maximum(gap - 0.07, 0))
        yield strip(edges.x * 0.8, tongue, edges.lower), (150, 68, 66, 80)
        teeth = edges.upper + np.minimum(gap, 0.058) * _TEETH
        yield strip(edges.x * 0.86, edges.upper, teeth), (228, 222, 208, 90)
    yield strip(edges.x, edges.top, edges.upper), (*mix(colour, (60, 16, 20), 0.16), 255.0)
    yield strip(edges.x, edges.lower, edges.bottom), (*mix(colour, (255, 200, 190), 0.08), 255.0)
    seam = np.maximum(0.011 - 0.2 * gap, 0.004) * (0.55 + 0.45 * _CORNER)
    yield strip(edges.x * 1.03, edges.upper - seam, edges.upper + seam), (*mix(colour, (40, 10, 14), 0.72), 160.0)
