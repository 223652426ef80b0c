"""The apex of a clip: the owner's, or what a policy takes in its place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from made_samples import Greys, still

from emonas.datasets.clips.apex import apex_of, phases, without_apex_dropped
from emonas.datasets.clips.representation import PictureOptions, make_picture
from emonas.datasets.clips.sample import Sample
from emonas.errors import UserError


def _clip(*greys: int, **phases: int | None) -> Sample:
    return replace(still(0), frames=Greys(greys), **phases)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "apex"),
    [
        ({"onset": 1, "apex": 4, "offset": 5}, 4),
        ({"onset": 1, "apex": 0, "offset": 5}, 0),
        ({"onset": 1, "offset": 5}, 3),
        ({"onset": 2, "offset": 5}, 4),
        ({"onset": 2}, 4),
        ({"offset": 3}, 2),
        ({}, 3),
    ],
)
def test_the_apex_frame_and_the_middle_where_none_is_given(given: dict[str, int], apex: int) -> None:
    sample = _clip(0, 10, 20, 30, 40, 50, 60, **given)
    assert apex_of(sample, sample.frames.read()) == apex
    assert (make_picture(sample, PictureOptions(size=8, representation="apex")) == 10 * apex).all()


def test_phases_are_the_whole_clip_where_none_are_given() -> None:
    assert phases(_clip(1, 2, 3)) == (0, 2)
    assert phases(_clip(1, 2, 3, onset=1)) == (1, 2)
    assert phases(_clip(1, 2, 3, offset=1)) == (0, 1)


@pytest.mark.parametrize(
    ("greys", "apex"),
    [
        ((50, 60, 90, 70, 50), 2),
        ((50, 40, 45, 50, 50), 1),
        ((0, 10, 20, 60, 40), 3),
        ((50, 52, 54, 56, 58), 2),  # a pure drift: every frame is as far from the two ends, so the middle
        ((50, 50, 50, 50), 2),
        ((50,), 0),
    ],
)
def test_max_diff_takes_the_frame_farthest_from_both_ends(greys: tuple[int, ...], apex: int) -> None:
    sample = _clip(*greys)
    assert apex_of(sample, sample.frames.read(), "max-diff") == apex


def test_max_diff_looks_between_onset_and_offset_only() -> None:
    sample = _clip(0, 250, 50, 60, 50, 250, onset=2, offset=4)
    assert apex_of(sample, sample.frames.read(), "max-diff") == 3


@pytest.mark.parametrize("policy", ["middle", "max-diff", "drop"])
def test_a_given_apex_is_taken_under_every_policy(policy: Any) -> None:
    sample = _clip(0, 10, 90, 20, 0, apex=1)
    assert apex_of(sample, sample.frames.read(), policy) == 1


@pytest.mark.parametrize("representation", ["apex", "dynamic"])
def test_the_policy_reaches_the_pictures(representation: Any) -> None:
    sample, known = _clip(0, 90, 30, 20, 0), _clip(0, 90, 30, 20, 0, apex=1)
    options = PictureOptions(size=8, representation=representation, apex_policy="max-diff")
    np.testing.assert_array_equal(make_picture(sample, options), make_picture(known, options))
    with pytest.raises(UserError, match="no apex: the owner gives none"):
        make_picture(sample, replace(options, apex_policy="drop"))


def test_only_clips_in_use_are_dropped_for_want_of_an_apex() -> None:
    samples = (
        still(1),
        _clip(1, 2, onset=0, offset=1),
        _clip(1, 2, onset=0, apex=1),
        _clip(1, onset=0).drop("no label"),
    )
    assert [s.dropped for s in without_apex_dropped(samples)] == ["", "no apex: the owner gives none", "", "no label"]
