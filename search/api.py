"""emonas-search as a function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emonas.options.keywords import takes_options
from emonas.search.config import SearchConfig

if TYPE_CHECKING:
    from emonas.genotype import Genotype


@takes_options(SearchConfig)
def search(config: SearchConfig) -> Genotype | dict[str, Genotype]:
    """Search on a prepared data set; return the genotype, or with one search a fold the genotypes by the fold's name.

    Takes the options of emonas-search by name, with _ for -, or one SearchConfig. Raises UserError for what the
    command refuses, and TypeError for an option that there is not. ``emonas.search(...)`` is this function.
    """
    from emonas.search.run import run_search

    found = run_search(config)
    return found[""] if set(found) == {""} else found


@takes_options(SearchConfig)
def search_cells(config: SearchConfig) -> Genotype | dict[str, Genotype]:
    """The former name of `search`, which the next version does not have any more."""
    return search(config)
