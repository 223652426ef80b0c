"""Batches from a prepared data set: small sets live on the device, augmentation runs there."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from emonas.datasets.loading.augment import Augmentation, augment, mix, policy_for
from emonas.datasets.store.prepared import Prepared

#: Sets up to this size are moved to the device whole.
RESIDENT_BYTES = 2 << 30
#: A single sample would leave batch normalisation without a variance.
LEAST_BATCH = 2


def normalise(images: Tensor) -> Tensor:
    """uint8 pictures as floats with a fixed scale: 0..255 to -2..2. No statistics of the data, so none can leak."""
    return (images.float() / 255 - 0.5) * 4


class ImageStore:
    """All pictures and labels of a prepared data set, on the device where they fit.

    ``targets`` (N, labels) of 0 and 1 stand in for the classes where a sample has several labels at once.
    """

    def __init__(self, prepared: Prepared, device: torch.device, targets: np.ndarray | None = None) -> None:
        self.device = device
        self.classes = len(prepared.classes)
        self.policy = policy_for(prepared.options["representation"])
        self.images: np.ndarray | Tensor = prepared.images
        if prepared.images.nbytes <= RESIDENT_BYTES:
            self.images = torch.from_numpy(np.array(prepared.images)).to(device)
        labels = prepared.labels if targets is None else targets.astype(np.float32)
        self.labels = torch.from_numpy(labels).to(device)

    def batch(self, positions: np.ndarray) -> tuple[Tensor, Tensor]:
        """Pictures as floats (n, C, H, W), channels last in memory, and labels (n,), or targets (n, labels)."""
        index = torch.from_numpy(positions)
        if isinstance(self.images, Tensor):
            images = self.images[index.to(self.device)]
        else:
            images = torch.from_numpy(self.images[positions]).to(self.device, non_blocking=True)
        images = normalise(images).contiguous(memory_format=torch.channels_last)
        return images, self.labels[index.to(self.device)]

    def shares(self, labels: Tensor) -> Tensor:
        """Labels (n,) as shares (n, classes), which can be mixed; targets stay as they are."""
        return labels if labels.ndim == 2 else F.one_hot(labels, self.classes).float()


def epoch_batches(
    pictures: ImageStore, positions: np.ndarray, batch: int, seed: int, policy: Augmentation | None
) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch of batches in random order; order and augmentation follow from ``seed`` alone.

    No batch holds a single sample while there are two: a last one joins the batch before, and ``batch`` 1 means 2.
    """
    generator = torch.Generator().manual_seed(seed)
    order = positions[torch.randperm(len(positions), generator=generator).numpy()]
    for chunk in _chunks(order, batch):
        images, labels = pictures.batch(chunk)
        yield (augment(images, policy, generator) if policy else images), labels


def training_batches(
    pictures: ImageStore,
    positions: np.ndarray,
    batch: int,
    steps: int,
    seed: int,
    policy: Augmentation | None,
    weights: np.ndarray | None = None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch of ``steps`` full batches; order and augmentation follow from ``seed`` alone.

    The samples come in random order, and in another one again until the epoch is full; with ``weights`` (n,) each is
    drawn by itself with a probability in proportion to its weight. So all epochs of all folds have the same shape.
    """
    generator = torch.Generator().manual_seed(seed)
    wanted = steps * batch
    if weights is None:
        rounds = math.ceil(wanted / len(positions))
        order = torch.cat([torch.randperm(len(positions), generator=generator) for _ in range(rounds)])[:wanted]
    else:
        order = torch.multinomial(torch.from_numpy(weights), wanted, replacement=True, generator=generator)
    for chunk in positions[order.numpy()].reshape(steps, batch):
        images, targets = pictures.batch(chunk)
        if policy:
            images = augment(images, policy, generator)
            if policy.mixup:
                images, targets = mix(images, pictures.shares(targets), policy.mixup, generator)
        yield images, targets


def endless_batches(
    pictures: ImageStore, positions: np.ndarray, batch: int, seed: int, policy: Augmentation | None
) -> Iterator[tuple[Tensor, Tensor]]:
    """`epoch_batches` again and again, each round in a new order that follows from ``seed`` and the round."""
    for turn in itertools.count():
        yield from epoch_batches(pictures, positions, batch, seed + turn, policy)


def count_batches(samples: int, batch: int) -> int:
    """How many batches `epoch_batches` makes of so many samples."""
    batch = max(batch, LEAST_BATCH)
    return max(1, samples // batch + (samples % batch > 1))


def evaluation_batches(pictures: ImageStore, positions: np.ndarray, batch: int = 256) -> Iterator[Tensor]:
    """The pictures of some samples, batch by batch, unchanged and in order."""
    for start in range(0, len(positions), batch):
        yield pictures.batch(positions[start : start + batch])[0]


def _chunks(order: np.ndarray, batch: int) -> Iterator[np.ndarray]:
    count, batch = count_batches(len(order), batch), max(batch, LEAST_BATCH)
    for i in range(count):
        yield order[i * batch : (i + 1) * batch if i + 1 < count else len(order)]
