"""The loop that trains one network on given batches; it knows nothing of data sets or protocols."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from emonas.device import mixed_precision
from emonas.network import Baseline, Network
from emonas.records import MOST
from emonas.training import checkpoint
from emonas.training.losses import EpochScore, RunningMean, require_finite
from emonas.training.method import Losses, Method, NamedBatch, WeightedNetwork
from emonas.training.methods.registry import make_method
from emonas.training.plan import TrainingPlan, draw_drop_path
from emonas.training.step import WeightUpdate, ema_tensors


class Trainer:
    """A network with its method and its optimiser; the thing that is trained says what to save."""

    def __init__(
        self, network: Network | Baseline, plan: TrainingPlan, device: torch.device, method: Method | None = None
    ) -> None:
        self.network = network.to(device).to(memory_format=torch.channels_last)
        self.plan, self.device = plan, device
        self.method = method or make_method(plan)
        #: What the method is given with every batch.
        self.constants: dict[str, Tensor] = {}
        if plan.class_weights is not None:
            self.constants["class_weights"] = torch.tensor(plan.class_weights, device=device)
        self.update = WeightUpdate(list(network.parameters()), lambda: ema_tensors(network), plan)

    def epoch(self, batches: Iterable[NamedBatch], epoch: int) -> EpochScore:
        """Train for one epoch. Drop-path grows linearly, the rate falls as a cosine. Raises UserError on NaN."""
        self.update.set_epoch(epoch)
        self.network.train()
        tally = RunningMean()
        for batch in batches:
            tally.add(*self._step(batch, epoch))
        score = tally.score()
        require_finite(score.loss, epoch)
        return score

    def _step(self, batch: NamedBatch, epoch: int) -> Losses:
        batch = {**batch, **self.constants}
        drop_path = draw_drop_path(self.network.paths, len(batch["images"]), self.plan, epoch, self.device)
        if drop_path is not None:
            batch["drop_path"] = drop_path
        with mixed_precision(self.device):
            losses = self.method.losses(WeightedNetwork(self.network), batch)
        self.update.apply(losses.loss)
        return losses

    @property
    def rate(self) -> float:
        """The present learning rate."""
        return float(self.update.optimiser.param_groups[0]["lr"])

    def inference_network(self) -> nn.Module:
        """The network that answers: the trained one, or a copy with the moving average of its weights."""
        if not self.update.average:
            return self.network
        averaged = copy.deepcopy(self.network)
        for tensor, mean in zip(ema_tensors(averaged), self.update.average, strict=True):
            tensor.copy_(mean)
        return averaged

    def state_dict(self) -> dict[str, Any]:
        """Weights, their average, and the optimiser."""
        return {
            "network": self.network.state_dict(),
            "optimiser": self.update.optimiser.state_dict(),
            "average": self.update.average,
            "steps": self.update.steps,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` gave."""
        checkpoint.load_tensors(self.network, state["network"])
        checkpoint.load_optimiser(self.update.optimiser, state["optimiser"])
        given, own = dict(enumerate(state["average"])), dict(enumerate(self.update.average))
        if flaw := checkpoint.flaw_of_tensors(own, given):
            raise ValueError(f"of the weights' moving average, {flaw}")
        self.update.average = [mean.to(self.device) for mean in state["average"]]
        self.update.steps = checkpoint.whole(state["steps"], 0, MOST, "its steps")


def predict(network: nn.Module, images: Iterator[Tensor], device: torch.device, multi_label: bool = False) -> Tensor:
    """Class probabilities (N, classes) in float32 on the CPU, in evaluation mode; of several labels, each its own."""
    network.eval()
    with torch.inference_mode(), mixed_precision(device):
        logits = torch.cat([network(batch).float().cpu() for batch in images])
    return logits.sigmoid() if multi_label else logits.softmax(1)
