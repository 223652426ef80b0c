"""emonas-data prepare as a function."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from emonas.datasets.cli import app
from emonas.datasets.cli import prepare as command
from emonas.datasets.databases import registry
from emonas.datasets.store.prepared import Prepared, load, prepared_folder
from emonas.keywords import arguments


def prepare(dataset: str, source: str | Path | None = None, **options: Any) -> Prepared:
    """emonas-data prepare: the same options, with _ for -; returns the prepared data set.

    Raises TypeError for an option that the command does not have, and UserError as the command does.
    """
    given = (dataset,) if source is None else (dataset, source)
    chosen = arguments(app["prepare"], "prepare", given, options)
    command(chosen.pop("dataset"), chosen.pop("source"), **chosen)
    return load(prepared_folder(chosen["config"].name or registry.entry(dataset).name))
