"""Augmentation: nothing moves when all is off, everything moves the way it says, each sample on its own."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from emonas.datasets.loading.augment import Augmentation, augment, cutout_mask, mix, policy_for, turn_vectors, warp
from emonas.datasets.loading.batches import normalise

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
    assert faces == policy_for("apex") == policy_for("clip") == Augmentation() != motion == policy_for("dynamic-pair")
    assert all(getattr(motion, part.name) <= getattr(faces, part.name) for part in fields(Augmentation))


def test_a_flow_is_moved_like_a_dynamic_image_and_keeps_its_levels() -> None:
    motion, flow = policy_for("dynamic"), policy_for("flow")
    assert flow == replace(motion, brightness=0, contrast=0, vectors=True)


def test_a_flip_mirrors_a_flow_and_turns_right_into_left() -> None:
    levels = torch.randint(0, 256, (32, 3, 8, 8), dtype=torch.uint8, generator=_luck()).clamp(min=1)
    mirrored = levels.flip(3)
    mirrored[:, 0] = 256 - mirrored[:, 0].int()  # 128 is no motion
    made = augment(normalise(levels), replace(_OFF, flip=True, vectors=True), _luck())
    same, other = ((made - normalise(one)).abs().amax((1, 2, 3)) < 1e-4 for one in (levels, mirrored))
    assert (same ^ other).all() and 8 < other.sum() < 24


@pytest.mark.parametrize("channels", [6, 9])
def test_a_flip_mirrors_all_dynamic_images_and_all_frames_alike(channels: int) -> None:
    images = torch.randn(16, channels, 8, 8, generator=_luck())
    made = augment(images, replace(_OFF, flip=True), _luck())
    same, mirrored = ((made - one).abs().amax((1, 2, 3)) < 1e-4 for one in (images, images.flip(3)))
    assert (same ^ mirrored).all() and same.any() and mirrored.any()


def test_no_motion_stays_no_motion() -> None:
    still = normalise(torch.full((8, 3, 16, 16), 128, dtype=torch.uint8))
    torch.testing.assert_close(augment(still, policy_for("flow"), _luck()), still, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("flip", "angle", "scale"), [(1, 0.3, 1), (1, 0, 1.2), (-1, 0, 1), (-1, -0.4, 0.9)])
def test_arrows_follow_their_places(flip: float, angle: float, scale: float) -> None:
    """A warped field of arrows from each place to where a linear map takes it is the field of the warped map."""
    side = 33
    x, y = torch.meshgrid(torch.linspace(-1, 1, side), torch.linspace(-1, 1, side), indexing="xy")
    places = torch.stack([x, y, 0 * x])[None] * (side - 1) / side
    parameters = [torch.tensor([float(value)]) for value in (flip, angle, scale)]
    zero = torch.zeros(1)
    rest = normalise(torch.tensor(128))
    # Arrows that point away from the middle do so after any turn, flip and growth.
    made = turn_vectors(warp(places + rest, *parameters, zero, zero), *parameters)
    middle = slice(10, -10)
    torch.testing.assert_close(made[:, :2, middle, middle] - rest, places[:, :2, middle, middle], atol=1e-4, rtol=0)
    # An even motion to the right turns with the picture, clockwise for a positive angle of the window.
    right = torch.zeros(1, 3, side, side)
    right[:, 0] = 1
    turned = turn_vectors(warp(right + rest, *parameters, zero, zero), *parameters)[0, :2, 16, 16] - rest
    wanted = scale * torch.tensor([flip * parameters[1].cos(), -parameters[1].sin()])
    torch.testing.assert_close(turned, wanted, atol=1e-4, rtol=0)


def test_the_given_pictures_stay_as_they_are() -> None:
    images = _images()
    before = images.clone()
    augment(images, Augmentation(cutout=0.5), _luck())
    assert torch.equal(images, before)


def test_mixed_pictures_and_their_shares_have_the_same_weights() -> None:
    images, shares = torch.eye(6).view(6, 1, 1, 6), torch.eye(6)
    mixed, of_labels = mix(images, shares, 1.0, _luck(3))
    torch.testing.assert_close(mixed.view(6, 6), of_labels)
    torch.testing.assert_close(of_labels.sum(1), torch.ones(6))
    assert not torch.equal(of_labels, shares)


def test_a_small_alpha_mixes_little() -> None:
    weights = [mix(torch.eye(2), torch.eye(2), 0.05, _luck(seed))[1].max(1).values.mean().item() for seed in range(40)]
    assert sum(weight > 0.95 for weight in weights) > 25
