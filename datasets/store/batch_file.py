"""Pictures on the disk: a file for each batch while a data set is being made, and one npy file when it is."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from emonas.datasets.clips.sample import Sample
from emonas.files import replacing


@dataclass(frozen=True)
class BatchFile:
    """A line of JSON, then the pixels of the pictures that could be made.

    ``reasons`` has, for each sample of the batch, why there is no picture of it, empty where there is one.
    """

    path: Path
    reasons: tuple[str, ...]
    pixels: bytes

    def write(self) -> None:
        """Write the file, whole or not at all. Raises UserError."""
        head = {"reasons": self.reasons, "sha256": hashlib.sha256(self.pixels).hexdigest()}
        with replacing(self.path) as temporary:
            temporary.write_bytes(json.dumps(head).encode() + b"\n" + self.pixels)


def read_batch(path: Path) -> BatchFile | None:
    """A batch's file; None where there is none, or where a crash of the system has left a part of it."""
    try:
        line, _, pixels = path.read_bytes().partition(b"\n")
        head = json.loads(line)
        return (
            BatchFile(path, head["reasons"], pixels) if hashlib.sha256(pixels).hexdigest() == head["sha256"] else None
        )
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None


def join(
    path: Path, batches: Sequence[tuple[Path, Sequence[Sample]]], shape: tuple[int, int, int]
) -> tuple[list[Sample], list[Sample], str]:
    """Write one npy file of the pictures of all batches: uint8, (N, *shape), in the order of the samples.

    ``batches`` are whole files with their samples. One after the other, so that a full disk is an error and not a
    crash in a memory map. Returns the samples that have a picture, those that have none, with the reason, and the
    SHA-256 of the pixels. Raises OSError.
    """
    kept: list[Sample] = []
    dropped: list[Sample] = []
    digest = hashlib.sha256()
    for file, samples in batches:
        for sample, reason in zip(samples, _opened(file).reasons, strict=True):
            (dropped if reason else kept).append(sample.drop(reason))
    with path.open("wb") as target:
        _write_header(target, (len(kept), *shape))
        for file, _ in batches:
            pixels = _opened(file).pixels
            target.write(pixels)
            digest.update(pixels)
        target.flush()
        os.fsync(target.fileno())
    return kept, dropped, digest.hexdigest()


def _opened(path: Path) -> BatchFile:
    batch = read_batch(path)
    if batch is None:
        raise OSError(f"{path} has been damaged; run the same command again")
    return batch


def _write_header(file: BinaryIO, shape: tuple[int, ...]) -> None:
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
