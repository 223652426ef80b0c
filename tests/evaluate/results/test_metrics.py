"""Pooled scores, against hand-worked examples."""

from __future__ import annotations

import warnings
from dataclasses import asdict

import numpy as np
import pytest

from emonas.evaluate.results.metrics import chance, class_rows, part_rows, parts, scores, unit_chance, unit_scores

#: Ten clips as in MEGC2019: source and subject, true and predicted class (0 negative, 1 positive, 2 surprise).
CLIPS = [
    ("casme2/sub01", 0, 0), ("casme2/sub01", 0, 0), ("casme2/sub01", 1, 0), ("casme2/sub02", 2, 2),
    ("casme2/sub02", 0, 0), ("smic/s01", 1, 1), ("smic/s01", 1, 2), ("samm/006", 0, 1), ("samm/006", 2, 2),
    ("samm/007", 0, 0),
]  # fmt: skip
PEOPLE = [person for person, _, _ in CLIPS]
TRUTH, ANSWERS = np.array([clip[1:] for clip in CLIPS]).T


def test_a_hand_worked_example() -> None:
    truth = np.array([0, 0, 0, 0, 1, 1, 2, 2])
    answers = np.array([0, 0, 0, 1, 1, 0, 2, 0])
    # class 0: TP 3 FP 2 FN 1; class 1: TP 1 FP 1 FN 1; class 2: TP 1 FP 0 FN 1
    result = scores(truth, answers, 3)
    assert result.accuracy == pytest.approx(5 / 8)
    assert result.uf1 == pytest.approx((6 / 9 + 2 / 4 + 2 / 3) / 3)
    assert result.uar == pytest.approx((3 / 4 + 1 / 2 + 1 / 2) / 3)
    assert result.mean_class_accuracy == result.uar
    assert result.f1 == pytest.approx([6 / 9, 2 / 4, 2 / 3])
    assert result.recall == pytest.approx([3 / 4, 1 / 2, 1 / 2])
    assert result.confusion.tolist() == [[3, 1, 0], [1, 1, 0], [1, 0, 1]]
    assert result.counts.tolist() == [4, 2, 2]


def test_the_parts_of_a_composite_come_from_the_same_pooled_answers() -> None:
    found = parts(TRUTH, ANSWERS, [person.split("/")[0] for person in PEOPLE], 3)
    assert list(found) == ["full", "casme2", "smic", "samm"]
    # full: negative TP 4 FP 1 FN 1, positive TP 1 FP 1 FN 2, surprise TP 2 FP 1 FN 0
    assert found["full"].uf1 == pytest.approx((8 / 10 + 2 / 5 + 4 / 5) / 3)
    assert found["full"].uar == pytest.approx((4 / 5 + 1 / 3 + 2 / 2) / 3)
    assert found["full"].accuracy == pytest.approx(7 / 10)
    # casme2: negative TP 3 FP 1, positive FN 1, surprise TP 1
    assert found["casme2"].uf1 == pytest.approx((6 / 7 + 0 + 1) / 3)
    assert found["casme2"].uar == pytest.approx((1 + 0 + 1) / 3)
    # smic: positive TP 1 FN 1, surprise FP 1; nobody shows or predicts negative
    assert found["smic"].uf1 == pytest.approx((2 / 3 + 0) / 2)
    assert found["smic"].uar == pytest.approx(1 / 2)
    # samm: negative TP 1 FN 1, positive FP 1, surprise TP 1
    assert found["samm"].uf1 == pytest.approx((2 / 3 + 0 + 1) / 3)
    assert found["samm"].uar == pytest.approx((1 / 2 + 1) / 2)


def test_pooling_is_not_the_average_over_subjects() -> None:
    # sub01 (4/5 + 0) / 2, sub02 1, s01 (2/3 + 0) / 2, 006 (0 + 0 + 1) / 3, 007 1
    people = np.array(PEOPLE)
    each = [scores(TRUTH[people == one], ANSWERS[people == one], 3).uf1 for one in dict.fromkeys(PEOPLE)]
    assert each == pytest.approx([2 / 5, 1, 1 / 3, 1 / 3, 1])
    assert np.mean(each) == pytest.approx(0.6133, abs=1e-4)
    assert scores(TRUTH, ANSWERS, 3).uf1 == pytest.approx(0.6667, abs=1e-4)


def test_chance_of_the_megc2019_composite() -> None:
    truth = np.repeat([0, 1, 2], [250, 109, 83])
    guess = chance(truth, 3)
    assert guess.accuracy == pytest.approx(250 / 442)
    assert guess.uf1 == pytest.approx(500 / 692 / 3)
    assert guess.uar == pytest.approx(1 / 3)
    assert guess.f1 == pytest.approx([500 / 692, 0, 0])


def test_a_class_that_never_occurs_does_not_count() -> None:
    truth = np.array([0, 1, 0, 1])
    assert scores(truth, truth, 5).uf1 == scores(truth, truth, 5).uar == 1
    assert scores(truth, truth, 5).confusion.shape == (5, 5)


def test_a_class_that_is_only_predicted_lowers_uf1_but_not_uar() -> None:
    result = scores(np.array([0, 0, 1, 1]), np.array([0, 2, 1, 1]), 3)
    assert result.uf1 == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert result.uar == pytest.approx((1 / 2 + 1) / 2)


def test_the_rows_for_results_are_means_over_the_seeds() -> None:
    truth = np.array([0, 0, 1, 1])
    seeds = [scores(truth, np.array(answers), 3) for answers in ([0, 0, 1, 1], [0, 1, 1, 1])]
    # second seed: class 0 TP 1 FN 1, class 1 TP 2 FP 1
    assert [asdict(one) for one in class_rows(seeds, ("calm", "glad", "never"))] == [
        {"name": "calm", "n": 2, "f1": pytest.approx((1 + 2 / 3) / 2), "recall": pytest.approx((1 + 1 / 2) / 2)},
        {"name": "glad", "n": 2, "f1": pytest.approx((1 + 4 / 5) / 2), "recall": 1},
        {"name": "never", "n": 0, "f1": None, "recall": None},
    ]
    sources = ["a", "b", "a", "b"]
    both = [parts(truth, np.array(answers), sources, 2) for answers in ([0, 0, 1, 1], [0, 1, 1, 1])]
    found = part_rows(both)
    assert [(one.name, one.n) for one in found] == [("full", 4), ("a", 2), ("b", 2)]
    assert [one.accuracy for one in found] == pytest.approx([(1 + 3 / 4) / 2, 1, (1 + 1 / 2) / 2])


UNITS = np.array([[1, 0, 1], [1, 0, 1], [0, 0, 1], [0, 0, 1], [0, 0, 0]])
SAID = np.array([[1, 1, 1], [0, 0, 1], [1, 0, 1], [0, 0, 1], [0, 0, 1]])


def test_action_units_are_judged_one_by_one_and_those_that_nobody_shows_are_named() -> None:
    # unit 0: TP 1 FP 1 FN 1 TN 2; unit 1: nobody shows it; unit 2: TP 4 FP 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = unit_scores(UNITS, SAID)
    assert result.absent == (1,)
    assert result.f1 == pytest.approx([1 / 2, np.nan, 8 / 9], nan_ok=True)
    assert result.recall == pytest.approx([1 / 2, np.nan, 1], nan_ok=True)
    assert result.counts.tolist() == [2, 0, 4]
    assert result.accuracy == pytest.approx((3 / 5 + 4 / 5) / 2)
    assert result.uf1 == pytest.approx((1 / 2 + 8 / 9) / 2)
    assert result.uar == pytest.approx(((1 / 2 + 2 / 3) / 2 + (1 + 0) / 2) / 2)
    assert [one.f1 is None for one in class_rows([result], "abc")] == [False, True, False]


def test_a_unit_that_everybody_shows_is_judged_by_its_recall() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert unit_scores(np.array([[1], [1], [1]]), np.array([[1], [0], [1]])).uar == pytest.approx(2 / 3)


def test_the_constant_answers_on_action_units() -> None:
    # accuracy of the more frequent answer: 3/5 and 4/5; F1 of always "shown": 4/7 and 8/9
    found = unit_chance(UNITS)
    assert found == pytest.approx({"accuracy": 0.7, "uf1": (4 / 7 + 8 / 9) / 2, "uar": 0.5})


def test_where_no_unit_is_shown_nothing_is_scored() -> None:
    nothing = np.zeros((4, 2), np.int64)
    assert np.isnan([unit_scores(nothing, nothing).uf1, unit_chance(nothing)["accuracy"]]).all()
