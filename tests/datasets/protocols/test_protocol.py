"""No person on both sides, everybody tested as often as the protocol says, the same folds for the same seed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from made_samples import STILLS, still

from emonas.datasets.clips.sample import Sample
from emonas.datasets.protocols.protocol import AU_FOLDS, Fold, default_protocol, describe_protocol, folds, split_people
from emonas.datasets.reading.identity import identity_key
from emonas.errors import UserError

_SUBJECTS = st.sampled_from(["s1", "s2", "s10", "sub 01", "Ann", "Jürgen", "7"])
_PARTS = st.sampled_from(["train", "test", "validation", None])


@st.composite
def sample_lists(draw: st.DrawFn, named: bool | None = None, least: int = 0) -> list[Sample]:
    """Samples of some people in two data sets; nobody, everybody or some (None) of them named."""
    rows = st.tuples(
        _SUBJECTS if named else st.none() | _SUBJECTS,
        st.sampled_from("abcd"),
        _PARTS,
        st.sampled_from(["", "g1", "g2", "g3"]),
        st.sampled_from(["one", "two"]),
    )
    parts = draw(st.none() | st.dictionaries(_SUBJECTS, _PARTS))  # of the named people, where the owner keeps order
    return [
        replace(
            still(
                i, subject, label, part=part if parts is None or subject is None else parts.get(subject), group=group
            ),
            dataset=dataset,
        )
        for i, (subject, label, part, group, dataset) in enumerate(draw(st.lists(rows, min_size=least, max_size=30)))
    ]


def _people(samples: list[Sample], positions: np.ndarray) -> set[str]:
    return {samples[i].person for i in positions}


def _check_apart(samples: list[Sample], fold: Fold) -> None:
    assert len(fold.train) and len(fold.test)
    assert not _people(samples, fold.train) & _people(samples, fold.test)
    assert len({*fold.train, *fold.test}) == len(fold.train) + len(fold.test)


def _tested(made: list[Fold]) -> list[int]:
    return sorted(int(i) for fold in made for i in fold.test)


def test_a_person_in_several_spellings_is_one_in_every_protocol() -> None:
    names = ["001", "1", "1.0", "Jos\u00e9", "Jose\u0301", "b", "B", "c"]
    samples = [still(i, name, "xy"[i % 2]) for i, name in enumerate(names)]
    assert [len(fold.test) for fold in folds(samples, "loso")] == [3, 2, 2, 1]
    for fold in (*folds(samples, "kfold", 2), split_people(samples, np.arange(len(samples)), 2, 0)):
        assert not {identity_key(names[i]) for i in fold.train} & {identity_key(names[i]) for i in fold.test}
    parts = [replace(samples[0], part="train"), replace(samples[1], part="test"), replace(samples[7], part="train")]
    with pytest.raises(UserError, match="people in both parts"):
        folds(parts, "fixed")


@given(sample_lists(named=True, least=1))
def test_leaving_one_out_tests_everybody_once_and_alone(samples: list[Sample]) -> None:
    people = {sample.person for sample in samples}
    if len(people) < 2:
        with pytest.raises(UserError, match="at least two subjects"):
            folds(samples, "loso")
        return
    made = folds(samples, "loso")
    assert [fold.name for fold in made] == sorted(people)
    assert _tested(made) == list(range(len(samples)))
    for fold in made:
        _check_apart(samples, fold)
        assert _people(samples, fold.test) == {fold.name}
        assert len(fold.train) + len(fold.test) == len(samples)


@given(sample_lists(named=True, least=1), st.sampled_from([2, 3, 5]), st.integers(0, 3))
def test_k_folds_test_everybody_once(samples: list[Sample], k: int, seed: int) -> None:
    if len({sample.person for sample in samples}) < k:
        with pytest.raises(UserError, match=f"{k} folds by subject need at least {k} subjects; there are"):
            folds(samples, "kfold", k, seed)
        return
    made = folds(samples, "kfold", k, seed)
    assert [fold.name for fold in made] == [f"fold{i + 1}" for i in range(k)]
    assert _tested(made) == list(range(len(samples)))
    for fold in made:
        _check_apart(samples, fold)
        assert len(fold.train) + len(fold.test) == len(samples)
    again = folds(samples, "kfold", k, seed)
    assert all(np.array_equal(one.test, other.test) for one, other in zip(made, again, strict=True))


@given(sample_lists())
def test_the_fixed_split_is_the_owners_without_copies_of_tested_pictures(samples: list[Sample]) -> None:
    tested = {sample.person for sample in samples if sample.part == "test"}
    kept = [i for i, sample in enumerate(samples) if sample.part == "train" and sample.person not in tested]
    named_in_both = any(s.part == "train" and s.subject is not None and s.person in tested for s in samples)
    if not tested or not kept or named_in_both:
        with pytest.raises(UserError, match="fixed split"):
            folds(samples, "fixed")
        return
    (fold,) = folds(samples, "fixed")
    _check_apart(samples, fold)
    assert fold.train.tolist() == kept
    assert fold.test.tolist() == [i for i, sample in enumerate(samples) if sample.part == "test"]


#: The people of both sets by the size of their parts.
_CODED = {name: sorted(set().union(*parts)) for name, parts in AU_FOLDS.items()}


@pytest.mark.parametrize(("name", "sizes"), [("DISFA", [9, 9, 9]), ("BP4D", [14, 14, 13])])
def test_the_published_parts_never_overlap(name: str, sizes: list[int]) -> None:
    assert [len(part) for part in AU_FOLDS[name]] == sizes
    assert len(_CODED[name]) == sum(sizes)


def test_the_published_parts_hold_all_people_of_their_sets() -> None:
    disfa = (*range(1, 14), 16, 17, 18, 21, *range(23, 33))
    assert _CODED["DISFA"] == [f"SN{number:03}" for number in disfa]
    women, men = [f"F{number:03}" for number in range(1, 24)], [f"M{number:03}" for number in range(1, 19)]
    assert _CODED["BP4D"] == [*women, *men]


@given(st.sampled_from(sorted(AU_FOLDS)), st.data())
def test_the_published_folds_test_everybody_once_and_their_parts_from_the_last_to_the_first(
    name: str, data: st.DataObject
) -> None:
    # Somebody of each part, each with any number of samples, in any order and spelling.
    there = [
        person for part in AU_FOLDS[name] for person in data.draw(st.sets(st.sampled_from(sorted(part)), min_size=1))
    ]
    shown = data.draw(st.permutations(there + data.draw(st.lists(st.sampled_from(there), max_size=20))))
    lower = data.draw(st.booleans())
    samples = [still(i, one.lower() if lower else one, "ab"[i % 2]) for i, one in enumerate(shown)]
    made = folds(samples, "au3")
    assert [fold.name for fold in made] == ["fold1", "fold2", "fold3"]
    assert _tested(made) == list(range(len(samples)))
    for fold, part in zip(made, reversed(AU_FOLDS[name]), strict=True):
        _check_apart(samples, fold)
        assert {str(samples[i].subject).upper() for i in fold.test} <= part
        assert len(fold.train) + len(fold.test) == len(samples)


@given(sample_lists(least=2), st.sampled_from([2, 5]), st.integers(0, 3), st.data())
def test_splitting_people_covers_all_and_leaves_neither_side_empty(
    samples: list[Sample], k: int, seed: int, data: st.DataObject
) -> None:
    everyone = st.permutations(range(len(samples)))
    positions = np.array(data.draw(everyone))[: data.draw(st.integers(1, len(samples)))]
    if len(_people(samples, positions)) < 2:
        with pytest.raises(UserError, match="at least two subjects"):
            split_people(samples, positions, k, seed)
        return
    half = split_people(samples, positions, k, seed)
    _check_apart(samples, half)
    assert {*half.train, *half.test} == set(positions)
    again = split_people(samples, positions, k, seed)
    assert np.array_equal(half.train, again.train) and np.array_equal(half.test, again.test)


@settings(max_examples=25)
@given(st.integers(4, 40), st.integers(1, 6), st.sampled_from([2, 5]), st.integers(0, 9))
def test_people_alike_are_spread_evenly(people: int, each: int, k: int, seed: int) -> None:
    assume(people >= k)
    samples = [still(0, f"s{i}", label) for i in range(people) for label in "abc" for _ in range(each)]
    for fold in folds(samples, "kfold", k, seed):
        assert people // k <= len(_people(samples, fold.test)) <= -(-people // k)


@pytest.mark.parametrize("k", [2, 3, 4])
def test_a_rare_class_is_spread_over_all_folds(k: int) -> None:
    samples = [still(0, f"s{i}", "rare" if i < 4 else "frequent") for i in range(40)]
    for seed in range(5):
        counts = [Counter(samples[i].label for i in fold.test) for fold in folds(samples, "kfold", k, seed)]
        assert min(count["rare"] for count in counts) == 4 // k
        assert max(count["frequent"] for count in counts) - min(count["frequent"] for count in counts) <= 2


@pytest.mark.parametrize(("k", "share"), [(2, 0.5), (5, 0.2)])
def test_the_test_side_holds_about_one_kth(k: int, share: float) -> None:
    luck = np.random.default_rng(0)
    samples = [
        still(0, f"s{i}", str(label)) for i in range(30) for label in luck.choice(list("abc"), luck.integers(3, 9))
    ]
    inner = split_people(samples, np.arange(len(samples)), k, seed=0)
    assert len(inner.test) / len(samples) == pytest.approx(share, abs=0.05)
    for label in "abc":
        of_label = [i for i, sample in enumerate(samples) if sample.label == label]
        assert len({*of_label} & {*inner.test}) / len(of_label) == pytest.approx(share, abs=0.1)


def test_another_seed_gives_other_folds() -> None:
    samples = [still(0, f"s{i}", "ab"[i % 2]) for i in range(20)]
    first = [tuple(folds(samples, "kfold", 5, seed)[0].test) for seed in range(5)]
    assert len(set(first)) > 1


@pytest.mark.parametrize(
    ("samples", "protocol", "reason"),
    [
        ([still(0), still(1)], "loso", "leaving one subject out needs at least two subjects"),
        ([still(0), still(1)], "kfold", "5 folds by subject need at least 5 subjects; there are 1"),
        ([still(0, None), still(1, None)], "loso", "--protocol loso needs to know who is who"),
        ([still(0, None), still(1, "s1")], "kfold", "--protocol kfold needs to know who is who"),
        ([still(0), still(1, "s2")], "fixed", "no fixed split .*; use --protocol loso or kfold"),
        ([still(0, None, part="train")], "fixed", "no fixed split .* names nobody, so no other protocol is left"),
        ([still(0, part="train"), still(1, part="test")], "fixed", "people in both parts: made/s1"),
        (
            [still(0, None, group="g", part="train"), still(1, None, group="g", part="test")],
            "fixed",
            "every training picture has a copy in the test part",
        ),
        ([], "loso", "at least two subjects"),
        ([], "fixed", "no fixed split"),
        ([still(0), still(1, "s2")], "holdout", "unknown protocol 'holdout'; choose from fixed, loso, kfold, au3"),
        ([], "au3", "fold 1 of --protocol au3 tests SN003, .*: nobody of them is there"),
        ([still(0, "SN001"), still(1, "SN003")], "au3", "fold 2 of --protocol au3 tests SN006, .*: nobody of them"),
        ([still(0, "SN001"), still(1, "SN014")], "au3", "knows the people of DISFA and of BP4D; not SN014"),
        ([still(0, "F001"), still(1, "SN001"), still(2, "M007")], "au3", "of DISFA and of BP4D; not SN001"),
        ([still(0, None)], "au3", "--protocol au3 needs to know who is who"),
    ],
)
def test_a_protocol_that_the_data_does_not_allow_is_refused(samples: list[Sample], protocol: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        folds(samples, protocol)


@pytest.mark.parametrize("k", [0, 1])
def test_fewer_than_two_folds_are_refused(k: int) -> None:
    with pytest.raises(UserError, match=f"{k} folds by subject need"):
        folds(STILLS, "kfold", k)


def test_unnamed_copies_of_tested_pictures_are_not_trained_on() -> None:
    groups = {"train": ["g1", "g2", "g3"], "test": ["g2", "g4"], "validation": ["g3"]}
    samples = [still(i, None, part=part, group=g) for part in groups for i, g in enumerate(groups[part])]
    (fold,) = folds(samples, "fixed")
    assert (fold.train.tolist(), fold.test.tolist()) == ([0, 2], [3, 4])
    assert describe_protocol("fixed", [fold], samples) == (
        "fixed split, 2 train / 2 test, people unknown, exact copies of tested pictures left out of training"
    )


@pytest.mark.parametrize(
    ("protocol", "words"),
    [
        ("fixed", "fixed split, 6 train / 2 test, no person in both parts"),
        ("loso", "leave one subject out, 4 folds, predictions pooled"),
        ("kfold", "3 folds by subject, predictions pooled"),
    ],
)
def test_a_protocol_in_words(protocol: str, words: str) -> None:
    assert describe_protocol(protocol, folds(STILLS, protocol, 3), STILLS) == words


def test_the_published_folds_in_words() -> None:
    samples = [still(i, f"SN{number:03}") for i, number in enumerate((1, 6, 3))]
    said = describe_protocol("au3", folds(samples, "au3"), samples)
    assert said == "the 3 published subject folds for action units, predictions pooled"


def test_auto_is_the_registered_protocol_else_the_own_split_else_leaving_one_out() -> None:
    assert default_protocol(STILLS, "kfold") == "kfold"
    assert default_protocol(STILLS, "auto") == "fixed"
    assert default_protocol([replace(sample, part=None) for sample in STILLS], "auto") == "loso"


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("fixed", "fixed"),
        ("fold12", "fold12"),
        ("casme2/sub01", "casme2_sub01"),
        ("folder/Jürgen", "folder_Jürgen"),
        ("synthetic-micro/s_1.b", "synthetic-micro_s_1.b"),
    ],
)
def test_usual_names_of_folds_are_legible_folders(name: str, folder: str) -> None:
    assert Fold.folder(name) == folder


_ODD = st.text(st.sampled_from("ab_./ :\\-*Ä"), max_size=8) | st.text(max_size=80)


@given(st.sets(_ODD.map("folder/{}".format), min_size=2, max_size=20))
def test_folders_of_folds_are_safe_and_never_the_same(names: set[str]) -> None:
    folders = [Fold.folder(name) for name in names]
    assert len(set(folders)) == len(names)
    for folder in folders:
        assert not set(folder) & set('/\\:*?"<>| \n\t\0') and folder not in {"", ".", ".."}
        assert len(folder.encode()) <= 255
