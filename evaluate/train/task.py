"""What a network is to answer: one class a sample, or which of several action units are there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from emonas.datasets.protocols.protocol import Fold, split_people
from emonas.datasets.store.prepared import Prepared
from emonas.errors import UserError
from emonas.options.types import EpochRule


@dataclass(frozen=True)
class Task:
    """``names`` of the answers; ``units``: whether they are action units, of which a sample shows any number."""

    prepared: Prepared
    names: tuple[str, ...]
    units: bool

    @cached_property
    def truth(self) -> np.ndarray:
        """Labels (N,), or 0 and 1 for each unit (N, units)."""
        if not self.units:
            return self.prepared.labels
        shown = [{_number(unit) for unit in sample.action_units} for sample in self.prepared.samples]
        return np.array([[int(name in of_sample) for name in self.names] for of_sample in shown], np.int64)

    @property
    def targets(self) -> np.ndarray | None:
        """The truth where it is not one class a sample."""
        return self.truth if self.units else None

    def decide(self, probabilities: np.ndarray) -> np.ndarray:
        """Answers from probabilities (n, names): the most probable class, or the units that are rather there."""
        return (probabilities >= 0.5).astype(np.int64) if self.units else probabilities.argmax(1)


def _number(unit: str) -> str:
    """A unit without its side: 12 for L12."""
    return unit.lstrip("LR")


def make_task(prepared: Prepared, units: tuple[str, ...]) -> Task:
    """The classes, or the wanted units; all that occur in a set prepared for units. Raises UserError."""
    if not units and prepared.options.get("classes") != "units":
        return Task(prepared, prepared.classes, units=False)
    there = {_number(unit) for sample in prepared.samples for unit in sample.action_units}
    if not there:
        raise UserError(f"--units: no sample of {prepared.name} has action units")
    wrong = [unit for unit in units if not re.fullmatch(r"\d+", unit) or unit not in there]
    if wrong:
        known = ", ".join(sorted(there, key=int))
        raise UserError(f"--units: nobody in {prepared.name} shows {', '.join(wrong)}; there are {known}")
    return Task(prepared, tuple(dict.fromkeys(units)) or tuple(sorted(there, key=int)), units=True)


def train_and_validation(fold: Fold, rule: EpochRule, seed: int, prepared: Prepared) -> tuple[np.ndarray, np.ndarray]:
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


def check_folds(parts: Sequence[Fold], task: Task, seeds: Sequence[int], rule: EpochRule) -> None:
    """Refuse, before anything is written, what would fail in a later fold. Raises UserError."""
    if task.units and not any(task.truth[fold.test].any() for fold in parts):
        raise UserError("--units: none of the tested samples shows any of these action units")
    for fold in parts:
        for seed in seeds:
            learnt, _ = train_and_validation(fold, rule, seed, task.prepared)
            if not task.units and len(set(task.truth[learnt])) < 2:
                raise UserError(f"fold {fold.name}: its training part has fewer than two classes")
