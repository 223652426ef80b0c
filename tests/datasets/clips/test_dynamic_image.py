"""The dynamic image: the published coefficients, what cancels, what shows, and the batch form."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args

import numpy as np
import pytest
import torch

from emonas.datasets.clips.dynamic_image import STILL, coefficients, dynamic_image, dynamic_images, weighted_sums
from emonas.errors import UserError
from emonas.options.types import Coefficients

KINDS = get_args(Coefficients)


def clip(length: int, seed: int = 0, shape: tuple[int, ...] = (6, 5, 3)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (length, *shape), np.uint8)


def batch(frames: np.ndarray) -> torch.Tensor:
    """A clip (T, H, W, C) as a batch of one (1, T, C, H, W)."""
    return torch.from_numpy(frames).permute(0, 3, 1, 2)[None]


def levels(pictures: torch.Tensor) -> np.ndarray:
    """The one picture of a batch as (H, W, C) in 0..255, not rounded."""
    return pictures[0].permute(1, 2, 0).numpy() * 255


def test_exact_coefficients_of_ten_frames() -> None:
    assert coefficients(10)[:6] == pytest.approx([-12.21, -3.21, 0.29, 1.95, 2.70, 2.90], abs=0.01)


@pytest.mark.parametrize("length", [1, 2, 3, 10, 97])
def test_exact_sum_equals_the_closed_form(length: int) -> None:
    harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, length + 1))])
    t = np.arange(1, length + 1)
    closed = 2 * (length - t + 1) - (length + 1) * (harmonic[length] - harmonic[t - 1])
    assert coefficients(length) == pytest.approx(closed, abs=1e-9)


@pytest.mark.parametrize("length", [1, 2, 7, 40, 500])
@pytest.mark.parametrize(("kind", "total"), [("exact", 0), ("linear", 0), ("learnet", 1)])
def test_coefficients_sum_to_nothing_or_to_the_length(kind: Coefficients, total: int, length: int) -> None:
    assert coefficients(length, kind).sum() == pytest.approx(total * length, abs=1e-8)


def test_coefficients_of_one_frame() -> None:
    assert [coefficients(1, kind).tolist() for kind in KINDS] == [[0.0], [0.0], [1.0]]


def test_linear_coefficients_grow_by_two() -> None:
    assert coefficients(4, "linear").tolist() == [-3, -1, 1, 3]


@pytest.mark.parametrize("length", [1, 2, 40, 300])
@pytest.mark.parametrize("kind", ["exact", "linear"])
def test_still_clip_is_even_grey(kind: Coefficients, length: int) -> None:
    still = np.repeat(clip(1), length, axis=0)
    assert (dynamic_image(still, kind) == STILL).all()
    assert dynamic_images(batch(still), kind).numpy() == pytest.approx(STILL / 255)


@pytest.mark.parametrize("length", [1, 40])
def test_still_clip_of_learnet_is_the_face(length: int) -> None:
    face = np.arange(60, dtype=np.uint8).reshape(1, 5, 4, 3) + 40
    expected = np.arange(60).reshape(5, 4, 3) / 59 * 255
    assert dynamic_image(np.repeat(face, length, axis=0), "learnet") == pytest.approx(expected, abs=1)


def test_even_picture_of_learnet_is_even_grey() -> None:
    assert (dynamic_image(np.full((5, 4, 4, 3), 9, np.uint8), "learnet") == STILL).all()


@pytest.mark.parametrize("kind", KINDS)
def test_all_levels_are_used_across_the_channels(kind: Coefficients) -> None:
    frames = clip(12)
    frames[..., 1] //= 8
    picture = dynamic_image(frames, kind)
    assert (picture.dtype, picture.shape) == (np.uint8, (6, 5, 3))
    assert (picture.min(), picture.max()) == (0, 255)
    assert np.ptp(picture[..., 1]) < 100


@pytest.mark.parametrize("length", [2, 10, 60])
@pytest.mark.parametrize("kind", ["exact", "linear"])
def test_what_stands_still_cancels(kind: Coefficients, length: int) -> None:
    moving = clip(length) // 2
    still = clip(1, seed=1) // 2
    difference = dynamic_image(moving + still, kind).astype(int) - dynamic_image(moving, kind)
    assert abs(difference).max() <= 1


@pytest.mark.parametrize(("length", "start"), [(2, 1), (10, 5), (60, 59)])
def test_the_smallest_movement_shows(length: int, start: int) -> None:
    frames = np.full((length, 8, 8, 3), 200, np.uint8)
    frames[start:, 2, 2] += 1
    picture = dynamic_image(frames)
    assert (picture[2, 2] == 255).all()
    assert picture.sum() == 3 * 255


def test_reversed_time_is_the_negative() -> None:
    frames = clip(9)
    total = dynamic_image(frames, "linear").astype(int) + dynamic_image(frames[::-1], "linear")
    assert abs(total - 255).max() <= 1


def test_float_frames_are_pooled_like_bytes() -> None:
    frames = clip(7)
    assert np.array_equal(dynamic_image(frames), dynamic_image(frames.astype(np.float64)))


@pytest.mark.parametrize("shape", [(1, 1, 1), (6, 5, 3), (61, 67, 3), (112, 112, 3)])
@pytest.mark.parametrize("length", [1, 2, 64, 300])
@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.float64])
def test_weighted_sums_are_those_of_a_loop_over_the_frames(shape: tuple[int, ...], length: int, kind: type) -> None:
    frames = clip(length, shape=shape).astype(kind)
    weights = np.random.default_rng(1).standard_normal((2, length))
    expected = np.zeros((2, *shape))
    for frame, weight in zip(frames, weights.T, strict=True):
        expected += weight[:, None, None, None] * frame
    made = weighted_sums(weights, frames)
    assert made.dtype == np.float32 and made.shape == (2, *shape)
    np.testing.assert_allclose(made, expected, atol=1e-6 * 255 * np.abs(weights).sum(1).max())


def test_a_part_of_a_clip_is_pooled_like_a_copy_of_it() -> None:
    frames = clip(30, shape=(40, 50, 3))
    assert np.array_equal(dynamic_image(frames[4:21]), dynamic_image(frames[4:21].copy()))
    assert np.array_equal(dynamic_image(frames[:, 5:30, ::2]), dynamic_image(frames[:, 5:30, ::2].copy()))


def test_the_pooling_of_one_clip_does_without_torch() -> None:
    code = (
        "import sys, emonas.datasets.clips.dynamic_image, emonas.datasets.clips.representation\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_batch_equals_one_by_one(kind: Coefficients) -> None:
    for length in range(1, 41):
        frames = clip(length, seed=length)
        assert levels(dynamic_images(batch(frames), kind)) == pytest.approx(dynamic_image(frames, kind), abs=0.51)


def test_clips_of_a_batch_do_not_touch_each_other() -> None:
    first, second = clip(6), clip(6, seed=1) // 4
    still = np.repeat(first[:1], 6, axis=0)
    together = dynamic_images(torch.cat([batch(first), batch(second), batch(still)]))
    assert together.shape == (3, 3, 6, 5)
    for one, frames in zip(together, (first, second, still), strict=True):
        assert levels(one[None]) == pytest.approx(dynamic_image(frames), abs=0.51)


@pytest.mark.parametrize(
    ("frames", "kind", "reason"),
    [
        (np.zeros((0, 4, 4, 3), np.uint8), "exact", "at least one frame"),
        (np.zeros((4, 4, 3), np.uint8), "exact", r"\(T, H, W, C\)"),
        (np.zeros((1, 4, 4, 4, 3), np.uint8), "exact", r"\(T, H, W, C\)"),
        (np.zeros((4, 4, 4, 3), np.uint8), "quadratic", "'quadratic'.*exact, linear, learnet"),
    ],
)
def test_what_is_no_clip_is_refused(frames: np.ndarray, kind: Coefficients, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        dynamic_image(frames, kind)


def test_empty_clips_of_a_batch_are_refused() -> None:
    with pytest.raises(UserError, match="at least one frame"):
        dynamic_images(torch.zeros(2, 0, 3, 4, 4))
