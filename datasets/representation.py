"""How a sample becomes one picture: a still as it is, a clip as its dynamic image or as its apex frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args

import cv2
import numpy as np

from emonas.errors import UserError
from emonas.options import Coefficients, Representation, Span

from .sample import Sample


@dataclass(frozen=True, kw_only=True)
class PictureOptions:
    """How samples become pictures. ``representation="auto"`` is "still" for stills and "dynamic" for clips."""

    size: int
    representation: Representation = "auto"
    coefficients: Coefficients = "exact"
    span: Span = "onset-apex"


def apex_of(sample: Sample) -> int:
    """The apex frame's position; the middle between onset and offset where the owner gives none (as for SMIC).

    Of two middle frames it is the later one, so that two frames already have a motion between them.
    """
    onset, offset = phases(sample)
    return sample.apex if sample.apex is not None else (onset + offset + 1) // 2


def phases(sample: Sample) -> tuple[int, int]:
    """Onset and offset positions; the whole clip where the owner gives none."""
    onset = sample.onset if sample.onset is not None else 0
    return onset, sample.offset if sample.offset is not None else len(sample.frames) - 1


def _still(sample: Sample, options: PictureOptions) -> np.ndarray:
    return sample.frames.read()[0]


def _dynamic(sample: Sample, options: PictureOptions) -> np.ndarray:
    onset, offset = phases(sample)
    last = offset if options.span == "onset-offset" else apex_of(sample)
    if last <= onset:
        raise UserError("no frame between onset and the end of the span, so nothing moves")
    from emonas.dynamic_image import dynamic_image  # brings torch, which stills and tables do without

    return dynamic_image(sample.frames.read()[onset : last + 1], options.coefficients)


def _apex(sample: Sample, options: PictureOptions) -> np.ndarray:
    return sample.frames.read()[apex_of(sample)]


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
