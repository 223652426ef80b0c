"""The steps of emonas-train and emonas-predict as functions, and a trained network from any of its files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from emonas.errors import UserError
from emonas.keywords import arguments
from emonas.options import DeviceName

from .final import FINAL
from .fold_model import WEIGHTS, read_fold
from .model_file import NAME, load_model
from .results_file import NAME as RESULTS
from .results_file import Results
from .trained import Model

if TYPE_CHECKING:
    from .predict import Predicted


def load(path: str | Path, device: DeviceName = "auto") -> Model:
    """The trained network in a model.safetensors, in the run folder of a training, or in the folder of one fold.

    Raises UserError: missing, damaged, of a newer emonas, or a run of many folds that has left no single network.
    """
    place = Path(path)
    if not place.is_dir():
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


def train(**options: Any) -> Results:
    """emonas-train: the same options, with _ for -; returns what results.json holds.

    Raises TypeError for an option that emonas-train does not have, and UserError as the command does.
    """
    from .cli import app
    from .crossvalidate import run_training

    return run_training(arguments(app, "train", (), options)["config"])


def predict(model: Model | str | Path, source: str | Path | int, **options: Any) -> Predicted:
    """emonas-predict: the same options, with _ for -; returns the names of the answers, the rows, and what was seen.

    ``model`` as `load` takes it; `Model.predict` answers for arrays and tensors. Raises TypeError for an option that
    emonas-predict does not have, and UserError as the command does.
    """
    from .predict_cli import app
    from .predict_command import run_predict

    found = arguments(app, "predict", ("model", source), options)
    return run_predict(model, str(source), found["config"], keep=True)
