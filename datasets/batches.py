"""Batches from a prepared data set: small sets live on the device, augmentation runs there."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from .augment import Augmentation, augment, policy_for
from .prepared import Prepared

#: Sets up to this size are moved to the device whole.
RESIDENT_BYTES = 2 << 30
#: A single sample would leave batch normalisation without a variance.
LEAST_BATCH = 2


def centred(images: Tensor) -> Tensor:
    """uint8 pictures as floats with a fixed scale: 0..255 to -2..2. No statistics of the data, so none can leak."""
    return (images.float() / 255 - 0.5) * 4


class Pictures:
    """All pictures and labels of a prepared data set, on the device where they fit."""

    def __init__(self, prepared: Prepared, device: torch.device) -> None:
        self.device = device
        self.policy = policy_for(prepared.options["representation"])
        self.images: np.ndarray | Tensor = prepared.images
        if prepared.images.nbytes <= RESIDENT_BYTES:
            self.images = torch.from_numpy(np.array(prepared.images)).to(device)
        self.labels = torch.from_numpy(prepared.labels).to(device)

    def take(self, positions: np.ndarray) -> tuple[Tensor, Tensor]:
        """Pictures as floats (n, C, H, W), channels last in memory, and labels (n,)."""
        index = torch.from_numpy(positions)
        if isinstance(self.images, Tensor):
            images = self.images[index.to(self.device)]
        else:
            images = torch.from_numpy(self.images[positions]).to(self.device, non_blocking=True)
        images = centred(images).contiguous(memory_format=torch.channels_last)
        return images, self.labels[index.to(self.device)]


def shuffled(
    pictures: Pictures, positions: np.ndarray, batch: int, seed: int, policy: Augmentation | None
) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch of batches in random order; order and augmentation follow from ``seed`` alone.

    No batch holds a single sample while there are two: a last one joins the batch before, and ``batch`` 1 means 2.
    """
    generator = torch.Generator().manual_seed(seed)
    order = positions[torch.randperm(len(positions), generator=generator).numpy()]
    for chunk in _chunks(order, batch):
        images, labels = pictures.take(chunk)
        yield (augment(images, policy, generator) if policy else images), labels


def endless(
    pictures: Pictures, positions: np.ndarray, batch: int, seed: int, policy: Augmentation | None
) -> Iterator[tuple[Tensor, Tensor]]:
    """`shuffled` again and again, each round in a new order that follows from ``seed`` and the round."""
    for turn in itertools.count():
        yield from shuffled(pictures, positions, batch, seed + turn, policy)


def count_batches(samples: int, batch: int) -> int:
    """How many batches `shuffled` makes of so many samples."""
    batch = max(batch, LEAST_BATCH)
    return max(1, samples // batch + (samples % batch > 1))


def in_order(pictures: Pictures, positions: np.ndarray, batch: int = 256) -> Iterator[Tensor]:
    """The pictures of some samples, batch by batch, unchanged and in order."""
    for start in range(0, len(positions), batch):
        yield pictures.take(positions[start : start + batch])[0]


def _chunks(order: np.ndarray, batch: int) -> Iterator[np.ndarray]:
    count, batch = count_batches(len(order), batch), max(batch, LEAST_BATCH)
    for i in range(count):
        yield order[i * batch : (i + 1) * batch if i + 1 < count else len(order)]
