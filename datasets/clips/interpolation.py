"""Temporal interpolation: a clip of any length as a fixed number of frames, each a weighted sum of those filmed.

``graph`` is the temporal interpolation model (TIM) of Zhou, Zhao and Pietikäinen (Towards a practical lipreading
system, CVPR 2011), which Pfister et al. (ICCV 2011) brought to micro-expressions: the frames are the vertices of a path
graph, embedded by the eigenvectors of its Laplacian. Those are sampled cosines, so that a clip of n linearly
independent frames has the closed form

    f(t) = 1/n sum_j f_j [1 + 2 sum_{k=1..n-1} cos(pi k (t + 1/2) / n) cos(pi k (j + 1/2) / n)]     t, j = 0..n-1

whose weights depend on the length alone. ``linear`` mixes the two frames next to a point in time.
"""

from __future__ import annotations

import numpy as np

from emonas.datasets.clips.dynamic_image import weighted_sums
from emonas.options.types import Interpolation


def interpolation_weights(length: int, wanted: int, kind: Interpolation) -> np.ndarray:
    """(wanted, length), float64: rows sum to 1; the first and the last are the clip's first and last frame.

    The points in time are evenly spaced. ``none`` takes the frame that is nearest to each of them.
    """
    frames, times = np.arange(length), np.linspace(0, length - 1, wanted)
    if kind == "linear":
        return np.maximum(0, 1 - np.abs(times[:, None] - frames))
    if kind == "graph":
        return (1 + 2 * _cosines(times, length) @ _cosines(frames, length).T) / length
    return np.eye(length)[np.rint(times).astype(int)]


def interpolate(frames: np.ndarray, wanted: int, kind: Interpolation) -> np.ndarray:
    """A clip (T, H, W, C) as ``wanted`` frames: float32, not rounded, for ``none`` the nearest ones as they are.

    ``graph`` may swing a few grey levels beyond those of the frames.
    """
    weights = interpolation_weights(len(frames), wanted, kind)
    return frames[weights.argmax(1)] if kind == "none" else weighted_sums(weights, frames)


def _cosines(times: np.ndarray, length: int) -> np.ndarray:
    """(times, length - 1): the path graph's eigenvectors but the constant one, at any point in time."""
    return np.cos(np.pi * np.outer(times + 0.5, np.arange(1, length)) / length)
