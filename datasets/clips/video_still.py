"""Single frames of a long video, read one after the other without decoding it anew for each."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from emonas.datasets.clips.flaws import file_flaw
from emonas.errors import UserError
from emonas.files import why_not_a_file


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
        image = _reel(self.path, self.at).frame(self.at)
        if image is None:
            raise UserError(f"{self.path}: not a video, cut off, or no frame {self.at} in it")
        return image[None]

    def flaw(self) -> str:
        """Why the video cannot be opened; an empty string if it can. Who makes many stills has counted its frames."""
        return why_not_a_file(self.path) or file_flaw(self.path)


class _Reel:
    """A video that is read forwards only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.owner = os.getpid()
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


_last = threading.local()


def _reel(path: Path, at: int) -> _Reel:
    """The video that this thread has read last, where it is this one and not yet past the position; else a new one."""
    reel: _Reel | None = getattr(_last, "reel", None)
    # A process that was forked shares its parent's file position and must not move it.
    if reel is None or reel.path != path or reel.next > at or reel.owner != os.getpid():
        reel = _last.reel = _Reel(path)
    return reel
