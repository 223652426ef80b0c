"""The tables of a prepared data set: its samples, what was dropped, and the facts about both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from emonas.datasets.clips.sample import ReadResult, Sample
from emonas.datasets.databases import registry
from emonas.datasets.protocols.protocol import default_protocol
from emonas.datasets.store.attempt import Judged
from emonas.datasets.store.fingerprint import csv_text, fingerprint_of
from emonas.datasets.store.prepared import (
    COLUMNS,
    FACTS,
    FORMAT,
    NEAR_COPIES,
    NEAR_COPY_COLUMNS,
    Facts,
    near_copy_row,
    sample_row,
)
from emonas.errors import UserError
from emonas.files import write_text
from emonas.records import write_record


def write_tables(folder: Path, name: str, judged: Judged, request: dict[str, Any], digest: str) -> None:
    """Write samples.csv, dropped.csv, prepared.json and, where there are any, near_copies.csv.

    ``digest`` is that of the pixels. Raises UserError.
    """
    found, kept = judged.found, judged.found.used
    dropped = [sample for sample in found.samples if sample.dropped]
    table = csv_text(COLUMNS, [sample_row(sample) for sample in kept])
    write_text(folder / "samples.csv", table)
    reasons = [{"clip": s.clip, "subject": s.subject or "", "label": s.label, "reason": s.dropped} for s in dropped]
    write_text(folder / "dropped.csv", csv_text(("clip", "subject", "label", "reason"), reasons))
    if judged.near_copies:
        pairs = [near_copy_row(pair, kept) for pair in judged.near_copies]
        write_text(folder / NEAR_COPIES, csv_text(NEAR_COPY_COLUMNS, pairs))
    classes = classes_of(found, kept)
    facts = Facts(
        name=name,
        dataset=request["dataset"],
        source=request["source"],
        options=request["options"],
        classes=tuple(classes),
        counts={label: sum(sample.label == label for sample in kept) for label in classes},
        samples=len(kept),
        subjects=len({sample.person for sample in kept if sample.subject is not None}),
        dropped=count_reasons(dropped),
        protocol=default_protocol(kept, registry.entry(request["dataset"]).protocol),
        notes=tuple(found.notes),
        pixels=digest,
        fingerprint=fingerprint_of(digest, table),
    )
    write_record(folder / FACTS, facts, FORMAT)


def classes_of(found: ReadResult, kept: Sequence[Sample]) -> list[str]:
    """The classes that are left, in their order."""
    used = {sample.label for sample in kept}
    return [label for label in found.classes if label in used]


def count_reasons(samples: Iterable[Sample]) -> dict[str, int]:
    """How many samples were dropped for each kind of reason: the text before the colon."""
    return dict(Counter(sample.dropped.split(":")[0] for sample in samples if sample.dropped))


def check_usable(kept: Sequence[Sample], dropped: Sequence[Sample], name: str) -> None:
    """Refuse a set on which nothing can be learnt. Raises UserError."""
    why = f" ({len(dropped)} dropped, the first: {dropped[0].dropped})" if dropped else ""
    if not kept:
        raise UserError(f"{name}: no usable sample was found{why}")
    classes = {sample.label for sample in kept}
    if len(classes) < 2:
        raise UserError(f"{name}: all samples have the one class {min(classes)!r}{why}; at least two are needed")
    parts = {sample.part for sample in kept}
    named = all(sample.subject is not None for sample in kept)
    # With names and no test part people may still be left out in turn; without them only the split is left.
    split = any(sample.part for sample in (*kept, *dropped))
    if split and ("test" in parts or not named) and not parts >= {"train", "test"}:
        lacking = "train" if "test" in parts else "test"
        raise UserError(f"{name}: the split has no usable {lacking} sample{why}")
