"""The one training step: from a loss to new weights, of one network or of several stacked along a first dimension."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from emonas.training.plan import TrainingPlan, learning_rate_at, make_optimiser, set_rate

#: torch's own, against a division by zero.
_TINY = 1e-6


def clip_gradients(parameters: Sequence[Tensor], largest: float, stacked: bool = False) -> None:
    """Scale the gradient down to the ``largest`` norm, as clip_grad_norm_ does it; of ``stacked`` networks each one's.

    Stacked parameters are (F, ...), a slice for each network.
    """
    if not stacked:
        nn.utils.clip_grad_norm_(parameters, largest)
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norms = torch.stack([gradient.flatten(1).norm(dim=1) for gradient in gradients]).norm(dim=0)
    scale = (largest / (norms + _TINY)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(scale.view(-1, *[1] * (gradient.ndim - 1)))


def ema_tensors(network: nn.Module) -> list[Tensor]:
    """What a moving average is taken of: parameters and the running statistics."""
    return [tensor for tensor in network.state_dict().values() if tensor.is_floating_point()]


def update_ema(means: list[Tensor], tensors: list[Tensor], decay: float, step: int) -> None:
    """mean = d * mean + (1 - d) * tensor, with d = min(decay, (1 + step) / (10 + step)).

    The first steps weigh more, or a short training's average would still be where it began.
    """
    decay = min(decay, (1 + step) / (10 + step))
    for mean, tensor in zip(means, tensors, strict=True):
        mean.lerp_(tensor, 1 - decay)


class WeightUpdate:
    """What a step does with a loss: gradient, clipping, optimiser and moving average.

    ``averaged`` gives the tensors of which ``average``, where the plan asks for it, is the moving average.
    """

    def __init__(
        self,
        parameters: Sequence[Tensor],
        averaged: Callable[[], list[Tensor]],
        plan: TrainingPlan,
        stacked: bool = False,
    ) -> None:
        self.parameters, self.averaged, self.plan, self.stacked = parameters, averaged, plan, stacked
        self.optimiser = make_optimiser(parameters, plan.recipe)
        self.average = [tensor.clone() for tensor in averaged()] if plan.recipe.ema_decay else []
        self.steps = 0

    def set_epoch(self, epoch: int) -> None:
        """Take the learning rate of an epoch."""
        set_rate(self.optimiser, learning_rate_at(self.plan, epoch))

    def apply(self, loss: Tensor) -> None:
        """One step down the loss (), or the losses (F,) of stacked networks, none of which moves another's weights."""
        self.optimiser.zero_grad()
        torch.autograd.backward(loss.sum() if self.stacked else loss)
        clip_gradients(self.parameters, self.plan.recipe.grad_clip, self.stacked)
        self.optimiser.step()
        if self.average:
            update_ema(self.average, self.averaged(), self.plan.recipe.ema_decay, self.steps)
        self.steps += 1
