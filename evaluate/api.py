"""The steps of emonas-train and emonas-predict as functions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from emonas.evaluate.model.model import Model
from emonas.evaluate.results.record import Results
from emonas.keywords import arguments

if TYPE_CHECKING:
    from emonas.evaluate.predict.stream import Predicted


def train(**options: Any) -> Results:
    """emonas-train: the same options, with _ for -; returns what results.json holds.

    Raises TypeError for an option that emonas-train does not have, and UserError as the command does.
    """
    from emonas.evaluate.train.cli import app
    from emonas.evaluate.train.run import run_training

    return run_training(arguments(app, "train", (), options)["config"])


def predict(model: Model | str | Path, source: str | Path | int, **options: Any) -> Predicted:
    """emonas-predict: the same options, with _ for -; returns the names of the answers, the rows, and what was seen.

    ``model`` as `load` takes it; `Model.predict` answers for arrays and tensors. Raises TypeError for an option that
    emonas-predict does not have, and UserError as the command does.
    """
    from emonas.evaluate.predict.cli import app
    from emonas.evaluate.predict.run import run_predict

    found = arguments(app, "predict", ("model", source), options)
    return run_predict(model, str(source), found["config"], keep=True)
