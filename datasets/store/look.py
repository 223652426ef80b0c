"""A look at some pictures of a set before it is made: how many bits they use, how large and how light they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from statistics import median

import cv2
import numpy as np

from emonas.datasets.clips.frames import ImageFiles, with_bits
from emonas.datasets.clips.sample import ReadResult, Sample, pick_evenly, with_onset_frame
from emonas.datasets.databases import registry
from emonas.datasets.faces.crop import add_face_frames, make_finder
from emonas.datasets.faces.face import FaceFinder
from emonas.datasets.pictures.depth import USED_BITS, fewest_bits
from emonas.datasets.store.plan import PreparePlan
from emonas.errors import UserError

#: So many pictures tell how large and how light those of a set are.
LOOKED_AT = 24
#: A picture of which 99 of 100 pixels are below this level is dark.
_DARK = 48
#: Pictures that are made larger than their sources by more than this share are told of.
_ENLARGED = 1.25
#: Sides that follow the sources are multiples of this, and not below the smallest that networks take.
_STEP, _LEAST = 4, 8


@dataclass(frozen=True)
class Look:
    """Medians over the pictures that were looked at, faces cut out where that is wanted: shorter side, and lightness.

    ``light`` is the level below which 99 of 100 pixels of a picture lie. Both are 0 where no picture could be read.
    """

    side: int
    light: int

    @property
    def dark_note(self) -> Iterator[str]:
        """A note where the pictures are dark."""
        if self.side and self.light < _DARK:
            yield f"the pictures are dark: in half of them 99 of 100 pixels are below level {self.light + 1} of 255"


def settle_pictures(plan: PreparePlan, found: ReadResult) -> tuple[PreparePlan, ReadResult]:
    """The plan with the used bits and, where it is left open, the size by the sources; the samples read by these bits.

    Notes are added on what the pictures are like. Drawn sets are as they are.
    """
    known = registry.entry(plan.dataset)
    if known.embedded:
        return plan, found
    largest = largest_level(found.used)
    bits = (plan.pictures.bits or fewest_bits(largest)) if largest else plan.pictures.bits
    found = replace(found, samples=tuple(with_bits(sample, bits) for sample in found.samples))
    seen = look_at(found.used, make_finder(plan.faces))
    wanted = plan.pictures.size
    size = following_size(seen.side, wanted) if "size" in plan.left_open and known.kind == "own" else wanted
    notes = (*bits_note(largest, bits), *size_note(seen.side, wanted, size), *seen.dark_note)
    plan = replace(plan, pictures=replace(plan.pictures, bits=bits, size=size))
    return plan, replace(found, notes=(*found.notes, *notes))


def largest_level(samples: Sequence[Sample]) -> int:
    """The largest level in those files of 16 bits that do not say how many they use; 0 where there are none.

    A clip is taken to be like its first frame. Files that cannot be read tell nothing; where all bits are used, no more
    are read.
    """
    largest = 0
    for sample in samples:
        if isinstance(sample.frames, ImageFiles):
            with suppress(UserError):
                largest = max(largest, sample.frames.largest())
        if largest >= 2 ** USED_BITS[-2]:
            break
    return largest


def look_at(samples: Sequence[Sample], finder: FaceFinder | None) -> Look:
    """Look at a frame of each of some samples, always the same ones."""
    sides, lights = [], []
    for sample in pick_evenly(samples, LOOKED_AT):
        try:
            image = add_face_frames(with_onset_frame(sample), finder).frames.read()[0]
        except UserError:
            continue
        sides.append(min(image.shape[:2]))
        lights.append(float(np.percentile(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), 99)))
    return Look(int(median(sides)), int(median(lights))) if sides else Look(0, 0)


def following_size(side: int, most: int) -> int:
    """The side of pictures that are not enlarged: that of their sources, in steps of four, at most the usual one."""
    return min(most, max(_LEAST, side // _STEP * _STEP)) if side else most


def bits_note(largest: int, bits: int) -> Iterator[str]:
    """A note where files of 16 bits use fewer, or were read by a number that a user has given."""
    if largest and (bits < USED_BITS[-1] or largest >= 2**bits):
        yield f"files of 16 bits are read as {bits} used bits (the largest level is {largest}); --bits takes others"


def size_note(side: int, usual: int, size: int) -> Iterator[str]:
    """A note where the pictures follow small sources, or are larger than they."""
    if side and size < usual:
        yield f"the shorter side of the sources has {side} pixels, so pictures of {size} are made; --size takes others"
    elif side and size > _ENLARGED * side:
        words = f"the shorter side of the sources has {side} pixels, and pictures of {size} are made by enlarging"
        yield f"{words}; --size {following_size(side, size)} would not"
