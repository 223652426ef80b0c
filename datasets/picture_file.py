"""The array of a prepared data set: pictures made one after the other and written into one npy file."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from emonas.errors import UserError

from .registry import legible
from .representation import PictureOptions, picture
from .sample import Sample


def write_pictures(
    path: Path, samples: tuple[Sample, ...], options: PictureOptions, step: Callable[[str], None]
) -> tuple[list[Sample], list[Sample], str]:
    """Make and write the picture of every sample in use: uint8 (N, 3, size, size), in the order of the samples.

    One by one, so that a full disk is an error and not a crash in a memory map. Returns the samples that were written,
    the dropped ones (also those that could not be read, with the reason) and the SHA-256 of the pixels. Raises OSError.
    """
    kept: list[Sample] = []
    dropped = [sample for sample in samples if sample.dropped]
    used = [sample for sample in samples if not sample.dropped]
    digest = hashlib.sha256()
    shape = (3, options.size, options.size)
    with path.open("wb") as file:
        file.write(_npy_header((len(used), *shape)))
        for sample in used:
            try:
                pixels = picture(sample, options)
            except UserError as error:
                dropped.append(sample.drop(f"cannot be read: {legible(str(error))}"))
            else:
                file.write(pixels.tobytes())
                digest.update(pixels.tobytes())
                kept.append(sample)
            step("")
        file.seek(0)
        file.write(_npy_header((len(kept), *shape), length=len(_npy_header((len(used), *shape)))))
        file.flush()
        os.fsync(file.fileno())
    return kept, dropped, digest.hexdigest()


def _npy_header(shape: tuple[int, ...], length: int = 0) -> bytes:
    """An npy header for uint8 of ``shape``, filled up to ``length`` bytes so that it can replace an earlier one."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "|u1", "fortran_order": False, "shape": shape})
    header = buffer.getvalue()
    missing = max(0, length - len(header))
    size = int.from_bytes(header[8:10], "little") + missing
    return header[:8] + size.to_bytes(2, "little") + header[10:-1] + b" " * missing + b"\n"
