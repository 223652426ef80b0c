"""Expressions in a picture, a folder, a video or a camera: one stream of answers for programs and for the command."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from emonas.errors import UserError
from emonas.evaluate.model.faces import make_locator
from emonas.evaluate.model.load import load
from emonas.evaluate.model.model import Model
from emonas.evaluate.predict.config import PredictConfig
from emonas.evaluate.predict.readers import ClipReader, still_chunks
from emonas.evaluate.predict.rows import Chunk, Progress, Row
from emonas.evaluate.predict.sources import FASTEST, Frame, Source, open_source
from emonas.evaluate.predict.tracking import Tracker


class Stop:
    """Whether Ctrl-C was pressed."""

    asked = False


#: Fewer frames in the window cannot show a movement there and back.
_LEAST_WINDOW = 5
#: A video that ends after this share of what it claims was cut off; containers overstate their length a little.
_WHOLE = 0.9
_DEFAULTS = PredictConfig()


@dataclass(frozen=True)
class Predicted:
    """The rows of a source: FaceRow of a model of stills, ExpressionRow of one of clips; what was seen and left out."""

    names: tuple[str, ...]
    rows: tuple[Row, ...]
    tally: Progress


@dataclass
class Stream:
    """What a model says about a source, part by part; ``tally`` tells how far it is."""

    model: Model
    source: Source
    config: PredictConfig
    stop: Stop = field(default_factory=Stop)
    tally: Progress = field(default_factory=Progress)

    def __post_init__(self) -> None:
        if self.clips:
            self.source = self.source.as_clip()
        _check(self)
        self.looker = make_locator(dict(self.model.info.input), self.config.faces, self.config.face_model)
        self.tally.apart, self.tally.endless = not self.moving, self.source.endless
        self.tally.notes += _notes(self)

    @property
    def clips(self) -> bool:
        """Whether expressions are answered for, not frames."""
        return self.model.info.representation != "still"

    @property
    def moving(self) -> bool:
        """Whether frames follow each other in time."""
        return self.clips or self.source.film

    def parts(self, keep: bool = False) -> Iterator[Chunk]:
        """All that is known, in order; ``keep`` brings the frames of a model of stills along. Raises UserError."""
        config, source = self.config, self.source
        tracker = Tracker(self.looker, config.detect_every)
        if self.clips:
            reader = ClipReader(self.model, source.rate, self.window, config.apex)
            yield from reader.parts(self.frames(), tracker, self.tally)
        else:
            yield from still_chunks(self.model, self.frames(), tracker, self.tally, self.moving, keep)
        self._end()

    @property
    def window(self) -> int | None:
        """The longest expression in frames; None where the clip is one."""
        frames = round(self.config.window * self.source.rate)
        short = self.source.count is not None and self.source.count <= frames
        return None if self.config.one_expression or short else frames

    def frames(self) -> Iterator[Frame]:
        """The frames that are asked for, up to their end, to --offset, to --max-frames, or to Ctrl-C."""
        every, first, last = self.config.every, self.config.onset or 0, self._last()
        for frame in self.source.frames(lambda number: number % every == 0 and number >= first):
            if self.stop.asked or (last is not None and frame.number > last):
                break
            yield frame
        self.tally.stopped = self.stop.asked

    def _last(self) -> int | None:
        """The number of the last frame that is asked for."""
        most, offset = self.config.max_frames, self.config.offset
        return min((end for end in (offset, None if most is None else most - 1) if end is not None), default=None)

    def _end(self) -> None:
        """Notes that only the end can tell. Raises UserError where nothing could be read."""
        tally, source = self.tally, self.source
        if source.kind == "picture" and tally.flaws:
            raise UserError(tally.flaws[0])
        if not tally.frames and not tally.stopped:
            what = f"the {source.kind} gives no frames" if source.endless else "nothing in it can be read"
            raise UserError(f"{source.name}: {what}{': ' + tally.flaws[0] if tally.flaws else ''}")
        ended = tally.stopped or self._last() is not None
        seen = (self.config.onset or 0) + (tally.frames + tally.skipped) * self.config.every
        if source.kind == "video" and not ended and source.count and seen < _WHOLE * source.count:
            tally.notes.append(f"cut off: about {seen} of {source.count} frames can be read")


def predict(model: Model | str | Path, source: str | Path, config: PredictConfig = _DEFAULTS) -> Predicted:
    """Everything that emonas-predict says about a picture, a folder, a video, a camera ("0") or a stream ("rtsp://...").

    ``config`` has the command's options, of which those that write files do nothing here. Ctrl-C ends it with what was
    answered until then. Raises UserError for what cannot be read.
    """
    loaded = model if isinstance(model, Model) else load(model, config.device)
    with stop_on_interrupt() as stop:
        stream = Stream(loaded, open_source(source, config.frames_per_second, config.folder), config, stop)
        rows = tuple(row for part in stream.parts() for row in part.rows)
    return Predicted(loaded.info.names, rows, stream.tally)


def _check(stream: Stream) -> None:
    """Refuse what cannot be meant. Raises UserError."""
    config, source = stream.config, stream.source
    if stream.clips:
        if source.kind == "picture":
            raise UserError(f"{source.name}: one picture, but this model takes clips: a folder of frames or a video")
        if config.every != 1:
            raise UserError("--every is for models of still pictures; a movement needs all frames")
        if source.endless and (config.one_expression or config.draw):
            which = "--whole-clip" if config.whole_clip else "--draw"
            raise UserError(f"{which} needs a clip with an end that can be read again, not a {source.kind}")
        _check_phases(config, source)
        if not source.film and source.count != 1 and not config.one_expression:
            raise UserError(
                f"{source.name}: {source.taken[0]}; but this model takes clips: the frames of a film, or a video"
            )
        if stream.window is not None and stream.window < _LEAST_WINDOW:
            raise UserError(
                f"{stream.window} frames in {config.window:g} s are too few to see a movement; give a larger --window"
            )
    elif config.one_expression:
        which = "--whole-clip is" if config.whole_clip else "--onset, --apex and --offset are"
        raise UserError(f"{which} for models of clips; this one takes still pictures")


def _check_phases(config: PredictConfig, source: Source) -> None:
    """Raise UserError where the phases are out of order or beyond the end of the clip."""
    given = [(f"--{name}", getattr(config, name)) for name in ("onset", "apex", "offset")]
    there = [(name, number) for name, number in given if number is not None]
    numbers = [number for _, number in there]
    if numbers != sorted(numbers) or (source.count is not None and any(number >= source.count for number in numbers)):
        named = ", ".join(f"{name} {number}" for name, number in there)
        raise UserError(f"{source.name}: {named} do not follow each other in {source.count} frames, counted from 0")


def _notes(stream: Stream) -> list[str]:
    source = stream.source
    notes = []
    if not source.rate_known and source.kind != "picture" and (stream.clips or source.kind != "folder"):
        notes.append(f"no frame rate is known, so {source.rate:g} frames a second are taken; see --frames-per-second")
    if source.stamped and not 1 <= source.rate <= FASTEST:
        notes.append(
            f"{source.rate:.4g} frames a second by the video's time stamps: if that cannot be, give --frames-per-second"
        )
    if stream.clips and stream.window is None and not stream.config.one_expression:
        notes.append(f"no longer than {stream.config.window:g} s, so the clip is taken as one expression")
    return notes


@contextmanager
def stop_on_interrupt() -> Iterator[Stop]:
    """Inside, the first Ctrl-C sets ``asked``, the second one interrupts as always. Only in the main thread."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    usual = signal.getsignal(signal.SIGINT)

    def ask(number: int, frame: FrameType | None) -> None:
        stop.asked = True
        signal.signal(signal.SIGINT, usual)

    signal.signal(signal.SIGINT, ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, usual)
