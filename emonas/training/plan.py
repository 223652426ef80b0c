"""How a network is trained: its plan, its optimiser, its learning rate and its drop-path."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from emonas.network import drop_path_mask
from emonas.options.types import Optimiser


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


def cosine_rate(top: float, least: float, epoch: int, epochs: int, warm_up: int = 0) -> float:
    """The learning rate of an epoch: linear warm-up, then half a cosine from ``top`` to ``least``."""
    if epoch < warm_up:
        return top * (epoch + 1) / (warm_up + 1)
    progress = (epoch - warm_up) / max(1, epochs - warm_up)
    return least + 0.5 * (top - least) * (1 + math.cos(math.pi * progress))


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Give all parameter groups one learning rate."""
    for group in optimiser.param_groups:
        group["lr"] = rate


def make_optimiser(parameters: Iterable[Tensor], plan: TrainingPlan) -> torch.optim.Optimizer:
    """SGD with momentum or AdamW, as the plan says."""
    if plan.optimiser == "adamw":
        return torch.optim.AdamW(parameters, plan.learning_rate, weight_decay=plan.weight_decay)
    return torch.optim.SGD(parameters, plan.learning_rate, plan.momentum, weight_decay=plan.weight_decay)


def learning_rate_at(plan: TrainingPlan, epoch: int) -> float:
    """The plan's learning rate in an epoch."""
    return cosine_rate(plan.learning_rate, plan.least_rate, epoch, plan.epochs, plan.warm_up)


def draw_drop_path(
    paths: int,
    samples: int,
    plan: TrainingPlan,
    epoch: int,
    device: torch.device,
    generator: torch.Generator | None = None,
) -> Tensor | None:
    """Drop-path factors (paths, samples) at the epoch's rate, which grows from 0 to the plan's; None at rate 0."""
    rate = plan.drop_path * epoch / plan.epochs
    return drop_path_mask(paths, samples, rate, device, generator) if rate > 0 and paths else None
