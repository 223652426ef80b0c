"""emonas-data prepare as a function."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, overload

from emonas.datasets.store.config import DEFAULTS, PrepareConfig
from emonas.options.keywords import takes_options_last

if TYPE_CHECKING:
    from emonas.datasets.store.prepared import Prepared

P = ParamSpec("P")


class _Prepare(Protocol[P]):
    @overload
    def __call__(self, dataset: str, source: str | Path | None, config: PrepareConfig, /) -> Prepared: ...
    @overload
    def __call__(
        self, dataset: str, source: str | Path | None = None, *nothing: P.args, **options: P.kwargs
    ) -> Prepared: ...


def _takes_options(config_class: Callable[P, PrepareConfig]) -> Callable[[Callable[..., Any]], _Prepare[P]]:
    return takes_options_last(config_class)


@_takes_options(PrepareConfig)
def prepare(dataset: str, source: str | Path | None = None, config: PrepareConfig = DEFAULTS) -> Prepared:
    """Make the arrays that a search and a training work on, say what was made, and return the prepared data set.

    ``source`` is the file or folder as its owner distributes it; an embedded data set needs none. Takes the options of
    emonas-data prepare by name, with _ for -, or one PrepareConfig. Raises UserError for what the command refuses, and
    TypeError for an option that there is not.
    """
    from emonas.datasets.catalogue.list import show_prepared
    from emonas.datasets.store.prepare import prepare as make

    # Progress would stand in the way of a program that reads the JSON.
    prepared = make(dataset, Path(source) if source is not None else None, config, quiet=config.json)
    show_prepared(prepared, config.json)
    return prepared
