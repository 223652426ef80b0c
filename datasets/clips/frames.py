"""Pixels on demand: image files, pixels held in memory, and videos, checked cheaply or read in full."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from emonas.datasets.clips.flaws import content_flaw, file_flaw, image_flaw, os_error_text
from emonas.errors import UserError
from emonas.files import why_not_a_file

#: Endings of the files that count as frames, and of those that count as videos (lower case).
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm"})
VIDEO_SUFFIXES = frozenset({".avi", ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv"})
#: Decoded pixels of one video that are still held in memory.
MAX_VIDEO_BYTES = 4 * 2**30


def _silence_opencv() -> None:
    """A broken file is told in our own one line; OpenCV's and FFmpeg's chatter on stderr would bury it."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    # OpenCV 4 and 5 keep the switch in different places.
    set_level = getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel
    set_level(0)


_silence_opencv()


@dataclass(frozen=True)
class ImageFiles:
    """One image file for each frame, in order; making one touches no file."""

    paths: tuple[Path, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def read(self) -> np.ndarray:
        """All frames as uint8 (T, H, W, 3), RGB.

        Grey becomes three equal channels, 16 bit is scaled to 8, alpha is dropped, a camera's orientation tag
        is obeyed. Raises UserError naming the first frame that cannot be read or has another size.
        """
        if not self.paths:
            raise UserError("a clip without frames cannot be read")
        first = _image(self.paths[0])
        frames = np.empty((len(self.paths), *first.shape), np.uint8)
        frames[0] = first
        for index, path in enumerate(self.paths[1:], start=1):
            image = _image(path)
            if image.shape != first.shape:
                raise UserError(f"{path}: {_size(image)}, but the first frame of the clip has {_size(first)}")
            frames[index] = image
        return frames

    def flaw(self) -> str:
        """Why the frames cannot be read, empty if nothing speaks against it; headers and trailers only."""
        if not self.paths:
            return "no frames"
        for path in self.paths:
            if reason := image_flaw(path):
                return reason if len(self.paths) == 1 else f"{reason}: frame {path.name}"
        return ""


@dataclass(frozen=True)
class PixelGrid:
    """One grey image held in memory: height x width bytes, row by row."""

    pixels: bytes = field(repr=False)
    height: int
    width: int

    def __len__(self) -> int:
        return 1

    def read(self) -> np.ndarray:
        """The image as uint8 (1, H, W, 3), three equal channels."""
        if reason := self.flaw():
            raise UserError(f"an image held in memory: {reason}")
        grid = np.frombuffer(self.pixels, np.uint8).reshape(1, self.height, self.width, 1)
        return np.repeat(grid, 3, axis=3)

    def flaw(self) -> str:
        """Why the pixels make no image; empty if they do."""
        fits = len(self.pixels) == self.height * self.width > 0
        return "" if fits else f"{len(self.pixels)} pixels for {self.width}x{self.height}"


@dataclass(frozen=True)
class VideoFile:
    """``count`` frames of a video, from the zero-based frame ``first`` on; making one touches no file."""

    path: Path
    count: int
    first: int = 0

    def __len__(self) -> int:
        return self.count

    def read(self) -> np.ndarray:
        """The frames as uint8 (T, H, W, 3), RGB.

        Containers overstate their length by a few frames, so the last frame is repeated when up to a tenth
        (at least one) is missing at the end. Raises UserError when more is missing, or for too much memory.
        """
        if reason := why_not_a_file(self.path) or file_flaw(self.path):
            raise UserError(f"{self.path}: {reason}")
        with _opened(self.path) as capture:
            # Seeking lands on another frame in some codecs; decoding up to the first one never does.
            images = _remaining(capture) if all(capture.grab() for _ in range(self.first)) else iter(())
            first = next(images, None)
            if first is None or self.count < 1:
                raise UserError(f"{self.path}: not a video, cut off, or no frame {self.first} in it")
            if first.nbytes * self.count > MAX_VIDEO_BYTES:
                raise UserError(
                    f"{self.path}: {self.count} frames of {_size(first)} do not fit into "
                    f"{MAX_VIDEO_BYTES / 2**30:g} GiB: cut the video down to the expression"
                )
            return self._filled(first, images)

    def _filled(self, first: np.ndarray, others: Iterator[np.ndarray]) -> np.ndarray:
        frames = np.empty((self.count, *first.shape), np.uint8)
        frames[0], done = first, 1
        for done, image in zip(range(2, self.count + 1), others, strict=False):
            if image.shape != first.shape:
                raise UserError(f"{self.path}: the frame size changes from {_size(first)} to {_size(image)}")
            frames[done - 1] = image
        if self.count - done > max(1, self.count // 10):
            raise UserError(f"{self.path}: cut off: {done} of {self.count} frames can be read")
        frames[done:] = frames[done - 1]
        return frames

    def flaw(self) -> str:
        """Why the frames cannot be read, empty if nothing speaks against it; decodes one frame."""
        if reason := why_not_a_file(self.path) or file_flaw(self.path):
            return reason
        if not (there := frame_count(self.path)):
            return "not a video or cut off"
        wanted = self.first + self.count
        return "" if 0 < wanted <= there else f"too short: {there} of {wanted} frames"


def whole_video(path: Path) -> VideoFile:
    """All frames of a video by its container's own count; none where it cannot be opened (see ``flaw``)."""
    return VideoFile(path, frame_count(path))


def frame_count(path: Path) -> int:
    """Number of frames that a video claims, counted where it claims nothing; 0 if not one can be decoded."""
    if why_not_a_file(path):
        return 0
    with _opened(path) as capture:
        if not capture.grab():
            return 0
        claimed = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        return claimed if claimed > 0 else 1 + sum(1 for _ in iter(capture.grab, False))


def sorted_frames(folder: Path) -> list[Path]:
    """The image files of a folder by the last number in their names, never by text (img2 before img10).

    Files without a number come first; ties go by name. Raises UserError when the folder cannot be listed.
    """
    try:
        files = [path for path in folder.iterdir() if is_image(path) and path.is_file()]
    except OSError as error:
        raise UserError(f"{folder}: {os_error_text(error)}") from None
    return sorted(files, key=_frame_order)


def frame_number(path: Path) -> int | None:
    """The last whole number in a file's name without its ending; None if there is none."""
    numbers = re.findall(r"[0-9]+", path.stem)
    return int(numbers[-1]) if numbers else None


def is_image(path: Path) -> bool:
    """Whether the name is that of an image and not of an operating system's debris."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not is_debris(path.name)


def is_debris(name: str) -> bool:
    """Whether a file or folder is hidden or left by a system or office program: never part of a database."""
    return name.startswith((".", "~$")) or name.lower() in {"thumbs.db", "__macosx"} or name.lower().endswith(".lnk")


def _frame_order(path: Path) -> tuple[int, str, str]:
    number = frame_number(path)
    return (-1 if number is None else number, path.stem, path.name)


def _image(path: Path) -> np.ndarray:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {os_error_text(error)}") from None
    if reason := content_flaw(io.BytesIO(data)):
        raise UserError(f"{path}: {reason}")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    if image is None:
        raise UserError(f"{path}: cannot be decoded: damaged or cut off")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


@contextmanager
def _opened(path: Path) -> Iterator[cv2.VideoCapture]:
    # Without a named backend OpenCV takes "clip001.avi" for a pattern of numbered images.
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        yield capture
    finally:
        capture.release()


def _remaining(capture: cv2.VideoCapture) -> Iterator[np.ndarray]:
    while True:
        there, image = capture.read()
        if not there:
            return
        yield cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _size(image: np.ndarray) -> str:
    return f"{image.shape[1]}x{image.shape[0]}"
