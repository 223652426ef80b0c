"""Pictures made batch by batch on several cores; what is made is kept, and found again by the next run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import emonas
from emonas.datasets.clips.representation import PictureOptions, make_picture
from emonas.datasets.clips.sample import Sample
from emonas.datasets.faces.face import NoFaceError
from emonas.datasets.store.batch_file import BatchFile, read_batch
from emonas.errors import UserError, make_legible
from emonas.jobs.job import Engine, Job
from emonas.jobs.run import run_each

#: A batch ends with the sample that brings it to so many frames: about a second's work, and little to lose.
BATCH_FRAMES = 256


@dataclass(frozen=True)
class Batch:
    """Some samples of which pictures are made together, by one process, into one file."""

    path: Path
    samples: tuple[Sample, ...]
    options: PictureOptions

    def make(self) -> None:
        """Make the pictures and write the file. Raises UserError when it cannot be written."""
        made = [_made(sample, self.options) for sample in self.samples]
        pixels = b"".join(one for one in made if isinstance(one, bytes))
        reasons = tuple(one if isinstance(one, str) else "" for one in made)
        BatchFile(self.path, reasons, pixels).write()


def split_into_batches(samples: Sequence[Sample], options: PictureOptions, folder: Path) -> list[Batch]:
    """All batches of these samples, in their order, with files in ``folder``.

    A file's name is a fingerprint of all that its pictures come from, sources and options, so that a run which finds
    the file may take it.
    """
    return [Batch(folder / f"{_fingerprint(part, options)}.batch", part, options) for part in _parts(samples)]


def _parts(samples: Sequence[Sample]) -> Iterator[tuple[Sample, ...]]:
    part: list[Sample] = []
    for sample in samples:
        part.append(sample)
        if sum(len(one.frames) for one in part) >= BATCH_FRAMES:
            yield tuple(part)
            part = []
    if part:
        yield tuple(part)


def make_all(batches: Sequence[Batch], jobs: int, step: Callable[[int], object]) -> None:
    """Make every batch, on up to ``jobs`` processes; ``step`` is told how many samples are done after each.

    The pictures depend on nothing but samples and options. What is made stays when an error or an interruption ends
    this. Raises UserError.
    """
    of_name = {f"batch {i}": batch for i, batch in enumerate(batches)}
    work = [Job(name, _make_batch, (batch,)) for name, batch in of_name.items()]
    with closing(run_each(work, Engine(jobs=min(jobs, len(work))))) as running:
        for job, ended in running:
            if ended.traceback:
                # A mistake of ours, which nobody's options put right.
                raise RuntimeError(ended.traceback)
            if ended.failure is not None:
                raise UserError(f"{ended.failure}; what is made is kept, and the same command makes the rest")
            step(len(of_name[job.name].samples))


def unfinished(batches: Sequence[Batch]) -> list[Batch]:
    """The batches of which there is no whole file yet."""
    return [batch for batch in batches if read_batch(batch.path) is None]


def _made(sample: Sample, options: PictureOptions) -> bytes | str:
    """The pixels of a sample's picture, or why there are none."""
    try:
        return make_picture(sample, options).tobytes()
    except NoFaceError as error:
        return str(error)
    except UserError as error:
        return f"cannot be read: {make_legible(str(error))}"
    except MemoryError:
        raise UserError(f"{sample.clip}: not enough memory: try fewer --jobs") from None


def _make_batch(batch: Batch) -> None:
    with _one_thread():
        batch.make()


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread for each process: more would fight for the cores, and sums in parts depend on how many there are."""
    from threadpoolctl import threadpool_limits

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        cv2.setNumThreads(threads)


def _fingerprint(samples: tuple[Sample, ...], options: PictureOptions) -> str:
    versions = (emonas.__version__, np.__version__, cv2.__version__)
    return hashlib.sha256(repr((versions, _origin(options), _origin(samples))).encode()).hexdigest()[:32]


def _origin(value: Any) -> Any:
    """What a value stands for, the same in every run: files by their size and time, large things by a digest."""
    if is_dataclass(value) and not isinstance(value, type):
        return (type(value).__qualname__, *(_origin(getattr(value, field.name)) for field in fields(value)))
    if isinstance(value, (list, tuple)):
        return tuple(_origin(one) for one in value)
    if isinstance(value, Path):
        try:
            found = value.stat()
        except OSError:
            return str(value)
        return str(value), found.st_size, found.st_mtime_ns
    if isinstance(value, np.ndarray):
        value = value.tobytes()
    return hashlib.sha256(value).hexdigest() if isinstance(value, bytes) else value
