"""Who is learnt from, and who chooses the epoch, within one fold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emonas.datasets.prepared import Prepared
from emonas.datasets.protocol import Fold, split_people
from emonas.errors import UserError
from emonas.options import EpochRule

from .config import TrainConfig
from .task import Task


def learnt_and_watched(fold: Fold, rule: EpochRule, seed: int, prepared: Prepared) -> tuple[np.ndarray, np.ndarray]:
    """Who is learnt from, and who chooses the epoch: nobody, some held out, or (test-best) the tested people."""
    if rule == "inner":
        return inner_validation(prepared, fold, seed)
    tested = fold.test if rule == "test-best" else np.array([], np.int64)
    return fold.train, tested


def inner_validation(prepared: Prepared, fold: Fold, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """What is learnt from and what chooses the epoch: the owner's validation part, else a fifth of the people."""
    validation = np.flatnonzero([sample.part == "validation" for sample in prepared.samples])
    if fold.name == "fixed" and len(validation):
        elsewhere = {prepared.samples[i].person for part in (fold.train, fold.test) for i in part}
        kept = [i for i in validation if prepared.samples[i].person not in elsewhere]
        if kept:
            return fold.train, np.array(kept, np.int64)
    inner = split_people(prepared.samples, fold.train, 5, seed)
    return inner.train, inner.test


def check_folds(parts: Sequence[Fold], config: TrainConfig, task: Task) -> None:
    """Refuse, before anything is written, what would fail in a later fold. Raises UserError."""
    if task.units and not any(task.truth[fold.test].any() for fold in parts):
        raise UserError("--units: none of the tested samples shows any of these action units")
    for fold in parts:
        for seed in range(config.seed, config.seed + config.seeds):
            learnt, _ = learnt_and_watched(fold, config.epoch_rule, seed, task.prepared)
            if not task.units and len(set(task.truth[learnt])) < 2:
                raise UserError(f"fold {fold.name}: its training part has fewer than two classes")
