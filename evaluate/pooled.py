"""The answers of all folds put together, and scores of many confusion matrices at once.

A seed's answers become one confusion matrix for each person, from which the scores of any choice of people follow by a
sum; that makes thousands of resamples cheap. Classes and action units share one form: (..., U, K, K), truth in rows,
where U is 1 and K the number of classes, or U the number of units and K = 2 (not shown, shown).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Pooled:
    """One seed's answers, sorted by person and clip, so that those of other seeds and runs stand beside them.

    ``people`` and ``clips`` are (N,) texts; ``truth`` and ``predictions`` are (N,) ints, or (N, U) of 0 and 1.
    """

    seed: int
    people: np.ndarray
    clips: np.ndarray
    truth: np.ndarray
    predictions: np.ndarray

    @property
    def keys(self) -> list[tuple[str, str]]:
        """Person and clip of each sample."""
        return list(zip(self.people.tolist(), self.clips.tolist(), strict=True))


def pooled(rows: Iterable[Mapping[str, Any]]) -> list[Pooled]:
    """Each seed's answers from the rows of "per_fold" in results.json, seeds in the order of their first row."""
    seeds: dict[int, list[Mapping[str, Any]]] = {}
    for row in rows:
        seeds.setdefault(row["seed"], []).append(row)
    return [_pooled(seed, folds) for seed, folds in seeds.items()]


def _pooled(seed: int, folds: list[Mapping[str, Any]]) -> Pooled:
    people, clips, positions, truth, predictions = (
        np.concatenate([np.array(fold[key]) for fold in folds])
        for key in ("people", "clips", "positions", "truth", "predictions")
    )
    # Clips of one name and person keep the order in which they were prepared.
    order = np.lexsort((positions, clips, people))
    return Pooled(seed, people[order], clips[order], truth[order], predictions[order])


def confusions(answers: Pooled, classes: int) -> np.ndarray:
    """(P, U, K, K): the confusion matrices of each person, people sorted by name."""
    people, person = np.unique(answers.people, return_inverse=True)
    units, sides = (1, classes) if answers.truth.ndim == 1 else (answers.truth.shape[1], 2)
    truth, predictions = answers.truth.reshape(-1, units), answers.predictions.reshape(-1, units)
    counts = np.zeros((len(people), units, sides, sides), np.int64)
    np.add.at(counts, (person[:, None], np.arange(units), truth, predictions), 1)
    return counts


def rates(confusion: np.ndarray, task: str) -> np.ndarray:
    """(..., 3): accuracy, UF1 and UAR of matrices (..., U, K, K), by the rules of ``metrics``; NaN if undefined."""
    shown, said = confusion.sum(-1), confusion.sum(-2)
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    with np.errstate(invalid="ignore"):
        f1, recall = 2 * right / (shown + said), right / shown
        accuracy = right.sum(-1) / shown.sum(-1)
        balanced = _mean(recall, shown > 0)
        if task == "classes":
            found = (accuracy, _mean(f1, shown + said > 0), balanced)
            return np.concatenate(found, -1)
        somebody = shown[..., 1] > 0
        return np.stack([_mean(values, somebody) for values in (accuracy, f1[..., 1], balanced)], -1)


def _mean(values: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """The mean over the last axis of what counts; called where a division by zero is meant to be NaN."""
    return np.where(counted, values, 0).sum(-1) / counted.sum(-1)
