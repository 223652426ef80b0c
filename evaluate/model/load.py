"""A trained network from any of its files."""

from __future__ import annotations

import os
from pathlib import Path

from emonas.errors import UserError
from emonas.evaluate.model.file import NAME, load_model
from emonas.evaluate.model.model import Model
from emonas.evaluate.model.of_fold import FINAL, WEIGHTS, read_fold
from emonas.evaluate.results.file import NAME as RESULTS
from emonas.options.types import DeviceName


def load(path: str | Path, device: DeviceName = "auto") -> Model:
    """The trained network in a model.safetensors, in the run folder of a training, or in the folder of one fold.

    Raises UserError: missing, damaged, of a newer emonas, or a run of many folds that has left no single network.
    """
    place = Path(path)
    if not os.path.isdir(place):  # noqa: PTH112 (Path.is_dir raises for a name that is too long)
        return load_model(place, device)
    if (place / NAME).is_file():
        return load_model(place / NAME, device)
    if (place / WEIGHTS).is_file():
        final = place.resolve().parents[1] / NAME
        return load_model(final, device) if place.resolve().name == FINAL else read_fold(place, device)
    folds = sorted(place.glob(f"seed*/*/{WEIGHTS}"))
    if (place / RESULTS).is_file() and folds:
        raise UserError(
            f"{place}: holds {len(folds)} judged networks and none for use; run the same emonas-train with --final, or "
            f"take one fold: {folds[0].parent}"
        )
    raise UserError(f"{place}: no {NAME} in it; is it the run folder of an emonas-train that has ended?")
