"""The bilevel step, and with it the strategy "emonas".

    min_alpha  L_val(w*(alpha), alpha)    s.t.  w*(alpha) = argmin_w L_train(w, alpha)

solved by turns: one step of alpha down the gradient of L_val at the present w, one step of w down that of L_train
(Liu, Simonyan, Yang: DARTS, ICLR 2019, section 2.3 with xi = 0). L_train and L_val come from different people. With
``order`` 2 the alphas go down the gradient at the w that the next step would reach (`unrolled`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from emonas.cost import CostTable
from emonas.device import mixed_precision
from emonas.operations.modules import reductions
from emonas.search.batches import SearchBatches
from emonas.search.controller import Controller
from emonas.search.strategies.cuda_graphs import StaticGradients
from emonas.search.strategies.unrolled import Virtual, unrolled_gradient
from emonas.search.strategy import Architecture, Setting
from emonas.training.losses import Batch, EpochScore, RunningMean, correct, require_finite
from emonas.training.plan import cosine_rate, set_rate

Penalty = Callable[[Controller], Tensor]
#: A network with fewer cells has no place for both kinds.
LEAST_DEPTH = 3


@dataclass(frozen=True)
class BilevelPlan:
    """Rates of the two optimisers; the defaults are DARTS's. For ``warm_up`` epochs the alphas rest.

    ``graphs`` records the steps as CUDA graphs (`static_step`).
    """

    epochs: int
    learning_rate: float = 0.025
    least_rate: float = 0.001
    momentum: float = 0.9
    weight_decay: float = 3e-4
    clip: float = 5.0
    alpha_rate: float = 3e-4
    alpha_decay: float = 1e-3
    order: int = 1
    warm_up: int = 0
    graphs: bool = False


class Bilevel:
    """A controller with its two optimisers. ``budgets`` limits the skip connections of the derived cells, by kind."""

    def __init__(
        self,
        controller: Controller,
        plan: BilevelPlan,
        device: torch.device,
        penalty: Penalty | None = None,
        budgets: dict[str, int] | None = None,
    ) -> None:
        self.controller = controller.to(device).to(memory_format=torch.channels_last)
        self.plan, self.device, self.penalty, self.budgets = plan, device, penalty, budgets
        self.epochs, self.epochs_done = plan.epochs, 0
        self.weight_optimiser = torch.optim.SGD(
            controller.weights(), plan.learning_rate, plan.momentum, weight_decay=plan.weight_decay
        )
        self.alpha_optimiser = torch.optim.Adam(
            controller.alphas(), plan.alpha_rate, betas=(0.5, 0.999), weight_decay=plan.alpha_decay
        )
        weights, alphas, buffers = list(controller.weights()), list(controller.alphas()), list(controller.buffers())
        self.weight_gradients = StaticGradients(self._training_loss, weights, buffers, plan.graphs)
        self.alpha_gradients = StaticGradients(self._architecture_loss, alphas, buffers, plan.graphs)

    def epoch(self, feed: SearchBatches, epoch: int) -> dict[str, EpochScore]:
        """One pass over the weights' people, with an alpha step before each weight step.

        Returns the scores on both parts, each measured before the step that it led to. Raises UserError on NaN.
        """
        plan = self.plan
        set_rate(self.weight_optimiser, cosine_rate(plan.learning_rate, plan.least_rate, epoch, plan.epochs))
        self.controller.train()
        tallies = {"weights": RunningMean(), "alphas": RunningMean()}
        for weight_batch, alpha_batch in zip(feed.weights(epoch), feed.alphas(epoch), strict=False):
            if epoch >= plan.warm_up:
                self.alpha_step(alpha_batch, weight_batch, tallies["alphas"])
            self.weight_step(weight_batch, tallies["weights"])
        scores = {name: tally.score() for name, tally in tallies.items() if tally.samples}
        require_finite(sum(score.loss for score in scores.values()), epoch)
        self.epochs_done = epoch + 1
        return scores

    def alpha_step(self, batch: Batch, weight_batch: Batch, tally: RunningMean) -> None:
        """Move the alphas; no weight moves. ``weight_batch`` is what the next weight step will learn from."""
        if self.plan.order == 2:
            loss, logits, gradients = unrolled_gradient(
                self.controller, weight_batch, lambda: self._architecture_loss(*batch), self._virtual()
            )
        else:
            loss, logits, gradients = self.alpha_gradients(*batch)
        tally.add(loss, correct(logits, batch[1]))
        self._step(self.alpha_gradients.parameters, gradients, self.alpha_optimiser)

    def weight_step(self, batch: Batch, tally: RunningMean) -> None:
        """Move the weights; no gradient of an alpha is computed."""
        loss, logits, gradients = self.weight_gradients(*batch)
        tally.add(loss, correct(logits, batch[1]))
        self._step(self.weight_gradients.parameters, gradients, self.weight_optimiser, self.plan.clip)

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
        clip: float | None = None,
    ) -> None:
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        if clip is not None:
            nn.utils.clip_grad_norm_(parameters, clip)
        optimiser.step()

    def architecture(self) -> Architecture:
        """The cells as the alphas stand, and the number of them that has the largest weight."""
        depth = self.controller.chosen_depth()
        where = tuple(p for p in reductions(len(self.controller.supernet.cells)) if p < depth)
        return Architecture(**self.controller.cells(self.budgets), cells=depth, reductions=where)

    def steps(self, feed: SearchBatches) -> int:
        """One alpha and one weight step are one."""
        return self.epochs * feed.batches()

    def one_step(self, feed: SearchBatches) -> None:
        """An alpha and a weight step."""
        batch = feed.pictures.take(feed.weight_positions[: feed.batch])
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
        self.epochs_done = int(state["epochs_done"])
        self.controller.load_state_dict(state["searcher"])
        self.weight_optimiser.load_state_dict(state["weight_optimiser"])
        self.alpha_optimiser.load_state_dict(state["alpha_optimiser"])


def make_plan(setting: Setting, **changes: Any) -> BilevelPlan:
    """The plan that the options ask for, with what a strategy does otherwise."""
    config = setting.config
    assert config.epochs and config.alpha_rate
    given: dict[str, Any] = {
        "epochs": config.epochs,
        "learning_rate": config.learning_rate,
        "least_rate": config.learning_rate / 25,
        "alpha_rate": config.alpha_rate,
        "warm_up": config.warm_up or 0,
        "graphs": config.cuda_graphs,
    }
    return BilevelPlan(**{**given, **changes})


def skip_budgets(setting: Setting) -> dict[str, int] | None:
    """The skip budget of the options, for both kinds of cell; "auto" is settled when the search has ended."""
    budget = setting.config.skip_budget
    return {"normal": budget, "reduction": budget} if isinstance(budget, int) else None


def make_penalty(setting: Setting, supernet_cells: int, depths: tuple[int, ...]) -> Penalty | None:
    """The expected cost of the mixed architecture, 1 for even odds, times --cost-weight."""
    config = setting.config
    if not config.cost_weight:
        return None
    assert config.channels
    table = CostTable(
        config.cost,
        setting.classes,
        supernet_cells,
        config.channels,
        setting.size,
        setting.in_channels,
        depths,
        device=setting.device,
    )

    def penalty(controller: Controller) -> Tensor:
        return config.cost_weight * table.relative(controller.mixture(), controller.depth_weights())

    return penalty


def build(setting: Setting, **changes: Any) -> Bilevel:
    """The strategy "emonas": first order, as many cells as the final network has, or all depths with both kinds."""
    cells = setting.config.cells
    assert cells
    least = max(LEAST_DEPTH, reductions(cells)[0] + 1)
    exits = tuple(range(least, cells)) if setting.config.search_cells else ()
    controller = Controller(setting.supernet(exits=exits))
    penalty = make_penalty(setting, cells, controller.supernet.depths)
    return Bilevel(controller, make_plan(setting, **changes), setting.device, penalty, skip_budgets(setting))
