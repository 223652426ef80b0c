"""Optical flow and strain on motions whose truth is known."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from emonas.datasets.clips import flow as module
from emonas.datasets.clips.flow import FLOW_SIDE, MOTION_RANGE, STRAIN_RANGE, flow_picture, optical_flow, strain
from emonas.options.types import FlowMethod

_METHODS = get_args(FlowMethod)


def _texture(side: int = 96) -> np.ndarray:
    """Random waves of grey in 20..220, (side, side)."""
    waves = gaussian_filter(np.random.default_rng(0).standard_normal((side, side)), side / 40, mode="wrap")
    return 20 + 200 * (waves - waves.min()) / np.ptp(waves)


def _moved(u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A texture before and after it has moved by (u, v), as RGB frames."""
    texture = _texture(len(u))
    y, x = np.mgrid[: len(u), : len(u)].astype(float)
    after = map_coordinates(texture, [y - v, x - u], order=3, mode="grid-wrap").clip(0, 255)
    before, after = (np.rint(one).astype(np.uint8)[..., None].repeat(3, -1) for one in (texture, after))
    return before, after


def _inside(field: np.ndarray) -> np.ndarray:
    edge = len(field) // 8
    return field[edge:-edge, edge:-edge]


def _even(side: int, value: float) -> np.ndarray:
    return np.full((side, side), value)


@pytest.mark.parametrize("method", _METHODS)
@pytest.mark.parametrize(("right", "down"), [(1.0, 0.5), (-0.3, 0.2), (0.0, -2.0), (3.0, 0.0)])
def test_the_flow_of_a_shifted_texture_is_the_shift(method: Any, right: float, down: float) -> None:
    flow = _inside(optical_flow(*_moved(_even(96, right), _even(96, down)), method))
    assert flow.dtype == np.float32 and flow.shape[2] == 2
    assert flow.mean((0, 1)) == pytest.approx([right, down], abs=0.05)
    assert np.abs(flow - [right, down]).mean() < 0.1
    assert np.median(_inside(strain(flow))) < 0.02


@pytest.mark.parametrize("method", _METHODS)
def test_nothing_moves_between_equal_frames(method: Any) -> None:
    before, _ = _moved(_even(64, 0), _even(64, 0))
    assert np.abs(_inside(optical_flow(before, before, method))).max() < 0.01


@pytest.mark.parametrize("method", _METHODS)
def test_the_strain_of_a_stretched_texture_is_seen_and_that_of_a_turned_one_is_not(method: Any) -> None:
    y, x = np.mgrid[:96, :96] - 47.5
    stretched = strain(optical_flow(*_moved(0.03 * x, 0 * y), method))
    turned = strain(optical_flow(*_moved(-0.03 * y, 0.03 * x), method))
    assert np.median(_inside(stretched)) == pytest.approx(0.03, rel=0.2)
    assert np.median(_inside(turned)) < 0.7 * np.median(_inside(stretched))


def test_strain_of_analytic_fields() -> None:
    y, x = np.mgrid[:20, :30].astype(np.float32)
    zero = 0 * x

    def of(u: np.ndarray, v: np.ndarray) -> np.ndarray:
        return strain(np.stack([u, v], -1))

    assert np.abs(of(zero + 3, zero - 2)).max() == 0  # a shift
    assert np.abs(of(-0.1 * y, 0.1 * x)).max() < 1e-6  # a small rotation
    assert of(0.1 * x, zero) == pytest.approx(0.1, abs=1e-6)  # a stretch in one direction
    assert of(0.1 * x, 0.1 * y) == pytest.approx(0.1 * 2**0.5, abs=1e-6)  # in both
    assert of(0.1 * y, zero) == pytest.approx(0.05 * 2**0.5, abs=1e-6)  # a shear
    angle = 0.05
    turned = of((np.cos(angle) - 1) * x - np.sin(angle) * y, np.sin(angle) * x + (np.cos(angle) - 1) * y)
    assert turned == pytest.approx(2**0.5 * (1 - np.cos(angle)), abs=1e-6)  # a rotation, to second order


def test_levels_have_one_fixed_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of frames 40 wide and 20 high: shares of the width and of the height, whatever the rest of the picture does."""
    flow = np.zeros((20, 40, 2), np.float32)
    flow[:, :20] = 40 * MOTION_RANGE / 2, -20 * MOTION_RANGE
    flow[0, 39] = 1000, 0
    monkeypatch.setattr(module, "optical_flow", lambda before, after, method: flow)
    still = np.zeros((20, 40, 3), np.uint8)
    levels = flow_picture(still, still)
    assert levels.shape == (20, 40, 3)
    assert levels[10, 5] == pytest.approx([128 + 63.5, 1, 128])
    assert levels[10, 30] == pytest.approx([128, 128, 128])
    assert levels[0, 39, 0] == 255 and levels[0, 39, 2] == 255
    y, x = np.mgrid[:20, :40].astype(np.float32)
    flow = np.stack([x * STRAIN_RANGE / 2, 0 * y], -1)
    assert flow_picture(still, still)[..., 2] == pytest.approx(128 + 63.5, abs=1e-3)


def test_large_frames_are_shrunk_and_keep_their_shares() -> None:
    side = 2 * FLOW_SIDE
    before, after = _moved(_even(side, 0.01 * side), _even(side, -0.005 * side))
    levels = flow_picture(before, after)
    assert levels.shape == (FLOW_SIDE, FLOW_SIDE, 3)
    expected = 128 + 127 * np.array([0.01, -0.005]) / MOTION_RANGE
    assert np.median(_inside(levels)[..., :2], (0, 1)) == pytest.approx(expected, abs=2)
