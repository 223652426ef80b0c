"""What emonas-predict does: reads the source once, hands each part to all that was asked for, says what was found."""

from __future__ import annotations

from pathlib import Path

from emonas.console import say

from .api import load
from .predict import Predicted, Stream
from .predict_config import PredictConfig
from .predict_outputs import outputs
from .predict_rows import Row
from .predict_sources import Source, open_source
from .predict_stop import stoppable
from .predict_table import Table
from .trained import Model


def run_predict(model: Model | str | Path, given: str, config: PredictConfig, keep: bool = False) -> Predicted:
    """Answer for a source, write files, print a table; returns what was seen, and all rows only to ``keep`` them.

    Without them its memory does not grow with the source. Raises UserError.
    """
    source = open_source(given, config.frames_per_second)
    loaded = model if isinstance(model, Model) else load(model, config.device)
    rows: list[Row] = []
    out = config.out or _usual_out(source)
    with stoppable() as stop:
        stream = Stream(loaded, source, config, stop)
        table = Table(stream.clips, files=not stream.moving)
        with outputs(stream, out) as (takers, written):
            for part in stream.parts(keep=config.draw):
                for taker in takers:
                    taker(part)
                for row in part.rows:
                    table.add(row)
                rows += part.rows if keep else ()
    table.show(stream.tally, loaded.info.worth)
    if stream.tally.stopped:
        say(f"ended by Ctrl-C after {stream.tally.frames} frames")
    for name in written:
        say(f"{name.split('.')[0]:<11} {out / name}")
    return Predicted(loaded.info.names, tuple(rows), stream.tally)


def _usual_out(source: Source) -> Path:
    return Path("runs") / f"predict-{source.path.resolve().stem if source.path else f'camera{source.name}'}"
