"""Faces cut out of whole frames: found once for each clip, in its onset frame, and cut out of all frames alike.

A box for each frame would jitter by some pixels, which is more than a micro-expression moves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from emonas.datasets.clips.sample import Frames, Sample, part_of
from emonas.datasets.faces.face import CLOSE, Face, FaceFinder, NoFaceError, View
from emonas.datasets.faces.options import FaceOptions
from emonas.errors import UserError


@dataclass(frozen=True)
class FaceFrames:
    """The largest face of the frame ``onset``, cut out of every one of ``frames``."""

    frames: Frames
    finder: FaceFinder
    onset: int = 0

    def __len__(self) -> int:
        return len(self.frames)

    def read(self) -> np.ndarray:
        """All frames as uint8 (T, side, side, 3), RGB. Raises UserError, NoFaceError where there is no face."""
        frames = self.frames.read()
        found = self.finder.find(frames[self.onset])
        if not found:
            raise NoFaceError("no face found")
        return crop_face(frames, max(found, key=lambda face: face.side))

    def part(self, first: int, last: int) -> FaceFrames:
        """Some of the frames, which hold the onset's."""
        return FaceFrames(part_of(self.frames, first, last), self.finder, self.onset - first)

    def flaw(self) -> str:
        """That of the whole frames."""
        return self.frames.flaw()


def crop_face(frames: np.ndarray, face: Face, view: View = CLOSE) -> np.ndarray:
    """The face of (T, H, W, 3) frames, upright, and what ``view`` wants around it, by one similarity transform.

    At the frames' own resolution, since pooling comes before resizing. The edge is repeated beyond the frame.
    """
    size = max(1, round(view.width * face.side)), max(1, round(view.height * face.side))
    centre = np.array((face.x, face.y)) - 0.5
    # By whole pixels, so that an upright face is a plain copy, without interpolation.
    shift = np.rint((np.array(size) - 1) / 2 - centre)
    left, top = (-shift).astype(int)
    height, width = frames.shape[1:3]
    if not face.tilt and 0 <= left <= width - size[0] and 0 <= top <= height - size[1]:
        return np.ascontiguousarray(frames[:, top : top + size[1], left : left + size[0]])
    matrix = cv2.getRotationMatrix2D(tuple(centre), face.tilt, 1.0)
    matrix[:, 2] += shift
    cut = np.empty((len(frames), *reversed(size), frames.shape[-1]), np.uint8)
    for frame, target in zip(frames, cut, strict=True):
        cv2.warpAffine(frame, matrix, size, dst=target, borderMode=cv2.BORDER_REPLICATE)
    return cut


def make_finder(options: FaceOptions) -> FaceFinder | None:
    """What finds the faces by settled options; None for whole pictures.

    Raises UserError for a model that has no use and for a finder that cannot work.
    """
    if options.faces != "detect":
        if options.face_model is not None:
            raise UserError("--face-model has no use, since the pictures are taken whole; add --faces detect")
        return None
    from emonas.datasets.faces.lbp import LbpFinder
    from emonas.datasets.faces.yunet import YuNetFinder

    finder: FaceFinder = LbpFinder() if options.face_model is None else YuNetFinder(options.face_model.resolve())
    # A finder that cannot work is told once, and not as the flaw of every sample.
    finder.find(np.zeros((64, 64, 3), np.uint8))
    return finder


def add_face_frames(sample: Sample, finder: FaceFinder | None) -> Sample:
    """The sample with its face cut out when it is read; as it is for None, and where it is dropped."""
    if finder is None or sample.dropped:
        return sample
    return replace(sample, frames=FaceFrames(sample.frames, finder, sample.onset or 0))
