"""Where frames come from, one at a time: a picture, a folder of pictures, a video, a camera.

Only one decoded frame is held, so that a video of any length takes the same memory. A frame that cannot be read is
handed on with its flaw, for whoever counts them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from emonas.datasets.clips.flaws import file_flaw, image_flaw
from emonas.datasets.clips.frames import VIDEO_SUFFIXES, ImageFiles, frame_count, is_image, sorted_frames
from emonas.datasets.pictures.depth import fewest_bits
from emonas.errors import UserError

Kind = Literal["picture", "folder", "video", "camera"]
#: Where nobody says it.
USUAL_RATE = 25.0
_FASTEST = 10_000.0
#: What cannot be read in a row before a video counts as ended.
_PATIENCE = 25
#: Files of a folder that are looked at for how many of 16 bits they use.
_LOOKED_AT = 16


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame: its zero-based number, its file's name in a folder, (H, W, 3) uint8 RGB, or why there are no pixels."""

    number: int
    name: str
    image: np.ndarray | None
    flaw: str = ""


@dataclass(frozen=True)
class Source:
    """Frames that can be read from the start as often as wanted, unless from a camera.

    ``count`` is what is claimed (None for a camera), ``rate`` frames per second, ``rate_known`` whether somebody said
    so. ``bits`` are the used ones of files of 16 bits, 0 where that is to be found out. ``wanted`` in ``frames`` tells
    which numbers need pixels; others are skipped without decoding them.
    """

    kind: Kind
    name: str
    path: Path | None
    count: int | None
    rate: float
    rate_known: bool
    bits: int = 0

    def frames(self, wanted: Callable[[int], bool] = lambda number: True) -> Iterator[Frame]:
        """The wanted frames in order. Raises UserError where a camera or a video cannot be opened."""
        if self.kind in ("picture", "folder"):
            assert self.path
            files = _files(self.path)
            yield from _of_files(files, wanted, self.bits or _used_bits(files))
        else:
            yield from self._of_capture(wanted)

    def _of_capture(self, wanted: Callable[[int], bool]) -> Iterator[Frame]:
        # Without a named backend OpenCV takes "clip001.avi" for a pattern of numbered images.
        capture = cv2.VideoCapture(int(self.name)) if self.path is None else _video(self.path)
        try:
            number = misses = 0
            claimed = self.count or 0
            while misses < _PATIENCE:
                if not capture.grab():
                    if number + misses >= claimed:
                        return
                    misses += 1
                    continue
                if wanted(number):
                    there, image = capture.retrieve()
                    usable = there and image is not None
                    pixels = cv2.cvtColor(image, cv2.COLOR_BGR2RGB) if usable else None
                    yield Frame(number, "", pixels, "" if usable else "cannot be decoded")
                number, misses = number + 1, 0
        finally:
            capture.release()


def open_source(given: str | Path, rate: float | None = None) -> Source:
    """What a user named, looked at but not yet read. Raises UserError for what cannot be read at all."""
    path, text = Path(given), str(given)
    if text.isdigit() and not path.exists():
        return _camera(text, rate)
    if path.is_dir():
        files = _files(path)
        if not files:
            raise UserError(f"{path}: no pictures in this folder")
        return Source("folder", text, path, len(files), rate or USUAL_RATE, rate is not None)
    if reason := file_flaw(path):
        raise UserError(f"{path}: {reason}")
    if is_image(path) or (path.suffix.lower() not in VIDEO_SUFFIXES and not image_flaw(path)):
        if reason := image_flaw(path):
            raise UserError(f"{path}: {reason}")
        return Source("picture", text, path, 1, rate or USUAL_RATE, rate is not None)
    # By its name, since FFmpeg would show any text file as a film of its letters.
    if path.suffix.lower() not in VIDEO_SUFFIXES:
        raise UserError(f"{path}: neither a picture nor a video by its name's ending")
    return _video_source(path, rate)


def _camera(text: str, rate: float | None) -> Source:
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
    capture.release()
    return Source("video", str(path), path, count, rate or claimed or USUAL_RATE, bool(rate or claimed))


def _rate(capture: cv2.VideoCapture) -> float | None:
    claimed = float(capture.get(cv2.CAP_PROP_FPS))
    return claimed if 0 < claimed < _FASTEST else None


def _video(path: Path) -> cv2.VideoCapture:
    return cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)


def _files(path: Path) -> list[Path]:
    return sorted_frames(path) if path.is_dir() else [path]


def _used_bits(files: list[Path]) -> int:
    """The fewest that some of the files need, so that a film of them does not flicker; 0 where they have no 16 bits."""
    with suppress(UserError):
        if largest := ImageFiles(tuple(files[:: -(-len(files) // _LOOKED_AT)])).largest():
            return fewest_bits(largest)
    return 0


def _of_files(files: list[Path], wanted: Callable[[int], bool], bits: int) -> Iterator[Frame]:
    for number, file in enumerate(files):
        if not wanted(number):
            continue
        try:
            yield Frame(number, file.name, ImageFiles((file,), bits).read()[0])
        except UserError as error:
            yield Frame(number, file.name, None, str(error).removeprefix(f"{file}: "))
