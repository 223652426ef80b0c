"""The loop that trains one network on given batches; it knows nothing of data sets or protocols."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .device import mixed_precision
from .errors import UserError
from .network import Network

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class TrainingPlan:
    """How a network is trained. DARTS's recipe, with the epochs and rates that fit the data."""

    epochs: int
    learning_rate: float = 0.025
    least_rate: float = 0.0
    momentum: float = 0.9
    weight_decay: float = 3e-4
    clip: float = 5.0
    warm_up: int = 0
    drop_path: float = 0.1
    smoothing: float = 0.0


@dataclass(frozen=True)
class EpochScore:
    """Mean loss and accuracy over an epoch's samples."""

    loss: float
    accuracy: float


def cosine_rate(top: float, least: float, epoch: int, epochs: int, warm_up: int = 0) -> float:
    """The learning rate of an epoch: linear warm-up, then half a cosine from ``top`` to ``least``."""
    if epoch < warm_up:
        return top * (epoch + 1) / (warm_up + 1)
    progress = (epoch - warm_up) / max(1, epochs - warm_up)
    return least + 0.5 * (top - least) * (1 + math.cos(math.pi * progress))


class Tally:
    """Loss and accuracy added up on the device, so that no step waits for the host."""

    def __init__(self) -> None:
        self.loss: Tensor | float = 0.0
        self.right: Tensor | float = 0.0
        self.samples = 0

    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Add one batch: mean loss (), logits (n, classes), labels (n,)."""
        self.loss = self.loss + loss.detach() * len(labels)
        self.right = self.right + (logits.detach().argmax(1) == labels).sum()
        self.samples += len(labels)

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


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Give all parameter groups one learning rate."""
    for group in optimiser.param_groups:
        group["lr"] = rate


class Trainer:
    """A network with its optimiser; the thing that is trained says what to save."""

    def __init__(self, network: Network, plan: TrainingPlan, device: torch.device) -> None:
        self.network = network.to(device).to(memory_format=torch.channels_last)
        self.plan = plan
        self.device = device
        self.optimiser = torch.optim.SGD(
            network.parameters(), plan.learning_rate, plan.momentum, weight_decay=plan.weight_decay
        )

    def epoch(self, batches: Iterable[Batch], epoch: int) -> EpochScore:
        """Train for one epoch. Drop-path grows linearly, the rate falls as a cosine. Raises UserError on NaN."""
        plan = self.plan
        set_rate(self.optimiser, cosine_rate(plan.learning_rate, plan.least_rate, epoch, plan.epochs, plan.warm_up))
        self.network.train()
        self.network.drop_rate = plan.drop_path * epoch / plan.epochs
        tally = Tally()
        for images, labels in batches:
            with mixed_precision(self.device):
                loss, logits = self.network.loss(images, labels, plan.smoothing)
            self.optimiser.zero_grad()
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(self.network.parameters(), plan.clip)
            self.optimiser.step()
            tally.add(loss, logits, labels)
        score = tally.score()
        require_finite(score.loss, epoch)
        return score

    def state_dict(self) -> dict[str, Any]:
        """Weights and optimiser."""
        return {"network": self.network.state_dict(), "optimiser": self.optimiser.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` gave."""
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])


def predict(network: nn.Module, images: Iterator[Tensor], device: torch.device) -> Tensor:
    """Class probabilities (N, classes) in float32 on the CPU, in evaluation mode."""
    network.eval()
    with torch.inference_mode(), mixed_precision(device):
        return torch.cat([network(batch).float().softmax(1).cpu() for batch in images])
