"""How far a score would move with other people or other seeds: bootstrap intervals and standard deviations.

A person's samples resemble each other, so that whole people are drawn, with replacement, and the pooled scores are
computed anew from all samples of those drawn (cluster bootstrap; Davison, Hinkley: Bootstrap Methods and their
Application, 1997, section 3.8). Where nobody is named, pictures are drawn, copies of one picture together.

The answers of all folds are put together first. A seed's answers become one confusion matrix for each person, from
which the scores of any choice of people follow by a sum; that makes thousands of resamples cheap. Classes and action
units share one form: (..., U, K, K), truth in rows, where U is 1 and K the number of classes, or U the number of units
and K = 2 (not shown, shown).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from emonas.evaluate.results.metrics import MEASURES
from emonas.evaluate.results.record import FoldAnswers, Interval, Spread

RESAMPLES = 2000
#: The 2.5 % and 97.5 % points of the resamples.
_LIMITS = (0.025, 0.975)
#: With fewer people than this, an interval is rough, and words say so.
FEW = 10
#: Numbers that are held at once.
_BLOCK = 4_000_000


def spread(
    rows: Iterable[FoldAnswers],
    classes: int,
    task: str = "classes",
    named: bool = True,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[Spread, str]:
    """The blocks "spread" and "interval_in_words" of results.json from its "per_fold".

    "std" is the sample standard deviation over the seeds, None for one seed; "low" and "high" are the percentile
    interval, None for one person alone. Several seeds: their scores are averaged within each resample.
    """
    runs = [confusions_by_person(answers, classes) for answers in pool_answers(rows)]
    people = len(runs[0])
    of_seeds = np.array([rates(run.sum(0), task) for run in runs])
    deviation = of_seeds.std(0, ddof=1) if len(runs) > 1 else np.full(len(MEASURES), np.nan)
    low, high = np.full((2, len(MEASURES)), np.nan)
    if people > 1:
        low, high = limits(resample([runs], task, resamples, seed)[0])
    block = {
        key: Interval(std=number(deviation[i]), low=number(low[i]), high=number(high[i]))
        for i, key in enumerate(MEASURES)
    }
    return Spread(**block), _in_words(people, named, len(runs), resamples)


def resample(results: Sequence[Sequence[np.ndarray]], task: str, resamples: int, seed: int) -> np.ndarray:
    """(results, resamples, 3): the scores of several results, each of them on the same resamples of people.

    A result is its seeds' confusion matrices by person, (P, U, K, K) with the same people in the same order; its scores
    are averaged over its seeds.
    """
    # scipy.stats.bootstrap hands out drawn people, whose matrices would have to be gathered for every resample; how
    # often each one was drawn, times the matrices, is one product, and undefined resamples need not spoil the rest.
    matrices = results[0][0]
    people = len(matrices)
    draw = np.random.default_rng(seed)
    at_once = max(1, _BLOCK // (people + matrices[0].size))
    found = []
    for start in range(0, resamples, at_once):
        size = min(at_once, resamples - start)
        drawn = draw.integers(people, size=(size, people)) + people * np.arange(size)[:, None]
        times = np.bincount(drawn.ravel(), minlength=size * people).reshape(size, people).astype(float)
        found.append([_averaged(times, runs, task) for runs in results])
    return np.concatenate(found, axis=1)


def _averaged(times: np.ndarray, runs: Sequence[np.ndarray], task: str) -> np.ndarray:
    """(R, 3): scores of R resamples, (R, P) times that each person was drawn, averaged over the seeds' matrices."""
    return np.mean([rates(np.tensordot(times, run, 1), task) for run in runs], axis=0)


def limits(scores: np.ndarray) -> np.ndarray:
    """(2, 3): both ends of the 95 % interval of (R, 3) resampled scores, without the undefined ones."""
    kept = [column[~np.isnan(column)] for column in scores.T]
    return np.array([np.quantile(column, _LIMITS) if len(column) else (np.nan, np.nan) for column in kept]).T


def number(value: float) -> float | None:
    """A number as JSON can hold it: None for NaN."""
    return None if np.isnan(value) else float(value)


def _in_words(people: int, named: bool, seeds: int, resamples: int) -> str:
    if people < 2:
        return f"no interval: only one {'person' if named else 'picture'} was tested"
    whom = "people, each with all their samples" if named else "different pictures, since nobody is named"
    words = f"95 % bootstrap interval over {people} {whom} ({resamples} resamples"
    words += f", scores averaged over {seeds} seeds)" if seeds > 1 else ")"
    return words + (f"; rough, with only {people} of them" if people < FEW else "")


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


def pool_answers(rows: Iterable[FoldAnswers]) -> list[Pooled]:
    """Each seed's answers from the rows of "per_fold" in results.json, seeds in the order of their first row."""
    seeds: dict[int, list[FoldAnswers]] = {}
    for row in rows:
        seeds.setdefault(row.seed, []).append(row)
    return [_pooled(seed, folds) for seed, folds in seeds.items()]


def _pooled(seed: int, folds: list[FoldAnswers]) -> Pooled:
    people, clips, positions, truth, predictions = (
        np.concatenate([np.array(getattr(fold, key)) for fold in folds])
        for key in ("people", "clips", "positions", "truth", "predictions")
    )
    # Clips of one name and person keep the order in which they were prepared.
    order = np.lexsort((positions, clips, people))
    return Pooled(seed, people[order], clips[order], truth[order], predictions[order])


def confusions_by_person(answers: Pooled, classes: int) -> np.ndarray:
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
