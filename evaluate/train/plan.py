"""What the options of a training mean for the training loop and the batches."""

from __future__ import annotations

import dataclasses

import numpy as np

from emonas.datasets.loading.augment import Augmentation
from emonas.datasets.loading.batches import ImageStore
from emonas.evaluate.train.config import TrainConfig
from emonas.evaluate.train.task import Task
from emonas.training.plan import TrainingPlan

#: A class, or a unit's presence, weighs at most so many times as much as the mean.
_HEAVIEST = 10.0


def make_plan(config: TrainConfig, task: Task, truth: np.ndarray) -> TrainingPlan:
    """The training loop's plan; ``config`` is fitted, ``truth`` that of the samples that are learnt from."""
    assert config.epochs and config.learning_rate and config.optimiser
    assert config.weight_decay is not None and config.warm_up is not None and config.drop_path is not None
    assert config.label_smoothing is not None and config.weight_average is not None
    weights = (unit_weights if task.units else class_weights)(truth, len(task.names))
    return TrainingPlan(
        epochs=config.epochs,
        learning_rate=config.learning_rate,
        optimiser=config.optimiser,
        weight_decay=config.weight_decay,
        warm_up=config.warm_up,
        drop_path=config.drop_path,
        smoothing=config.label_smoothing,
        average=config.weight_average,
        class_weights=weights if config.balance == "loss" else None,
        many_labels=task.units,
    )


def make_policy(config: TrainConfig, pictures: ImageStore) -> Augmentation:
    """How training pictures are changed: as suits their kind, with the recipe's cutout and mixup."""
    return dataclasses.replace(pictures.policy, cutout=config.cutout or 0.0, mixup=config.mixup or 0.0)


def class_weights(truth: np.ndarray, classes: int) -> tuple[float, ...]:
    """n / (C n_c) for each class c, so that all classes weigh the same; 1 for one that is not there."""
    counts = np.bincount(truth, minlength=classes)
    weights = len(truth) / np.maximum(counts, 1) / np.count_nonzero(counts)
    return tuple(np.where(counts > 0, np.minimum(weights, _HEAVIEST), 1.0).tolist())


def unit_weights(truth: np.ndarray, units: int) -> tuple[float, ...]:
    """(absent / present) for each unit of truth (n, units), so that its two answers weigh the same."""
    present = truth.sum(0)
    weights = (len(truth) - present) / np.maximum(present, 1)
    return tuple(np.where(present > 0, np.clip(weights, 1 / _HEAVIEST, _HEAVIEST), 1.0).tolist())


def class_shares(truth: np.ndarray) -> np.ndarray:
    """(n,): how probable each sample is to be drawn, so that every class is drawn equally often."""
    return 1.0 / np.bincount(truth)[truth].astype(np.float64)
