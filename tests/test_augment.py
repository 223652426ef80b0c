"""Augmentation: nothing moves when all is off, everything moves the way it says, each sample on its own."""

from __future__ import annotations

from dataclasses import fields

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from emonas.datasets.augment import Augmentation, augment, cutout_mask, policy_for, warp

_OFF = Augmentation(flip=False, shift=0, rotate=0, scale=0, brightness=0, contrast=0, cutout=0)


def _images(n: int = 2, side: int = 16, seed: int = 0) -> Tensor:
    return torch.randn(n, 3, side, side, generator=torch.Generator().manual_seed(seed))


def _luck(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _warp(images: Tensor, flip: float = 1, angle: float = 0, scale: float = 1, dx: float = 0, dy: float = 0) -> Tensor:
    n = len(images)
    return warp(images, *(torch.full((n,), float(value)) for value in (flip, angle, scale, dx, dy)))


def test_all_off_changes_nothing() -> None:
    images = _images()
    torch.testing.assert_close(augment(images, _OFF, _luck()), images, atol=1e-5, rtol=0)


def test_a_flip_mirrors_left_and_right() -> None:
    images = _images()
    torch.testing.assert_close(_warp(images, flip=-1), images.flip(3), atol=1e-5, rtol=0)


def test_about_half_of_the_samples_are_mirrored_and_only_mirrored() -> None:
    images = _images(64)
    made = augment(images, Augmentation(True, 0, 0, 0, 0, 0, 0), _luck())
    same = (made - images).abs().amax((1, 2, 3)) < 1e-4
    mirrored = (made - images.flip(3)).abs().amax((1, 2, 3)) < 1e-4
    assert (same ^ mirrored).all()
    assert 16 < mirrored.sum() < 48


@pytest.mark.parametrize(("dx", "dy"), [(0.25, 0), (-0.25, 0), (0, 0.25), (0, -0.5), (0.125, -0.25)])
def test_a_shift_moves_the_window_right_and_down_and_repeats_the_edge(dx: float, dy: float) -> None:
    images = _images()
    right, down = round(dx * 16), round(dy * 16)
    rows = (torch.arange(16) + down).clamp(0, 15)
    columns = (torch.arange(16) + right).clamp(0, 15)
    torch.testing.assert_close(_warp(images, dx=dx, dy=dy), images[:, :, rows][:, :, :, columns], atol=1e-4, rtol=0)


def test_a_quarter_turn_is_a_rotation_by_ninety_degrees() -> None:
    images = _images()
    torch.testing.assert_close(_warp(images, angle=torch.pi / 2), torch.rot90(images, 1, (2, 3)), atol=1e-4, rtol=0)


def test_a_scale_above_one_enlarges_the_middle() -> None:
    square = torch.zeros(1, 1, 16, 16)
    square[:, :, 6:10, 6:10] = 1
    assert _warp(square, scale=2).sum() == pytest.approx(4 * 16, rel=0.05)
    assert _warp(square, scale=0.5).sum() == pytest.approx(16 / 4, rel=0.05)


def test_brightness_and_contrast_act_on_whole_pictures() -> None:
    images = _images(8)
    brighter = augment(images, Augmentation(False, 0, 0, 0, 0.5, 0, 0), _luck()) - images
    assert (brighter.amax((1, 2, 3)) - brighter.amin((1, 2, 3))).max() < 1e-4
    assert brighter.abs().max() <= 0.5 and len(brighter[:, 0, 0, 0].unique()) == 8
    gain = augment(images, Augmentation(False, 0, 0, 0, 0, 0.5, 0), _luck()) / images
    assert gain.flatten(1).median(1).values.sub(1).abs().max() <= 0.5 + 1e-4
    assert gain.flatten(1).std(1).max() < 1e-2


@pytest.mark.parametrize("side", [0.25, 0.5])
def test_cutout_erases_a_square(side: float) -> None:
    centres = torch.tensor([0.5, 0.0, 1.0])
    mask = cutout_mask(torch.Size([32, 32]), centres, torch.tensor([0.5, 0.5, 1.0]), side)
    erased = (mask == 0).sum((1, 2, 3)) / 32**2
    assert erased.tolist() == pytest.approx([side**2, side**2 / 2, side**2 / 4])
    assert mask[0, 0, 16, 16] == 0 and mask[0, 0, 0, 0] == 1 and mask[2, 0, 31, 31] == 0
    made = augment(torch.ones(4, 3, 32, 32), Augmentation(False, 0, 0, 0, 0, 0, side), _luck())
    assert (made == 0).any() and (made[:, 0] == made[:, 1]).all()


@pytest.mark.parametrize("policy", [Augmentation(), Augmentation(cutout=0.4)])
def test_the_same_generator_gives_the_same_pictures(policy: Augmentation) -> None:
    images = _images(4)
    made = augment(images, policy, _luck(1))
    torch.testing.assert_close(made, augment(images, policy, _luck(1)), atol=0, rtol=0)
    assert (made - augment(images, policy, _luck(2))).abs().amax((1, 2, 3)).min() > 0.01


def test_every_sample_is_changed_in_its_own_way_whatever_its_neighbour_shows() -> None:
    image, other = _images(1), _images(1, seed=1)
    policy = Augmentation(cutout=0.4)
    twins = augment(torch.cat([image, image]), policy, _luck())
    assert (twins[0] - twins[1]).abs().max() > 0.1
    torch.testing.assert_close(augment(torch.cat([image, other]), policy, _luck())[0], twins[0], atol=0, rtol=0)
    torch.testing.assert_close(augment(torch.cat([other, image]), policy, _luck())[1], twins[1], atol=0, rtol=0)


@settings(max_examples=40)
@given(
    st.builds(
        Augmentation,
        flip=st.booleans(),
        shift=st.floats(0, 0.5),
        rotate=st.floats(0, 180),
        scale=st.floats(0, 0.9),
        brightness=st.floats(0, 2),
        contrast=st.floats(0, 1),
        cutout=st.floats(0, 1),
    ),
    st.integers(1, 5),
    st.integers(0, 2**31 - 1),
)
def test_nothing_is_ever_lost_or_infinite(policy: Augmentation, n: int, seed: int) -> None:
    images = _images(n, 9).clamp(-2, 2).contiguous(memory_format=torch.channels_last)
    made = augment(images, policy, _luck(seed))
    assert made.shape == images.shape and made.dtype == images.dtype
    assert made.is_contiguous(memory_format=torch.channels_last)
    assert made.isfinite().all() and made.abs().max() <= 2 * 2 + 2 + 1e-4


def test_dynamic_images_are_moved_and_changed_less_than_faces() -> None:
    faces, motion = policy_for("still"), policy_for("dynamic")
    assert faces == policy_for("apex") == Augmentation() != motion
    assert all(getattr(motion, part.name) <= getattr(faces, part.name) for part in fields(Augmentation))


def test_the_given_pictures_stay_as_they_are() -> None:
    images = _images()
    before = images.clone()
    augment(images, Augmentation(cutout=0.5), _luck())
    assert torch.equal(images, before)
