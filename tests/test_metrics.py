"""Pooled scores, against a hand-worked example."""

from __future__ import annotations

import numpy as np
import pytest

from emonas.evaluate.metrics import chance, scores


def test_a_hand_worked_example() -> None:
    truth = np.array([0, 0, 0, 0, 1, 1, 2, 2])
    answers = np.array([0, 0, 0, 1, 1, 0, 2, 0])
    # class 0: TP 3 FP 2 FN 1; class 1: TP 1 FP 1 FN 1; class 2: TP 1 FP 0 FN 1
    result = scores(truth, answers, 3)
    assert result.accuracy == pytest.approx(5 / 8)
    assert result.uf1 == pytest.approx((6 / 9 + 2 / 4 + 2 / 3) / 3)
    assert result.uar == pytest.approx((3 / 4 + 1 / 2 + 1 / 2) / 3)
    assert result.confusion.tolist() == [[3, 1, 0], [1, 1, 0], [1, 0, 1]]


def test_pooling_is_not_the_average_of_folds() -> None:
    truths = [np.array([0, 0, 0]), np.array([1, 2])]
    answers = [np.array([0, 0, 1]), np.array([1, 0])]
    pooled = scores(np.concatenate(truths), np.concatenate(answers), 3).uf1
    averaged = np.mean([scores(t, a, 3).uf1 for t, a in zip(truths, answers, strict=True)])
    assert pooled != pytest.approx(averaged)


def test_chance_of_the_megc2019_composite() -> None:
    truth = np.repeat([0, 1, 2], [250, 109, 83])
    guess = chance(truth, 3)
    assert guess.accuracy == pytest.approx(250 / 442)
    assert guess.uf1 == pytest.approx(500 / 692 / 3)
    assert guess.uar == pytest.approx(1 / 3)


def test_a_class_that_never_occurs_does_not_count() -> None:
    truth = np.array([0, 1, 0, 1])
    assert scores(truth, truth, 5).uf1 == 1
    assert scores(truth, truth, 5).confusion.shape == (5, 5)
