"""The first-order bilevel step: the strategy "emonas".

    min_alpha  L_val(w*(alpha), alpha)    s.t.  w*(alpha) = argmin_w L_train(w, alpha)

solved by turns: one step of alpha down the gradient of L_val at the present w, one step of w down that of L_train
(Liu, Simonyan, Yang: DARTS, ICLR 2019, section 2.3 with xi = 0). L_train and L_val come from different people.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emonas.device import mixed_precision
from emonas.trainer import Batch, EpochScore, Tally, cosine_rate, require_finite, set_rate

from .searcher import Searcher


@dataclass(frozen=True)
class BilevelPlan:
    """Rates of the two optimisers; the defaults are DARTS's."""

    epochs: int
    learning_rate: float = 0.025
    least_rate: float = 0.001
    momentum: float = 0.9
    weight_decay: float = 3e-4
    clip: float = 5.0
    alpha_rate: float = 3e-4
    alpha_decay: float = 1e-3


class Bilevel:
    """A searcher with its two optimisers."""

    def __init__(self, searcher: Searcher, plan: BilevelPlan, device: torch.device) -> None:
        self.searcher = searcher.to(device).to(memory_format=torch.channels_last)
        self.plan = plan
        self.device = device
        self.epochs_done = 0
        self.weight_optimiser = torch.optim.SGD(
            searcher.weights(), plan.learning_rate, plan.momentum, weight_decay=plan.weight_decay
        )
        self.alpha_optimiser = torch.optim.Adam(
            searcher.alphas(), plan.alpha_rate, betas=(0.5, 0.999), weight_decay=plan.alpha_decay
        )

    def epoch(
        self, weight_batches: Iterable[Batch], alpha_batches: Iterable[Batch], epoch: int
    ) -> dict[str, EpochScore]:
        """One pass over the weights' people, with an alpha step before each weight step (``alpha_batches`` never ends).

        Returns the scores on both, each measured before the step that it led to. Raises UserError on NaN.
        """
        plan = self.plan
        set_rate(self.weight_optimiser, cosine_rate(plan.learning_rate, plan.least_rate, epoch, plan.epochs))
        self.searcher.train()
        tallies = {"weights": Tally(), "alphas": Tally()}
        for weight_batch, alpha_batch in zip(weight_batches, alpha_batches, strict=False):
            self.alpha_step(alpha_batch, tallies["alphas"])
            self.weight_step(weight_batch, tallies["weights"])
        scores = {name: tally.score() for name, tally in tallies.items()}
        require_finite(scores["weights"].loss + scores["alphas"].loss, epoch)
        self.epochs_done = epoch + 1
        return scores

    def alpha_step(self, batch: Batch, tally: Tally) -> None:
        """Move the alphas; no gradient of a weight is computed."""
        self._step(batch, list(self.searcher.alphas()), self.alpha_optimiser, tally)

    def weight_step(self, batch: Batch, tally: Tally) -> None:
        """Move the weights; no gradient of an alpha is computed."""
        self._step(batch, list(self.searcher.weights()), self.weight_optimiser, tally, clip=self.plan.clip)

    def _step(
        self,
        batch: Batch,
        parameters: list[nn.Parameter],
        optimiser: torch.optim.Optimizer,
        tally: Tally,
        clip: float | None = None,
    ) -> None:
        images, labels = batch
        with mixed_precision(self.device):
            logits = self.searcher(images)
            loss = F.cross_entropy(logits, labels)
        gradients: tuple[Tensor, ...] = torch.autograd.grad(loss, parameters)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        if clip is not None:
            nn.utils.clip_grad_norm_(parameters, clip)
        optimiser.step()
        tally.add(loss, logits, labels)

    def state_dict(self) -> dict[str, Any]:
        """Weights, alphas, both optimisers and how far the search has come."""
        return {
            "epochs_done": self.epochs_done,
            "searcher": self.searcher.state_dict(),
            "weight_optimiser": self.weight_optimiser.state_dict(),
            "alpha_optimiser": self.alpha_optimiser.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` gave."""
        self.epochs_done = int(state["epochs_done"])
        self.searcher.load_state_dict(state["searcher"])
        self.weight_optimiser.load_state_dict(state["weight_optimiser"])
        self.alpha_optimiser.load_state_dict(state["alpha_optimiser"])
