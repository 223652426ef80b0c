"""The command emonas-explain."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from emonas.console import command_line, run
from emonas.evaluate.explain.config import ExplainConfig

app = command_line("emonas-explain", "Draw which parts of pictures speak for a trained network's answers.")
DEFAULTS = ExplainConfig()


@app.default
def explain(model: Path, /, *inputs: Path, config: Annotated[ExplainConfig, Parameter(name="*")] = DEFAULTS) -> None:
    """Draw which parts of pictures speak for a trained network's answers, and which against.

    Writes a figure for each picture or clip, one with the mean map of each answer, and explanations.npz with the maps.
    They tell what the network looks at, not what the face expresses.

    Parameters
    ----------
    model
        A model.safetensors, the run folder of a training, or the folder of one fold.
    inputs
        Pictures, or folders of them; for a network of clips, videos or folders of frames.
    """
    from emonas.evaluate.explain.run import run_explain

    run_explain(model, inputs, config)


def main() -> None:
    """Entry point of the command."""
    run(app)


if __name__ == "__main__":
    main()
