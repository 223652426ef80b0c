"""Levels of more than 8 bits: cameras of 10, 12 or 14 bits write files of 16, which do not say how many are used.

The used bits are the fewest of 8, 10, 12, 14 and 16 that hold the largest level. They are found for a whole data set,
so that all of its pictures are as bright as they were in front of the camera, and recorded with it.
"""

from __future__ import annotations

import numpy as np

from emonas.errors import UserError
from emonas.options.types import Bits

#: How many bits cameras use.
USED_BITS: tuple[Bits, ...] = (8, 10, 12, 14, 16)
_LARGEST = 2**16 - 1


def fewest_bits(largest: int) -> Bits:
    """The fewest used bits that hold a level up to 65535."""
    return next(bits for bits in USED_BITS if largest < 2**bits)


def to_8_bits(image: np.ndarray, bits: int) -> np.ndarray:
    """Levels, uint16, of so many used bits as uint8; lighter ones become white."""
    return np.minimum(image >> (bits - 8), 255).astype(np.uint8)


def to_levels(image: np.ndarray, most: int) -> np.ndarray:
    """Pixels of any type as uint16 levels, or as uint8 where ``most``, the largest level, is declared (else 0).

    Floats up to 1 are shares of the largest level. Raises UserError for what no level is.
    """
    if image.dtype == np.uint8:
        return image
    if not np.isfinite(image).all():
        raise UserError("a picture with levels that are no numbers: save it as PNG")
    low, high = image.min(), image.max()
    if image.dtype.kind == "f" and high <= 1:
        most, high = 1, 1
    if low < 0 or high > _LARGEST:
        raise UserError(f"a picture with levels from {low:g} to {high:g}: save it with levels from 0 to 1, or to 65535")
    if most:
        return np.minimum(np.rint(image * (255 / most)), 255).astype(np.uint8)
    return np.rint(image).astype(np.uint16) if image.dtype.kind == "f" else image.astype(np.uint16)


def white_below(image: np.ndarray) -> np.ndarray:
    """Levels (H, W, 4) with their opacity, laid on white: (H, W, 3) of the same type."""
    if image[..., 3].min() == image[..., 3].max() > 0:
        # Nothing shines through, in whatever part of the numbers opacity was written.
        return image[..., :3]
    most = np.iinfo(image.dtype).max
    opacity = image[..., 3:].astype(np.float32) / most
    return np.rint(image[..., :3] * opacity + most * (1 - opacity)).astype(image.dtype)
