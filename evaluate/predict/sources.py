"""Where frames come from, one at a time: a picture, a folder of pictures, a video, a camera, a stream on a network.

Only one decoded frame is held, so that a video of any length takes the same memory. A frame that cannot be read is
handed on with its flaw, for whoever counts them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from emonas.datasets.clips.flaws import file_flaw, image_flaw
from emonas.datasets.clips.frames import VIDEO_SUFFIXES, ImageFiles, frame_count, is_image, sorted_frames
from emonas.errors import UserError
from emonas.evaluate.model.addresses import is_address, legible_address, open_address
from emonas.evaluate.model.folders import left_out, list_pictures, why_no_film
from emonas.evaluate.predict.config import FolderKind
from emonas.files import why_not_a_file

Kind = Literal["picture", "folder", "video", "camera", "stream"]
#: Where nobody says it.
USUAL_RATE = 25.0
_FASTEST = 10_000.0
#: What cannot be read in a row before a video counts as ended.
_PATIENCE = 25
#: Digits of a camera's number.
_MOST_DIGITS = 4


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame: its zero-based number, its file's name in a folder, (H, W, 3) uint8 RGB, or why there are no pixels."""

    number: int
    name: str
    image: np.ndarray | None
    flaw: str = ""


@dataclass(frozen=True)
class Source:
    """Frames that can be read from the start as often as wanted, unless from a camera or a stream.

    ``count`` is what is claimed (None without an end), ``rate`` frames per second, ``rate_known`` whether somebody said
    so. ``film``: whether the frames follow each other in time; ``taken`` says so of a folder, and what was left out of
    it. ``wanted`` in ``frames`` tells which numbers need pixels; others are skipped without decoding them.
    """

    kind: Kind
    name: str
    path: Path | None
    count: int | None
    rate: float
    rate_known: bool
    film: bool = True
    taken: tuple[str, ...] = ()
    #: A stream's address, which may hold a password.
    address: str = field(default="", repr=False)

    @property
    def endless(self) -> bool:
        """Whether it has no end of its own."""
        return self.kind in ("camera", "stream")

    def frames(self, wanted: Callable[[int], bool] = lambda number: True) -> Iterator[Frame]:
        """The wanted frames in order. Raises UserError where a camera or a video cannot be opened."""
        if self.kind in ("picture", "folder"):
            assert self.path
            yield from _of_files(_files(self.path), wanted)
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
    if is_image(path):
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
    return Source("folder", str(path), path, len(files), rate or USUAL_RATE, rate is not None, film, taken)


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
    capture.release()
    return Source("video", str(path), path, count, rate or claimed or USUAL_RATE, bool(rate or claimed))


def _rate(capture: cv2.VideoCapture) -> float | None:
    claimed = float(capture.get(cv2.CAP_PROP_FPS))
    return claimed if 0 < claimed < _FASTEST else None


def _video(path: Path) -> cv2.VideoCapture:
    return cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)


def _files(path: Path) -> list[Path]:
    return sorted_frames(path) if path.is_dir() else [path]


def _of_files(files: list[Path], wanted: Callable[[int], bool]) -> Iterator[Frame]:
    for number, file in enumerate(files):
        if not wanted(number):
            continue
        try:
            yield Frame(number, file.name, ImageFiles((file,)).read()[0])
        except UserError as error:
            yield Frame(number, file.name, None, str(error).removeprefix(f"{file}: "))
