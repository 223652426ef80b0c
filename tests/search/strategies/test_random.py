"""Random search: uniform genotypes, the same for the same seed, the best one kept."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from tiny_search import batches, plan
from uniform import within

from emonas.operations.table import OPERATION_NAMES
from emonas.search.ranking import Ranked
from emonas.search.strategies import random
from emonas.search.strategies.random import RandomSearch, build, random_cell
from emonas.search.strategy import Architecture
from emonas.training.losses import EpochScore

DRAWS = 3000


def test_sources_and_operations_are_uniform() -> None:
    generator = np.random.default_rng(0)
    cells = [random_cell(generator) for _ in range(DRAWS)]
    for place in range(8):
        assert within(Counter(cell.edges[place].operation for cell in cells), len(OPERATION_NAMES), DRAWS)
    for node in range(4):
        pairs = Counter(tuple(edge.source for edge in cell.incoming(node)) for cell in cells)
        assert all(first < second for first, second in pairs)
        assert within(pairs, (node + 2) * (node + 1) // 2, DRAWS)


@pytest.mark.parametrize("budget", [0, 1, 2])
def test_a_skip_budget_leaves_the_rest_uniform(budget: int) -> None:
    generator = np.random.default_rng(1)
    cells = [random_cell(generator, skip_budget=budget) for _ in range(DRAWS)]
    assert max(cell.skips for cell in cells) == budget
    others = Counter(edge.operation for cell in cells for edge in cell.edges if edge.operation != "skip_connect")
    assert within(others, len(OPERATION_NAMES) - 1, sum(others.values()))


def candidates(seed: int, **options: object) -> list[Architecture]:
    strategy = build(plan(strategy="random", candidates=6, seed=seed, **options))
    return [strategy.candidate(number) for number in range(6)]


def test_the_seed_alone_makes_the_candidates() -> None:
    assert candidates(3) == candidates(3)
    assert not set(map(str, candidates(3))) & set(map(str, candidates(4)))
    assert len(set(map(str, candidates(3)))) == 6
    assert all(found.normal != found.reduction for found in candidates(3))
    assert all((found.cells, found.reductions) == (5, (1, 3)) for found in candidates(3, cells=5))


def test_candidates_keep_the_skip_budget() -> None:
    assert all(max(found.normal.skips, found.reduction.skips) <= 1 for found in candidates(0, skip_budget=1))


def ranked(monkeypatch: pytest.MonkeyPatch, uars: list[float]) -> RandomSearch:
    """A search whose candidates score as given."""
    scores = iter(uars)
    monkeypatch.setattr(random, "short_training", lambda *rest: (Ranked(next(scores), 0), EpochScore(0.0, 0.0)))
    strategy = build(plan(strategy="random", candidates=len(uars)))
    for epoch in range(len(uars)):
        assert set(strategy.epoch(batches(), epoch)) == {"alphas"}
    return strategy


@pytest.mark.parametrize(("uars", "best"), [([0.1, 0.6, 0.3], 1), ([0.5, 0.2, 0.5], 0), ([0.0, 0.0], 0)])
def test_the_best_is_kept_and_the_earlier_of_equals(
    uars: list[float], best: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    strategy = ranked(monkeypatch, uars)
    assert strategy.architecture() == strategy.candidate(best)
    assert strategy.epochs_done == strategy.epochs == len(uars)


def test_the_checkpoint_holds_the_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    strategy = ranked(monkeypatch, [0.1, 0.6, 0.3])
    other = build(strategy.plan)
    other.load_state_dict(strategy.state_dict())
    assert other.architecture() == strategy.architecture() and other.epochs_done == 3


def test_there_is_nothing_to_watch_but_scores() -> None:
    assert build(plan(strategy="random")).controller is None
