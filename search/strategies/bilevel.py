"""The bilevel step, which all strategies with alphas take.

    min_alpha  L_val(w*(alpha), alpha)    s.t.  w*(alpha) = argmin_w L_train(w, alpha)

solved by turns: one step of alpha down the gradient of L_val at the present w, one step of w down that of L_train
(Liu, Simonyan, Yang: DARTS, ICLR 2019, section 2.3 with xi = 0). L_train and L_val come from different people. With
``order`` 2 the alphas go down the gradient at the w that the next step would reach (`unrolled`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from emonas.cost import CostTable
from emonas.device import mixed_precision
from emonas.operations.modules import reductions
from emonas.search.batches import SearchBatches
from emonas.search.controller import Controller
from emonas.search.plan import SearchPlan
from emonas.search.strategies.cuda_graphs import StaticGradients
from emonas.search.strategies.unrolled import Virtual, unrolled_gradient
from emonas.search.strategy import Architecture
from emonas.training import checkpoint
from emonas.training.losses import Batch, EpochScore, RunningMean, correct, require_finite
from emonas.training.plan import cosine_rate, set_rate

Penalty = Callable[[Controller], Tensor]


@dataclass(frozen=True)
class BilevelPlan:
    """What the two optimisers do: the search's own numbers, and those that are DARTS's for every search.

    For ``warm_up`` epochs the alphas rest. ``cuda_graphs`` records the steps as CUDA graphs (`cuda_graphs`).
    """

    epochs: int
    learning_rate: float
    min_learning_rate: float
    alpha_rate: float
    order: int = 1
    warm_up: int = 0
    cuda_graphs: bool = False
    momentum: float = 0.9
    weight_decay: float = 3e-4
    grad_clip: float = 5.0
    alpha_weight_decay: float = 1e-3


class Bilevel:
    """A controller with its two optimisers. ``budgets`` limits the skip connections of the derived cells, by kind."""

    def __init__(
        self,
        controller: Controller,
        plan: BilevelPlan,
        device: torch.device,
        penalty: Penalty | None = None,
        budgets: Mapping[str, int] | None = None,
    ) -> None:
        self.controller = controller.to(device).to(memory_format=torch.channels_last)
        self.plan, self.device, self.penalty, self.budgets = plan, device, penalty, budgets
        self.epochs, self.epochs_done = plan.epochs, 0
        self.weight_optimiser = torch.optim.SGD(
            controller.weights(), plan.learning_rate, plan.momentum, weight_decay=plan.weight_decay
        )
        self.alpha_optimiser = torch.optim.Adam(
            controller.alphas(), plan.alpha_rate, betas=(0.5, 0.999), weight_decay=plan.alpha_weight_decay
        )
        weights, alphas, buffers = list(controller.weights()), list(controller.alphas()), list(controller.buffers())
        self.weight_gradients = StaticGradients(self._training_loss, weights, buffers, plan.cuda_graphs)
        self.alpha_gradients = StaticGradients(self._architecture_loss, alphas, buffers, plan.cuda_graphs)

    def epoch(self, batches: SearchBatches, epoch: int) -> dict[str, EpochScore]:
        """One pass over the weights' people, with an alpha step before each weight step.

        Returns the scores on both parts, each measured before the step that it led to. Raises UserError on NaN.
        """
        plan = self.plan
        set_rate(self.weight_optimiser, cosine_rate(plan.learning_rate, plan.min_learning_rate, epoch, plan.epochs))
        self.controller.train()
        means = {"weights": RunningMean(), "alphas": RunningMean()}
        for weight_batch, alpha_batch in zip(batches.weights(epoch), batches.alphas(epoch), strict=False):
            if epoch >= plan.warm_up:
                self.alpha_step(alpha_batch, weight_batch, means["alphas"])
            self.weight_step(weight_batch, means["weights"])
        scores = {name: mean.score() for name, mean in means.items() if mean.samples}
        require_finite(sum(score.loss for score in scores.values()), epoch)
        self.epochs_done = epoch + 1
        return scores

    def alpha_step(self, batch: Batch, weight_batch: Batch, mean: RunningMean) -> None:
        """Move the alphas; no weight moves. ``weight_batch`` is what the next weight step will learn from."""
        if self.plan.order == 2:
            loss, logits, gradients = unrolled_gradient(
                self.controller, weight_batch, lambda: self._architecture_loss(*batch), self._virtual()
            )
        else:
            loss, logits, gradients = self.alpha_gradients(*batch)
        mean.add(loss, correct(logits, batch[1]))
        self._step(self.alpha_gradients.parameters, gradients, self.alpha_optimiser)

    def weight_step(self, batch: Batch, mean: RunningMean) -> None:
        """Move the weights; no gradient of an alpha is computed."""
        loss, logits, gradients = self.weight_gradients(*batch)
        mean.add(loss, correct(logits, batch[1]))
        self._step(self.weight_gradients.parameters, gradients, self.weight_optimiser, self.plan.grad_clip)

    def _training_loss(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        with mixed_precision(self.device):
            return self.controller.training_loss(images, labels)

    def _architecture_loss(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """L_val, with the penalty where there is one, and the logits."""
        with mixed_precision(self.device):
            loss, logits = self.controller.architecture_loss(images, labels)
            return (loss if self.penalty is None else loss + self.penalty(self.controller)), logits

    def _virtual(self) -> Virtual:
        """The weight step that the second order looks ahead to."""
        group = self.weight_optimiser.param_groups[0]
        momenta = [self.weight_optimiser.state[p].get("momentum_buffer") for p in self.controller.weights()]
        return Virtual(group["lr"], group["momentum"], group["weight_decay"], momenta, self.device)

    @staticmethod
    def _step(
        parameters: list[nn.Parameter],
        gradients: tuple[Tensor, ...],
        optimiser: torch.optim.Optimizer,
        grad_clip: float | None = None,
    ) -> None:
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        if grad_clip is not None:
            nn.utils.clip_grad_norm_(parameters, grad_clip)
        optimiser.step()

    def architecture(self) -> Architecture:
        """The cells as the alphas stand, and the number of them that has the largest weight."""
        depth = self.controller.chosen_depth()
        where = tuple(p for p in reductions(len(self.controller.supernet.cells)) if p < depth)
        return Architecture(**self.controller.cells(self.budgets), cells=depth, reductions=where)

    def steps(self, batches: SearchBatches) -> int:
        """One alpha and one weight step are one."""
        return self.epochs * batches.per_epoch()

    def one_step(self, batches: SearchBatches) -> None:
        """An alpha and a weight step."""
        batch = batches.pictures.batch(batches.weight_positions[: batches.batch_size])
        self.alpha_step(batch, batch, RunningMean())
        self.weight_step(batch, RunningMean())

    def state_dict(self) -> dict[str, Any]:
        """Weights, alphas, both optimisers and how far the search has come."""
        return {
            "epochs_done": self.epochs_done,
            "searcher": self.controller.state_dict(),
            "weight_optimiser": self.weight_optimiser.state_dict(),
            "alpha_optimiser": self.alpha_optimiser.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` gave."""
        self.epochs_done = checkpoint.whole(state["epochs_done"], 0, self.epochs, "its epochs")
        checkpoint.load_tensors(self.controller, state["searcher"])
        checkpoint.load_optimiser(self.weight_optimiser, state["weight_optimiser"])
        checkpoint.load_optimiser(self.alpha_optimiser, state["alpha_optimiser"])


def make_bilevel(controller: Controller, plan: SearchPlan, epochs: int | None = None) -> Bilevel:
    """The bilevel search of a fresh controller with the plan's numbers; ``epochs`` where a stage has fewer."""
    numbers = BilevelPlan(
        epochs=epochs or plan.epochs,
        learning_rate=plan.learning_rate,
        min_learning_rate=plan.min_learning_rate,
        alpha_rate=plan.alpha_rate,
        order=plan.order,
        warm_up=plan.warm_up,
        cuda_graphs=plan.cuda_graphs,
    )
    penalty = make_penalty(controller, plan) if plan.cost_weight else None
    return Bilevel(controller, numbers, plan.device, penalty, plan.skip_budgets)


def make_penalty(controller: Controller, plan: SearchPlan) -> Penalty:
    """The expected cost of the mixed architecture, 1 for even odds, times the plan's cost weight."""
    table = CostTable(
        plan.cost,
        len(plan.classes),
        len(controller.supernet.cells),
        plan.channels,
        plan.size,
        plan.in_channels,
        controller.supernet.depths,
        device=plan.device,
    )

    def penalty(controller: Controller) -> Tensor:
        return plan.cost_weight * table.relative(controller.mixture(), controller.depth_weights())

    return penalty
