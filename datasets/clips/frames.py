"""Pixels on demand: image files, pixels held in memory, and videos, checked cheaply or read in full."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from emonas.datasets.clips.flaws import file_flaw, image_flaw, image_header, os_error_text, read_image_bytes
from emonas.datasets.clips.sample import Sample, UnusableError
from emonas.datasets.clips.video_still import open_reel
from emonas.datasets.pictures.decode import decode_picture
from emonas.datasets.pictures.depth import fewest_bits, to_8_bits
from emonas.datasets.pictures.header import Header
from emonas.errors import UserError
from emonas.files import why_not_a_file

#: Endings of the files that count as frames, and of those that count as videos (lower case).
IMAGE_SUFFIXES = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".tif", ".tiff", ".webp", ".gif"),
        *(".pbm", ".pgm", ".ppm", ".pnm", ".jp2", ".j2k", ".jpf", ".jpx", ".heic", ".heif", ".hif", ".avif"),
    }
)
VIDEO_SUFFIXES = frozenset({".avi", ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv"})
#: Decoded pixels of one video that are still held in memory.
MAX_VIDEO_BYTES = 4 * 2**30
#: Frames of a clip whose sides differ from the first one's by up to this share are brought to its size.
MOST_UNEQUAL = 0.25


def _silence_opencv() -> None:
    """A broken file is told in our own one line; OpenCV's and FFmpeg's chatter on stderr would bury it."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    # OpenCV 4 and 5 keep the switch in different places.
    set_level = getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel
    set_level(0)


_silence_opencv()


@dataclass(frozen=True)
class ImageFiles:
    """One image file for each frame, in order; making one touches no file.

    ``bits`` are the used ones of files of 16 bits (see pictures/depth.py); 0: the fewest that hold these frames.
    """

    paths: tuple[Path, ...]
    bits: int = 0

    def __len__(self) -> int:
        return len(self.paths)

    def read(self) -> np.ndarray:
        """All frames as uint8 (T, H, W, 3), RGB.

        They are as people see them: upright, on white where they are transparent; frames that differ a little in size,
        as faces cut out one by one do, are brought to the size of the first one. Raises UserError naming the first
        frame that cannot be read, UnusableError if its size is quite another.
        """
        if not self.paths:
            raise UserError("a clip without frames cannot be read")
        first = read_levels(self.paths[0])
        bits = self.bits or (fewest_bits(self.largest()) if first.dtype != np.uint8 else 0)
        first = _in_8_bits(first, bits)
        if len(self.paths) == 1:
            return first[None]
        frames = np.empty((len(self.paths), *first.shape), np.uint8)
        frames[0] = first
        for index, path in enumerate(self.paths[1:], start=1):
            frames[index] = _fitted(_in_8_bits(read_levels(path), bits), first, path.name)
        return frames

    def part(self, first: int, last: int) -> ImageFiles:
        """The files from one position to another."""
        return replace(self, paths=self.paths[first : last + 1])

    def largest(self) -> int:
        """The largest level of frames that have 16 bits and do not say how many they use; 0 where the first has not.

        Raises UserError.
        """
        if not self.paths or not _header(self.paths[0]).may_be_deep:
            return 0
        levels = map(read_levels, self.paths)
        return max((int(image.max()) for image in levels if image.dtype != np.uint8), default=0)

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
        if reason := file_flaw(self.path):
            raise UserError(f"{self.path}: {reason}")
        images = open_reel(self.path, self.first).frames(self.first)
        first = next(images, None)
        if first is None or self.count < 1:
            raise UserError(f"{self.path}: not a video, cut off, or no frame {self.first} in it")
        if first.nbytes * self.count > MAX_VIDEO_BYTES:
            raise UserError(
                f"{self.path}: {self.count} frames of {_size(first)} do not fit into "
                f"{MAX_VIDEO_BYTES / 2**30:g} GiB: cut the video down to the expression, or give onset and offset"
            )
        return self._filled(first, images)

    def part(self, first: int, last: int) -> VideoFile:
        """The frames from one position in these to another."""
        return replace(self, first=self.first + first, count=last + 1 - first)

    def _filled(self, first: np.ndarray, others: Iterator[np.ndarray]) -> np.ndarray:
        frames = np.empty((self.count, *first.shape), np.uint8)
        frames[0], done = first, 1
        for done, image in zip(range(2, self.count + 1), others, strict=False):
            frames[done - 1] = _fitted(image, first, f"frame {self.first + done - 1}")
        if self.count - done > max(1, self.count // 10):
            raise UserError(f"{self.path}: cut off: {done} of {self.count} frames can be read")
        frames[done:] = frames[done - 1]
        return frames

    def flaw(self) -> str:
        """Why the frames cannot be read, empty if nothing speaks against it; decodes one frame."""
        if reason := file_flaw(self.path):
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
    try:
        found = path.stat()
    except (OSError, ValueError):
        return 0
    return _count(path, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=64)
def _count(path: Path, size: int, time: int) -> int:
    """The count of a file as it is now: a recording is asked once for all of its expressions."""
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
        files = [path for path in folder.iterdir() if is_image(path) and not path.is_dir()]
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


def read_levels(path: Path) -> np.ndarray:
    """The picture in a file: (H, W, 3), RGB; uint8, or uint16 where its used bits are to be found out.

    Raises UserError with the path.
    """
    try:
        return decode_picture(read_image_bytes(path))
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def with_bits(sample: Sample, bits: int) -> Sample:
    """The sample with files of 16 bits read by so many used bits; as it is for 0 and where it is not of files."""
    if bits and isinstance(sample.frames, ImageFiles):
        return replace(sample, frames=replace(sample.frames, bits=bits))
    return sample


def _header(path: Path) -> Header:
    try:
        return image_header(path)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _in_8_bits(image: np.ndarray, bits: int) -> np.ndarray:
    if image.dtype == np.uint8:
        return image
    return to_8_bits(image, bits or fewest_bits(int(image.max())))


@contextmanager
def _opened(path: Path) -> Iterator[cv2.VideoCapture]:
    # Without a named backend OpenCV takes "clip001.avi" for a pattern of numbered images.
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        yield capture
    finally:
        capture.release()


def _fitted(image: np.ndarray, first: np.ndarray, name: str) -> np.ndarray:
    """A frame in the size of the clip's first one."""
    if image.shape == first.shape:
        return image
    height, width = first.shape[:2]
    if abs(image.shape[0] - height) > MOST_UNEQUAL * height or abs(image.shape[1] - width) > MOST_UNEQUAL * width:
        raise UnusableError(f"frames of unequal size: {name} has {_size(image)}, the first one {_size(first)}")
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def _size(image: np.ndarray) -> str:
    return f"{image.shape[1]}x{image.shape[0]}"
