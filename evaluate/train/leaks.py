"""Whether anything has seen the people that it is judged on: the cells, the weights they start from, the data itself.

Every leak that is found becomes a sentence beside the numbers. None is passed over because it is small.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from emonas.datasets.clips.sample import fingerprint
from emonas.datasets.databases import registry
from emonas.datasets.protocols.protocol import Fold
from emonas.datasets.reading.identity import person_key
from emonas.datasets.store.own import PREFIX
from emonas.datasets.store.prepared import Prepared
from emonas.evaluate.train.pretrained import Pretrained
from emonas.genotype import Genotype, Provenance

#: The registry's name of users' own data, of which no owner vouches that two sets have different people.
OWN_DATA = "folder"
#: So many names are spelled out.
_NAMED = 3


def seen_people(origin: Provenance, tested: Iterable[str]) -> list[str]:
    """The tested people who stand in a provenance, however they are spelled, sorted. People are "dataset/subject"."""
    seen = set(map(person_key, origin.subjects))
    return sorted({person for person in tested if person_key(person) in seen})


def has_seen(origin: Provenance, prepared: Prepared, tested: Iterable[str]) -> bool | None:
    """Whether tested people were seen: by name where all are named, else by the owner's split; None: unknown.

    Where that does not tell, a tested person's picture that was seen does.
    """
    tested = set(tested)
    answer = True if seen_people(origin, tested) else _by_names_or_split(origin, prepared, tested)
    return True if answer is None and _seen_pictures(origin, prepared, tested) else answer


def _by_names_or_split(origin: Provenance, prepared: Prepared, tested: set[str]) -> bool | None:
    """The answer where no tested person is among those seen."""
    if not _comparable(origin, prepared, tested):
        return None
    if origin.subjects and origin.subjects_known and prepared.subjects_known:
        return False
    if not origin.database:
        return None
    if origin.database != prepared.dataset:
        return False
    if origin.database == OWN_DATA and origin.fingerprint != prepared.fingerprint:
        return None
    return {"all": True, "fixed": False}.get(origin.protocol)


def _comparable(origin: Provenance, prepared: Prepared, tested: set[str]) -> bool:
    """Whether another name is another person: an owner vouches for it, and for the people of a drawn set we do.

    A user's own set may be a part or a copy of any other, in which the same people have other names.
    """
    seen_sets, tested_sets = _data_sets(origin.subjects), _data_sets(tested)
    own = [
        database == OWN_DATA or any(name.startswith(PREFIX) for name in names)
        for database, names in ((origin.database, seen_sets), (prepared.dataset, tested_sets))
    ]
    if all(own):
        return tested_sets <= seen_sets or not (origin.subjects_known and prepared.subjects_known)
    return not any(own) or _is_drawn(prepared.dataset if own[0] else origin.database)


def _data_sets(people: Iterable[str]) -> set[str]:
    return {person.partition("/")[0] for person in people}


def _is_drawn(database: str) -> bool:
    return database in registry.DATASETS and registry.DATASETS[database].embedded


def _seen_pictures(origin: Provenance, prepared: Prepared, tested: set[str]) -> bool:
    seen = set(origin.pictures)
    return bool(seen) and any(sample.group in seen for sample in prepared.samples if sample.person in tested)


def seen_by_any(answers: Iterable[bool | None]) -> bool | None:
    """One answer for all folds: one that saw spoils the result, one that is unknown leaves it open."""
    of_folds = set(answers)
    return True if True in of_folds else None if None in of_folds else False


def people_in(prepared: Prepared, positions: Iterable[int]) -> set[str]:
    """The people of some samples."""
    return {prepared.samples[i].person for i in positions}


def search_has_seen(
    parts: Sequence[Fold], genotypes: Sequence[Genotype], prepared: Prepared
) -> tuple[bool | None, list[str]]:
    """Whether the search of any fold's cells saw its tested people, and whom by name; without cells there is none."""
    pairs = [
        (genotype.provenance, people_in(prepared, fold.test))
        for fold, genotype in zip(parts, genotypes, strict=bool(genotypes))
    ]
    seen = sorted({person for origin, people in pairs for person in seen_people(origin, people)})
    return seen_by_any(has_seen(origin, prepared, people) for origin, people in pairs), seen


def find_leaks(
    parts: Sequence[Fold], genotypes: Sequence[Genotype], prepared: Prepared, pretrained: Pretrained | None
) -> list[str]:
    """A sentence for each way in which tested people, or pictures, were seen before. Empty when none was found."""
    searched, seen = search_has_seen(parts, genotypes, prepared)
    leaks = []
    if seen:
        leaks.append(f"the search saw {len(seen)} of the tested people ({_some(seen)}): the cells were chosen on them")
    elif searched:
        leaks.append("the search saw tested pictures of the data set: the cells were chosen on them")
    return [
        *leaks,
        *_pretrained_leaks(parts, prepared, pretrained),
        *_both_sides(parts, prepared),
        *_copies(parts, prepared),
        *_near_copies(parts, prepared),
    ]


def _pretrained_leaks(parts: Sequence[Fold], prepared: Prepared, pretrained: Pretrained | None) -> list[str]:
    if pretrained is None:
        return []
    seen: set[str] = set()
    answers = []
    for fold in parts:
        tested = people_in(prepared, fold.test)
        for origin in pretrained.seen(fold.name):
            seen.update(seen_people(origin, tested))
            answers.append(has_seen(origin, prepared, tested))
    if seen:
        named = _some(sorted(seen))
        return [f"the network that this training starts from was trained on {len(seen)} of the tested people ({named})"]
    return {
        True: ["the network that this training starts from was trained on the tested part"],
        None: ["it cannot be told whether the network that this training starts from has seen tested people"],
        False: [],
    }[seen_by_any(answers)]


def _both_sides(parts: Sequence[Fold], prepared: Prepared) -> list[str]:
    both = sorted({person for fold in parts for person in _in_both(fold, prepared)})
    who = "1 person is" if len(both) == 1 else f"{len(both)} people are"
    return [f"{who} in the training and in the tested part ({_some(both)})"] if both else []


def _in_both(fold: Fold, prepared: Prepared) -> set[str]:
    trained = set(map(person_key, people_in(prepared, fold.train)))
    return {person for person in people_in(prepared, fold.test) if person_key(person) in trained}


def _copies(parts: Sequence[Fold], prepared: Prepared) -> list[str]:
    """Pictures that are equal pixel for pixel on both sides of a fold, whoever is said to be in them."""
    same: dict[str, list[int]] = defaultdict(list)
    for i, picture in enumerate(prepared.images):
        same[fingerprint([picture.tobytes()])].append(i)
    groups = [np.array(positions) for positions in same.values() if len(positions) > 1]
    tested: set[int] = set()
    example = ""
    for fold in parts if groups else ():
        for group in groups:
            test, train = group[np.isin(group, fold.test)], group[np.isin(group, fold.train)]
            if len(test) and len(train):
                tested.update(test.tolist())
                example = example or f"{_clip(prepared, test[0])} = {_clip(prepared, train[0])}"
    if not tested:
        return []
    pictures = "1 tested picture is" if len(tested) == 1 else f"{len(tested)} tested pictures are"
    return [f"{pictures} in the training part too, equal in every pixel ({example})"]


def _near_copies(parts: Sequence[Fold], prepared: Prepared) -> list[str]:
    """Pictures that preparing has found to be nearly the same, and that stand on both sides of a fold."""
    tested: set[int] = set()
    example = ""
    for fold in parts if prepared.near_copies else ():
        test, train = set(fold.test.tolist()), set(fold.train.tolist())
        for pair in prepared.near_copies:
            for one, other in ((pair.first, pair.second), (pair.second, pair.first)):
                if one in test and other in train:
                    tested.add(one)
                    example = example or f"{_clip(prepared, one)} and {_clip(prepared, other)}"
    if not tested:
        return []
    pictures = "1 tested picture has" if len(tested) == 1 else f"{len(tested)} tested pictures have"
    return [f"{pictures} a near copy in the training part ({example}); prepare with --drop-near-copies"]


def _clip(prepared: Prepared, position: int) -> str:
    sample = prepared.samples[position]
    return f"{sample.person}/{sample.clip}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
