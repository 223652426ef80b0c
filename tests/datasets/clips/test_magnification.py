"""Eulerian magnification: motions at the expression's pace grow by the gain, everything else stays."""

from __future__ import annotations

import numpy as np
import pytest

from emonas.datasets.clips.magnification import magnify

_LENGTH, _SIDE = 40, 96
_ACROSS = np.mgrid[:_SIDE, :_SIDE][1] * 0.8 + np.mgrid[:_SIDE, :_SIDE][0] * 0.6


def _swaying(wave: float, amplitude: float, cycles: float, length: int = _LENGTH) -> np.ndarray:
    """Stripes of a wavelength that sway by some pixels, so many cycles a clip: (T, H, W, 3)."""
    shift = amplitude * np.cos(2 * np.pi * cycles * (np.arange(length) + 0.5) / length)
    stripes = 128 + 50 * np.sin(2 * np.pi * (_ACROSS - shift[:, None, None]) / wave)
    return np.rint(stripes).astype(np.uint8)[..., None].repeat(3, -1)


def _sway(frames: np.ndarray, wave: float) -> float:
    """How far the stripes move, in pixels: from the phase of their wave."""
    turning = ((frames[..., 0] - 128.0) * np.exp(-2j * np.pi * _ACROSS / wave))[:, 12:-12, 12:-12].mean((1, 2))
    phases = np.angle(turning / turning.mean())
    return float(np.ptp(phases)) * wave / (2 * np.pi)


@pytest.mark.parametrize(("gain", "amplitude"), [(1, 0.5), (4, 0.5), (10, 0.25)])
@pytest.mark.parametrize("cycles", [0.5, 1, 3])
def test_a_sinusoidal_motion_grows_by_the_gain(gain: float, amplitude: float, cycles: float) -> None:
    frames = _swaying(48, amplitude, cycles)
    assert _sway(frames, 48) == pytest.approx(2 * amplitude, rel=0.05)
    assert _sway(magnify(frames, gain, _LENGTH), 48) == pytest.approx(2 * amplitude * (1 + gain), rel=0.15)


def test_the_frame_rate_does_not_matter() -> None:
    slow, fast = (magnify(_swaying(48, 0.3, 1, length), 5, length) for length in (30, 120))
    assert _sway(slow, 48) == pytest.approx(_sway(fast, 48), rel=0.05)


def test_the_pace_is_that_of_the_expression_within_the_clip() -> None:
    """A sway of eight cycles a clip is in the band of an expression as long as a quarter of it, not of a whole one."""
    frames = _swaying(48, 0.3, 8)
    assert np.array_equal(magnify(frames, 5, _LENGTH), frames)
    assert _sway(magnify(frames, 5, _LENGTH // 4), 48) > 4 * _sway(frames, 48)


def test_what_is_slower_than_the_expression_is_not_amplified() -> None:
    frames = _swaying(48, 0.3, 1)
    assert _sway(magnify(frames, 5, _LENGTH // 4), 48) == pytest.approx(_sway(frames, 48), rel=0.1)


def test_fine_waves_are_amplified_less_and_the_finest_not_at_all() -> None:
    fine, finest = _swaying(10, 0.05, 1), _swaying(2.5, 0.05, 1)
    assert 0.2 < _sway(magnify(fine, 10, _LENGTH), 10) < 0.7
    assert _sway(magnify(finest, 10, _LENGTH), 2.5) < 0.15


@pytest.mark.parametrize("length", [1, 2, 25])
def test_a_still_clip_stays_as_it_is(length: int) -> None:
    face = np.random.default_rng(0).integers(0, 256, (1, 30, 41, 3), np.uint8)
    frames = face.repeat(length, 0)
    assert np.array_equal(magnify(frames, 50, length), frames)


def test_light_that_swells_is_not_amplified() -> None:
    light = 128 + 20 * np.cos(2 * np.pi * (np.arange(30) + 0.5) / 30)
    frames = np.broadcast_to(np.rint(light)[:, None, None, None], (30, 64, 64, 3)).astype(np.uint8)
    assert np.array_equal(magnify(frames, 20, 30), frames)


def test_levels_end_at_black_and_white() -> None:
    frames = np.zeros((24, 64, 64, 3), np.uint8)
    frames[:, 24:40, 24:40] = 235
    wave = np.cos(2 * np.pi * (np.arange(24) + 0.5) / 24)
    frames[:, 30:36, 30:36] = np.rint(235 + 20 * wave)[:, None, None, None]
    made = magnify(frames, 20, 24)[wave > 0.5, 32, 32]
    assert (made == 255).all()


@pytest.mark.parametrize("shape", [(1, 9, 9), (2, 3, 5), (6, 8, 8), (7, 31, 64), (5, 1, 1)])
def test_clips_of_any_shape_keep_it(shape: tuple[int, int, int]) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    before = frames.copy()
    made = magnify(frames, 10, len(frames))
    assert made.shape == frames.shape and made.dtype == np.uint8
    assert np.array_equal(frames, before)
