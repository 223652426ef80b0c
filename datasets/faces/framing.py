"""How much of a picture its face fills: looked at in some pictures of a set, and kept with it for who answers later.

A network that has learnt from whole frames must be shown whole frames, and of a larger picture as much around a face.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from emonas.datasets.clips.sample import Sample, pick_evenly, with_onset_frame
from emonas.datasets.faces.crop import make_finder
from emonas.datasets.faces.face import CLOSE, MARGIN, Face, FaceFinder, View
from emonas.datasets.faces.options import FaceOptions
from emonas.errors import UserError

#: So many pictures of a set are looked at, spread evenly over it.
LOOKED_AT = 20
#: Faces are far away where what would be cut out takes less than this of a picture's longer side.
FILLED = 0.8
#: What is smaller, in pixels, is no face that a finder can tell from noise.
_LEAST_SIDE = 12
#: A finder that sees a face in fewer of a set's pictures than this tells nothing about them ...
_SEEN = 0.25
#: ... and where it sees one in all but so many, a picture without one has none.
_SURE = 0.9
#: Shares and shapes that differ by up to these factors are alike.
_ALIKE, _SAME_SHAPE = 1.3, 1.25
#: With another face of this part of the largest one's side, a picture is not of one person.
_COMPANY = 0.5
#: So much of what is cut out must lie within the picture.
_INSIDE = 0.5


class UnfitPictureError(UserError):
    """A picture that cannot be made like those of a network's training."""


@dataclass(frozen=True)
class Framing:
    """What a set's pictures show of a face: medians over those that were looked at.

    ``share``: side of the face's square as a share of the picture's longer side, 0 where no face was seen; ``found``:
    the share of pictures in which one was; ``aspect``: width of a picture by its height.
    """

    share: float
    found: float
    aspect: float

    def record(self) -> dict[str, float]:
        """As prepared.json and models have it among the options."""
        return {"face_share": self.share, "face_found": self.found, "frame_aspect": self.aspect}

    @property
    def known(self) -> bool:
        """Whether enough faces were seen to say how large they are."""
        return self.share > 0 and self.found >= _SEEN

    @property
    def close(self) -> bool:
        """Whether these may be faces cut out already."""
        return not self.known or MARGIN * self.share >= FILLED

    @property
    def view(self) -> View:
        """What must be cut out around a face to see as much of it."""
        if not self.known:
            return CLOSE
        longer = 1 / self.share
        return View(longer * min(1.0, self.aspect), longer / max(1.0, self.aspect))

    @property
    def note(self) -> str:
        """What to tell who prepares such pictures whole; nothing where faces fill them."""
        if self.close:
            return ""
        return f"faces fill {100 * self.share:.0f} % of these frames (of the longer side): --faces detect cuts them out"

    def takes_whole(self, image: np.ndarray, faces: Sequence[Face]) -> bool:
        """Whether a picture (H, W, 3) with these faces, the largest first, is one like them as it is."""
        height, width = image.shape[:2]
        same_shape = max(width / height / self.aspect, self.aspect * height / width) <= _SAME_SHAPE
        if not faces or not same_shape:
            return same_shape and not faces and self.found < _SURE
        alone = len(faces) == 1 or faces[1].side < _COMPANY * faces[0].side
        share = faces[0].side / max(height, width)
        filled = self.close and MARGIN * faces[0].side >= FILLED * max(height, width)
        return alone and (filled or (self.known and 1 / _ALIKE <= share / self.share <= _ALIKE))

    def check_room(self, image: np.ndarray, face: Face) -> None:
        """Raise UnfitPictureError where the picture shows too little around a face to be like them."""
        height, width = image.shape[:2]
        wide, high = self.view.width * face.side, self.view.height * face.side
        inside = _overlap(face.x, wide, width) * _overlap(face.y, high, height)
        if inside < _INSIDE * wide * high:
            raise UnfitPictureError(
                f"a face fills {100 * face.side / max(height, width):.0f} % of it, but {100 * self.share:.0f} % of the "
                "frames that the network has learnt from: give whole frames; --faces whole takes it as it is"
            )


#: What is cut out is all alike; of models from before this was looked at nothing is known.
CUT_OUT, UNKNOWN = Framing(round(1 / MARGIN, 3), 1.0, 1.0), Framing(0.0, 1.0, 1.0)


def _overlap(middle: float, length: float, end: int) -> float:
    return max(0.0, min(middle + length / 2, end) - max(middle - length / 2, 0))


def look_at_framing(samples: Sequence[Sample], faces: FaceOptions) -> Framing | None:
    """What the pictures of samples show that are prepared with these options; None where nobody can say."""
    if faces.faces == "detect":
        return CUT_OUT
    try:
        finder = make_finder(FaceOptions(faces="detect"))
    except UserError:
        return None
    return measure_framing(samples, finder) if finder else None


def measure_framing(samples: Sequence[Sample], finder: FaceFinder) -> Framing | None:
    """Look at some of the samples, always the same ones. None where none of these can be read."""
    aspects, shares = [], []
    for sample in pick_evenly(samples, LOOKED_AT):
        try:
            image = with_onset_frame(sample).frames.read()[0]
        except UserError:
            continue
        height, width = image.shape[:2]
        aspects.append(width / height)
        side = max((face.side for face in finder.find(image)), default=0.0)
        if side >= _LEAST_SIDE:
            shares.append(side / max(height, width))
    if not aspects:
        return None
    share = min(1.0, median(shares)) if shares else 0.0
    return Framing(round(share, 3), round(len(shares) / len(aspects), 3), round(median(aspects), 3))


def read_framing(picture: Mapping[str, Any]) -> Framing:
    """What a model's record says of its pictures; UNKNOWN where it is from before this was looked at."""
    values = [picture.get(name) for name in CUT_OUT.record()]
    share, found, aspect = (float(value) if isinstance(value, int | float) else -1.0 for value in values)
    if not (0 <= share <= 1 and 0 <= found <= 1 and 0 < aspect < float("inf")):
        return UNKNOWN
    return Framing(share, found, aspect)
