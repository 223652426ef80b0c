"""Frames of a long video, read one after the other without decoding it anew for each."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from emonas.datasets.clips.flaws import file_flaw
from emonas.errors import UserError


@dataclass(frozen=True)
class VideoStill:
    """The frame of a video at the zero-based position ``at``; making one touches no file.

    A video stays open where it was read last, so frames that are asked for in their order cost one decoding.
    """

    path: Path
    at: int

    def __len__(self) -> int:
        return 1

    def read(self) -> np.ndarray:
        """The frame as uint8 (1, H, W, 3), RGB. Raises UserError when there is no such frame."""
        if reason := self.flaw():
            raise UserError(f"{self.path}: {reason}")
        image = open_reel(self.path, self.at).frame(self.at)
        if image is None:
            raise UserError(f"{self.path}: not a video, cut off, or no frame {self.at} in it")
        return image[None]

    def flaw(self) -> str:
        """Why the video cannot be opened; an empty string if it can. Who makes many stills has counted its frames."""
        return file_flaw(self.path)


class Reel:
    """A video that is read forwards only."""

    def __init__(self, path: Path) -> None:
        self.origin = _origin(path)
        self.next = 0
        # Without a named backend OpenCV takes "clip001.avi" for a pattern of numbered images.
        self._capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)

    def frame(self, at: int) -> np.ndarray | None:
        """The frame at a position that is not behind, None where the video ends before it."""
        # Seeking lands on another frame in some codecs; decoding up to the wanted one never does.
        while self.next < at:
            if not self._capture.grab():
                return None
            self.next += 1
        there, image = self._capture.read()
        self.next += there
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB) if there else None

    def frames(self, at: int) -> Iterator[np.ndarray]:
        """The frames from a position that is not behind to the video's end."""
        while (image := self.frame(at)) is not None:
            yield image
            at += 1


_last = threading.local()


def open_reel(path: Path, at: int) -> Reel:
    """The video that this thread has read last, where it is this one and not yet past the position; else a new one."""
    reel: Reel | None = getattr(_last, "reel", None)
    if reel is None or reel.next > at or reel.origin != _origin(path):
        reel = _last.reel = Reel(path)
    return reel


def _origin(path: Path) -> tuple[object, ...]:
    """What a reel is of: a file as it is now, and the process, as one that was forked must not move its parent's."""
    found = path.stat()
    return os.getpid(), path, found.st_size, found.st_mtime_ns
