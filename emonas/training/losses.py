"""The loss of a batch, and the score of an epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from emonas.errors import UserError
from emonas.training.plan import TrainingPlan

Batch = tuple[Tensor, Tensor]
#: DARTS's share of the auxiliary head in the loss.
AUXILIARY_WEIGHT = 0.4


@dataclass(frozen=True)
class EpochScore:
    """Mean loss and accuracy over an epoch's samples."""

    loss: float
    accuracy: float


def criterion(logits: Tensor, targets: Tensor, plan: TrainingPlan, weights: Tensor | None = None) -> Tensor:
    """The loss () of logits (n, classes): cross entropy, or one of its own for each class where a sample has many.

    ``targets``: labels (n,), or shares (n, classes) as mixing samples gives them. ``weights``: (classes,).
    """
    if plan.many_labels:
        return F.binary_cross_entropy_with_logits(logits, targets, pos_weight=weights)
    return F.cross_entropy(logits, targets, weight=weights, label_smoothing=plan.smoothing)


def network_loss(
    heads: tuple[Tensor, Tensor | None], targets: Tensor, plan: TrainingPlan, weights: Tensor | None = None
) -> Tensor:
    """The loss of a network's logits, and in training of its auxiliary head's."""
    logits, auxiliary = heads
    loss = criterion(logits, targets, plan, weights)
    if auxiliary is None:
        return loss
    return loss + AUXILIARY_WEIGHT * criterion(auxiliary, targets, plan, weights)


def correct(logits: Tensor, targets: Tensor, many_labels: bool = False) -> Tensor:
    """(n,): 1 for a right answer; of many labels the share that is right; of mixed ones the heaviest counts."""
    if many_labels:
        return ((logits > 0) == (targets > 0.5)).float().mean(1)
    return (logits.argmax(1) == (targets.argmax(1) if targets.ndim == 2 else targets)).float()


class RunningMean:
    """Loss and accuracy added up on the device, so that no step waits for the host."""

    def __init__(self) -> None:
        self.loss: Tensor | float = 0.0
        self.right: Tensor | float = 0.0
        self.samples = 0

    def add(self, loss: Tensor, right: Tensor) -> None:
        """Add one batch: mean loss (), right answers (n,)."""
        self.loss = self.loss + loss.detach() * len(right)
        self.right = self.right + right.sum()
        self.samples += len(right)

    def score(self) -> EpochScore:
        """The means so far."""
        return EpochScore(float(self.loss) / self.samples, float(self.right) / self.samples)


def require_finite(loss: float, epoch: int) -> None:
    """Stop before a ruined network overwrites a good checkpoint. Raises UserError."""
    if not math.isfinite(loss):
        raise UserError(
            f"the loss became {loss} in epoch {epoch + 1}; the run folder keeps the epoch before. "
            "Start again with a lower --learning-rate and another --out"
        )
