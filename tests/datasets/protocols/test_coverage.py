"""What cannot be learnt before it is tested is told, with the largest UAR that is left."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_samples import still

from emonas.datasets.protocols.coverage import coverage_notes, largest_uar
from emonas.datasets.protocols.protocol import folds


def test_a_class_of_one_person_cannot_be_recognised_when_she_is_left_out() -> None:
    shown = [("s1", "happy"), ("s1", "fear"), ("s2", "happy"), ("s2", "sad"), ("s3", "sad")]
    samples = [still(i, person, label) for i, (person, label) in enumerate(shown)]
    loso = folds(samples, "loso")
    assert largest_uar(samples, loso) == (pytest.approx(2 / 3), {"fear": 1.0})
    (note,) = coverage_notes(samples, loso)
    assert "'fear' is shown by one person only (s1)" in note and "UAR cannot pass 0.667" in note


def test_a_split_that_teaches_all_it_tests_needs_no_note() -> None:
    samples = [still(i, None, "ab"[i % 2], part=("train", "test")[i // 2], group=str(i)) for i in range(4)]
    assert coverage_notes(samples, folds(samples, "fixed")) == ()


def test_a_class_that_is_only_tested_is_named_with_its_share() -> None:
    parts = [("a", "train"), ("b", "train"), ("a", "test"), ("b", "test"), ("c", "test")]
    samples = [still(i, None, label, part=part, group=str(i)) for i, (label, part) in enumerate(parts)]
    (note,) = coverage_notes(samples, folds(samples, "fixed"))
    assert "100% of 'c'" in note and "UAR cannot pass 0.667" in note


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz")), min_size=2, max_size=20))
def test_the_bound_is_what_the_best_answers_reach(shown: list[tuple[str, str]]) -> None:
    samples = [still(i, person, label) for i, (person, label) in enumerate(shown)]
    if len({person for person, _ in shown}) < 2:
        return
    loso = folds(samples, "loso")
    hits: dict[str, list[bool]] = {}
    for fold in loso:
        taught = {samples[i].label for i in fold.train}
        for i in fold.test:
            hits.setdefault(samples[i].label, []).append(samples[i].label in taught)
    best = sum(sum(of_class) / len(of_class) for of_class in hits.values()) / len(hits)
    assert largest_uar(samples, loso)[0] == pytest.approx(best)
