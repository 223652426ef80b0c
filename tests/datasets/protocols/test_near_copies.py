"""One picture saved again, resized, mirrored, cropped or brightened is found; faces of different people are not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest
from made_samples import still

from emonas.datasets.clips.sample import Sample
from emonas.datasets.databases import registry
from emonas.datasets.protocols.near_copies import (
    LIKENESS,
    NearCopy,
    drop_near_copies,
    find_near_copies,
    make_thumbnail,
    near_copies_note,
)


@cache
def faces() -> tuple[np.ndarray, ...]:
    """A drawn face of each of 29 people."""
    of_person = {sample.person: sample for sample in registry.read("synthetic-macro", None).used}
    return tuple(sample.frames.read()[0] for sample in of_person.values())


def _saved_again(face: np.ndarray) -> np.ndarray:
    return cv2.imdecode(cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], cv2.IMREAD_COLOR)


def _cropped(face: np.ndarray) -> np.ndarray:
    edge = round(0.05 * len(face))
    return face[edge:, edge // 2 : len(face) - edge // 2]


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "saved again": _saved_again,
    "smaller": lambda face: cv2.resize(face, (48, 48), interpolation=cv2.INTER_AREA),
    "larger": lambda face: cv2.resize(face, None, fx=2.3, fy=2.3, interpolation=cv2.INTER_CUBIC),
    "mirrored": lambda face: face[:, ::-1],
    "brighter": lambda face: np.clip(face * 1.15 + 10.0, 0, 255).astype(np.uint8),
    "darker": lambda face: (face * 0.7).astype(np.uint8),
    "cropped": _cropped,
    "mirrored, cropped and saved again": lambda face: _saved_again(_cropped(np.ascontiguousarray(face[:, ::-1]))),
}


def _find(pictures: list[np.ndarray], samples: list[Sample]) -> list[NearCopy]:
    return find_near_copies(np.stack([make_thumbnail(picture) for picture in pictures]), samples)


def _unnamed(count: int, tested: set[int]) -> list[Sample]:
    return [still(i, None, part="test" if i in tested else "train", group=f"g{i}", frames=None) for i in range(count)]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_of_a_tested_face_is_found_and_no_other_face_is(change: str) -> None:
    pictures = [*faces(), CHANGES[change](faces()[7])]
    (pair,) = _find(pictures, _unnamed(len(pictures), {7, 8, 9}))
    assert (pair.first, pair.second) == (7, len(faces())) and LIKENESS <= pair.likeness <= 1


def test_large_sets_are_held_against_what_all_pictures_have_in_common() -> None:
    used = registry.read("synthetic-macro", None).used[:200]
    pictures = [*(sample.frames.read()[0] for sample in used), CHANGES["mirrored"](used[3].frames.read()[0])]
    samples = [still(i, sample.subject, frames=None) for i, sample in enumerate(used)]
    pairs = _find(pictures, [*samples, still(0, "x", frames=None)])
    assert (3, 200) in [(pair.first, pair.second) for pair in pairs]
    assert {pair.second for pair in pairs} == {200} and {samples[p.first].subject for p in pairs} == {used[3].subject}


def test_pictures_of_one_person_are_alike_by_right() -> None:
    face = faces()[0]
    samples = [still(i, who, frames=None) for i, who in enumerate(("anna", "anna", "bert"))]
    assert _find([face, face, faces()[1]], samples) == []
    pairs = _find([face, faces()[1], face], samples)
    assert [(pair.first, pair.second) for pair in pairs] == [(0, 2)]


def test_without_names_only_copies_across_the_split_count() -> None:
    pictures = [faces()[0]] * 2 + [faces()[1]] * 2
    pairs = _find(pictures, _unnamed(4, {3}))
    assert [(pair.first, pair.second) for pair in pairs] == [(2, 3)]
    assert _find(pictures, _unnamed(4, set())) == []


def test_every_copy_of_a_tested_picture_is_found_however_many_there_are() -> None:
    changed = [change(faces()[0]) for change in CHANGES.values()]
    pairs = _find([*changed, *faces()], _unnamed(len(changed) + len(faces()), {len(changed)}))
    assert [pair.first for pair in pairs] == list(range(len(changed)))


def test_even_pictures_are_like_no_other() -> None:
    grey = np.full((48, 48, 3), 90, np.uint8)
    assert _find([grey, grey, faces()[0]], _unnamed(3, {0})) == []


def test_the_tested_one_of_a_pair_stays_and_the_other_goes_with_its_reason() -> None:
    samples = _unnamed(3, {1})
    left = drop_near_copies(samples, [NearCopy(0, 1, 1.0), NearCopy(1, 2, 0.97)])
    assert [sample.dropped for sample in left] == ["near copy: of clip1", "", "near copy: of clip1"]


def test_of_two_people_who_may_both_be_tested_the_first_stays() -> None:
    samples = [still(i, f"s{i}", frames=None) for i in range(3)]
    left = drop_near_copies(samples, [NearCopy(0, 1, 1.0), NearCopy(1, 2, 1.0)])
    assert [bool(sample.dropped) for sample in left] == [False, True, False]


def test_the_note_counts_and_names() -> None:
    samples = _unnamed(3, {1})
    assert near_copies_note(samples, []) == ()
    (one,) = near_copies_note(samples, [NearCopy(0, 1, 1.0)])
    assert one.startswith("1 near copy of tested pictures") and "clip0 and clip1" in one and "--drop-near-copies" in one
    named = [replace(sample, subject=f"s{i}") for i, sample in enumerate(samples)]
    (two,) = near_copies_note(named, [NearCopy(0, 1, 1.0), NearCopy(1, 2, 1.0)])
    assert two.startswith("2 near copies of another person's picture") and "s0/clip0 and s1/clip1" in two
