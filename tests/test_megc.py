"""The challenge's log, out of results and back into scores."""

from __future__ import annotations

import pytest
from small_results import made, rows

from emonas.datasets.megc_log import log_text, read_log
from emonas.errors import UserError
from emonas.evaluate.megc import log_scores, megc_answers

#: Classes in another order than the log's numbers: surprise, negative, positive.
CLASSES = ("surprise", "negative", "positive")
PEOPLE = {"smic/s01": ([1, 2, 0], [1, 0, 0]), "casme2/sub01": ([1, 1], [1, 2])}


def test_a_log_of_results_has_the_challenges_numbers() -> None:
    answers = megc_answers(made(rows(PEOPLE), CLASSES))
    assert log_text(answers) == "casme2 sub01\nclip0 0 0\nclip1 0 1\nsmic s01\nclip0 0 0\nclip1 1 2\nclip2 2 2\n"


def test_scores_of_a_log_are_those_of_the_results() -> None:
    results = made(rows(PEOPLE), CLASSES)
    found = log_scores(read_log(log_text(megc_answers(results))))
    assert set(found) == {"full", "casme2", "smic"}
    assert found["full"].uf1 == pytest.approx(results["uf1"])
    assert found["full"].accuracy == pytest.approx(3 / 5)
    assert found["smic"].accuracy == pytest.approx(2 / 3)


def test_each_seed_has_its_log() -> None:
    other = {"smic/s01": ([1, 2, 0], [1, 2, 0]), "casme2/sub01": ([1, 1], [1, 1])}
    results = made(rows(PEOPLE, 0) + rows(other, 7), CLASSES)
    assert megc_answers(results) == megc_answers(results, 0)
    assert log_scores(megc_answers(results, 7))["full"].accuracy == 1
    with pytest.raises(UserError, match="no seed 3 in these results; there are 0, 7"):
        megc_answers(results, 3)


def test_other_classes_have_no_log() -> None:
    with pytest.raises(UserError, match="not for happy, sad"):
        megc_answers(made(rows({"a/b": ([0, 1], [0, 1])}), ("happy", "sad")))
    with pytest.raises(UserError, match="has the classes 0 to 2, not 3"):
        log_scores(read_log("smic s01\na 3 0\n"))
