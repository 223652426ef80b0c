"""emonas-search as a function."""

from __future__ import annotations

from typing import Any

from emonas.genotype import Genotype
from emonas.keywords import arguments
from emonas.search.cli import app
from emonas.search.run import run_search


def search_cells(**options: Any) -> Genotype | dict[str, Genotype]:
    """emonas-search: the same options, with _ for -; returns the found genotype, or one a fold by the fold's name.

    It is not called ``search``, since ``emonas.search`` is the package that holds the strategies. Raises TypeError for
    an option that emonas-search does not have, and UserError as the command does.
    """
    found = run_search(arguments(app, "search_cells", (), options)["config"])
    return found[""] if set(found) == {""} else found
