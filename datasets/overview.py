"""What emonas-data says: the data sets there are, what was found in a source, what was prepared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from emonas.console import say, show_json, show_table, warn
from emonas.errors import UserError

from . import registry
from .prepare import check_usable, count_reasons, prepared_names
from .prepared import Prepared, load, prepared_folder
from .protocol import default_protocol, folds, in_words
from .sample import PARTS, Found, Sample

#: How many dropped samples are listed one by one; dropped.csv of a prepared set has them all.
MOST_EXAMPLES = 10


def show_list(as_json: bool) -> None:
    """All known data sets and all prepared ones."""
    ready: dict[str, Prepared | str] = {}
    for name in prepared_names():
        try:
            ready[name] = load(prepared_folder(name))
        except UserError as error:
            ready[name] = str(error)
    if as_json:
        known = [
            {"name": d.name, "title": d.title, "kind": d.kind, "owner": d.owner, "request": d.request,
             "embedded": d.embedded, "source": d.source, "protocol": d.protocol, "size": d.size}
            for d in registry.DATASETS.values()
        ]  # fmt: skip
        show_json({"datasets": known, "prepared": [_prepared_json(name, ready[name]) for name in ready]})
        return
    rows = [(d.name, d.title, d.owner, "embedded" if d.embedded else d.source) for d in registry.DATASETS.values()]
    show_table("Data sets", ("name", "what", "owner", "source"), rows)
    say()
    if not ready:
        say("None is prepared yet; the embedded ones are drawn when they are first used.")
        return
    lines = []
    for name, prepared in ready.items():
        if isinstance(prepared, str):
            lines.append((name, "damaged", "", "", ""))
            continue
        people = str(len(prepared.subjects)) if prepared.subjects_known else "unknown"
        kind = f"{prepared.options['representation']} {prepared.size}x{prepared.size}"
        lines.append((name, str(len(prepared.samples)), people, str(len(prepared.classes)), kind))
    show_table("Prepared", ("name", "samples", "people", "classes", "pictures"), lines, (1, 2, 3))
    for reason in ready.values():
        if isinstance(reason, str):
            warn(reason)


def _prepared_json(name: str, prepared: Prepared | str) -> dict[str, object]:
    if isinstance(prepared, str):
        return {"name": name, "damaged": prepared}
    counts = Counter(sample.label for sample in prepared.samples)
    return {
        "name": name,
        "folder": str(prepared.folder),
        "dataset": prepared.dataset,
        "samples": len(prepared.samples),
        "subjects": len(prepared.subjects) if prepared.subjects_known else None,
        "classes": list(prepared.classes),
        "protocol": prepared.protocol,
        "options": prepared.options,
        "counts": {label: counts[label] for label in prepared.classes},
        "dropped": prepared.dropped,
        "notes": list(prepared.notes),
        "fingerprint": prepared.fingerprint,
    }


def show_check(dataset: str, source: Path | None, as_json: bool) -> None:
    """Read a source and tell what is in it. Raises UserError where nothing can be learnt on it."""
    found = registry.read(dataset, source)
    used = found.used
    check_usable(used, [sample for sample in found.samples if sample.dropped], dataset)
    protocol, words = _protocol(dataset, used)
    reasons = count_reasons(found.samples)
    if as_json:
        counts = {label: sum(s.label == label for s in used) for label in found.classes}
        show_json(
            {"dataset": dataset, "source": str(source) if source else None, "samples": len(used),
             "subjects": _people(used), "counts": counts, "dropped": reasons,
             "protocol": protocol, "protocol_in_words": words, "notes": list(found.notes)}
        )  # fmt: skip
        return
    _show_counts(dataset, found)
    if reasons:
        counted = [(count, why) for why, count in reasons.items()]
        show_table(f"Dropped: {sum(reasons.values())}", ("samples", "reason"), counted, (0,))
        examples = [(s.clip, s.dropped) for s in found.samples if s.dropped][:MOST_EXAMPLES]
        show_table("The first of them", ("clip", "reason"), examples)
    say(f"protocol   {words}")
    for note in found.notes:
        warn(note)


def _protocol(dataset: str, used: Sequence[Sample]) -> tuple[str | None, str]:
    """The protocol that "auto" means and what it is in words; None and why where these samples allow none."""
    protocol = default_protocol(used, registry.entry(dataset).protocol)
    try:
        return protocol, in_words(protocol, folds(used, protocol), used)
    except UserError as error:
        return None, f"none: {error}"


def _people(samples: Sequence[Sample]) -> int | None:
    if any(sample.subject is None for sample in samples):
        return None
    return len({sample.person for sample in samples})


def _show_counts(dataset: str, found: Found) -> None:
    used = found.used
    parts = [part for part in PARTS if any(sample.part == part for sample in used)]
    rows = []
    for label in found.classes:
        of_label = [sample for sample in used if sample.label == label]
        rows.append((label, len(of_label), *(sum(s.part == part for s in of_label) for part in parts)))
    rows.append(("all", len(used), *(sum(s.part == part for s in used) for part in parts)))
    people = _people(used)
    title = f"{dataset}: {len(used)} samples, " + ("people unknown" if people is None else f"{people} people")
    show_table(title, ("class", "samples", *parts), rows, range(1, len(parts) + 2))


def show_prepared(prepared: Prepared, as_json: bool) -> None:
    """What a preparation gave."""
    if as_json:
        show_json(_prepared_json(prepared.name, prepared))
        return
    kind = f"{prepared.options['representation']}, {prepared.size}x{prepared.size}"
    people = f"of {len(prepared.subjects)} people" if prepared.subjects_known else "of unknown people"
    say(f"{prepared.name}: {len(prepared.samples)} pictures ({kind}) {people}")
    say(f"classes    {', '.join(prepared.classes)}")
    if prepared.dropped:
        reasons = ", ".join(f"{why} ({count})" for why, count in prepared.dropped.items())
        say(f"dropped    {sum(prepared.dropped.values())}: {reasons}; each one is listed in dropped.csv")
    say(f"in         {prepared.folder}")
    for note in prepared.notes:
        warn(note)
    say(f"next       emonas-search --dataset {prepared.name}")
