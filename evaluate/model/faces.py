"""The faces of a picture that a trained network is asked about: the one meaning of --faces, wherever it is asked."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from emonas.datasets.faces.crop import crop_face, make_finder
from emonas.datasets.faces.face import CLOSE, MARGIN, Face, FaceFinder, View
from emonas.datasets.faces.framing import Framing, read_framing
from emonas.datasets.faces.options import FaceOptions, Faces, record_options
from emonas.errors import UserError

#: A picture no larger than this is a face already if it is about square, and in any shape where it is so small that
#: no detector could tell.
_SMALL, _SQUARE, _TINY = 128, 1.25, 24


@dataclass(frozen=True)
class FaceLocator:
    """How faces are looked for: by ``finder`` or not at all.

    With ``framing``, what the training's whole pictures were like, a picture that is like them is taken whole. ``view``
    is what is cut out around a face otherwise.
    """

    finder: FaceFinder | None
    framing: Framing | None = None
    view: View = CLOSE

    def locate(self, image: np.ndarray) -> list[Face | None]:
        """The faces of a picture (H, W, 3), the largest first; None stands for the whole picture.

        Raises UnfitPictureError where the picture shows less around a face than the training's did.
        """
        if self.finder is None:
            return [None]
        if self.framing and self.framing.close and _is_small(image):
            return [None]
        found = sorted(self.finder.find(image), key=lambda face: -face.side)
        if self.framing is None:
            return list(found)
        if self.framing.takes_whole(image, found):
            return [None]
        if found and not self.framing.close:
            self.framing.check_room(image, found[0])
        return list(found)

    def settle(self, found: list[Face | None]) -> FaceLocator:
        """How to look on in frames that belong to the one with these faces: cut out alike, or whole alike."""
        if self.framing is None or not found:
            return self
        return FaceLocator(None) if found == [None] else replace(self, framing=None)

    def cut(self, frames: np.ndarray, face: Face | None) -> np.ndarray:
        """What the network is shown of frames (T, H, W, 3)."""
        if face is None:
            return frames
        # Around whole frames nothing was set upright.
        return crop_face(frames, face if self.view == CLOSE else replace(face, tilt=0.0), self.view)


def face_box(face: Face | None) -> tuple[int, int, int] | None:
    """Left, top and side in pixels of a face with what brows and jaw need; None for the whole picture."""
    if face is None:
        return None
    side = max(1, round(MARGIN * face.side))
    return round(face.x - side / 2), round(face.y - side / 2), side


def make_locator(picture: Mapping[str, Any], faces: Faces, model: str | Path | None) -> FaceLocator:
    """How faces are looked for, for a model's pictures and by a user's choice; see PredictConfig.faces.

    Raises UserError where the training's faces were found by a model that has to be given.
    """
    options = FaceOptions(faces="detect", face_model=Path(model) if model is not None else None)
    trained_whole = picture.get("faces") != "detect"
    if faces == "auto" and trained_whole:
        framing = read_framing(picture)
        return FaceLocator(make_finder(options) if model is not None else _LateFinder(), framing, framing.view)
    if faces == "whole":
        return FaceLocator(make_finder(replace(options, faces="whole")))
    wanted = str(picture.get("face_model", ""))
    if wanted and record_options(options)["face_model"] != wanted:
        raise UserError(
            f"the training's faces were found by the model {wanted}: give that file as face_model, "
            'or faces="whole" for pictures that are already cut out'
        )
    return FaceLocator(make_finder(options))


def pictures_in_words(picture: Mapping[str, Any]) -> str:
    """What a model's pictures show: faces cut out, or whole frames and how much of them."""
    if picture.get("faces") == "detect":
        return "faces cut out"
    framing = read_framing(picture)
    if not framing.known:
        return "taken whole"
    return f"taken whole, faces fill {100 * framing.share:.0f} % of the longer side"


class _LateFinder:
    """The finder that emonas brings, made when the first picture needs it."""

    def find(self, image: np.ndarray) -> Sequence[Face]:
        return _usual_finder().find(image)


@functools.cache
def _usual_finder() -> FaceFinder:
    finder = make_finder(FaceOptions(faces="detect"))
    assert finder
    return finder


def _is_small(image: np.ndarray) -> bool:
    longer, shorter = max(image.shape[:2]), min(image.shape[:2])
    return longer < _TINY or longer <= min(_SMALL, _SQUARE * shorter)
