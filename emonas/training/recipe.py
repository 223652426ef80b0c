"""The hyper-parameters of a training, each defined once. Light to import: no torch."""

from __future__ import annotations

from dataclasses import dataclass

from emonas.options.types import Balance, Optimiser


@dataclass(frozen=True)
class Recipe:
    """The hyper-parameters of a training; the defaults are DARTS's, with rates that fit small sets.

    ``learning_rate``: at the top of the cosine, which falls to ``min_learning_rate``. ``warm_up``: epochs of linear
    rise before it. ``drop_path``: its probability in the last epoch. ``grad_clip``: the gradient's largest norm.
    ``balance``: what makes up for rare classes. ``cutout``: side of an erased square as a share of the picture's.
    ``mixup``: alpha of the Beta distribution, 0 for none. ``ema_decay``: decay of the moving average of the weights, 0
    for none.
    """

    optimiser: Optimiser = "sgd"
    learning_rate: float = 0.025
    min_learning_rate: float = 0.0
    momentum: float = 0.9
    weight_decay: float = 3e-4
    grad_clip: float = 5.0
    warm_up: int = 0
    drop_path: float = 0.1
    label_smoothing: float = 0.0
    balance: Balance = "none"
    mixup: float = 0.0
    cutout: float = 0.0
    ema_decay: float = 0.0
