"""Whether anything has seen the people that it is judged on: the cells, the weights they start from, the data itself.

Every leak that is found becomes a sentence beside the numbers. None is passed over because it is small.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from emonas.datasets.clips.sample import fingerprint
from emonas.datasets.protocols.protocol import Fold
from emonas.datasets.store.prepared import Prepared
from emonas.evaluate.train.pretrained import Pretrained
from emonas.genotype import Genotype, Provenance

#: The registry's name of users' own data, of which no owner vouches that two sets have different people.
OWN_DATA = "folder"
#: So many names are spelled out.
_NAMED = 3


def seen_people(origin: Provenance, tested: Iterable[str]) -> list[str]:
    """The tested people who stand in a provenance, sorted. People are "dataset/subject"."""
    return sorted(set(origin.subjects) & set(tested))


def has_seen(origin: Provenance, prepared: Prepared, tested: Iterable[str]) -> bool | None:
    """Whether tested people were seen: by name where all are named, else by the owner's split; None: unknown."""
    if seen_people(origin, tested):
        return True
    if origin.subjects and origin.subjects_known and prepared.subjects_known:
        return False
    if not origin.database:
        return None
    if origin.database != prepared.dataset:
        return False
    if origin.database == OWN_DATA and origin.fingerprint != prepared.fingerprint:
        return None
    return {"all": True, "fixed": False}.get(origin.protocol)


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
        leaks.append("the search saw the tested part of the data set: the cells were chosen on it")
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
    both = sorted({p for fold in parts for p in people_in(prepared, fold.train) & people_in(prepared, fold.test)})
    who = "1 person is" if len(both) == 1 else f"{len(both)} people are"
    return [f"{who} in the training and in the tested part ({_some(both)})"] if both else []


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
