"""Two results on the same samples: by how much one is better, and whether that is more than chance.

Both are scored on the same resamples of people, so that what makes a person easy or hard falls out of the difference
(paired bootstrap over subjects). McNemar's test on samples stands beside it; it takes a person's samples for
independent, which they are not.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emonas.errors import UserError
from emonas.evaluate.results.bootstrap import (
    FEW,
    Pooled,
    confusions_by_person,
    limits,
    number,
    pool_answers,
    rates,
    resample,
)
from emonas.evaluate.results.file import read_results
from emonas.evaluate.results.metrics import MEASURES
from emonas.evaluate.results.record import Results

#: The facts in which two results must agree to be compared, and what they are called.
_SAME = {
    "task": "task",
    "database": "data set",
    "protocol": "protocol",
    "n_folds": "number of folds",
    "classes": "classes",
}


@dataclass(frozen=True)
class Side:
    """One of the two results: where it lies, what the file holds, and each seed's answers."""

    path: str
    results: Results
    runs: tuple[Pooled, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing is known by which the tested people have helped to choose."""
        facts = self.results
        return not (facts.leaks or facts.search_saw_test_subjects or facts.epoch_rule == "test-best")


@dataclass(frozen=True)
class Difference:
    """A score of both, B minus A with its 95 % interval, and the two-sided p; None where one person was tested."""

    measure: str
    a: float
    b: float
    difference: float
    low: float | None
    high: float | None
    p: float | None


@dataclass(frozen=True)
class McNemar:
    """The samples on which only one of the two is right, and the exact two-sided p of such a division."""

    samples: int
    only_a: int
    only_b: int
    p: float


@dataclass(frozen=True)
class Comparison:
    """All that is known of two results; ``people`` counts pictures where nobody is ``named``.

    ``mcnemar`` is None for several seeds and for action units.
    """

    a: Side
    b: Side
    people: int
    named: bool
    resamples: int
    differences: tuple[Difference, ...]
    mcnemar: McNemar | None
    warnings: tuple[str, ...]


def compare(a: Path, b: Path, resamples: int = 10_000, seed: int = 0) -> Comparison:
    """Compare two results.json, or run folders with one each. Raises UserError where they are not about the same."""
    first, second = (_side(path) for path in (a, b))
    _refuse_others(first, second)
    _refuse_other_samples(first.runs[0], second.runs[0])
    people = len(set(first.runs[0].people))
    return Comparison(
        a=first,
        b=second,
        people=people,
        named=first.results.n_subjects is not None,
        resamples=resamples,
        differences=_differences(first, second, people, resamples, seed),
        mcnemar=_mcnemar(first, second),
        warnings=(*_warnings(first, second), *_limits_of_it(first, second, people)),
    )


def _side(path: Path) -> Side:
    results = read_results(path)
    return Side(str(path), results, tuple(pool_answers(results.per_fold)))


def _refuse_others(a: Side, b: Side) -> None:
    for key, name in _SAME.items():
        if getattr(a.results, key) != getattr(b.results, key):
            ours, theirs = (_told(getattr(side.results, key)) for side in (a, b))
            raise UserError(f"A and B cannot be compared: the {name} of A is {ours}, of B {theirs}")


def _told(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _refuse_other_samples(a: Pooled, b: Pooled) -> None:
    ours, theirs = Counter(a.keys), Counter(b.keys)
    if ours != theirs:
        raise UserError(
            "A and B cannot be compared: they have tested different samples; "
            f"{(ours - theirs).total()} of A's {len(a.keys)} are missing in B, "
            f"{(theirs - ours).total()} of B's {len(b.keys)} in A"
        )
    labelled = (a.truth != b.truth).reshape(len(a.truth), -1).any(1)
    if labelled.any():
        raise UserError(
            f"A and B cannot be compared: {labelled.sum()} of {len(labelled)} samples have another true class in B, "
            "so they were prepared from different labels"
        )


def _differences(a: Side, b: Side, people: int, resamples: int, seed: int) -> tuple[Difference, ...]:
    task, classes = a.results.task, len(a.results.classes)
    matrices = [[confusions_by_person(answers, classes) for answers in side.runs] for side in (a, b)]
    of_a, of_b = (np.mean([rates(run.sum(0), task) for run in runs], axis=0) for runs in matrices)
    low, high = np.full((2, len(MEASURES)), np.nan)
    p = np.full(len(MEASURES), np.nan)
    if people > 1:
        drawn_a, drawn_b = resample(matrices, task, resamples, seed)
        low, high = limits(drawn_b - drawn_a)
        p = np.array([two_sided(column) for column in (drawn_b - drawn_a).T])
    return tuple(
        Difference(
            key, float(of_a[i]), float(of_b[i]), float(of_b[i] - of_a[i]), number(low[i]), number(high[i]), number(p[i])
        )
        for i, key in enumerate(MEASURES)
    )


def two_sided(differences: np.ndarray) -> float:
    """Twice the share of resamples that do not lie on the larger side of zero; ties count on both sides.

    One is added to both counts, so that no finite number of resamples gives 0 (Davison, Hinkley 1997, section 4.2).
    NaN where no resample is defined.
    """
    defined = differences[~np.isnan(differences)]
    if not len(defined):
        return float("nan")
    smaller = min((defined <= 0).sum(), (defined >= 0).sum())
    return float(min(1, 2 * (smaller + 1) / (len(defined) + 1)))


def _mcnemar(a: Side, b: Side) -> McNemar | None:
    from scipy.stats import binomtest

    if len(a.runs) > 1 or len(b.runs) > 1 or a.results.task == "units":
        return None
    right_a, right_b = (side.runs[0].truth == side.runs[0].predictions for side in (a, b))
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    p = float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0
    return McNemar(len(right_a), only_a, only_b, p)


def _warnings(a: Side, b: Side) -> list[str]:
    """What stands between these two numbers and a clean comparison, a sentence each."""
    found = []
    for name, side in (("A", a), ("B", b)):
        facts = side.results
        if facts.epoch_rule == "test-best":
            found.append(f"not clean: the epochs of {name} were selected on the test subject")
        found += [f"not clean: {name}: {leak}" for leak in facts.leaks]
        if facts.search_saw_test_subjects and not facts.leaks:
            found.append(f"not clean: the search for the cells of {name} saw tested people")
        if facts.search_saw_test_subjects is None:
            found.append(f"of {name} it cannot be told whether its search saw tested people")
    if a.results.epoch_rule != b.results.epoch_rule:
        rules = (f"{name}: {side.results.epoch_rule_in_words}" for name, side in (("A", a), ("B", b)))
        found.append(f"the epochs were chosen by different rules; {'; '.join(rules)}")
    if _groups(a) != _groups(b):
        found.append("A and B were trained on different people: their folds do not hold the same tested people")
    if a.results.dataset != b.results.dataset:
        found.append(f"the pictures were prepared differently: {a.results.dataset} and {b.results.dataset}")
    return found


def _limits_of_it(a: Side, b: Side, people: int) -> list[str]:
    """What the interval and the p cannot say."""
    found = []
    if 1 < people < FEW:
        found.append(f"only {people} people: the interval is too narrow and p too small, since others may differ more")
    if once := [name for name, side in (("A", a), ("B", b)) if len(side.runs) == 1]:
        whose = f"{' and '.join(once)} {'was' if len(once) == 1 else 'were'} trained with one seed"
        found.append(f"{whose}: the interval tells of other people, not of other seeds")
    return found


def _groups(side: Side) -> set[frozenset[str]]:
    return {frozenset(row.people) for row in side.results.per_fold}
