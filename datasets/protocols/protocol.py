"""Who is tested against whom. No person ever stands on both sides: every fold is made from a set of tested people.

Train and test parts come out of one function, `_fold`, which puts a person's samples on one side only; a protocol
merely says who is tested. Where the owner names nobody, a "person" is a group of identical pictures (Sample.person).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from emonas.datasets.clips.sample import Sample
from emonas.datasets.reading.identity import person_key
from emonas.errors import UserError

_AU_FOLDS = {
    "DISFA": (
        "SN001 SN002 SN009 SN010 SN016 SN026 SN027 SN030 SN032",
        "SN006 SN011 SN012 SN013 SN018 SN021 SN024 SN028 SN031",
        "SN003 SN004 SN005 SN007 SN008 SN017 SN023 SN025 SN029",
    ),
    "BP4D": (
        "F001 F002 F008 F009 F010 F016 F018 F023 M001 M004 M007 M008 M012 M014",
        "F003 F005 F011 F013 F020 F022 M002 M005 M010 M011 M013 M016 M017 M018",
        "F004 F006 F007 F012 F014 F015 F017 F019 F021 M003 M006 M009 M015",
    ),
}
#: The published subject folds for action units: three sets of people, of which fold 1 tests the last and fold 3 the
#: first; as in ME-GraphAU (Luo et al., IJCAI 2022).
AU_FOLDS = {name: tuple(frozenset(part.split()) for part in parts) for name, parts in _AU_FOLDS.items()}


@dataclass(frozen=True)
class Fold:
    """Positions of the training and of the tested samples; no person is in both."""

    name: str
    train: np.ndarray
    test: np.ndarray

    @staticmethod
    def folder(name: str) -> str:
        """A fold's name as a folder's name, another one for every name.

        Names of a data set and a subject without odd characters keep their letters; others end on a hash, since "a b"
        and "a/b" would meet in one folder.
        """
        if re.fullmatch(r"[a-z0-9-]+(/[\w.-]{1,40})?", name):
            return name.replace("/", "_")
        safe = re.sub(r"[^\w.-]+", "_", name)[:40]
        return f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _people(samples: Sequence[Sample]) -> np.ndarray:
    """The people of the samples, each under the first of the names that mean the same."""
    names = {sample.person: sample.subject is not None for sample in samples}
    keys = {person: person_key(person) if named else person for person, named in names.items()}
    first = {keys[person]: person for person in sorted(names, reverse=True)}
    return np.array([first[keys[sample.person]] for sample in samples])


def _fold(name: str, people: np.ndarray, tested: Iterable[str], candidates: np.ndarray, test: np.ndarray) -> Fold:
    """Train on the candidates whose person is not among ``tested``; ``test`` holds samples of tested people only."""
    on_test_side = np.isin(people, sorted(set(tested)))
    return Fold(name, np.flatnonzero(candidates & ~on_test_side), np.flatnonzero(test & on_test_side))


def folds(samples: Sequence[Sample], protocol: str, k: int = 5, seed: int = 0) -> list[Fold]:
    """The folds of a protocol: "fixed", "loso", "kfold" (``k`` folds by subject, stratified, shuffled by ``seed``) or
    "au3" (the three published subject folds for action units of DISFA and BP4D).

    Raises UserError where the data does not allow the protocol.
    """
    if protocol == "fixed":
        return [_fixed(samples)]
    if protocol == "loso":
        return _loso(samples)
    if protocol == "kfold":
        return _kfold(samples, k, seed)
    if protocol == "au3":
        return _published(samples)
    raise UserError(f"unknown protocol {protocol!r}; choose from fixed, loso, kfold, au3")


def _fixed(samples: Sequence[Sample]) -> Fold:
    parts = np.array([sample.part or "" for sample in samples])
    people = _people(samples)
    if not (parts == "test").any() or not (parts == "train").any():
        named = all(sample.subject is not None for sample in samples)
        instead = "use --protocol loso or kfold" if named else "and names nobody, so no other protocol is left"
        raise UserError(f"the data set has no fixed split with a train and a test part; {instead}")
    tested = set(people[parts == "test"].tolist())
    with_name = np.array([sample.subject is not None for sample in samples])
    both = sorted(set(people[(parts == "train") & with_name].tolist()) & tested)
    if both:
        raise UserError(f"the fixed split has people in both parts: {', '.join(both[:5])}")
    fold = _fold("fixed", people, tested, parts == "train", parts == "test")
    if not len(fold.train):
        raise UserError("the fixed split cannot be used: every training picture has a copy in the test part")
    return fold


def _named(samples: Sequence[Sample], protocol: str) -> np.ndarray:
    if any(sample.subject is None for sample in samples):
        raise UserError(f"--protocol {protocol} needs to know who is who, but this data set names no subjects")
    return _people(samples)


def _loso(samples: Sequence[Sample]) -> list[Fold]:
    people = _named(samples, "loso")
    names = sorted(set(people))
    if len(names) < 2:
        raise UserError("leaving one subject out needs at least two subjects")
    everyone = np.ones(len(people), bool)
    return [_fold(name, people, {name}, everyone, everyone) for name in names]


def _kfold(samples: Sequence[Sample], k: int, seed: int) -> list[Fold]:
    people = _named(samples, "kfold")
    there = len(set(people))
    if not 2 <= k <= there:
        raise UserError(f"{k} folds by subject need at least {max(k, 2)} subjects; there are {there}")
    everyone = np.ones(len(people), bool)
    sides = _stratified_groups(people, _labels(samples), k, seed)
    return [_fold(f"fold{i + 1}", people, people[side], everyone, everyone) for i, side in enumerate(sides)]


def _published(samples: Sequence[Sample]) -> list[Fold]:
    people = _named(samples, "au3")
    subjects = [str(sample.subject).upper() for sample in samples]
    strangers = {name: sorted(set(subjects).difference(*parts)) for name, parts in AU_FOLDS.items()}
    name = min(strangers, key=lambda one: len(strangers[one]))
    if strangers[name]:
        some = ", ".join(strangers[name][:5])
        raise UserError(f"--protocol au3 knows the people of {' and of '.join(AU_FOLDS)}; not {some}")
    everyone = np.ones(len(people), bool)
    made = []
    for number, part in enumerate(reversed(AU_FOLDS[name]), start=1):
        tested = people[[subject in part for subject in subjects]]
        if not len(tested):
            raise UserError(f"fold {number} of --protocol au3 tests {', '.join(sorted(part))}: nobody of them is there")
        made.append(_fold(f"fold{number}", people, tested, everyone, everyone))
    return made


def _labels(samples: Sequence[Sample]) -> np.ndarray:
    return np.array([sample.label for sample in samples])


def _stratified_groups(people: np.ndarray, labels: np.ndarray, k: int, seed: int) -> list[np.ndarray]:
    """k disjoint sets of positions, people kept whole, classes spread as evenly as people allow.

    The people with the most samples are placed first, each into the set that has the least of their classes; among
    equals into the smaller set. So no set stays empty where there are at least k people.
    """
    names, person = np.unique(people, return_inverse=True)
    classes, label = np.unique(labels, return_inverse=True)
    counts = np.zeros((len(names), len(classes)))
    np.add.at(counts, (person, label), 1)
    shares = counts / counts.sum(0)  # a rare class weighs as much as a frequent one
    sizes = counts.sum(1)
    order = np.random.default_rng(seed).permutation(len(names))
    loads, filled = np.zeros((k, len(classes))), np.zeros(k)
    chosen = np.empty(len(names), np.int64)
    for one in order[np.argsort(-sizes[order], kind="stable")]:
        chosen[one] = best = np.lexsort((filled, loads @ shares[one]))[0]
        loads[best] += shares[one]
        filled[best] += sizes[one]
    return [np.flatnonzero(chosen[person] == i) for i in range(k)]


def split_people(samples: Sequence[Sample], positions: np.ndarray, k: int, seed: int) -> Fold:
    """Split some samples once by person: about 1/k of them on the test side.

    k = 2 gives the two halves of a search, k = 5 the inner validation of a training. Raises UserError where there
    are fewer than two people.
    """
    people = _people(samples)[positions]
    if len(set(people)) < 2:
        raise UserError("splitting the training part by subject needs at least two subjects in it")
    k = min(k, len(set(people)))
    side = _stratified_groups(people, _labels(samples)[positions], k, seed)[0]
    everyone = np.ones(len(people), bool)
    inner = _fold("inner", people, people[side], everyone, everyone)
    return Fold("inner", positions[inner.train], positions[inner.test])


def default_protocol(samples: Sequence[Sample], registered: str) -> str:
    """The protocol that is meant by "auto": the registered one; for own data its fixed split, else loso."""
    if registered != "auto":
        return registered
    return "fixed" if any(sample.part == "test" for sample in samples) else "loso"


def describe_protocol(protocol: str, folds: Sequence[Fold], samples: Sequence[Sample]) -> str:
    """The protocol as a sentence for results and tables."""
    known = all(sample.subject is not None for sample in samples)
    if protocol == "loso":
        return f"leave one subject out, {len(folds)} folds, predictions pooled"
    if protocol == "kfold":
        return f"{len(folds)} folds by subject, predictions pooled"
    if protocol == "au3":
        return f"the {len(folds)} published subject folds for action units, predictions pooled"
    unknown = "people unknown, exact copies of tested pictures left out of training"
    people = "no person in both parts" if known else unknown
    return f"fixed split, {len(folds[0].train)} train / {len(folds[0].test)} test, {people}"
