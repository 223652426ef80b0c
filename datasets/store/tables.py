"""The tables of a prepared data set: its samples, what was dropped, and the facts about both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from emonas.datasets.clips.sample import ReadResult, Sample
from emonas.datasets.databases import registry
from emonas.datasets.protocols.protocol import default_protocol
from emonas.datasets.store.fingerprint import csv_text, fingerprint_of
from emonas.datasets.store.prepared import COLUMNS, FACTS, FORMAT, Facts, sample_row
from emonas.errors import UserError
from emonas.files import write_text
from emonas.records import write_record


def write_tables(
    folder: Path,
    name: str,
    found: ReadResult,
    kept: Sequence[Sample],
    dropped: Sequence[Sample],
    request: dict[str, Any],
    digest: str,
) -> None:
    """Write samples.csv, dropped.csv and prepared.json. ``digest`` is that of the pixels. Raises UserError."""
    table = csv_text(COLUMNS, [sample_row(sample) for sample in kept])
    write_text(folder / "samples.csv", table)
    reasons = [{"clip": s.clip, "subject": s.subject or "", "label": s.label, "reason": s.dropped} for s in dropped]
    write_text(folder / "dropped.csv", csv_text(("clip", "subject", "label", "reason"), reasons))
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
