"""emonas-predict as a function."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, overload

from emonas.evaluate.predict.config import PredictConfig
from emonas.options.keywords import takes_options_last

if TYPE_CHECKING:
    from emonas.evaluate.model.model import Model
    from emonas.evaluate.predict.stream import Predicted

P = ParamSpec("P")


class _Predict(Protocol[P]):
    @overload
    def __call__(self, model: Model | str | Path, source: str | Path | int, config: PredictConfig, /) -> Predicted: ...
    @overload
    def __call__(
        self, model: Model | str | Path, source: str | Path | int, *nothing: P.args, **options: P.kwargs
    ) -> Predicted: ...


def _takes_options(config_class: Callable[P, PredictConfig]) -> Callable[[Callable[..., Any]], _Predict[P]]:
    return takes_options_last(config_class)


@_takes_options(PredictConfig)
def predict(model: Model | str | Path, source: str | Path | int, config: PredictConfig) -> Predicted:
    """Recognise the expressions in a picture, a folder, a video or a camera; return all rows.

    ``model`` as `emonas.load` takes it, or what that returned; for arrays and tensors there is `Model.predict`. Takes
    the options of emonas-predict by name, with _ for -, or one PredictConfig. Raises UserError for what the command
    refuses, and TypeError for an option that there is not.
    """
    from emonas.evaluate.predict.run import run_predict

    return run_predict(model, str(source), config, keep=True)
