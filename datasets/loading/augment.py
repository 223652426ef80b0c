"""Augmentation of a whole batch at once, on the device: one warp per batch with its own parameters for each sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from emonas.datasets.clips.dynamic_image import STILL


@dataclass(frozen=True)
class Augmentation:
    """How far a picture may be moved and changed; zero switches a change off.

    ``shift`` is in fractions of the side, ``rotate`` in degrees, ``scale`` and ``contrast`` and ``brightness`` are
    relative, ``cutout`` is the side of an erased square as a fraction of the picture's, ``mixup`` the alpha of `mix`.
    ``vectors`` says that the first two channels are motion to the right and downwards: arrows, which turn, mirror and
    grow with the picture.
    """

    flip: bool = True
    shift: float = 0.06
    rotate: float = 8.0
    scale: float = 0.08
    brightness: float = 0.1
    contrast: float = 0.15
    cutout: float = 0.0
    mixup: float = 0.0
    vectors: bool = False


STILLS = Augmentation()
#: A dynamic image is fine edges around what moved: they bear less than a face does.
MOTION = Augmentation(shift=0.03, rotate=3.0, scale=0.04, brightness=0.03, contrast=0.1)
#: Levels of a flow are pixels moved: another brightness would be another motion.
FLOW = Augmentation(shift=0.03, rotate=3.0, scale=0.04, brightness=0.0, contrast=0.0, vectors=True)
_POLICIES = {"dynamic": MOTION, "dynamic-pair": MOTION, "flow": FLOW}
#: No motion, as a float centred on zero (see batches).
_AT_REST = (STILL / 255 - 0.5) * 4


def policy_for(representation: str) -> Augmentation:
    """The augmentation that suits a representation of the samples."""
    return _POLICIES.get(representation, STILLS)


def augment(images: Tensor, policy: Augmentation, generator: torch.Generator) -> Tensor:
    """Change each of the images (N, C, H, W), floats centred on zero, in its own way; channels last in memory.

    The random numbers come from ``generator`` on the CPU, so that every device sees the same changes.
    """
    n = len(images)

    def between(size: float) -> Tensor:
        return (torch.rand(n, generator=generator) * 2 - 1) * size

    flip = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0) if policy.flip else torch.ones(n)
    angle, scale = between(policy.rotate).deg2rad(), 1 + between(policy.scale)
    images = warp(images, flip, angle, scale, between(policy.shift), between(policy.shift))
    if policy.vectors:
        images = turn_vectors(images, flip, angle, scale)
    gain, offset = 1 + between(policy.contrast), between(policy.brightness)
    images = images * gain.view(n, 1, 1, 1).to(images) + offset.view(n, 1, 1, 1).to(images)
    if policy.cutout > 0:
        centre_x, centre_y = torch.rand(n, generator=generator), torch.rand(n, generator=generator)
        images = images * cutout_mask(images.shape[-2:], centre_x, centre_y, policy.cutout).to(images)
    return images


def turn_vectors(images: Tensor, flip: Tensor, angle: Tensor, scale: Tensor) -> Tensor:
    """Flows (N, C, H, W) whose arrows, the first two channels, follow the `warp` of their places; parameters (N,)."""
    cos, sin = angle.cos() * scale, angle.sin() * scale
    matrix = torch.stack([cos * flip, sin * flip, -sin, cos], dim=1).view(-1, 2, 2)
    turned = torch.einsum("nij,njhw->nihw", matrix.to(images), images[:, :2] - _AT_REST) + _AT_REST
    return torch.cat([turned, images[:, 2:]], dim=1).contiguous(memory_format=torch.channels_last)


def warp(images: Tensor, flip: Tensor, angle: Tensor, scale: Tensor, dx: Tensor, dy: Tensor) -> Tensor:
    """Mirror, rotate, scale and shift; all parameters (N,). Edges are repeated.

    The picture is mirrored where ``flip`` is -1 and grows where ``scale`` is above 1. ``dx`` and ``dy`` are the way, in
    fractions of the side, that the window moves right and down: what is seen moves left and up.
    """
    cos, sin = angle.cos() / scale, angle.sin() / scale
    matrix = torch.stack([cos * flip, -sin, 2 * dx, sin * flip, cos, 2 * dy], dim=1).view(-1, 2, 3)
    grid = F.affine_grid(matrix.to(images), list(images.shape), align_corners=False)
    warped = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    return warped.contiguous(memory_format=torch.channels_last)  # as the networks like it


def cutout_mask(shape: torch.Size, centre_x: Tensor, centre_y: Tensor, side: float) -> Tensor:
    """(N, 1, H, W): 0 inside a square around each centre, 1 outside. DeVries and Taylor, arXiv 1708.04552."""
    rows = (torch.arange(shape[0]) + 0.5) / shape[0]
    columns = (torch.arange(shape[1]) + 0.5) / shape[1]
    near_y = (rows - centre_y[:, None]).abs() < side / 2
    near_x = (columns - centre_x[:, None]).abs() < side / 2
    return 1 - (near_y[:, :, None] & near_x[:, None, :]).float()[:, None]


def mix(images: Tensor, shares: Tensor, alpha: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Each picture (N, C, H, W) and its labels' shares (N, classes) mixed with another's, by one weight a batch.

    The weight is drawn from Beta(alpha, alpha). Zhang et al.: mixup, ICLR 2018.
    """
    seed = int(torch.randint(2**31, (), generator=generator))
    weight = float(np.random.default_rng(seed).beta(alpha, alpha))
    other = torch.randperm(len(images), generator=generator).to(images.device)
    return weight * images + (1 - weight) * images[other], weight * shares + (1 - weight) * shares[other]
