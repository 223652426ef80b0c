"""What becomes of samples when their pictures are made: emonas-data check and prepare both look with these eyes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from emonas.datasets.clips.representation import PictureOptions, make_picture, narrowed
from emonas.datasets.clips.sample import ReadResult, Sample, UnusableError
from emonas.datasets.databases import registry
from emonas.datasets.faces.face import NoFaceError
from emonas.datasets.protocols.coverage import coverage_notes
from emonas.datasets.protocols.near_copies import (
    LENGTH,
    NearCopy,
    drop_near_copies,
    find_near_copies,
    make_thumbnail,
    near_copies_note,
)
from emonas.datasets.protocols.protocol import default_protocol, folds
from emonas.errors import UserError, make_legible


@dataclass(frozen=True)
class Attempt:
    """The picture of a sample and the thumbnail of its onset frame, as bytes; or why there is no picture."""

    reason: str = ""
    picture: bytes = b""
    thumbnail: bytes = b""


def attempt(sample: Sample, options: PictureOptions) -> Attempt:
    """Make a sample's picture. Raises UserError only where there is not enough memory."""
    try:
        sample = narrowed(sample, options)
        frames = sample.frames.read()
        picture = make_picture(sample, options, frames)
        onset = frames[min(sample.onset or 0, len(frames) - 1)]
        return Attempt("", picture.tobytes(), make_thumbnail(onset).tobytes())
    except (NoFaceError, UnusableError) as error:
        return Attempt(make_legible(str(error)))
    except UserError as error:
        return Attempt(f"cannot be read: {make_legible(str(error))}")
    except MemoryError:
        raise UserError(f"{sample.clip}: not enough memory: try fewer --jobs") from None


@dataclass(frozen=True)
class Judged:
    """What was found, once it is known of which samples there are pictures.

    ``found`` has all samples, those without a picture dropped with their reason, and notes on those in use;
    ``near_copies`` are positions in ``found.used``.
    """

    found: ReadResult
    near_copies: tuple[NearCopy, ...] = ()


def judge(dataset: str, found: ReadResult, attempts: Sequence[Attempt], leave_out_near_copies: bool) -> Judged:
    """The samples in use after an attempt at each of ``found.used``, in their order."""
    tried = [
        sample.drop(one.reason) if one.reason else sample for sample, one in zip(found.used, attempts, strict=True)
    ]
    found = _with_used(found, tried)
    pairs = _near_copies(dataset, found.used, [one.thumbnail for one in attempts if not one.reason])
    if leave_out_near_copies:
        found, pairs = _with_used(found, drop_near_copies(found.used, pairs)), ()
    notes = (*near_copies_note(found.used, pairs), *_coverage_notes(dataset, found.used))
    return Judged(replace(found, notes=(*found.notes, *notes)), pairs)


def _with_used(found: ReadResult, used: Sequence[Sample]) -> ReadResult:
    """The same with others in place of the samples that were in use."""
    rest = iter(used)
    return replace(found, samples=tuple(sample if sample.dropped else next(rest) for sample in found.samples))


def _near_copies(dataset: str, used: Sequence[Sample], thumbnails: Sequence[bytes]) -> tuple[NearCopy, ...]:
    if registry.entry(dataset).embedded or not used:
        return ()
    levels = np.frombuffer(b"".join(thumbnails), np.uint8)
    return tuple(find_near_copies(levels.reshape(len(used), LENGTH), used))


def _coverage_notes(dataset: str, used: Sequence[Sample]) -> tuple[str, ...]:
    known = registry.entry(dataset)
    try:
        return coverage_notes(used, folds(used, default_protocol(used, known.protocol), known.folds))
    except UserError:
        # Without a protocol there is nothing to say of it; whoever asks for one is told why.
        return ()
