"""A row of an ablation's table: the scores of a setup over its seeds, and its difference to another setup.

Each seed has cells and a training of its own. Scores are means over the seeds; intervals are over resamples of people,
in each of which the seeds' scores are averaged, and for a difference both setups are scored on the same resamples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from emonas.evaluate.ablate.config import PartName
from emonas.evaluate.ablate.variants import Variant
from emonas.evaluate.results.bootstrap import (
    Pooled,
    confusions_by_person,
    limits,
    number,
    pool_answers,
    resample,
    spread,
)
from emonas.evaluate.results.metrics import MEASURES
from emonas.evaluate.results.record import Interval, Results, measure

RESAMPLES = 10_000
#: What one seed of a setup has come to: its results, or why there are none.
OfSeed = Results | str


@dataclass(frozen=True)
class Score:
    """Mean over the seeds, their standard deviation (None for one), and the 95 % interval over people."""

    mean: float
    std: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Difference:
    """In UAR, with its 95 % interval; ``unpaired`` says why there is no interval."""

    against: str
    uar: float
    low: float | None
    high: float | None
    unpaired: str = ""


@dataclass(frozen=True)
class Row:
    """A setup as the table shows it; ``scores`` is empty where no seed has come to an end.

    ``failures``: one line for each seed that failed, by seed. ``parameters`` is the mean over the seeds' networks,
    ``search_seconds`` that over the searches whose time is known.
    """

    variant: Variant
    seeds: tuple[int, ...]
    scores: dict[str, Score]
    difference: Difference | None
    parameters: float | None
    search_seconds: float | None
    leaks: tuple[str, ...]
    failures: dict[int, str]


def make_row(
    variant: Variant,
    of_seeds: Mapping[int, OfSeed],
    against: tuple[str, Mapping[int, OfSeed]] | None,
    seconds: Sequence[float | None],
) -> Row:
    """The row of a variant; ``against`` is the name and the outcome of the setup that it is compared with."""
    results = [found for found in of_seeds.values() if not isinstance(found, str)]
    known = [one for one in seconds if one is not None]
    others = [found for found in against[1].values() if not isinstance(found, str)] if against else []
    return Row(
        variant=variant,
        seeds=tuple(seed for seed, found in of_seeds.items() if not isinstance(found, str)),
        scores=_scores(results) if results else {},
        difference=difference(against[0], others, results) if against and others and results else None,
        parameters=float(np.mean([found.parameters for found in results])) if results else None,
        search_seconds=float(np.mean(known)) if known else None,
        leaks=tuple(dict.fromkeys(leak for found in results for leak in found.leaks)),
        failures={seed: found for seed, found in of_seeds.items() if isinstance(found, str)},
    )


def _scores(results: Sequence[Results]) -> dict[str, Score]:
    first = results[0]
    rows = [row for found in results for row in found.per_fold]
    of_scores, _ = spread(rows, len(first.classes), first.task, first.n_subjects is not None)
    return {key: _score([measure(found, key) for found in results], of_scores.of(key)) for key in MEASURES}


def _score(values: Sequence[float], interval: Interval) -> Score:
    return Score(float(np.mean(values)), interval.std, interval.low, interval.high)


def difference(against: str, base: Sequence[Results], variant: Sequence[Results]) -> Difference:
    """In UAR, of ``variant`` to ``base``: positive where the variant is better."""
    uar = float(np.mean([found.uar for found in variant]) - np.mean([found.uar for found in base]))
    sides = [_runs(base), _runs(variant)]
    if why := _unpaired(sides[0][0], sides[1][0]):
        return Difference(against, uar, None, None, why)
    classes, task = len(base[0].classes), base[0].task
    matrices = [[confusions_by_person(answers, classes) for answers in runs] for runs in sides]
    if len(matrices[0][0]) < 2:
        return Difference(against, uar, None, None, "one person alone allows no interval")
    of_base, of_variant = resample(matrices, task, RESAMPLES, 0)
    place = list(MEASURES).index("uar")
    low, high = limits(of_variant - of_base)[:, place]
    return Difference(against, uar, number(low), number(high))


def _runs(results: Sequence[Results]) -> list[Pooled]:
    return [answers for found in results for answers in pool_answers(found.per_fold)]


def _unpaired(base: Pooled, variant: Pooled) -> str:
    """Why two setups cannot be scored on the same people: their samples differ, which preparing may have dropped."""
    ours, theirs = Counter(base.keys), Counter(variant.keys)
    if ours == theirs and np.array_equal(base.truth, variant.truth):
        return ""
    return f"tested on other samples: {(ours - theirs).total()} left out, {(theirs - ours).total()} added"


@dataclass(frozen=True)
class Ablation:
    """All rows by part. ``facts`` are the results of one training, for what all have in common."""

    rows: Mapping[PartName, tuple[Row, ...]]
    facts: Results
    seeds: tuple[int, ...]
    budget: Mapping[str, object]

    @property
    def all_rows(self) -> Iterator[tuple[PartName, Row]]:
        """Every row with its part."""
        return ((part, row) for part, rows in self.rows.items() for row in rows)
