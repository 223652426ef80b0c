"""One expression as its user lists it (where it lies, who shows what), turned into a Sample."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from emonas.errors import UserError

from .copies import fingerprint
from .flaws import told
from .frames import VIDEO_SUFFIXES, ImageFiles, VideoFile, frame_number, sorted_frames, whole_video
from .sample import Sample

#: What stands in a spreadsheet for a frame that nobody knows.
UNKNOWN = frozenset({"", "/", "\\", "nan", "none", "n/a"})


@dataclass(frozen=True)
class Entry:
    """``path`` is an image (a still), a folder of frames or a video (both clips).

    ``onset``, ``apex`` and ``offset`` are frame numbers as the user writes them; ``flaw`` says what is already
    known to be wrong.
    """

    path: Path
    clip: str
    label: str
    subject: str | None = None
    part: str | None = None
    onset: str = ""
    apex: str = ""
    offset: str = ""
    flaw: str = ""

    def sample(self, dataset: str) -> Sample:
        """The sample, dropped with a reason when the entry is flawed or, by a cheap check, its files are.

        Where nobody is named, the ``group`` is a fingerprint of the files, so that exact copies stay together.
        """
        sample = Sample(dataset, self.subject, self.clip, self.label, ImageFiles(()), part=self.part)
        if self.flaw:
            return sample.drop(self.flaw)
        try:
            frames, is_clip = _frames(self.path)
            sample = replace(sample, frames=frames)
            if flaw := frames.flaw():
                return sample.drop(flaw)
            if self.subject is None:
                sample = replace(sample, group=fingerprint(_contents(frames)))
            return self._with_phases(sample, positions(frames)) if is_clip else sample
        except OSError as error:
            return sample.drop(told(error))
        except (UserError, ValueError) as error:
            return sample.drop(str(error))

    def _with_phases(self, sample: Sample, known: Mapping[int, int]) -> Sample:
        onset = _position("onset", self.onset, known)
        apex = _position("apex", self.apex, known)
        offset = _position("offset", self.offset, known)
        onset = 0 if onset is None else onset
        offset = len(sample.frames) - 1 if offset is None else offset
        if not onset <= (onset if apex is None else apex) <= offset:
            written = (self.onset or "first", self.apex or "unknown", self.offset or "last")
            raise ValueError("phases out of order: onset {}, apex {}, offset {}".format(*written))
        return replace(sample, onset=onset, apex=apex, offset=offset)


def positions(frames: ImageFiles | VideoFile) -> dict[int, int]:
    """Frame numbers to zero-based positions: the last numbers in the file names where every file has its own.

    Frames of a video, and files without such numbers, are numbered 0, 1, 2 and so on.
    """
    numbers = [frame_number(path) for path in frames.paths] if isinstance(frames, ImageFiles) else []
    given = {number: position for position, number in enumerate(numbers) if number is not None}
    return given if len(given) == len(frames) else {position: position for position in range(len(frames))}


def _position(phase: str, text: str, known: Mapping[int, int]) -> int | None:
    if text.lower() in UNKNOWN:
        return None
    # Spreadsheets write whole numbers as 12.0 when another cell of the column is empty.
    number = re.fullmatch(r"([0-9]+)(?:\.0*)?", text)
    if not number:
        raise ValueError(f"{phase} not a frame number: {text!r}")
    frame = int(number[1])
    if phase == "apex" and frame == 0:
        return None
    if frame not in known:
        raise ValueError(f"{phase} not in the clip: {frame} is not among frames {min(known)} to {max(known)}")
    return known[frame]


def _frames(path: Path) -> tuple[ImageFiles | VideoFile, bool]:
    """Where the pixels come from, and whether they make a clip: a folder with a single frame is one, too."""
    if os.path.isdir(path):  # noqa: PTH112 (Path.is_dir raises for a name that is too long)
        return ImageFiles(tuple(sorted_frames(path))), True
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return whole_video(path), True
    return ImageFiles((path,)), False


def _contents(frames: ImageFiles | VideoFile) -> Iterator[bytes]:
    for path in frames.paths if isinstance(frames, ImageFiles) else (frames.path,):
        with path.open("rb") as file:
            while chunk := file.read(2**20):
                yield chunk
