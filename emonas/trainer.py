"""The loop that trains one network on given batches; it knows nothing of data sets or protocols."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .device import mixed_precision
from .errors import UserError
from .network import Network, Plain, kept_paths
from .options import Optimiser

Batch = tuple[Tensor, Tensor]
#: DARTS's share of the auxiliary head in the loss.
AUXILIARY_WEIGHT = 0.4


@dataclass(frozen=True)
class TrainingPlan:
    """How a network is trained. DARTS's recipe, with the epochs and rates that fit the data.

    ``average`` is the decay of a moving average of the weights, 0 for none. ``class_weights`` weigh the classes in the
    loss. ``many_labels``: each sample has any number of labels, targets are (n, classes) of 0 and 1.
    """

    epochs: int
    learning_rate: float = 0.025
    least_rate: float = 0.0
    optimiser: Optimiser = "sgd"
    momentum: float = 0.9
    weight_decay: float = 3e-4
    clip: float = 5.0
    warm_up: int = 0
    drop_path: float = 0.1
    smoothing: float = 0.0
    average: float = 0.0
    class_weights: tuple[float, ...] | None = None
    many_labels: bool = False


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


def criterion(logits: Tensor, targets: Tensor, plan: TrainingPlan, weights: Tensor | None = None) -> Tensor:
    """The loss () of logits (n, classes): cross entropy, or one of its own for each class where a sample has many.

    ``targets``: labels (n,), or shares (n, classes) as mixing samples gives them. ``weights``: (classes,).
    """
    if plan.many_labels:
        return F.binary_cross_entropy_with_logits(logits, targets, pos_weight=weights)
    return F.cross_entropy(logits, targets, weight=weights, label_smoothing=plan.smoothing)


def loss_of(
    heads: tuple[Tensor, Tensor | None], targets: Tensor, plan: TrainingPlan, weights: Tensor | None = None
) -> Tensor:
    """The loss of a network's logits, and in training of its auxiliary head's."""
    logits, auxiliary = heads
    loss = criterion(logits, targets, plan, weights)
    if auxiliary is None:
        return loss
    return loss + AUXILIARY_WEIGHT * criterion(auxiliary, targets, plan, weights)


def right_answers(logits: Tensor, targets: Tensor, many_labels: bool = False) -> Tensor:
    """(n,): 1 for a right answer; of many labels the share that is right; of mixed ones the heaviest counts."""
    if many_labels:
        return ((logits > 0) == (targets > 0.5)).float().mean(1)
    return (logits.argmax(1) == (targets.argmax(1) if targets.ndim == 2 else targets)).float()


class Tally:
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


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Give all parameter groups one learning rate."""
    for group in optimiser.param_groups:
        group["lr"] = rate


def make_optimiser(parameters: Iterable[Tensor], plan: TrainingPlan) -> torch.optim.Optimizer:
    """SGD with momentum or AdamW, as the plan says."""
    if plan.optimiser == "adamw":
        return torch.optim.AdamW(parameters, plan.learning_rate, weight_decay=plan.weight_decay)
    return torch.optim.SGD(parameters, plan.learning_rate, plan.momentum, weight_decay=plan.weight_decay)


def averaged_tensors(network: nn.Module) -> list[Tensor]:
    """What a moving average is taken of: parameters and the running statistics."""
    return [tensor for tensor in network.state_dict().values() if tensor.is_floating_point()]


def move_average(means: list[Tensor], tensors: list[Tensor], decay: float, step: int) -> None:
    """mean = d * mean + (1 - d) * tensor, where there are means at all, with d = min(decay, (1 + step) / (10 + step)).

    The first steps weigh more, or a short training's average would still be where it began.
    """
    decay = min(decay, (1 + step) / (10 + step))
    for mean, tensor in zip(means, tensors, strict=bool(means)):
        mean.lerp_(tensor, 1 - decay)


class Trainer:
    """A network with its optimiser; the thing that is trained says what to save."""

    def __init__(self, network: Network | Plain, plan: TrainingPlan, device: torch.device) -> None:
        self.network = network.to(device).to(memory_format=torch.channels_last)
        self.plan = plan
        self.device = device
        self.optimiser = make_optimiser(network.parameters(), plan)
        self.class_weights = None if plan.class_weights is None else torch.tensor(plan.class_weights, device=device)
        self.steps = 0
        self.average: list[Tensor] = []
        if plan.average:
            self.average = [tensor.clone() for tensor in averaged_tensors(network)]

    def epoch(self, batches: Iterable[Batch], epoch: int) -> EpochScore:
        """Train for one epoch. Drop-path grows linearly, the rate falls as a cosine. Raises UserError on NaN."""
        plan = self.plan
        set_rate(self.optimiser, rate_in(plan, epoch))
        self.network.train()
        tally = Tally()
        for images, targets in batches:
            kept = draw_paths(self.network.paths, len(images), plan, epoch, self.device)
            with mixed_precision(self.device):
                heads = self.network.heads(images, kept)
                loss = loss_of(heads, targets, plan, self.class_weights)
            self.optimiser.zero_grad()
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(self.network.parameters(), plan.clip)
            self.optimiser.step()
            move_average(self.average, averaged_tensors(self.network), plan.average, self.steps)
            self.steps += 1
            tally.add(loss, right_answers(heads[0].detach(), targets, plan.many_labels))
        score = tally.score()
        require_finite(score.loss, epoch)
        return score

    def judged(self) -> nn.Module:
        """The network that answers: the trained one, or a copy with the moving average of its weights."""
        if not self.average:
            return self.network
        averaged = copy.deepcopy(self.network)
        for tensor, mean in zip(averaged_tensors(averaged), self.average, strict=True):
            tensor.copy_(mean)
        return averaged

    def state_dict(self) -> dict[str, Any]:
        """Weights, their average, and the optimiser."""
        return {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average,
            "steps": self.steps,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` gave."""
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.average = [mean.to(self.device) for mean in state["average"]]
        self.steps = int(state["steps"])


def rate_in(plan: TrainingPlan, epoch: int) -> float:
    """The plan's learning rate in an epoch."""
    return cosine_rate(plan.learning_rate, plan.least_rate, epoch, plan.epochs, plan.warm_up)


def draw_paths(
    paths: int,
    samples: int,
    plan: TrainingPlan,
    epoch: int,
    device: torch.device,
    generator: torch.Generator | None = None,
) -> Tensor | None:
    """Drop-path factors (paths, samples) at the epoch's rate, which grows from 0 to the plan's; None at rate 0."""
    rate = plan.drop_path * epoch / plan.epochs
    return kept_paths(paths, samples, rate, device, generator) if rate > 0 and paths else None


def predict(network: nn.Module, images: Iterator[Tensor], device: torch.device, many_labels: bool = False) -> Tensor:
    """Class probabilities (N, classes) in float32 on the CPU, in evaluation mode; of many labels, each its own."""
    network.eval()
    with torch.inference_mode(), mixed_precision(device):
        logits = torch.cat([network(batch).float().cpu() for batch in images])
    return logits.sigmoid() if many_labels else logits.softmax(1)
