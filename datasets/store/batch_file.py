"""Pictures on the disk: a file for each batch while a data set is being made, and one npy file when it is."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from emonas.datasets.store.attempt import Attempt
from emonas.files import replacing


@dataclass(frozen=True)
class BatchFile:
    """A line of JSON, the thumbnails, then the pictures, of the samples of which there are any.

    ``attempts`` has one for each sample of the batch.
    """

    path: Path
    attempts: tuple[Attempt, ...]

    def write(self) -> None:
        """Write the file, whole or not at all. Raises UserError."""
        thumbnails = b"".join(one.thumbnail for one in self.attempts)
        body = thumbnails + b"".join(one.picture for one in self.attempts)
        head = {
            "reasons": [one.reason for one in self.attempts],
            "thumbnails": len(thumbnails),
            "sha256": hashlib.sha256(body).hexdigest(),
        }
        with replacing(self.path) as temporary:
            temporary.write_bytes(json.dumps(head).encode() + b"\n" + body)


def read_batch(path: Path) -> BatchFile | None:
    """A batch's file; None where there is none, or where a crash of the system has left a part of it."""
    try:
        line, _, body = path.read_bytes().partition(b"\n")
        head = json.loads(line)
        if hashlib.sha256(body).hexdigest() != head["sha256"]:
            return None
        return BatchFile(path, _split(head["reasons"], body, head["thumbnails"]))
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None


def _split(reasons: Sequence[str], body: bytes, thumbnails: int) -> tuple[Attempt, ...]:
    made = sum(not reason for reason in reasons)
    if not made:
        return tuple(Attempt(reason) for reason in reasons)
    small, large = thumbnails // made, (len(body) - thumbnails) // made
    parts = (
        (body[thumbnails + i * large : thumbnails + (i + 1) * large], body[i * small : (i + 1) * small])
        for i in range(made)
    )
    return tuple(Attempt(reason) if reason else Attempt("", *next(parts)) for reason in reasons)


def read_attempts(batches: Sequence[Path]) -> list[Attempt]:
    """The attempts of whole files, one after the other, without their pictures. Raises OSError."""
    return [replace(one, picture=b"") for path in batches for one in _opened(path).attempts]


def join(path: Path, batches: Sequence[Path], kept: Sequence[bool], shape: tuple[int, int, int]) -> str:
    """Write one npy file of pictures: uint8, (N, *shape), those of ``kept``, which has a truth for each attempt.

    ``batches`` are whole files. One after the other, so that a full disk is an error and not a crash in a memory map.
    Returns the SHA-256 of the pixels. Raises OSError.
    """
    digest = hashlib.sha256()
    wanted = iter(kept)
    with path.open("wb") as target:
        _write_header(target, (sum(kept), *shape))
        for file in batches:
            for one in _opened(file).attempts:
                if next(wanted):
                    target.write(one.picture)
                    digest.update(one.picture)
        target.flush()
        os.fsync(target.fileno())
    return digest.hexdigest()


def _opened(path: Path) -> BatchFile:
    batch = read_batch(path)
    if batch is None:
        raise OSError(f"{path} has been damaged; run the same command again")
    return batch


def _write_header(file: BinaryIO, shape: tuple[int, ...]) -> None:
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
