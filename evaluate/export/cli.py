"""The command emonas-export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from emonas.console import command_line, run
from emonas.evaluate.export.config import ExportConfig

app = command_line("emonas-export", "Write a trained network as an ONNX model, checked against PyTorch.")
DEFAULTS = ExportConfig()


@app.default
def export(model: Path, out: Path, /, *, config: Annotated[ExportConfig, Parameter(name="*")] = DEFAULTS) -> None:
    """Write a trained network as an ONNX model, checked against PyTorch.

    It takes pixels, uint8 (N, C, size, size), and answers probabilities (N, answers). Its metadata "emonas" are JSON
    with the names of the answers, the size and how the pictures are made.

    Parameters
    ----------
    model
        A model.safetensors, the run folder of a training, or the folder of one fold.
    out
        The file to write, model.onnx; --int8 also writes model-int8.onnx.
    """
    from emonas.evaluate.export.run import run_export

    run_export(model, out, config)


def main() -> None:
    """Entry point of the command."""
    run(app)


if __name__ == "__main__":
    main()
