"""The command emonas-predict."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from emonas.console import EXIT_INTERRUPTED, command_line, run
from emonas.evaluate.predict.config import PredictConfig

_DEFAULTS = PredictConfig()

app = command_line("emonas-predict", "Name the expressions in a picture, a folder, a video, a camera or a stream.")


@app.default
def predict(model: Path, source: str, /, config: Annotated[PredictConfig, Parameter(name="*")] = _DEFAULTS) -> None:
    """Name the expressions in a picture, a folder, a video, a camera or a stream.

    A model of still pictures answers for each face in each frame. A model of clips looks for short movements and
    answers for each: what comes and goes within --window, by the difference of each frame from those half a window
    before and after it (after Moilanen et al., ICPR 2014, simplified). This finding of expressions is not validated on
    real spotting data, and blinks count as movements.

    Parameters
    ----------
    model
        Run folder of an emonas-train, or its model.safetensors.
    source
        A picture, a folder of pictures, a video, the number of a camera, such as 0, or the address of a stream, such as
        rtsp://HOST/PATH.
    """
    from emonas.evaluate.predict.run import run_predict

    tally = run_predict(model, source, config).tally
    # What was done until Ctrl-C is written; for a camera or a stream that is the usual end.
    if tally.stopped and not tally.endless:
        sys.exit(EXIT_INTERRUPTED)


def main() -> None:
    """Entry point of the command."""
    run(app)


if __name__ == "__main__":
    main()
