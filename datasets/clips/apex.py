"""The apex of a clip, and what stands for it where the owner gives none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import cv2
import numpy as np

from emonas.datasets.clips.sample import Sample
from emonas.errors import UserError

ApexPolicy = Literal["middle", "max-diff", "drop"]
_NO_APEX = "no apex: the owner gives none"


def phases(sample: Sample) -> tuple[int, int]:
    """Onset and offset positions; the whole clip where the owner gives none."""
    onset = sample.onset if sample.onset is not None else 0
    return onset, sample.offset if sample.offset is not None else len(sample.frames) - 1


def apex_of(sample: Sample, frames: np.ndarray, policy: ApexPolicy = "middle") -> int:
    """The apex frame's position; ``frames`` are the sample's own, (T, H, W, C) uint8.

    Where the owner gives none (as for SMIC) it is, by the policy, the middle between onset and offset, or the frame
    that differs most from both; "drop" raises UserError. Of two middle frames it is the later one, so that two
    frames already have a motion between them.
    """
    onset, offset = phases(sample)
    if sample.apex is not None:
        return sample.apex
    if policy == "drop":
        raise UserError(_NO_APEX)
    middle = (onset + offset + 1) // 2
    return find_most_different(frames, onset, offset, middle) if policy == "max-diff" else middle


def find_most_different(frames: np.ndarray, onset: int, offset: int, otherwise: int) -> int:
    """The frame between onset and offset with the largest sum of absolute differences from the two.

    A slow drift of light or pose moves the two distances against each other, which one distance alone would follow
    to the clip's end. ``otherwise`` where no frame differs.
    """
    ends = (frames[onset], frames[offset])
    differences = [sum(cv2.norm(frame, end, cv2.NORM_L1) for end in ends) for frame in frames[onset : offset + 1]]
    # Of a pure drift every frame has the same sum, and of a still clip each has none.
    return onset + int(np.argmax(differences)) if max(differences) > differences[0] else otherwise


def without_apex_dropped(samples: Iterable[Sample]) -> tuple[Sample, ...]:
    """The samples, clips without an apex dropped."""
    return tuple(
        sample.drop(_NO_APEX) if sample.apex is None and not sample.dropped and sample.onset is not None else sample
        for sample in samples
    )
