"""What is to be answered: a class, or action units."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_samples import STILLS, prepared_from

from emonas.datasets.store.prepared import Prepared
from emonas.errors import UserError
from emonas.evaluate.train.task import make_task

UNITS = [("1", "L12"), ("12",), (), ("1", "R12", "25"), (), ("25",), ("12",), ("1",)]


@pytest.fixture
def coded() -> Prepared:
    return prepared_from([replace(s, action_units=units) for s, units in zip(STILLS, UNITS, strict=True)])


def test_classes_are_answered_unless_units_are_asked_for(coded: Prepared) -> None:
    task = make_task(coded, ())
    assert (task.names, task.units) == (coded.classes, False)
    assert np.array_equal(task.truth, coded.labels) and task.targets is None
    assert task.decide(np.array([[0.2, 0.5, 0.3]])).tolist() == [1]


def test_units_count_on_either_side_of_the_face(coded: Prepared) -> None:
    task = make_task(coded, ("12", "1"))
    assert task.names == ("12", "1")
    assert task.truth[:4].tolist() == [[1, 1], [1, 0], [0, 0], [1, 1]]
    assert task.decide(np.array([[0.7, 0.2]])).tolist() == [[1, 0]]


def test_a_set_prepared_for_units_asks_for_all_of_them(coded: Prepared) -> None:
    task = make_task(replace(coded, options={**coded.options, "classes": "units"}), ())
    assert (task.names, task.units) == (("1", "12", "25"), True)


@pytest.mark.parametrize("wrong", ["4", "smile"])
def test_units_that_nobody_shows_are_refused(coded: Prepared, wrong: str) -> None:
    with pytest.raises(UserError, match=f"{wrong}; there are 1, 12, 25"):
        make_task(coded, ("12", wrong))
    with pytest.raises(UserError, match=r"no sample of .* has action units"):
        make_task(prepared_from(name="uncoded"), ("12",))
