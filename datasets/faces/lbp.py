"""The detector that needs no download: the frontal-face cascade of local binary patterns in scikit-image's wheel.

Ahonen, Hadid, Pietikäinen: Face description with local binary patterns, PAMI 28(12), 2006; trained for OpenCV.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from emonas.datasets.faces.face import Face
from emonas.errors import UserError

#: Longer sides at which a picture is looked at in turn, until a face is found: large faces take 10 ms.
_SIDES = (128, 256)
_SMALLEST = 24  # the side of the cascade's own window
#: A found face is looked at again with this side, finely: sizes then scatter by 2 % instead of 10 %.
_FINE = 64
_SURROUNDINGS = 1.7


@dataclass(frozen=True)
class LbpFinder:
    """Finds upright frontal faces that take at least a tenth of the picture's longer side. It sees no eyes."""

    def find(self, image: np.ndarray) -> Sequence[Face]:
        """All faces of a picture (H, W, 3), uint8, RGB. Raises UserError without scikit-image."""
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        for side in _SIDES:
            scale = side / max(grey.shape)
            if min(grey.shape) * scale < _SMALLEST:
                # Too narrow for a face; a line of pixels would vanish when it is shrunk.
                continue
            if found := _faces(_scaled(grey, scale), 1.2, _SMALLEST, side):
                return [_looked_at_again(grey, _moved(face, 0.0, 0.0, 1 / scale)) for face in found]
        return []


def _looked_at_again(grey: np.ndarray, face: Face) -> Face:
    scale = _FINE / face.side
    side = round(_SURROUNDINGS * _FINE)
    left, top = face.x - side / scale / 2, face.y - side / scale / 2
    matrix = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]])
    near = cv2.warpAffine(grey, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
    found = [_moved(one, left, top, 1 / scale) for one in _faces(near, 1.05, round(0.75 * _FINE), round(1.35 * _FINE))]
    return max(found, key=lambda one: one.side) if found else face


def _moved(face: Face, left: float, top: float, scale: float) -> Face:
    """A face of a part of the picture, in pixels of the picture."""
    return Face(left + face.x * scale, top + face.y * scale, face.side * scale)


def _scaled(grey: np.ndarray, scale: float) -> np.ndarray:
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(grey, None, fx=scale, fy=scale, interpolation=interpolation)


def _faces(grey: np.ndarray, step: float, smallest: int, largest: int) -> list[Face]:
    found = _cascade().detect_multi_scale(
        img=grey,
        scale_factor=step,
        step_ratio=1,
        min_size=(smallest, smallest),
        max_size=(largest, largest),
    )
    return [Face(box["c"] + box["width"] / 2, box["r"] + box["height"] / 2, box["width"]) for box in found]


@functools.cache
def _cascade() -> Any:
    try:
        from skimage.data import lbp_frontal_face_cascade_filename
        from skimage.feature import Cascade
    except ImportError:
        raise UserError("finding faces needs scikit-image: pip install scikit-image, or name a --face-model") from None
    return Cascade(lbp_frontal_face_cascade_filename())  # type: ignore[no-untyped-call]
