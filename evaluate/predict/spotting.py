"""Finds short facial movements in a long clip: onset, apex and offset of what could be a micro-expression.

Where: by the difference of a frame from the mean of those half a window before and after it, as in Moilanen, Zhao and
Pietikäinen (Spotting rapid facial movements from videos using appearance-based feature difference analysis, ICPR
2014): what moves there and back within the window stands out. The rest is our own and simple. Their LBP histograms are
replaced by smoothed grey levels, less what small motions of the whole head and changes of light explain, in units of
each pixel's usual unrest; the block that differs most counts. From where to where: a frame's projection on the
direction in which the apex differs from its surroundings, down to a tenth.

Not validated on real spotting data. Blinks, words and twitches are such movements, too, and are found like expressions.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

#: For people who read a result.
METHOD = "found by their motion (see --help); not validated on real data, blinks count"
#: Side of the grey picture that is compared, and the standard deviation of its smoothing in its pixels.
SIDE = 48
_SMOOTHING = 1.5
#: Half axes of the ellipse that is looked at, in halves of the picture: hair, neck and background move otherwise.
_INSIDE = (0.62, 0.75)
#: Blocks along a side.
_BLOCKS = 6
#: A movement is a peak of the curve this many robust standard deviations above its median.
THRESHOLD = 5.0
#: The least unrest of a pixel, in shares of the mean level, and of the curve: a video may stand all but still.
_LEAST_UNREST = 5e-4
_LEAST_SPREAD = 0.1
#: The share of the way to the apex at which a movement begins and ends: the tails drown in noise.
_EDGE = 0.1
#: Frames whose distances differ by no more than this share of the usual one are evenly spaced.
_JITTER = 0.3


@dataclass(frozen=True)
class Motion:
    """Positions of the first, the strongest and the last frame of a movement; ``strength`` in thresholds (above 1)."""

    onset: int
    apex: int
    offset: int
    strength: float


@dataclass(frozen=True)
class Spotted:
    """The movements of a clip in their order, and the curve (T,) in thresholds in which they are the peaks above 1."""

    motions: tuple[Motion, ...]
    curve: np.ndarray


def evenly(seconds: Sequence[float], rate: float) -> np.ndarray:
    """Positions (n,) of the frames that are shown at ``rate`` even times a second, each the nearest one.

    All of them once where they are even themselves, but for the jitter of time stamps.
    """
    times = np.asarray(seconds)
    steps = np.diff(times) * rate
    if not len(steps) or times[-1] <= times[0] or np.abs(steps - 1).max() <= _JITTER:
        return np.arange(len(times))
    wanted = times[0] + np.arange(1 + round((times[-1] - times[0]) * rate)) / rate
    return np.searchsorted((times[1:] + times[:-1]) / 2, wanted)


def motion_features(face: np.ndarray) -> np.ndarray:
    """A face (H, W, 3), uint8, as smoothed grey levels in shares of their mean: (SIDE * SIDE,), float32."""
    grey = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)
    interpolation = cv2.INTER_AREA if max(grey.shape) > SIDE else cv2.INTER_LINEAR
    small = cv2.resize(grey, (SIDE, SIDE), interpolation=interpolation).astype(np.float32)
    smooth = cv2.GaussianBlur(small, (0, 0), _SMOOTHING)
    return (smooth / max(1.0, float(smooth.mean()))).ravel()


def spot(of_frames: Sequence[np.ndarray], window: int) -> Spotted:
    """The movements that last up to about ``window`` frames in a clip of which each frame's features are given.

    There are none where the clip is no longer than the window, since nothing shows the face at rest.
    """
    if len(of_frames) <= max(window, 3):
        return Spotted((), np.zeros(len(of_frames), np.float32))
    levels = _smoothed(np.stack(of_frames), max(1, window // 5))
    half = max(1, window // 2)
    rest = _surroundings(levels, half)
    changes = np.concatenate(
        [unexplained_motion(one[None] - base, base) for one, base in zip(levels, rest, strict=True)]
    )
    unrest = np.maximum(_spread(changes), _LEAST_UNREST)
    # A pixel that hardly ever stirs must not shout.
    unrest += 0.3 * float(np.median(unrest[_inside()]))
    curve = _strongest_block(changes / unrest)
    middle = float(np.median(curve))
    curve = (curve - middle) / (THRESHOLD * max(float(_spread(curve)), _LEAST_SPREAD))
    motions: list[Motion] = []
    for peak in sorted(_peaks(curve, half), key=lambda at: -curve[at]):
        # Half a window beside a strong movement its own echo is a peak.
        if all(peak < one.onset - half or peak > one.offset + half for one in motions):
            motions.append(_extent(levels, rest[peak], unrest, peak, window, float(curve[peak])))
    return Spotted(tuple(sorted(motions, key=lambda one: one.apex)), curve)


def unexplained_motion(differences: np.ndarray, face: np.ndarray) -> np.ndarray:
    """What is left of differences (K, D) from a face (D,) when the head's small motions and the light are taken away.

    By least squares inside an ellipse, 0 outside: a shift to second order, turn, zoom and shear to first order, light
    that changes evenly or at a slant.
    """
    plane = face.reshape(SIDE, SIDE)
    down, right = np.gradient(plane)
    down_down, down_right = np.gradient(down)
    right_right = np.gradient(right, axis=1)
    x, y = _axes()
    turns = [x * right, y * right, x * down, y * down]
    light = [plane, x * plane, y * plane, np.ones_like(plane)]
    ways = np.stack([right, down, right_right, down_right, down_down, *turns, *light], axis=-1)
    basis, _ = np.linalg.qr(ways.reshape(-1, ways.shape[-1])[_inside()].astype(np.float32))
    inner = differences[:, _inside()]
    left = np.zeros_like(differences)
    left[:, _inside()] = inner - (inner @ basis) @ basis.T
    return left


@functools.cache
def _axes() -> tuple[np.ndarray, np.ndarray]:
    """x and y of each pixel from -1 to 1."""
    y, x = np.mgrid[:SIDE, :SIDE] / (SIDE - 1) * 2 - 1
    return x, y


@functools.cache
def _inside() -> np.ndarray:
    """Which pixels lie in the ellipse, (D,)."""
    x, y = _axes()
    return np.asarray(((x / _INSIDE[0]) ** 2 + (y / _INSIDE[1]) ** 2 < 1).ravel())


def _smoothed(levels: np.ndarray, reach: int) -> np.ndarray:
    """Over ``reach`` frames to either side, with Hann's weights: the camera's noise goes, movement stays; (T, D)."""
    weights = np.hanning(2 * reach + 3)[1:-1]
    weights = (weights / weights.sum()).astype(np.float32)
    padded = np.concatenate([levels[:1]] * reach + [levels] + [levels[-1:]] * reach)
    return np.stack([weights @ padded[at : at + len(weights)] for at in range(len(levels))])


def _surroundings(levels: np.ndarray, half: int) -> np.ndarray:
    """The mean of what is ``half`` before and after each; at the clip's ends the first and the last stand in."""
    times = np.arange(len(levels))
    before, after = np.maximum(times - half, 0), np.minimum(times + half, len(levels) - 1)
    return (levels[before] + levels[after]) / 2


def _spread(values: np.ndarray) -> np.ndarray:
    """The standard deviation over time of what is usual, however large the exceptions are."""
    return np.asarray(1.4826 * np.median(np.abs(values - np.median(values, axis=0)), axis=0))


def _strongest_block(changes: np.ndarray) -> np.ndarray:
    """Root mean square of the block that changes most, (T,)."""
    size = SIDE // _BLOCKS
    squares = (changes**2).reshape(-1, _BLOCKS, size, _BLOCKS, size)
    return np.asarray(np.sqrt(squares.mean(axis=(2, 4)).reshape(len(changes), -1).max(axis=1)))


def _peaks(curve: np.ndarray, half: int) -> list[int]:
    """Positions of the largest values within ``half`` frames, above the threshold."""
    return [int(at) for at in np.flatnonzero(curve > 1) if curve[at] == curve[max(0, at - half) : at + half + 1].max()]


def _extent(
    levels: np.ndarray, rest: np.ndarray, unrest: np.ndarray, peak: int, window: int, strength: float
) -> Motion:
    """From where to where a movement goes; it is looked for up to a window away."""
    first = max(0, peak - window)
    changes = unexplained_motion(levels[first : peak + window + 1] - rest, rest)
    way = changes @ (changes[peak - first] / unrest**2)
    near = max(0, peak - first - window // 4)
    apex = near + int(np.argmax(way[near : peak - first + window // 4 + 1]))
    onset, offset = apex - _steps_down(way[apex::-1]), apex + _steps_down(way[apex:])
    return Motion(first + onset, first + apex, first + offset, strength)


def _steps_down(way: np.ndarray) -> int:
    """How many steps from the apex, at 0, until the face is all but as it gets at rest."""
    low = float(way.min())
    return int(np.argmax(way <= low + _EDGE * (float(way[0]) - low)))
