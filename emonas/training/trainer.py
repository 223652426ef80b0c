"""The loop that trains one network on given batches; it knows nothing of data sets or protocols."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from emonas.device import mixed_precision
from emonas.network import Baseline, Network
from emonas.training.losses import Batch, EpochScore, RunningMean, correct, network_loss, require_finite
from emonas.training.plan import TrainingPlan, draw_drop_path, learning_rate_at, make_optimiser, set_rate


def ema_tensors(network: nn.Module) -> list[Tensor]:
    """What a moving average is taken of: parameters and the running statistics."""
    return [tensor for tensor in network.state_dict().values() if tensor.is_floating_point()]


def update_ema(means: list[Tensor], tensors: list[Tensor], decay: float, step: int) -> None:
    """mean = d * mean + (1 - d) * tensor, where there are means at all, with d = min(decay, (1 + step) / (10 + step)).

    The first steps weigh more, or a short training's average would still be where it began.
    """
    decay = min(decay, (1 + step) / (10 + step))
    for mean, tensor in zip(means, tensors, strict=bool(means)):
        mean.lerp_(tensor, 1 - decay)


class Trainer:
    """A network with its optimiser; the thing that is trained says what to save."""

    def __init__(self, network: Network | Baseline, plan: TrainingPlan, device: torch.device) -> None:
        self.network = network.to(device).to(memory_format=torch.channels_last)
        self.plan = plan
        self.device = device
        self.optimiser = make_optimiser(network.parameters(), plan)
        self.class_weights = None if plan.class_weights is None else torch.tensor(plan.class_weights, device=device)
        self.steps = 0
        self.average: list[Tensor] = []
        if plan.average:
            self.average = [tensor.clone() for tensor in ema_tensors(network)]

    def epoch(self, batches: Iterable[Batch], epoch: int) -> EpochScore:
        """Train for one epoch. Drop-path grows linearly, the rate falls as a cosine. Raises UserError on NaN."""
        plan = self.plan
        set_rate(self.optimiser, learning_rate_at(plan, epoch))
        self.network.train()
        tally = RunningMean()
        for images, targets in batches:
            kept = draw_drop_path(self.network.paths, len(images), plan, epoch, self.device)
            with mixed_precision(self.device):
                heads = self.network.logits_and_auxiliary(images, kept)
                loss = network_loss(heads, targets, plan, self.class_weights)
            self.optimiser.zero_grad()
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(self.network.parameters(), plan.clip)
            self.optimiser.step()
            update_ema(self.average, ema_tensors(self.network), plan.average, self.steps)
            self.steps += 1
            tally.add(loss, correct(heads[0].detach(), targets, plan.many_labels))
        score = tally.score()
        require_finite(score.loss, epoch)
        return score

    def inference_network(self) -> nn.Module:
        """The network that answers: the trained one, or a copy with the moving average of its weights."""
        if not self.average:
            return self.network
        averaged = copy.deepcopy(self.network)
        for tensor, mean in zip(ema_tensors(averaged), self.average, strict=True):
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


def predict(network: nn.Module, images: Iterator[Tensor], device: torch.device, many_labels: bool = False) -> Tensor:
    """Class probabilities (N, classes) in float32 on the CPU, in evaluation mode; of many labels, each its own."""
    network.eval()
    with torch.inference_mode(), mixed_precision(device):
        logits = torch.cat([network(batch).float().cpu() for batch in images])
    return logits.sigmoid() if many_labels else logits.softmax(1)
