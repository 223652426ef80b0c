"""How a sample becomes one picture: a still as it is, a clip as its dynamic image or as its apex frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args

import cv2
import numpy as np

from emonas.errors import UserError
from emonas.options import Coefficients, Representation, Span

from .apex import ApexPolicy, apex_of, phases
from .sample import Sample


@dataclass(frozen=True, kw_only=True)
class PictureOptions:
    """How samples become pictures. ``representation="auto"`` is "still" for stills and "dynamic" for clips.

    Where a database has the option of an apex policy, preparing takes the one by which it is read.
    """

    size: int
    representation: Representation = "auto"
    coefficients: Coefficients = "exact"
    span: Span = "onset-apex"
    apex_policy: ApexPolicy = "middle"


def _still(sample: Sample, options: PictureOptions) -> np.ndarray:
    return sample.frames.read()[0]


def _dynamic(sample: Sample, options: PictureOptions) -> np.ndarray:
    frames = sample.frames.read()
    onset, offset = phases(sample)
    last = offset if options.span == "onset-offset" else apex_of(sample, frames, options.apex_policy)
    if last <= onset:
        raise UserError("no frame between onset and the end of the span, so nothing moves")
    from emonas.dynamic_image import dynamic_image  # brings torch, which stills and tables do without

    return dynamic_image(frames[onset : last + 1], options.coefficients)


def _apex(sample: Sample, options: PictureOptions) -> np.ndarray:
    frames = sample.frames.read()
    return frames[apex_of(sample, frames, options.apex_policy)]


#: name -> (sample, options) -> picture (H, W, C), uint8, at the source's own size
REPRESENTATIONS: dict[str, Callable[[Sample, PictureOptions], np.ndarray]] = {
    "still": _still,
    "dynamic": _dynamic,
    "apex": _apex,
}
assert set(REPRESENTATIONS) | {"auto"} == set(get_args(Representation))


def resolve(representation: Representation, samples: tuple[Sample, ...]) -> Representation:
    """What "auto" means for these samples. Raises UserError where the choice does not fit them."""
    clips = any(len(sample.frames) > 1 for sample in samples)
    if representation == "auto":
        return "dynamic" if clips else "still"
    if (representation == "still") == clips:
        what = "clips: choose dynamic or apex" if clips else "still images: choose still"
        raise UserError(f"--representation {representation} does not fit: these samples are {what}")
    return representation


def picture(sample: Sample, options: PictureOptions) -> np.ndarray:
    """One sample as (C, size, size), uint8. Pooling comes before resizing: one picture is resized, not every frame."""
    image = REPRESENTATIONS[options.representation](sample, options)
    interpolation = cv2.INTER_AREA if max(image.shape[:2]) > options.size else cv2.INTER_LINEAR
    resized = cv2.resize(image, (options.size, options.size), interpolation=interpolation)
    return np.ascontiguousarray(np.moveaxis(resized, -1, 0))
