"""The alphas' gradient of the second order: L_val at the weights that the next step would reach.

    w' = w - xi v(w, alpha),    v = mu b + grad_w L_train(w, alpha) + lambda w                              (1)
    d L_val(w', alpha) / d alpha = grad_alpha L_val - xi (d^2 L_train / d alpha d w) grad_w' L_val          (2)

with momentum mu b and weight decay lambda as the weights' own optimiser has them. The product of the mixed second
derivative with u = grad_w' L_val is the derivative of grad_alpha L_train along u, taken as a central difference at
w +- R u, R = 0.3 / |u| (Liu, Simonyan, Yang: DARTS, ICLR 2019, equations 7 and 8). DARTS has 0.01 / |u|: against the
exact gradient of small supernets that leaves an error of a third, as large as that of the first order, since ReLU and
maximum have kinks that a short step sees as noise; 0.3 leaves 6 to 7 %.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from emonas.device import mixed_precision
from emonas.search.controller import Controller
from emonas.training.losses import Batch

#: The length of the step of the central difference.
RADIUS = 0.3


@dataclass(frozen=True)
class Virtual:
    """The weight step to look ahead to; ``momenta`` are None before the first real step."""

    rate: float
    momentum: float
    weight_decay: float
    momenta: list[Tensor | None]
    device: torch.device


def unrolled_gradient(
    controller: Controller,
    train: Batch,
    validation: Callable[[], tuple[Tensor, Tensor]],
    step: Virtual,
    radius: float = RADIUS,
) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
    """L_val at w', the logits there, and equation (2) for each of the alphas. All weights are as before afterwards.

    ``validation`` gives L_val and the logits at the weights as they stand.
    """
    weights: list[Tensor] = list(controller.weights())
    alphas: list[Tensor] = list(controller.alphas())

    def train_gradient(parameters: list[Tensor]) -> tuple[Tensor, ...]:
        with mixed_precision(step.device):
            loss, _ = controller.training_loss(*train)
        return torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True)

    before = [weight.detach().clone() for weight in weights]
    gradients = train_gradient(weights)
    with torch.no_grad():
        torch._foreach_add_(weights, _velocity(gradients, before, step), alpha=-step.rate)
    loss, logits = validation()
    both = torch.autograd.grad(loss, [*alphas, *weights], allow_unused=True, materialize_grads=True)
    of_alphas, u = both[: len(alphas)], list(both[len(alphas) :])
    R = radius / float(torch.stack(torch._foreach_norm(u)).norm().clamp_min(1e-12))
    sides = []
    for sign in (1, -1):
        with torch.no_grad():
            torch._foreach_copy_(weights, torch._foreach_add(before, u, alpha=sign * R))
        sides.append(train_gradient(alphas))
    with torch.no_grad():
        torch._foreach_copy_(weights, before)
    gradients_of_alphas = tuple(
        first - step.rate * (plus - minus) / (2 * R) for first, plus, minus in zip(of_alphas, *sides, strict=True)
    )
    return loss.detach(), logits, gradients_of_alphas


def _velocity(gradients: tuple[Tensor, ...], weights: list[Tensor], step: Virtual) -> list[Tensor]:
    """v of equation (1)."""
    velocity = list(torch._foreach_add(list(gradients), weights, alpha=step.weight_decay))
    for i, momentum in enumerate(step.momenta):
        if momentum is not None:
            velocity[i] = velocity[i] + step.momentum * momentum
    return velocity
