"""Whether a choice has seen the people that it is judged on."""

from __future__ import annotations

from collections.abc import Iterable

from emonas.datasets.prepared import Prepared
from emonas.genotype import Genotype


def search_saw(genotype: Genotype, tested: Iterable[str]) -> list[str]:
    """The tested people who stand in the genotype's provenance, sorted. People are "dataset/subject"."""
    return sorted(set(genotype.provenance.subjects) & set(tested))


def unknown_people(genotype: Genotype, prepared: Prepared) -> bool:
    """Whether names cannot tell what the search saw, nor the owner's split of the same data."""
    origin = genotype.provenance
    if origin.subjects_known and prepared.subjects_known:
        return False
    same_split = origin.fingerprint == prepared.fingerprint and origin.protocol == "fixed"
    other_data = origin.dataset != prepared.name
    return not same_split and not other_data
