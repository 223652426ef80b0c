"""What emonas-predict does: reads the source once, hands each part to all that was asked for, says what was found."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from emonas.console import say
from emonas.evaluate.model.inputs import picture_options
from emonas.evaluate.model.load import load
from emonas.evaluate.model.model import Model
from emonas.evaluate.predict.config import PredictConfig
from emonas.evaluate.predict.draw import FOLDER, PICTURE, VIDEO, annotate, video_file, write_picture
from emonas.evaluate.predict.rows import Chunk, ExpressionRow, FaceRow, Row
from emonas.evaluate.predict.sources import Frame, Source, open_source
from emonas.evaluate.predict.stream import Predicted, Stream, stop_on_interrupt
from emonas.evaluate.predict.tables import CSV, JSONL, Sink, Table, csv_file, jsonl_file
from emonas.files import together


def run_predict(model: Model | str | Path, given: str, config: PredictConfig, keep: bool = False) -> Predicted:
    """Answer for a source, write files, print a table; returns what was seen, and all rows only to ``keep`` them.

    Without them its memory does not grow with the source. Raises UserError.
    """
    source = open_source(given, config.frames_per_second, config.folder)
    loaded = model if isinstance(model, Model) else load(model, config.device)
    rows: list[Row] = []
    out = config.out or _usual_out(source)
    source = replace(source, bits=picture_options(loaded.info.input).bits)
    with stop_on_interrupt() as stop:
        stream = Stream(loaded, source, config, stop)
        table = Table(stream.clips, files=source.kind in ("picture", "folder"))
        with open_outputs(stream, out) as (takers, written):
            for part in stream.parts(keep=config.draw):
                for taker in takers:
                    taker(part)
                for row in part.rows:
                    table.add(row)
                rows += part.rows if keep else ()
    for line in source.taken:
        say(textwrap.fill(line, 80))
    table.show(stream.tally, loaded.info.worth)
    if stream.tally.stopped:
        say(f"ended by Ctrl-C after {stream.tally.frames} frames")
    for name in written:
        say(f"{name.split('.')[0]:<11} {out / name}")
    return Predicted(loaded.info.names, tuple(rows), stream.tally)


def _usual_out(source: Source) -> Path:
    words = source.path.resolve().stem if source.path else source.kind + re.sub(r"[^\w.]+", "-", source.name)
    return Path("runs") / f"predict-{words}"


TIMELINE = "timeline.png"
#: Takes what is known next.
Taker = Callable[[Chunk], None]
_Write = Callable[[Frame, np.ndarray], None]


@contextmanager
def open_outputs(stream: Stream, out: Path) -> Iterator[tuple[list[Taker], list[str]]]:
    """What was asked for as takers, and the names of their files. Raises UserError where they cannot be written."""
    config, names = stream.config, stream.model.info.names
    takers: list[Taker] = []
    written: list[str] = []
    with together(), ExitStack() as stack:
        if config.csv:
            takers.append(_each_row(stack.enter_context(csv_file(out, names, stream.clips))))
            written.append(CSV)
        if config.jsonl:
            takers.append(_each_row(stack.enter_context(jsonl_file(out, names))))
            written.append(JSONL)
        if config.draw:
            write, name = _canvas(stack, stream, out)
            takers.append(stack.enter_context((_expressions if stream.clips else _faces)(stream, write)))
            written.append(name)
        if config.plot:
            takers.append(stack.enter_context(_timeline(stream, out)))
            written.append(TIMELINE)
        yield takers, written


def _each_row(sink: Sink) -> Taker:
    def take(part: Chunk) -> None:
        for row in part.rows:
            sink(row)

    return take


def _canvas(stack: ExitStack, stream: Stream, out: Path) -> tuple[_Write, str]:
    """Where drawn frames go: a picture, a folder of pictures, a video."""
    kind = stream.source.kind
    if kind == "picture":
        return lambda frame, image: write_picture(out / PICTURE, image), PICTURE
    if kind == "folder":
        return lambda frame, image: write_picture(out / FOLDER / f"{Path(frame.name).stem}.png", image), FOLDER
    write = stack.enter_context(video_file(out, stream.source.rate / stream.config.every))
    return lambda frame, image: write(image), VIDEO


@contextmanager
def _faces(stream: Stream, write: _Write) -> Iterator[Taker]:
    """Draws the frames that the parts bring along."""

    def take(part: Chunk) -> None:
        if part.frame and part.frame.image is not None:
            rows = [row for row in part.rows if isinstance(row, FaceRow)]
            write(part.frame, annotate(part.frame.image, [(row.person, row.answer) for row in rows if row.person]))

    yield take


@contextmanager
def _expressions(stream: Stream, write: _Write) -> Iterator[Taker]:
    """Gathers the expressions, and at the end draws them into the frames, which are read once more for that."""
    found: list[ExpressionRow] = []
    yield lambda part: found.extend(row for row in part.rows if isinstance(row, ExpressionRow))
    for frame in stream.frames():
        if frame.image is not None:
            marks = [(row.person, row.answer) for row in found if row.onset <= frame.number <= row.offset]
            write(frame, annotate(frame.image, marks, empty=""))


@contextmanager
def _timeline(stream: Stream, out: Path) -> Iterator[Taker]:
    from emonas.evaluate.predict.timeline import Timeline

    timed = stream.moving and (stream.clips or stream.source.kind != "folder" or stream.source.rate_known)
    timeline = Timeline(stream.model.info.names, timed, stream.config.every, stream.clips)
    yield timeline.add
    timeline.write(out / TIMELINE, stream.source.name)
