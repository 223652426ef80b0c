"""What a sample says about itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
from made_samples import still

from emonas.datasets.clips.sample import ReadResult


@pytest.mark.parametrize(
    ("subject", "group", "person"),
    [("s1", "", "made/s1"), ("s1", "ab12", "made/s1"), (None, "ab12", "made/ab12"), (None, "", "made/clip7")],
)
def test_a_person_is_a_subject_else_a_group_else_a_clip(subject: str | None, group: str, person: str) -> None:
    assert still(7, subject, group=group).person == person


def test_subjects_of_two_data_sets_are_two_people() -> None:
    sample = still(7)
    assert replace(sample, dataset="casme2").person != replace(sample, dataset="samm").person


def test_dropping_keeps_everything_but_the_reason() -> None:
    sample = still(7)
    dropped = sample.drop("cut off")
    assert replace(dropped, dropped="") == sample
    assert ReadResult((sample, dropped), ("happy",)).used == (sample,)
