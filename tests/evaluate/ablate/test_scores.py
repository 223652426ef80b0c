"""The numbers of an ablation's row: means over seeds, intervals over people, paired differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from small_results import Answers, made, results_of, rows

from emonas.evaluate.ablate.scores import difference, make_row
from emonas.evaluate.ablate.variants import Data, SearchSpec, Setup, Variant
from emonas.evaluate.results.record import Results

SETUP = Setup(SearchSpec(Data("m", "m", "dynamic", "f"), "emonas", 4), 4)
VARIANT = Variant("no skip_connect", SETUP, SETUP)
PEOPLE = 20


def answers(right: float, seed: int, people: int = PEOPLE) -> Answers:
    luck = np.random.default_rng(seed)
    found = {}
    for person in range(people):
        truth = np.arange(6) % 3
        found[f"d/{person:02}"] = (truth.tolist(), np.where(luck.random(6) < right, truth, (truth + 1) % 3).tolist())
    return found


def result(right: float, seed: int, **changes: Any) -> Results:
    return results_of(made(rows(answers(right, seed), seed), **changes))


def test_a_row_holds_means_and_deviations_over_seeds() -> None:
    found = [result(0.7, seed, parameters=100 * (seed + 1)) for seed in range(3)]
    row = make_row(VARIANT, dict(enumerate(found)), None, [2.0, None, 4.0])
    uars = [one.uar for one in found]
    uar = row.scores["uar"]
    assert (uar.mean, uar.std) == pytest.approx((np.mean(uars), np.std(uars, ddof=1)))
    assert uar.low is not None and uar.high is not None and uar.low < uar.mean < uar.high
    assert (row.parameters, row.search_seconds, row.seeds) == (200, 3.0, (0, 1, 2))
    assert row.difference is None


def test_one_seed_has_no_deviation_and_unknown_times_are_unknown() -> None:
    row = make_row(VARIANT, {0: result(0.7, 0)}, None, [None])
    assert row.scores["uar"].std is None and row.search_seconds is None


def test_a_difference_is_positive_where_the_variant_is_better() -> None:
    weak, strong = ([result(right, seed) for seed in (0, 1)] for right in (0.5, 0.8))
    found = difference("base", weak, strong)
    assert found.uar == pytest.approx(np.mean([s.uar for s in strong]) - np.mean([w.uar for w in weak]))
    assert found.low is not None and found.high is not None and 0 < found.low < found.uar < found.high
    back = difference("base", strong, weak)
    assert (back.uar, back.low) == pytest.approx((-found.uar, -found.high))
    same = difference("base", weak, weak)
    assert (same.uar, same.low, same.high) == (0, 0, 0)


def test_other_samples_allow_no_interval_and_the_reason_is_said() -> None:
    fewer = dict(answers(0.8, 1))
    del fewer["d/00"]
    found = difference("base", [result(0.5, 0)], [results_of(made(rows(fewer)))])
    assert (found.low, found.high) == (None, None)
    assert found.unpaired == "tested on other samples: 6 left out, 0 added"
    one = results_of(made(rows({"d/0": ([0, 1, 2], [0, 1, 1])}), n_subjects=1))
    assert "one person alone" in difference("base", [one], [one]).unpaired


def test_seeds_that_failed_are_named_and_the_others_count() -> None:
    row = make_row(
        VARIANT, {0: result(0.7, 0), 1: "out of memory"}, ("base", {0: "no", 1: result(0.6, 1)}), [1.0, None]
    )
    assert (row.seeds, row.failures) == ((0,), {1: "out of memory"})
    assert row.difference is not None and row.difference.against == "base"
    none = make_row(VARIANT, {0: "out of memory"}, ("base", {0: result(0.7, 0)}), [None])
    assert (none.scores, none.difference, none.parameters) == ({}, None, None)


def test_each_leak_is_told_once() -> None:
    leaky = {seed: result(0.7, seed, leaks=["the search saw everybody"]) for seed in (0, 1)}
    assert make_row(VARIANT, leaky, None, []).leaks == ("the search saw everybody",)
