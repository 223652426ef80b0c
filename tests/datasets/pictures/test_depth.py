"""The used bits of levels, and levels by them."""

from __future__ import annotations

import numpy as np
import pytest

from emonas.datasets.pictures.depth import fewest_bits, to_8_bits


@pytest.mark.parametrize(
    ("largest", "bits"), [(0, 8), (255, 8), (256, 10), (1023, 10), (1024, 12), (16383, 14), (16384, 16), (65535, 16)]
)
def test_the_fewest_bits_that_cameras_use(largest: int, bits: int) -> None:
    assert fewest_bits(largest) == bits


def test_all_levels_of_the_used_bits_are_told_apart_as_far_as_8_bits_can() -> None:
    for bits in (8, 10, 12, 14, 16):
        levels = to_8_bits(np.arange(2**bits, dtype=np.uint16), bits)
        assert (np.bincount(levels) == 2 ** (bits - 8)).all()
    assert to_8_bits(np.array([5000], np.uint16), 12).tolist() == [255]
