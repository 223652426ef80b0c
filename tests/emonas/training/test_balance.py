"""What makes up for rare classes: weights of classes and units, shares of samples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emonas.training.balance import class_shares, class_weights, unit_weights


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60))
def test_weighted_classes_weigh_the_same(labels: list[int]) -> None:
    truth = np.array(labels)
    weights = np.array(class_weights(truth, 5))
    totals = [weights[label] * (truth == label).sum() for label in set(labels)]
    if weights.max() < 10:
        assert totals == pytest.approx([len(truth) / len(set(labels))] * len(totals))
    assert weights[4] == 1, "a class that is not there weighs nothing more"


def test_no_class_weighs_more_than_ten_times_the_mean() -> None:
    assert max(class_weights(np.array([0] * 500 + [1]), 2)) == 10


def test_every_class_is_drawn_equally_often() -> None:
    truth = np.array([0, 0, 0, 2])
    shares = class_shares(truth)
    assert shares[truth == 0].sum() == pytest.approx(shares[truth == 2].sum())


def test_a_rare_units_presence_weighs_as_much_as_its_absence() -> None:
    truth = np.array([[1, 0, 0], [0, 0, 1], [0, 0, 1], [0, 0, 1]])
    assert unit_weights(truth, 3) == pytest.approx((3, 1, 1 / 3))
