"""emonas-train as a function."""

from __future__ import annotations

from emonas.evaluate.results.record import Results
from emonas.evaluate.train.config import TrainConfig
from emonas.options.keywords import takes_options


@takes_options(TrainConfig)
def train(config: TrainConfig) -> Results:
    """Train a network, test it on unseen people, and return what results.json holds.

    Takes the options of emonas-train by name, with _ for -, or one TrainConfig. Raises UserError for what the command
    refuses, and TypeError for an option that there is not.
    """
    from emonas.evaluate.train.run import run_training

    return run_training(config)
