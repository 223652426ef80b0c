"""Pictures made batch by batch on several cores; what is made is kept, and found again by the next run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import emonas
from emonas.datasets.clips.representation import PictureOptions
from emonas.datasets.clips.sample import Sample
from emonas.datasets.store.attempt import Attempt, attempt
from emonas.datasets.store.batch_file import BatchFile, read_batch
from emonas.errors import UserError
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
        BatchFile(self.path, tuple(attempt(sample, self.options) for sample in self.samples)).write()


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
    try:
        for _ in _run([(_make_batch, batch) for batch in batches], jobs, step):
            pass
    except UserError as error:
        raise UserError(f"{error}; what is made is kept, and the same command makes the rest") from None


def try_all(
    samples: Sequence[Sample], options: PictureOptions, jobs: int, step: Callable[[int], object]
) -> list[Attempt]:
    """The same without a file: the attempt at every sample, without its picture, in their order. Raises UserError."""
    batches = [Batch(Path(), part, options) for part in _parts(samples)]
    of_batch = dict(_run([(_try_batch, batch) for batch in batches], jobs, step))
    return [one for i in range(len(batches)) for one in of_batch[i]]


def _run(
    work: Sequence[tuple[Callable[[Batch], Any], Batch]], jobs: int, step: Callable[[int], object]
) -> Iterator[tuple[int, Any]]:
    """Each batch's position with what comes of it, as they end. Raises UserError."""
    named = {f"batch {i}": i for i in range(len(work))}
    todo = [Job(name, work[i][0], (work[i][1],)) for name, i in named.items()]
    with closing(run_each(todo, Engine(jobs=min(jobs, len(todo))))) as running:
        for job, ended in running:
            if ended.traceback:
                # A mistake of ours, which nobody's options put right.
                raise RuntimeError(ended.traceback)
            if ended.failure is not None:
                raise UserError(ended.failure)
            step(len(work[named[job.name]][1].samples))
            yield named[job.name], ended.result


def unfinished(batches: Sequence[Batch]) -> list[Batch]:
    """The batches of which there is no whole file yet."""
    return [batch for batch in batches if read_batch(batch.path) is None]


def _make_batch(batch: Batch) -> None:
    with _one_thread():
        batch.make()


def _try_batch(batch: Batch) -> list[Attempt]:
    with _one_thread():
        return [replace(attempt(sample, batch.options), picture=b"") for sample in batch.samples]


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
