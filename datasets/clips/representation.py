"""How a sample becomes one picture of uint8 channels: a still as it is, a clip as what its representation makes of it.

    still          the picture                                                          3 channels
    dynamic        its dynamic image from onset to apex, or to offset by ``span``       3
    dynamic-pair   the dynamic images from onset to apex and from apex to offset        6
    flow           motion right, motion down, strain from onset to apex                 3
    apex           its apex frame                                                       3
    clip           ``length`` frames from onset to offset, channel 3 t + c: frame t     3 x length

A prepared array (N, C, H, W) of clips is read back as video by ``images.reshape(N, -1, 3, H, W)``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import get_args

import cv2
import numpy as np

from emonas.datasets.clips.apex import ApexPolicy, apex_of, phases
from emonas.datasets.clips.dynamic_image import dynamic_image
from emonas.datasets.clips.flow import flow_picture
from emonas.datasets.clips.interpolation import interpolate
from emonas.datasets.clips.magnification import magnify
from emonas.datasets.clips.options import PictureConfig
from emonas.datasets.clips.sample import Sample, UnusableError, part_of
from emonas.errors import UserError
from emonas.options.types import Representation

#: How far a magnification looks beyond onset and offset, in their distance: a slower wave is none of an expression's.
_CONTEXT = 4


@dataclass(frozen=True, kw_only=True)
class PictureOptions(PictureConfig):
    """How samples become pictures: ``size`` is settled, and so is which frame is the apex where the owner gives none.

    ``bits`` is 0 where no file of 16 bits was seen. ``representation="auto"`` is "still" for stills and "dynamic" for
    clips, see `resolve_representation`. ``interpolation`` gives every span that is pooled, and every clip, ``length``
    frames; a clip without it takes the nearest ones. Raises UserError for options that do not fit each other.
    """

    size: int = field()
    apex_policy: ApexPolicy = "middle"

    def __post_init__(self) -> None:
        if self.interpolation != "none" and self.representation in ("still", "apex", "flow"):
            raise UserError(f"--interpolation does not fit {self.representation}, which takes single frames")
        if self.magnify and self.representation == "still":
            raise UserError("--magnify does not fit still images, in which nothing moves")

    @property
    def channels(self) -> int:
        """Channels of the pictures."""
        return 3 * {"dynamic-pair": 2, "clip": self.length}.get(self.representation, 1)


def _still(sample: Sample, frames: np.ndarray, options: PictureOptions) -> Sequence[np.ndarray]:
    return (frames[0],)


def _dynamic(sample: Sample, frames: np.ndarray, options: PictureOptions) -> Sequence[np.ndarray]:
    onset, offset = phases(sample)
    last = offset if options.span == "onset-offset" else apex_of(sample, frames, options.apex_policy)
    _check_motion(onset, last, offset, " to pool; --span onset-offset takes those after it")
    return (_pooled(frames[onset : last + 1], options),)


def _dynamic_pair(sample: Sample, frames: np.ndarray, options: PictureOptions) -> Sequence[np.ndarray]:
    """A half without motion, where the apex is the first or last frame, is even grey."""
    onset, offset = phases(sample)
    apex = apex_of(sample, frames, options.apex_policy)
    _check_motion(onset, offset, offset)
    return _pooled(frames[onset : apex + 1], options), _pooled(frames[apex : offset + 1], options)


def _flow(sample: Sample, frames: np.ndarray, options: PictureOptions) -> Sequence[np.ndarray]:
    onset, offset = phases(sample)
    apex = apex_of(sample, frames, options.apex_policy)
    _check_motion(onset, apex, offset)
    return (flow_picture(frames[onset], frames[apex], options.flow),)


def _check_motion(onset: int, last: int, offset: int, instead: str = "") -> None:
    """Raise UnusableError, saying why, where nothing moves from the onset to the last frame that is looked at."""
    if last > onset:
        return
    if offset > onset:
        raise UnusableError(f"apex on the onset: no frames between them{instead}")
    raise UnusableError("nothing moves: the clip has a single frame, or its onset is its offset")


def _apex(sample: Sample, frames: np.ndarray, options: PictureOptions) -> Sequence[np.ndarray]:
    return (frames[apex_of(sample, frames, options.apex_policy)],)


def _clip(sample: Sample, frames: np.ndarray, options: PictureOptions) -> Sequence[np.ndarray]:
    onset, offset = phases(sample)
    return tuple(interpolate(frames[onset : offset + 1], options.length, options.interpolation))


def _pooled(frames: np.ndarray, options: PictureOptions) -> np.ndarray:
    if options.interpolation != "none":
        frames = interpolate(frames, options.length, options.interpolation)
    return dynamic_image(frames, options.coefficients)


#: name -> (sample, its frames, options) -> pictures (H, W, 3) of levels 0..255, uint8 or float, at the frames' own size
REPRESENTATIONS: dict[str, Callable[[Sample, np.ndarray, PictureOptions], Sequence[np.ndarray]]] = {
    "still": _still,
    "dynamic": _dynamic,
    "dynamic-pair": _dynamic_pair,
    "flow": _flow,
    "apex": _apex,
    "clip": _clip,
}
assert set(REPRESENTATIONS) | {"auto"} == set(get_args(Representation))


def resolve_representation(representation: Representation, samples: tuple[Sample, ...]) -> Representation:
    """What "auto" means for these samples. Raises UserError where the choice does not fit them."""
    clips = any(len(sample.frames) > 1 for sample in samples)
    if representation == "auto":
        return "dynamic" if clips else "still"
    if (representation == "still") == clips:
        of_clips = ", ".join(name for name in REPRESENTATIONS if name != "still")
        what = f"clips: choose from {of_clips}" if clips else "still images: choose still"
        raise UserError(f"--representation {representation} does not fit: these samples are {what}")
    return representation


def make_picture(sample: Sample, options: PictureOptions, frames: np.ndarray | None = None) -> np.ndarray:
    """One sample as (channels, size, size), uint8. Pooling comes before resizing: one picture is resized, not all.

    ``frames`` are the sample's where they have been read already, of one that is `narrowed`.
    """
    if frames is None:
        sample = narrowed(sample, options)
        frames = sample.frames.read()
    if options.magnify:
        onset, offset = phases(sample)
        frames = magnify(frames, options.magnify, offset - onset + 1)
    made = REPRESENTATIONS[options.representation](sample, frames, options)
    return np.concatenate([_square(one, options.size) for one in made])


def narrowed(sample: Sample, options: PictureOptions) -> Sample:
    """The sample with the frames that its picture is made of: those of a clip from onset to offset, for a
    magnification some around them, too."""
    if options.representation == "still":
        return sample
    context = _CONTEXT if options.magnify else 0
    onset, offset = phases(sample)
    apex = onset if sample.apex is None else sample.apex
    around = context * (offset - onset + 1)
    first = max(0, min(onset - around, apex))
    last = min(len(sample.frames) - 1, max(offset + around, apex))
    if (first, last) == (0, len(sample.frames) - 1):
        return sample
    moved = None if sample.apex is None else apex - first
    frames = part_of(sample.frames, first, last)
    return replace(sample, frames=frames, onset=onset - first, apex=moved, offset=offset - first)


def _square(image: np.ndarray, size: int) -> np.ndarray:
    """Levels (H, W, C) as (C, size, size), uint8."""
    interpolation = cv2.INTER_AREA if max(image.shape[:2]) > size else cv2.INTER_LINEAR
    resized = cv2.resize(image, (size, size), interpolation=interpolation)
    if resized.dtype != np.uint8:
        resized = np.clip(np.rint(resized), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(np.moveaxis(resized, -1, 0))


def show_as_picture(array: np.ndarray, representation: str) -> np.ndarray:
    """A prepared picture (C, H, W), uint8, for the eye: (H, k W, 3), RGB.

    A pair is shown side by side (k = 2), of a clip the first, the middle and the last frame (k = 3), and a flow as it
    is stored: grey stands still, red moves right, green down, their lack left and up; blue is strain.
    """
    parts = array.reshape(-1, 3, *array.shape[1:])
    if representation == "clip":
        parts = parts[[0, len(parts) // 2, -1]]
    return np.concatenate(list(np.moveaxis(parts, 1, -1)), axis=1)
