"""Linear Eulerian video magnification: a clip in which what moves at the pace of an expression moves further.

Wu, Rubinstein, Shih, Guttag, Durand, Freeman: Eulerian Video Magnification for Revealing Subtle Changes in the World,
SIGGRAPH 2012. Each pixel's course in time is band-passed, decomposed into a Laplacian pyramid, amplified level by level
and added to the frames. Time filter and pyramid are linear, so that the pyramid is made of the few cosines within the
band instead of every frame.
"""

from __future__ import annotations

import cv2
import numpy as np

from emonas.datasets.clips.dynamic_image import weighted_sums

#: Cycles in the time from onset to offset, whatever the frame rate: an expression that comes and goes is one cycle.
#: What lies below is pose and light, what lies above the camera's noise.
BAND = (0.5, 4.0)
#: Shorter waves in the picture, in pixels, are amplified less: a displacement must stay below an eighth of a wave.
CUTOFF = 16.0
_KERNEL = 5  # pixels: the side of the pyramid's filter; a smaller picture is not taken apart


def magnify(frames: np.ndarray, gain: float, expression: int, band: tuple[float, float] = BAND) -> np.ndarray:
    """Frames (T, H, W, C), uint8, in which displacements within ``band`` are 1 + ``gain`` times as large.

    ``expression`` is the number of frames from onset to offset, both included. The finest and the coarsest level of the
    pyramid, noise and light, are left as they are. A clip that stands still, one frame among them, comes back the same.
    """
    cosines = _cosines_within(len(frames), band[0] / expression, band[1] / expression)
    if not cosines.size:
        return frames
    courses = np.stack([_amplified(part, gain) for part in weighted_sums(cosines, frames)])
    made = np.empty_like(frames)
    for one, frame, course in zip(made, frames, cosines.T, strict=True):
        one[...] = np.clip(np.rint(frame + weighted_sums(course[None], courses)[0]), 0, 255)
    return made


def _cosines_within(length: int, low: float, high: float) -> np.ndarray:
    """(K, length): the orthonormal cosines whose frequency, in cycles a frame, lies from ``low`` to ``high``.

    Unlike sines and cosines of the Fourier transform they do not take a clip's end for the neighbour of its beginning.
    """
    numbers = np.arange(1, length)
    within = numbers[(numbers >= 2 * length * low) & (numbers <= 2 * length * high)]
    return np.sqrt(2 / length) * np.cos(np.pi * np.outer(within, np.arange(length) + 0.5) / length)


def _amplified(part: np.ndarray, gain: float) -> np.ndarray:
    """The sum of a picture's (H, W, C) Laplacian levels, each times its gain.

    ``gain`` from the wavelength CUTOFF on; below, the gain that keeps the same bound on displacements.
    """
    levels = []
    while min(part.shape[:2]) >= _KERNEL:
        smaller = cv2.pyrDown(part)
        levels.append(part - cv2.pyrUp(smaller, dstsize=part.shape[1::-1]))
        part = smaller
    total = np.zeros_like(part)
    for number in range(len(levels) - 1, -1, -1):
        total = cv2.pyrUp(total, dstsize=levels[number].shape[1::-1])
        if number > 0:
            # A level holds waves of up to 4 of its own pixels.
            wave = 4 * 2**number
            total = total + np.float32(max(0, min(gain, (1 + gain) * wave / CUTOFF - 1))) * levels[number]
    return total
