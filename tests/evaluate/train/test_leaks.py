"""Leaks: whatever has seen tested people, or shows a tested picture twice, is found and named."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from known_cells import random_genotype
from made_samples import STILLS, prepared_from, still
from small import small_macro

from emonas.datasets.protocols.near_copies import NearCopy
from emonas.datasets.protocols.protocol import Fold, folds
from emonas.datasets.store.prepared import Prepared
from emonas.evaluate.train.leaks import find_leaks, has_seen, seen_by_any, seen_people
from emonas.evaluate.train.pretrained import Pretrained
from emonas.genotype import Genotype, Provenance


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> Prepared:
    return small_macro(monkeypatch)


def origin(**changes: object) -> Provenance:
    plain = Provenance("small", "emonas", 0, subjects=(), database="synthetic-macro", protocol="all")
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_leaks_by_name(prepared: Prepared) -> None:
    someone, other = prepared.subjects[:2]
    assert has_seen(origin(subjects=(someone,)), prepared, [someone, other]) is True
    assert has_seen(origin(subjects=(someone,)), prepared, [other]) is False
    assert seen_people(origin(subjects=(f"elsewhere/{someone}",)), [someone]) == []
    assert has_seen(origin(database=""), prepared, [someone]) is None, "no names and no origin prove nothing"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"protocol": "all"}, True),
        ({"protocol": "fixed"}, False),
        ({"protocol": "all", "dataset": "the same under another name"}, True),
        ({"protocol": "kfold"}, None),
        ({"database": "fer2013"}, False),
    ],
)
def test_leaks_by_the_owners_split_where_nobody_is_named(
    prepared: Prepared, changes: dict[str, object], expected: bool | None
) -> None:
    assert has_seen(origin(subjects_known=False, **changes), prepared, ["x"]) is expected


def named(prepared: Prepared, dataset: str, database: str = "folder", mark: str = "") -> Prepared:
    """The same people under another data set's name."""
    samples = tuple(
        replace(sample, dataset=dataset, group=mark and f"{mark}{i}") for i, sample in enumerate(prepared.samples)
    )
    return replace(prepared, dataset=database, samples=samples)


@pytest.mark.parametrize(
    ("seen", "database", "expected"),
    [
        ("own-1/s9", "folder", False),
        ("own-1/S 00", "folder", True),
        ("own-2/s9", "folder", None),
        ("own-2/s0", "folder", None),
        ("casme2/sub01", "casme2", None),
        ("synthetic-macro/s9", "synthetic-macro", False),
    ],
)
def test_people_of_an_own_set_are_compared_by_name_within_it_only(
    prepared: Prepared, seen: str, database: str, expected: bool | None
) -> None:
    here = named(prepared, "own-1")
    tested = ["own-1/s0", "own-1/s1"]
    assert has_seen(origin(subjects=(seen,), database=database), here, tested) is expected


def test_where_names_cannot_be_compared_pictures_are(prepared: Prepared) -> None:
    here = named(prepared, "own-1", mark="m")
    tested = [here.samples[3].person]
    before = origin(subjects=("own-2/x",), database="folder")
    assert has_seen(replace(before, pictures=("m3",)), here, tested) is True
    assert has_seen(replace(before, pictures=("m3",)), here, ["own-1/nobody"]) is None
    assert has_seen(replace(before, database="fer2013", subjects=(), pictures=("m3",)), here, tested) is True
    assert has_seen(replace(before, subjects=(), subjects_known=False), here, tested) is None


def test_a_person_in_two_spellings_is_on_both_sides(prepared: Prepared) -> None:
    samples = list(prepared.samples)
    samples[0] = replace(samples[0], subject="7.0")
    samples[1] = replace(samples[1], subject="007")
    here = replace(prepared, samples=tuple(samples))
    (leak, *_) = find_leaks([Fold("a", np.array([0]), np.array([1]))], [], here, None)
    assert leak.startswith("1 person is in the training and in the tested part")


def test_one_fold_that_saw_spoils_the_result() -> None:
    assert seen_by_any([False, None, True]) is True
    assert seen_by_any([False, None]) is None
    assert seen_by_any([False, False]) is False


def searched(*people: str, **changes: object) -> Genotype:
    return replace(random_genotype(random.Random(0)), provenance=origin(subjects=people, **changes))


def pretrained(*people: str, **changes: object) -> Pretrained:
    return Pretrained(Path("runs/first"), ("a",), {"": Path("network.pt")}, {"": (origin(subjects=people, **changes),)})


def test_a_clean_result_has_no_leaks(prepared: Prepared) -> None:
    parts = folds(prepared.samples, "fixed")
    trained = sorted({prepared.samples[i].person for i in parts[0].train})
    assert find_leaks(parts, [searched(*trained)], prepared, pretrained(*trained)) == []


def test_cells_that_were_searched_on_a_tested_person_are_named(prepared: Prepared) -> None:
    parts = folds(prepared.samples, "loso")
    person = prepared.subjects[2]
    (leak,) = find_leaks(parts, [searched(person)] * len(parts), prepared, None)
    assert "the search saw 1 of the tested people" in leak and person in leak


def test_a_start_that_was_trained_on_tested_people_is_named(prepared: Prepared) -> None:
    parts = folds(prepared.samples, "fixed")
    tested = sorted({prepared.samples[i].person for i in parts[0].test})
    (leak,) = find_leaks(parts, [], prepared, pretrained(*tested))
    assert f"starts from was trained on {len(tested)} of the tested people" in leak and tested[0] in leak


def test_a_start_from_the_tested_part_of_nameless_people_is_named(prepared: Prepared) -> None:
    parts = folds(prepared.samples, "fixed")
    (leak,) = find_leaks(parts, [], prepared, pretrained(subjects_known=False, protocol="all"))
    assert "trained on the tested part" in leak


def test_a_start_of_which_nobody_knows_is_not_passed_over(prepared: Prepared) -> None:
    (leak,) = find_leaks(folds(prepared.samples, "fixed"), [], prepared, pretrained(database=""))
    assert "it cannot be told whether the network that this training starts from" in leak


def test_a_person_in_both_parts_is_named(prepared: Prepared) -> None:
    someone = prepared.subjects[0]
    theirs = [i for i, sample in enumerate(prepared.samples) if sample.person == someone]
    others = [i for i in range(len(prepared.samples)) if i not in theirs]
    spoiled = Fold("spoiled", np.array([*others[7:], theirs[0]]), np.array([*others[:7], *theirs[1:]]))
    leak = find_leaks([spoiled], [], prepared, None)[0]
    assert "1 person is in the training and in the tested part" in leak and someone in leak


def test_the_same_picture_under_two_names_is_found_by_its_pixels() -> None:
    copy = still(50, "somebody else", "angry")
    prepared = prepared_from([*(replace(sample, part=None) for sample in STILLS), copy])
    (leak,) = find_leaks(folds(prepared.samples, "loso"), [], prepared, None)
    assert "2 tested pictures are in the training part too" in leak and "made/somebody else" in leak


def test_near_copies_on_both_sides_of_a_fold_are_named(prepared: Prepared) -> None:
    fold = Fold("fixed", np.array([0, 1]), np.array([2, 3]))
    beside = replace(prepared, near_copies=(NearCopy(0, 1, 1.0), NearCopy(2, 3, 1.0)))
    assert not any("near copy" in leak for leak in find_leaks([fold], [], beside, None))
    across = replace(prepared, near_copies=(NearCopy(1, 2, 0.97), NearCopy(0, 2, 0.98)))
    (leak,) = [leak for leak in find_leaks([fold], [], across, None) if "near copy" in leak]
    assert leak.startswith("1 tested picture has a near copy in the training part (")
    assert prepared.samples[2].clip in leak and prepared.samples[1].clip in leak and "--drop-near-copies" in leak
