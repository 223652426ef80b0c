"""Copies of the same picture: where nobody is named, they at least must not stand on both sides of a split."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from .sample import Sample


def fingerprint(chunks: Iterable[bytes]) -> str:
    """A short text that is the same for the same bytes: the ``group`` of a sample whose subject is unknown."""
    digest = hashlib.blake2b(digest_size=8)
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def copies_note(samples: Sequence[Sample]) -> tuple[str, ...]:
    """A note on how many samples outside the test part have a copy in it; none if there are no copies."""
    tested = {sample.group for sample in samples if sample.part == "test" and sample.group}
    copies = [sample.part for sample in samples if sample.part != "test" and sample.group in tested]
    if not copies:
        return ()
    counts = ", ".join(f"{copies.count(part)} {part}" for part in ("train", "validation") if part in copies)
    return (f"exact copies of test samples: {counts}",)
