"""One expression as its user lists it (where it lies, who shows what), turned into a Sample."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from emonas.datasets.clips.apex import phases
from emonas.datasets.clips.flaws import os_error_text
from emonas.datasets.clips.frames import VIDEO_SUFFIXES, ImageFiles, VideoFile, whole_video
from emonas.datasets.clips.numbering import Number, numbered_frames
from emonas.datasets.clips.sample import Frames, Sample, fingerprint
from emonas.errors import UserError


@dataclass(frozen=True)
class Entry:
    """``path`` is an image (a still), a folder of frames or a video (both clips).

    ``onset``, ``apex`` and ``offset`` are frame numbers as the user writes them; ``flaw`` says what is already
    known to be wrong, ``row`` which row of the owner's table tells of the expression. ``cut`` stands for a path that
    holds much more than the expression: only the frames from onset to offset are taken. ``frames`` are the pixels of
    a still that is no file of its own; the path then only says where it is from. ``remarks`` are the sample's.
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
    remarks: tuple[str, ...] = ()

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
            remarks=self.remarks,
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
        if os.path.isdir(self.path):  # noqa: PTH112 (Path.is_dir raises for a name that is too long)
            found = numbered_frames(self.path)
            sample = replace(sample, remarks=(*sample.remarks, *found.remarks))
            known = {number: position for position, number in enumerate(found.numbers)}
            return self._clip(sample, ImageFiles(found.paths), known, found.flaw)
        if self.path.suffix.lower() in VIDEO_SUFFIXES:
            video = whole_video(self.path)
            return self._clip(sample, video, {position: position for position in range(len(video))})
        picture = ImageFiles((self.path,))
        return self._grouped(replace(sample, frames=picture), picture, picture.flaw())

    def _clip(
        self, sample: Sample, frames: ImageFiles | VideoFile, known: Mapping[Number, int], flaw: str = ""
    ) -> Sample:
        """A clip, checked from its onset to its offset, as no other frames are looked at."""
        if flaw or not frames:
            return sample.drop(self._with_row(flaw or frames.flaw()))
        try:
            part, known = _cut(frames, known, self.onset, self.offset) if self.cut else (frames, known)
            placed = self._with_phases(replace(sample, frames=part), known)
        except ValueError as error:
            return sample.drop(self._with_row(str(error)))
        return self._grouped(placed, frames, part.part(*phases(placed)).flaw())

    def _grouped(self, sample: Sample, recording: ImageFiles | VideoFile, flaw: str) -> Sample:
        """Dropped for a flaw; else, where nobody is named, together with all that is from the same recording."""
        if flaw:
            return sample.drop(self._with_row(flaw))
        return sample if self.subject is not None else replace(sample, group=fingerprint(_contents(recording)))

    def _with_phases(self, sample: Sample, known: Mapping[Number, int]) -> Sample:
        onset = _position("onset", self.onset, known)
        apex = _position("apex", self.apex, known)
        offset = _position("offset", self.offset, known)
        onset = 0 if onset is None else onset
        offset = len(sample.frames) - 1 if offset is None else offset
        if not onset <= (onset if apex is None else apex) <= offset:
            written = (self.onset or "first", self.apex or "unknown", self.offset or "last")
            raise ValueError("phases out of order: onset {}, apex {}, offset {}".format(*written))
        return replace(sample, onset=onset, apex=apex, offset=offset)


def _position(phase: str, text: str, known: Mapping[Number, int]) -> int | None:
    number = frame(phase, text, seconds=any(isinstance(number, Decimal) for number in known))
    if number is not None and number not in known:
        raise ValueError(f"{phase} not in the clip: {number} is not among frames {min(known)} to {max(known)}")
    return None if number is None else known[number]


def _cut(
    frames: ImageFiles | VideoFile, known: Mapping[Number, int], onset: str, offset: str
) -> tuple[ImageFiles | VideoFile, dict[Number, int]]:
    """The frames from onset to offset, and the positions in them of the numbers that are left."""
    first, last = _position("onset", onset, known), _position("offset", offset, known)
    first, last = first or 0, len(frames) - 1 if last is None else last
    left = {number: position - first for number, position in known.items() if first <= position <= last}
    return frames.part(first, last), left


def _contents(frames: ImageFiles | VideoFile) -> Iterator[bytes]:
    for path in frames.paths if isinstance(frames, ImageFiles) else (frames.path,):
        with path.open("rb") as file:
            while chunk := file.read(2**20):
                yield chunk


def is_clip(path: Path) -> bool:
    """Whether a path leads to a clip, a video by its name or a folder of frames, and not to a still."""
    return path.suffix.lower() in VIDEO_SUFFIXES or os.path.isdir(path)  # noqa: PTH112 (as above)


#: Onset, apex and offset as texts, alike for equal numbers.
Phases = tuple[str, ...]


def phase_numbers(entry: Entry) -> Phases:
    """What an entry's phases say, however it is written: 5, 5.0 and 05 are one number; unknown ones are empty."""
    found = []
    for phase in ("onset", "apex", "offset"):
        text = getattr(entry, phase)
        try:
            number = frame(phase, text, seconds=True)
        except ValueError:
            number = text
        found.append("" if number is None else str(number))
    return tuple(found)


#: What stands in a spreadsheet for a frame that nobody knows.
UNKNOWN = frozenset({"", "/", "\\", "-", "?", "nan", "none", "n/a", "#n/a"})


def frame(phase: str, text: str, seconds: bool = False) -> Number | None:
    """The frame number of a phase ("onset", "apex" or "offset"), None where it is unknown.

    There is no apex 0: owners write it for "none". With ``seconds`` frames are numbered by their time, so that
    decimals count. Raises ValueError for what is no number.
    """
    if text.casefold() in UNKNOWN:
        return None
    # Spreadsheets write whole numbers as 12.0 when another cell of the column is empty.
    if found := re.fullmatch(r"([0-9]+)(?:\.0*)?", text):
        number: Number = int(found[1])
    elif seconds and re.fullmatch(r"[0-9]+[.,][0-9]+", text):
        number = Decimal(text.replace(",", "."))
    else:
        raise ValueError(f"{phase} not a frame number: {text!r}")
    return None if phase == "apex" and number == 0 else number
