"""Where frames come from, one at a time: a picture, a folder of pictures, a video, a camera, a stream on a network.

Only one decoded frame is held, so that a video of any length takes the same memory. A frame that cannot be read is
handed on with its flaw, for whoever counts them.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from emonas.datasets.clips.flaws import file_flaw, image_flaw
from emonas.datasets.clips.frames import VIDEO_SUFFIXES, ImageFiles, frame_count, is_image, sorted_frames
from emonas.datasets.pictures.depth import fewest_bits
from emonas.errors import UserError
from emonas.evaluate.model.addresses import is_address, legible_address, open_address
from emonas.evaluate.model.folders import left_out, list_pictures, why_no_film
from emonas.evaluate.model.inputs import clip_files
from emonas.evaluate.predict.config import FolderKind
from emonas.files import why_not_a_file

Kind = Literal["picture", "folder", "video", "camera", "stream"]
#: Where nobody says it.
USUAL_RATE = 25.0
#: Frames a second that a camera for faces may take; what claims more is doubted.
FASTEST = 240.0
#: So many frames tell whether a video has time stamps and how far they are apart.
_LOOK = 250
#: A claim that is this close to the time stamps is taken for exact.
_CLOSE = 0.01
#: What cannot be read in a row before a video counts as ended.
_PATIENCE = 25
#: Files of a folder that are looked at for how many of 16 bits they use.
_LOOKED_AT = 16
#: Digits of a camera's number.
_MOST_DIGITS = 4


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame: its zero-based number, its file's name in a folder, (H, W, 3) uint8 RGB, or why there are no pixels.

    ``seconds`` is when it is shown: by the time stamps of a video that has them, else by its number.
    """

    number: int
    name: str
    image: np.ndarray | None
    flaw: str = ""
    seconds: float = 0.0


class Clock:
    """When the frames of a video are shown, asked for one after the other; each is later than the one before.

    A stamp that is none, as at the end of some files, is a usual step after the last one; where stamps begin anew, as
    in files put together, the time goes on.
    """

    def __init__(self, rate: float) -> None:
        self._step = 1 / rate
        self._seconds = -self._step
        self._stamp = -self._step
        self._ahead = 0.0

    def tick(self, stamp: float) -> float:
        """The time of the next frame, whose stamp is this, both in seconds."""
        late = self._seconds - (stamp + self._ahead)
        if late < 0:
            self._seconds -= late
        elif late <= self._step:
            self._seconds += self._step / 4
        elif stamp > self._stamp:
            self._seconds += stamp - self._stamp
            self._ahead = self._seconds - stamp
        else:
            self._seconds += self._step
        self._stamp = stamp
        return max(0.0, self._seconds)


@dataclass(frozen=True)
class Source:
    """Frames that can be read from the start as often as wanted, unless from a camera or a stream.

    ``count`` is what is claimed (None without an end), ``rate`` frames per second, ``rate_known`` whether somebody said
    so. ``stamped`` is whether a video's own time stamps are followed; the rate is then what they come to in its first
    seconds. ``clip`` are the frames of a folder that is one clip, see `as_clip`. ``bits`` are the used ones of files
    of 16 bits, 0 where that is to be found out. ``film``: whether the frames follow each other in time; ``taken`` says
    so of a folder, and what was left out of it. ``wanted`` in ``frames`` tells which numbers need pixels; others are
    skipped without decoding them.
    """

    kind: Kind
    name: str
    path: Path | None
    count: int | None
    rate: float
    rate_known: bool
    stamped: bool = False
    clip: tuple[Path, ...] = ()
    bits: int = 0
    film: bool = True
    taken: tuple[str, ...] = ()
    #: A stream's address, which may hold a password.
    address: str = field(default="", repr=False)

    @property
    def endless(self) -> bool:
        """Whether it has no end of its own."""
        return self.kind in ("camera", "stream")

    def as_clip(self) -> Source:
        """A folder as the frames of one clip, in the order of their numbers and without what is no frame of it."""
        if self.kind != "folder" or self.path is None:
            return self
        files = clip_files(self.path)
        return replace(self, clip=files, count=len(files))

    def frames(self, wanted: Callable[[int], bool] = lambda number: True) -> Iterator[Frame]:
        """The wanted frames in order. Raises UserError where a camera or a video cannot be opened."""
        if self.kind in ("picture", "folder"):
            assert self.path
            files = self.clip or _files(self.path)
            yield from _of_files(files, self.rate, wanted, self.bits or _used_bits(files))
        else:
            yield from self._of_capture(wanted)

    def _capture(self) -> cv2.VideoCapture:
        if self.address:
            return open_address(self.address)
        # Without a named backend OpenCV takes "clip001.avi" for a pattern of numbered images.
        return cv2.VideoCapture(int(self.name)) if self.path is None else _video(self.path)

    def _of_capture(self, wanted: Callable[[int], bool]) -> Iterator[Frame]:
        capture = self._capture()
        try:
            number = misses = 0
            claimed = self.count or 0
            clock = Clock(self.rate)
            while misses < _PATIENCE:
                if not capture.grab():
                    if number + misses >= claimed:
                        return
                    misses += 1
                    continue
                seconds = clock.tick(_stamp(capture)) if self.stamped else number / self.rate
                if wanted(number):
                    there, image = capture.retrieve()
                    usable = there and image is not None
                    pixels = cv2.cvtColor(image, cv2.COLOR_BGR2RGB) if usable else None
                    yield Frame(number, "", pixels, "" if usable else "cannot be decoded", seconds)
                number, misses = number + 1, 0
        finally:
            capture.release()


def open_source(given: str | Path, rate: float | None = None, folder: FolderKind = "auto") -> Source:
    """What a user named, looked at but not yet read. Raises UserError for what cannot be read at all."""
    path, text = Path(given), str(given)
    if not text.strip():
        raise UserError("no source was named: give a picture, a folder, a video, a camera's number or an address")
    if is_address(text):
        return _stream(text, rate)
    flaw = why_not_a_file(path)
    if flaw and text.isascii() and text.isdigit() and not os.path.lexists(path):
        return _camera(text, rate)
    if os.path.isdir(path):  # noqa: PTH112 (Path.is_dir raises for a name that is too long)
        return _folder(path, rate, folder)
    if reason := flaw or file_flaw(path):
        raise UserError(f"{path}: {reason}")
    if is_image(path) or (path.suffix.lower() not in VIDEO_SUFFIXES and not image_flaw(path)):
        if reason := image_flaw(path):
            raise UserError(f"{path}: {reason}")
        return Source("picture", text, path, 1, rate or USUAL_RATE, rate is not None, film=False)
    # By its name, since FFmpeg would show any text file as a film of its letters.
    if path.suffix.lower() not in VIDEO_SUFFIXES:
        raise UserError(f"{path}: neither a picture nor a video by its name's ending")
    return _video_source(path, rate)


def _folder(path: Path, rate: float | None, folder: FolderKind) -> Source:
    files = list_pictures(path)
    why = why_no_film(files) if folder == "auto" else ""
    film = folder == "film" or (folder == "auto" and not why)
    pictures = f"{len(files)} picture{'s' * (len(files) != 1)}"
    if folder != "auto":
        said = f"taken as {'one film' if film else pictures}, by --folder"
    elif film:
        said = "taken as one film: numbered, of one size, neighbours alike (see --folder)"
    else:
        said = f"taken as {pictures}, no film: {why} (see --folder)"
    rest = left_out(path)
    taken = (said, f"left out: {rest}") if rest else (said,)
    known = rate is not None
    return Source("folder", str(path), path, len(files), rate or USUAL_RATE, known, film=film, taken=taken)


def _stream(text: str, rate: float | None) -> Source:
    capture = open_address(text)
    claimed = _rate(capture)
    capture.release()
    name = legible_address(text)
    known = bool(rate or claimed)
    return Source("stream", name, None, None, rate or claimed or USUAL_RATE, known, address=text)


def _camera(text: str, rate: float | None) -> Source:
    if len(text) > _MOST_DIGITS:
        raise UserError(
            f"{text[:20]}{'...' * (len(text) > 20)}: no camera has such a number, and there is no such file"
        )
    capture = cv2.VideoCapture(int(text))
    try:
        if not capture.isOpened():
            raise UserError(f"no camera {text} can be opened, and there is no file of that name")
        claimed = _rate(capture)
    finally:
        capture.release()
    return Source("camera", text, None, None, rate or claimed or USUAL_RATE, bool(rate or claimed))


def _video_source(path: Path, rate: float | None) -> Source:
    count = frame_count(path)
    if not count:
        raise UserError(f"{path}: not a video or cut off")
    capture = _video(path)
    claimed = _rate(capture)
    stamps = [_stamp(capture) for _ in range(_LOOK) if capture.grab()]
    capture.release()
    stamped = _stamped_rate(stamps) if rate is None else None
    if stamped and claimed and abs(claimed - stamped) <= _CLOSE * stamped:
        stamped = claimed
    known = rate or stamped or claimed
    return Source("video", str(path), path, count, known or USUAL_RATE, known is not None, stamped is not None)


def _rate(capture: cv2.VideoCapture) -> float | None:
    claimed = float(capture.get(cv2.CAP_PROP_FPS))
    return claimed if 0 < claimed <= FASTEST else None


def _stamp(capture: cv2.VideoCapture) -> float:
    """The time stamp, in seconds, of the frame that was grabbed last."""
    stamp = float(capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000
    return stamp if math.isfinite(stamp) else 0.0


def _stamped_rate(stamps: Sequence[float]) -> float | None:
    """Frames a second by time stamps; None where most do not rise, so that there are none that mean something."""
    steps = [after - before for before, after in pairwise(stamps) if after > before]
    return len(steps) / sum(steps) if len(stamps) <= 2 * len(steps) else None


def _video(path: Path) -> cv2.VideoCapture:
    return cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)


def _files(path: Path) -> list[Path]:
    return sorted_frames(path) if path.is_dir() else [path]


def _used_bits(files: Sequence[Path]) -> int:
    """The fewest that some of the files need, so that a film of them does not flicker; 0 where they have no 16 bits."""
    with suppress(UserError):
        if largest := ImageFiles(tuple(files[:: -(-len(files) // _LOOKED_AT)])).largest():
            return fewest_bits(largest)
    return 0


def _of_files(files: Sequence[Path], rate: float, wanted: Callable[[int], bool], bits: int) -> Iterator[Frame]:
    for number, file in enumerate(files):
        if not wanted(number):
            continue
        try:
            yield Frame(number, file.name, ImageFiles((file,), bits).read()[0], seconds=number / rate)
        except UserError as error:
            yield Frame(number, file.name, None, str(error).removeprefix(f"{file}: "), number / rate)
