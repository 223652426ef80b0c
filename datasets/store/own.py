"""A user's own data set is called after what is in it, so that its people keep their names wherever it is moved."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from emonas.datasets.clips.frames import ImageFiles, VideoFile
from emonas.datasets.clips.sample import Frames, ReadResult, Sample, fingerprint
from emonas.datasets.reading.identity import identity_key

#: How the names of users' own sets begin.
PREFIX = "own-"
#: Of a video only so much at both ends is looked at.
_PART = 2**19
#: So many pictures stand for those that were seen.
_MOST_MARKS = 256


def name_by_content(found: ReadResult) -> ReadResult:
    """The samples under a data set's name that is made of their files and people: "anna" of one need not be "anna" of
    another, and a copy has the same people.

    Each sample's ``group`` becomes a fingerprint of its files where it has none, by which it is known again in a set
    that has another name.
    """
    marked = [replace(sample, group=sample.group or _mark(sample.frames)) for sample in found.samples]
    lines = sorted(f"{s.group or s.clip}\t{identity_key(s.subject or '')}" for s in marked if not s.dropped)
    name = f"{PREFIX}{hashlib.sha256(chr(10).join(lines).encode(errors='surrogateescape')).hexdigest()[:8]}"
    return replace(found, samples=tuple(replace(sample, dataset=name) for sample in marked))


def picture_marks(samples: Sequence[Sample], positions: Iterable[int]) -> tuple[str, ...]:
    """Fingerprints of some of these samples' files, of each person's first; empty where none are known."""
    marked = sorted({(s.group, s.person) for s in (samples[i] for i in positions) if s.group})
    people: set[str] = set()
    rank = []
    for mark, person in marked:
        rank.append((person in people, mark))
        people.add(person)
    return tuple(sorted(mark for _, mark in sorted(rank)[:_MOST_MARKS]))


def _mark(frames: Frames) -> str:
    """A fingerprint of a picture, of a clip's first and last frame or of a video's two ends; empty without files."""
    with suppress(OSError):
        if isinstance(frames, ImageFiles) and frames.paths:
            ends = dict.fromkeys((frames.paths[0], frames.paths[-1]))
            return fingerprint(path.read_bytes() for path in ends)
        if isinstance(frames, VideoFile):
            return fingerprint(_ends(frames.path))
    return ""


def _ends(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield file.read(_PART)
        size = file.seek(0, 2)
        file.seek(max(_PART, size - _PART))
        yield file.read()
        yield str(size).encode()
