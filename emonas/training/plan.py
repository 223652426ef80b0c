"""How a network is trained: its plan, its optimiser, its learning rate and its drop-path."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from emonas.network import drop_path_mask
from emonas.options.types import MethodName
from emonas.training.recipe import Recipe


@dataclass(frozen=True)
class TrainingPlan:
    """How one network is trained: for how long, by which recipe, and on what kind of labels.

    ``class_weights`` weigh the classes in the loss. ``multi_label``: each sample has any number of labels, targets are
    (n, classes) of 0 and 1.
    """

    epochs: int
    recipe: Recipe = field(default_factory=Recipe)
    class_weights: tuple[float, ...] | None = None
    multi_label: bool = False
    method: MethodName = "plain"


def cosine_rate(top: float, lowest: float, epoch: int, epochs: int, warm_up: int = 0) -> float:
    """The learning rate of an epoch: linear warm-up, then half a cosine from ``top`` to ``lowest``."""
    if epoch < warm_up:
        return top * (epoch + 1) / (warm_up + 1)
    progress = (epoch - warm_up) / max(1, epochs - warm_up)
    return lowest + 0.5 * (top - lowest) * (1 + math.cos(math.pi * progress))


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Give all parameter groups one learning rate."""
    for group in optimiser.param_groups:
        group["lr"] = rate


def make_optimiser(parameters: Iterable[Tensor], recipe: Recipe) -> torch.optim.Optimizer:
    """SGD with momentum or AdamW, as the recipe says."""
    if recipe.optimiser == "adamw":
        return torch.optim.AdamW(parameters, recipe.learning_rate, weight_decay=recipe.weight_decay)
    return torch.optim.SGD(parameters, recipe.learning_rate, recipe.momentum, weight_decay=recipe.weight_decay)


def learning_rate_at(plan: TrainingPlan, epoch: int) -> float:
    """The plan's learning rate in an epoch."""
    recipe = plan.recipe
    return cosine_rate(recipe.learning_rate, recipe.min_learning_rate, epoch, plan.epochs, recipe.warm_up)


def draw_drop_path(
    paths: int,
    samples: int,
    plan: TrainingPlan,
    epoch: int,
    device: torch.device,
    generator: torch.Generator | None = None,
) -> Tensor | None:
    """Drop-path factors (paths, samples) at the epoch's rate, which grows from 0 to the recipe's; None at rate 0."""
    rate = plan.recipe.drop_path * epoch / plan.epochs
    return drop_path_mask(paths, samples, rate, device, generator) if rate > 0 and paths else None
