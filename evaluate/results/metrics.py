"""Numbers from predictions pooled over all folds, as the MEGC 2019 challenge defines them.

With TP_c, FP_c, FN_c summed over all folds, n_c samples of class c and C classes:

    F1_c = 2 TP_c / (2 TP_c + FP_c + FN_c)      UF1 = (1/C) sum_c F1_c      UAR = (1/C) sum_c TP_c / n_c

Averaging each fold's F1 would be wrong: many people show one class only. Action units, of which a face shows several,
are judged one by one, each as shown or not shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emonas.evaluate.results.record import ClassMeasures, PartMeasures

#: The keys of the three scores in results.json, and their names for people.
MEASURES = {"accuracy": "accuracy", "uf1": "UF1", "uar": "UAR"}
#: The name of all samples together, beside the sources of a composite.
FULL = "full"


@dataclass(frozen=True)
class Scores:
    """Scores of one class a sample: accuracy, unweighted F1, unweighted average recall, confusion (truth in rows).

    ``f1`` and ``recall`` are (C,), NaN for the F1 of a class that is neither shown nor predicted and for the recall of
    one that is not shown.
    """

    accuracy: float
    uf1: float
    uar: float
    confusion: np.ndarray
    f1: np.ndarray
    recall: np.ndarray

    @property
    def counts(self) -> np.ndarray:
        """(C,): samples of each class."""
        return self.confusion.sum(1)

    @property
    def mean_class_accuracy(self) -> float:
        """The mean of the accuracies within each class, as RAF-DB's owners report it: another name of UAR."""
        return self.uar


@dataclass(frozen=True)
class UnitScores:
    """Scores of action units, several a sample: means over the units that somebody shows.

    ``uf1`` is the mean F1 of "shown", ``uar`` the mean balanced accuracy (of the recalls of shown and not shown).
    ``counts``, ``f1`` and ``recall`` are (U,): samples that show a unit, F1 and recall of "shown"; NaN in ``absent``,
    the units that nobody shows.
    """

    accuracy: float
    uf1: float
    uar: float
    counts: np.ndarray
    f1: np.ndarray
    recall: np.ndarray

    @property
    def absent(self) -> tuple[int, ...]:
        """Positions of the units that nobody shows: they have no F1 and are in no mean."""
        return tuple(int(unit) for unit in np.flatnonzero(self.counts == 0))


def scores(truth: np.ndarray, predictions: np.ndarray, classes: int) -> Scores:
    """Scores of pooled predictions; both arrays (N,), ints in 0..classes-1.

    Every class counts in the mean that occurs in the truth or in the predictions; a class that nobody shows and nobody
    predicts has no F1.
    """
    from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, recall_score

    every = np.arange(classes)
    f1 = f1_score(truth, predictions, labels=every, average=None, zero_division=np.nan)
    recall = recall_score(truth, predictions, labels=every, average=None, zero_division=np.nan)
    return Scores(
        accuracy=float(accuracy_score(truth, predictions)),
        uf1=float(np.nanmean(f1)),
        uar=float(np.nanmean(recall)),
        confusion=confusion_matrix(truth, predictions, labels=every),
        f1=f1,
        recall=recall,
    )


def chance(truth: np.ndarray, classes: int) -> Scores:
    """Scores of always answering the class that is most frequent in the truth: what a number must beat."""
    most = np.bincount(truth, minlength=classes).argmax()
    return scores(truth, np.full_like(truth, most), classes)


def unit_scores(truth: np.ndarray, predictions: np.ndarray) -> UnitScores:
    """Scores of pooled answers on action units; both arrays (N, U) of 0 and 1.

    NaN in all means where no unit is shown at all.
    """
    from sklearn.metrics import f1_score, recall_score

    shown = truth.any(0)
    f1 = np.full(truth.shape[1], np.nan)
    recall, accuracy, balanced = f1.copy(), (truth == predictions).mean(0), f1.copy()
    for unit in np.flatnonzero(shown):
        real, said = truth[:, unit], predictions[:, unit]
        f1[unit] = f1_score(real, said, zero_division=0)
        recall[unit] = recall_score(real, said)
        balanced[unit] = recall_score(real, said, labels=np.unique(real), average="macro")
    means = [float(values[shown].mean()) if shown.any() else float("nan") for values in (accuracy, f1, balanced)]
    return UnitScores(means[0], means[1], means[2], truth.sum(0), f1, recall)


def unit_chance(truth: np.ndarray) -> dict[str, float]:
    """What the better of the two constant answers reaches on units (N, U), in each score; see ``unit_scores``.

    For accuracy that is the more frequent answer, for F1 always "shown"; balanced accuracy is 0.5, or 1 for a unit that
    is shown in every sample.
    """
    never, always = (unit_scores(truth, np.full_like(truth, answer)) for answer in (0, 1))
    share = truth[:, truth.any(0)].mean(0)
    return {
        "accuracy": float(np.maximum(share, 1 - share).mean()) if len(share) else float("nan"),
        "uf1": max(never.uf1, always.uf1),
        "uar": max(never.uar, always.uar),
    }


def parts(truth: np.ndarray, predictions: np.ndarray, sources: Sequence[str], classes: int) -> dict[str, Scores]:
    """Scores of a composite: "full", then each source's in the order in which they occur.

    All come from the same pooled predictions (N,); ``sources`` names the source of each. (MEGC 2019's three parts.)
    """
    names = np.asarray(sources)
    found = {FULL: scores(truth, predictions, classes)}
    for source in dict.fromkeys(sources):
        found[source] = scores(truth[names == source], predictions[names == source], classes)
    return found


def part_rows(seeds: Sequence[dict[str, Scores]]) -> tuple[PartMeasures, ...]:
    """The "parts" of results.json from each seed's ``parts``: scores are means over the seeds."""
    return tuple(
        PartMeasures(
            name=name,
            n=int(seeds[0][name].counts.sum()),
            **{key: float(np.mean([getattr(found[name], key) for found in seeds])) for key in MEASURES},
        )
        for name in seeds[0]
    )


def class_rows(seeds: Sequence[Scores] | Sequence[UnitScores], names: Sequence[str]) -> tuple[ClassMeasures, ...]:
    """The "per_class" of results.json from each seed's scores: means over the seeds, None for what is undefined."""
    return tuple(
        ClassMeasures(
            name=name,
            n=int(seeds[0].counts[i]),
            f1=_mean([one.f1[i] for one in seeds]),
            recall=_mean([one.recall[i] for one in seeds]),
        )
        for i, name in enumerate(names)
    )


def _mean(values: list[float]) -> float | None:
    defined = [value for value in values if not np.isnan(value)]
    return float(np.mean(defined)) if defined else None
