"""One expression as its user lists it (where it lies, who shows what), turned into a Sample."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from emonas.datasets.clips.flaws import os_error_text
from emonas.datasets.clips.frames import VIDEO_SUFFIXES, ImageFiles, VideoFile, frame_number, sorted_frames, whole_video
from emonas.datasets.clips.sample import Frames, Sample, fingerprint
from emonas.errors import UserError


@dataclass(frozen=True)
class Entry:
    """``path`` is an image (a still), a folder of frames or a video (both clips).

    ``onset``, ``apex`` and ``offset`` are frame numbers as the user writes them; ``flaw`` says what is already
    known to be wrong, ``row`` which row of the owner's table tells of the expression. ``cut`` stands for a path that
    holds much more than the expression: only the frames from onset to offset are taken. ``frames`` are the pixels of
    a still that is no file of its own; the path then only says where it is from.
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
    action_units: tuple[str, ...] = ()
    row: int | None = None
    cut: bool = False
    frames: Frames | None = None

    def sample(self, dataset: str) -> Sample:
        """The sample, dropped with a reason when the entry is flawed or, by a cheap check, its files are.

        Where nobody is named, the ``group`` is a fingerprint of the files, so that exact copies stay together.
        """
        sample = Sample(
            dataset,
            self.subject,
            self.clip,
            self.label,
            ImageFiles(()),
            part=self.part,
            action_units=self.action_units,
        )
        if self.flaw:
            return sample.drop(self._with_row(self.flaw))
        try:
            return self._with_frames(sample)
        except OSError as error:
            return sample.drop(self._with_row(os_error_text(error)))
        except (UserError, ValueError) as error:
            return sample.drop(self._with_row(str(error)))

    def _with_row(self, reason: str) -> str:
        """Reasons are counted by the text before their colon, so a row's number follows one."""
        if self.row is None:
            return reason
        return f"{reason} (row {self.row})" if ":" in reason else f"{reason}: row {self.row}"

    def _with_frames(self, sample: Sample) -> Sample:
        if self.frames is not None:
            flaw = self.frames.flaw()
            still = replace(sample, frames=self.frames)
            return still.drop(self._with_row(flaw)) if flaw else still
        frames, is_clip = _frames(self.path)
        known = positions(frames) if is_clip else {}
        if self.cut:
            frames, known = _cut(frames, known, self.onset, self.offset)
        sample = replace(sample, frames=frames)
        if flaw := frames.flaw():
            return sample.drop(self._with_row(flaw))
        if self.subject is None:
            sample = replace(sample, group=fingerprint(_contents(frames)))
        return self._with_phases(sample, known) if is_clip else sample

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
    number = frame(phase, text)
    if number is not None and number not in known:
        raise ValueError(f"{phase} not in the clip: {number} is not among frames {min(known)} to {max(known)}")
    return None if number is None else known[number]


def _cut(
    frames: ImageFiles | VideoFile, known: Mapping[int, int], onset: str, offset: str
) -> tuple[ImageFiles | VideoFile, dict[int, int]]:
    """The frames from onset to offset, and the positions in them of the numbers that are left."""
    first, last = _position("onset", onset, known), _position("offset", offset, known)
    first, last = first or 0, len(frames) - 1 if last is None else last
    left = {number: position - first for number, position in known.items() if first <= position <= last}
    if isinstance(frames, ImageFiles):
        return ImageFiles(frames.paths[first : last + 1]), left
    return replace(frames, first=first, count=max(0, last + 1 - first)), left


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


#: What stands in a spreadsheet for a frame that nobody knows.
UNKNOWN = frozenset({"", "/", "\\", "-", "?", "nan", "none", "n/a", "#n/a"})


def frame(phase: str, text: str) -> int | None:
    """The frame number of a phase ("onset", "apex" or "offset"), None where it is unknown.

    There is no apex 0: owners write it for "none". Raises ValueError for what is no number.
    """
    if text.casefold() in UNKNOWN:
        return None
    # Spreadsheets write whole numbers as 12.0 when another cell of the column is empty.
    number = re.fullmatch(r"([0-9]+)(?:\.0*)?", text)
    if not number:
        raise ValueError(f"{phase} not a frame number: {text!r}")
    return None if phase == "apex" and int(number[1]) == 0 else int(number[1])
