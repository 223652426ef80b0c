"""Whether a choice has seen the people that it is judged on."""

from __future__ import annotations

from collections.abc import Iterable

from emonas.datasets.prepared import Prepared
from emonas.genotype import Genotype

#: The registry's name of users' own data, of which no owner vouches that two sets have different people.
OWN_DATA = "folder"


def seen_people(genotype: Genotype, tested: Iterable[str]) -> list[str]:
    """The tested people who stand in the genotype's provenance, sorted. People are "dataset/subject"."""
    return sorted(set(genotype.provenance.subjects) & set(tested))


def search_saw(genotype: Genotype, prepared: Prepared, tested: Iterable[str]) -> bool | None:
    """Whether the search saw tested people: by name where all are named, else by the owner's split; None: unknown."""
    origin = genotype.provenance
    if seen_people(genotype, tested):
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


def together(answers: Iterable[bool | None]) -> bool | None:
    """One answer for all folds: one that saw spoils the result, one that is unknown leaves it open."""
    of_folds = set(answers)
    return True if True in of_folds else None if None in of_folds else False
