"""What makes up for rare classes: their weight in the loss, or how often their samples are drawn."""

from __future__ import annotations

import numpy as np

#: A class, or a unit's presence, weighs at most so many times as much as the mean.
_HEAVIEST = 10.0


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
