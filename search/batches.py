"""What a search may look at: batches of the people that move the weights and of those that move the alphas."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from emonas.datasets.loading.batches import (
    ImageStore,
    count_batches,
    endless_batches,
    epoch_batches,
    evaluation_batches,
)
from emonas.device import epoch_seed
from emonas.training.losses import Batch

#: Samples that the curvature of the loss is measured on.
PROBE = 64


@dataclass(frozen=True)
class SearchBatches:
    """Two halves of the people that a search sees; order and augmentation follow from the seed and the epoch."""

    pictures: ImageStore
    weight_positions: np.ndarray
    alpha_positions: np.ndarray
    batch_size: int
    seed: int
    first_epoch: int = 0
    """What is added to every epoch, so that the stages of a search do not see the same order."""

    def weights(self, epoch: int) -> Iterator[Batch]:
        """One pass over the weights' people."""
        seed = epoch_seed(self.seed, self.first_epoch + epoch)
        return epoch_batches(self.pictures, self.weight_positions, self.batch_size, seed, self.pictures.policy)

    def alphas(self, epoch: int) -> Iterator[Batch]:
        """The alphas' people, again and again."""
        seed = epoch_seed(self.seed, self.first_epoch + epoch) + 1
        return endless_batches(self.pictures, self.alpha_positions, self.batch_size, seed, self.pictures.policy)

    def validation(self) -> tuple[Iterator[Tensor], Tensor]:
        """The alphas' people in order and unchanged, and their labels (n,) on the CPU."""
        return evaluation_batches(self.pictures, self.alpha_positions), self.pictures.labels[self.alpha_positions].cpu()

    def probe(self) -> Batch:
        """A few of the alphas' people, always the same and unchanged."""
        return self.pictures.batch(self.alpha_positions[:PROBE])

    def per_epoch(self) -> int:
        """Batches of one pass over the weights' people."""
        return count_batches(len(self.weight_positions), self.batch_size)
