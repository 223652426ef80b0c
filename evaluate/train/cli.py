"""The command emonas-train."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from emonas.console import command_line, run
from emonas.evaluate.train.api import train
from emonas.evaluate.train.config import TrainConfig

DEFAULTS = TrainConfig()
app = command_line("emonas-train", "Stack found cells, train the network and judge it on unseen people.")


@app.default
def command(config: Annotated[TrainConfig, Parameter(name="*")] = DEFAULTS) -> None:
    """Stack found cells, train the network and judge it on unseen people."""
    train(config)


def main() -> None:
    """Entry point of the command."""
    run(app)


if __name__ == "__main__":
    main()
