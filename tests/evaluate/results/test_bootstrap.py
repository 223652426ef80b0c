"""Intervals over people, and the pooled matrices that they are made from."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap
from small_results import folds_of, rows

from emonas.evaluate.results.bootstrap import confusions_by_person, pool_answers, rates, spread
from emonas.evaluate.results.metrics import MEASURES, scores, unit_scores
from emonas.evaluate.results.record import Interval

ALL_RIGHT, ALL_WRONG = ([0, 1], [0, 1]), ([0, 1], [1, 0])


def random_rows(people: int, clips: int, classes: int, seed: int = 0) -> list[dict[str, Any]]:
    """People who differ in how well they are told."""
    luck = np.random.default_rng(seed)
    answers = {}
    for person in range(people):
        truth = luck.integers(classes, size=clips)
        guesses = np.where(luck.random(clips) < luck.random(), truth, luck.integers(classes, size=clips))
        answers[f"d/{person}"] = (truth.tolist(), guesses.tolist())
    return rows(answers)


def ends(per_fold: list[dict[str, Any]], key: str = "accuracy", **options: Any) -> tuple[Any, Any]:
    found = spread(folds_of(per_fold), 3, **options)[0].of(key)
    return found.low, found.high


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.integers(0, 3)), min_size=1))
def test_scores_from_matrices_of_people_are_the_scores_of_the_answers(clips: list[tuple[str, int, int]]) -> None:
    by_person = {f"d/{one}": list(zip(*[c[1:] for c in clips if c[0] == one], strict=True)) for one, _, _ in clips}
    (answers,) = pool_answers(folds_of(rows(by_person)))  # type: ignore[arg-type]
    expected = scores(answers.truth, answers.predictions, 4)
    matrices = confusions_by_person(answers, 4)
    assert len(matrices) == len(by_person)
    assert matrices.sum(0)[0].tolist() == expected.confusion.tolist()
    found = rates(matrices.sum(0), "classes")
    assert found == pytest.approx([expected.accuracy, expected.uf1, expected.uar])


@given(st.lists(st.tuples(*[st.tuples(st.integers(0, 1), st.integers(0, 1))] * 3), min_size=1))
def test_scores_of_action_units_from_matrices_of_people(samples: list[tuple[tuple[int, int], ...]]) -> None:
    both = np.array(samples)
    (answers,) = pool_answers(folds_of(rows({"d/a": (both[:, :, 0].tolist(), both[:, :, 1].tolist())})))
    expected = unit_scores(both[:, :, 0], both[:, :, 1])
    found = rates(confusions_by_person(answers, 3).sum(0), "units")
    assert found == pytest.approx([expected.accuracy, expected.uf1, expected.uar], nan_ok=True)


def test_answers_stand_in_one_order_however_they_were_tested() -> None:
    ordered = folds_of(random_rows(4, 5, 3))
    (straight,), (turned,) = pool_answers(ordered), pool_answers(ordered[::-1])
    assert straight.keys == turned.keys == sorted(straight.keys)
    assert (straight.predictions == turned.predictions).all()


def test_of_two_people_the_interval_goes_from_the_one_to_the_other() -> None:
    found, words = spread(folds_of(rows({"d/a": ALL_RIGHT, "d/b": ALL_WRONG})), 2)
    assert {(found.of(key).low, found.of(key).high) for key in MEASURES} == {(0.0, 1.0)}
    assert "over 2 people" in words and "rough" in words


def test_whole_people_are_drawn_so_that_more_of_the_same_samples_say_nothing_new() -> None:
    once = random_rows(12, 6, 3)
    tenfold = [{**row, "n": 60, **{k: row[k] * 10 for k in ("people", "clips", "positions", "truth", "predictions")}}
               for row in once]  # fmt: skip
    assert ends(once) == pytest.approx(ends(tenfold))
    strangers = [{**row, "people": [f"d/{row['fold']}{i}" for i in range(60)]} for row in tenfold]
    wide, narrow = (high - low for low, high in (ends(tenfold), ends(strangers)))
    assert narrow < 0.6 * wide


def test_the_interval_is_scipys() -> None:
    per_fold = random_rows(40, 10, 3)
    of_people = [np.mean(np.equal(row["truth"], row["predictions"])) for row in per_fold]
    expected = bootstrap((of_people,), np.mean, method="percentile", n_resamples=9999).confidence_interval
    assert ends(per_fold, resamples=10_000) == pytest.approx(expected, abs=0.01)


def test_seeds_are_averaged_within_each_resample() -> None:
    # Whoever is drawn, what one seed gets wrong the other gets right.
    first, second = {"d/a": ALL_RIGHT, "d/b": ALL_WRONG}, {"d/a": ALL_WRONG, "d/b": ALL_RIGHT}
    found, words = spread(folds_of(rows(first, 0) + rows(second, 1)), 2)
    assert found.accuracy == Interval(std=0, low=0.5, high=0.5)
    assert "averaged over 2 seeds" in words


def test_the_deviation_over_seeds_is_that_of_a_sample() -> None:
    right, half = {"d/a": ALL_RIGHT, "d/b": ALL_RIGHT}, {"d/a": ALL_RIGHT, "d/b": ALL_WRONG}
    found, _ = spread(folds_of(rows(right, 0) + rows(half, 1)), 2)
    assert found.accuracy.std == pytest.approx(np.std([1, 0.5], ddof=1))
    assert spread(folds_of(rows(right)), 2)[0].accuracy.std is None


def test_the_same_seed_gives_the_same_interval() -> None:
    per_fold = random_rows(9, 7, 3)
    assert ends(per_fold, seed=4) == ends(per_fold, seed=4) == ends(per_fold[::-1], seed=4)
    assert ends(per_fold, seed=4) != ends(per_fold, seed=5)


def test_blocks_of_resamples_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    per_fold = random_rows(9, 7, 3)
    at_once = ends(per_fold, "uf1")
    monkeypatch.setattr("emonas.evaluate.results.bootstrap._BLOCK", 100)
    assert ends(per_fold, "uf1") == at_once


def test_one_person_alone_has_no_interval() -> None:
    found, words = spread(folds_of(rows({"d/a": ([0, 1, 1], [0, 1, 0])})), 2)
    assert found.uar == Interval(std=None, low=None, high=None)
    assert words == "no interval: only one person was tested"


def test_where_nobody_is_named_the_words_speak_of_pictures() -> None:
    _, words = spread(folds_of(random_rows(30, 1, 3)), 3, named=False)
    assert "over 30 different pictures, since nobody is named" in words and "people" not in words


def test_action_units_have_intervals_too_and_no_nan() -> None:
    # Unit 1 is shown by one person only: many resamples have it not, some have no unit at all.
    people = {
        "d/a": ([[1, 0], [1, 0]], [[1, 0], [0, 1]]),
        "d/b": ([[0, 0], [0, 0]], [[0, 0], [1, 0]]),
        "d/c": ([[0, 1], [0, 0]], [[0, 1], [0, 0]]),
    }
    found, _ = spread(folds_of(rows(people)), 2, "units")
    assert all(0 <= one["low"] < one["high"] <= 1 for one in asdict(found).values())
    json.dumps(asdict(found), allow_nan=False)
