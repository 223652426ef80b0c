"""YuNet through OpenCV, with a model file that the user names; it sees eyes, so tilted heads are set upright.

Wu, Peng, Yu: YuNet: A tiny millisecond-level face detector. Machine Intelligence Research 20, 2023.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from emonas.datasets.faces.face import Face
from emonas.errors import UserError

#: Larger pictures are shrunk to this longer side; the model was trained on faces of 10 to 300 pixels.
_SIDE = 640
_LEAST_SCORE = 0.6


@dataclass(frozen=True)
class YuNetFinder:
    """Finds faces from the front and half from the side, with their eyes; ``model`` is an ONNX file."""

    model: Path

    def find(self, image: np.ndarray) -> Sequence[Face]:
        """All faces of a picture (H, W, 3), uint8, RGB. Raises UserError when the file is no YuNet model."""
        scale = min(1.0, _SIDE / max(image.shape[:2]))
        if min(image.shape[:2]) * scale < 1:
            # A line of pixels would vanish when it is shrunk.
            return []
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image
        try:
            detector = _detector(str(self.model))
            detector.setInputSize(small.shape[1::-1])
            found = detector.detect(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))[1]
        # OpenCV tells a foreign model by an error of its own or by that of the library which reads it.
        except (cv2.error, SystemError, RuntimeError):
            raise UserError(f"--face-model {self.model}: cannot be used as a YuNet model by OpenCV") from None
        return [] if found is None else [_face(row, scale) for row in found]


def _face(row: np.ndarray, scale: float) -> Face:
    """A row of x, y, width, height, right eye, left eye (the person's own), nose, two mouth corners, and score."""
    x, y, width, height, right_x, right_y, left_x, left_y = (float(value) for value in row[:8])
    tilt = math.degrees(math.atan2(left_y - right_y, left_x - right_x))
    return Face((x + width / 2) / scale, (y + height / 2) / scale, max(width, height) / scale, tilt)


@functools.cache
def _detector(model: str) -> Any:
    return cv2.FaceDetectorYN.create(model, "", (_SIDE, _SIDE), _LEAST_SCORE)
