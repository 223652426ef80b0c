"""The loss of a batch, and the score of an epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from emonas.errors import UserError

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class EpochScore:
    """Mean loss and accuracy over an epoch's samples."""

    loss: float
    accuracy: float


def criterion(
    logits: Tensor,
    targets: Tensor,
    label_smoothing: float = 0.0,
    multi_label: bool = False,
    class_weights: Tensor | None = None,
) -> Tensor:
    """The loss () of logits (n, classes): cross entropy, or one of its own for each class where a sample has many.

    ``targets``: labels (n,), or shares (n, classes) as mixing samples gives them. ``class_weights``: (classes,).
    """
    if multi_label:
        return F.binary_cross_entropy_with_logits(logits, targets, pos_weight=class_weights)
    return F.cross_entropy(logits, targets, weight=class_weights, label_smoothing=label_smoothing)


def correct(logits: Tensor, targets: Tensor, multi_label: bool = False) -> Tensor:
    """(n,): 1 for a correct answer; of several labels the share that is; of mixed ones the heaviest counts."""
    if multi_label:
        return ((logits > 0) == (targets > 0.5)).float().mean(1)
    return (logits.argmax(1) == (targets.argmax(1) if targets.ndim == 2 else targets)).float()


class RunningMean:
    """Loss and accuracy added up on the device, so that no step waits for the host.

    Of one network, or of several that are trained as one: then with a first dimension of networks.
    """

    def __init__(self) -> None:
        self.loss: Tensor | float = 0.0
        self.right: Tensor | float = 0.0
        self.samples = 0

    def add(self, loss: Tensor, right: Tensor) -> None:
        """Add one batch: mean loss (), correct answers (n,); of several networks (F,) and (F, n)."""
        samples = right.shape[-1]
        self.loss = self.loss + loss.detach() * samples
        self.right = self.right + right.sum(-1)
        self.samples += samples

    def score(self) -> EpochScore:
        """The means so far of one network."""
        return EpochScore(float(self.loss) / self.samples, float(self.right) / self.samples)

    def scores(self) -> list[EpochScore]:
        """The means so far of each network of several."""
        pairs = zip(torch.as_tensor(self.loss), torch.as_tensor(self.right), strict=True)
        return [EpochScore(float(loss) / self.samples, float(right) / self.samples) for loss, right in pairs]


def require_finite(loss: float, epoch: int) -> None:
    """Stop before a ruined network overwrites a good checkpoint. Raises UserError."""
    if not math.isfinite(loss):
        raise UserError(
            f"the loss became {loss} in epoch {epoch + 1}; the run folder keeps the epoch before. "
            "Start again with a lower --learning-rate and another --out"
        )
