"""What emonas-data check says: what was found in a source, against what is published of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from emonas.console import can_show_bar, progress, say, show_json, show_table, warn
from emonas.datasets.catalogue.describe import label_lines
from emonas.datasets.clips.sample import PARTS, ReadResult, Sample
from emonas.datasets.databases import registry
from emonas.datasets.protocols.protocol import default_protocol, describe_protocol, folds
from emonas.datasets.reading import expected
from emonas.datasets.reading.choices import option_name
from emonas.datasets.reading.expected import Compared
from emonas.datasets.store.attempt import judge
from emonas.datasets.store.config import CheckConfig, MakeConfig, PrepareConfig
from emonas.datasets.store.plan import PreparePlan, resolve
from emonas.datasets.store.prepare import cut_faces, settle
from emonas.datasets.store.tables import check_usable, count_reasons
from emonas.datasets.store.workers import try_all
from emonas.errors import UserError

#: How many dropped samples are listed one by one; dropped.csv of a prepared set has them all.
MOST_EXAMPLES = 10


def show_check(dataset: str, source: Path | None, config: CheckConfig) -> None:
    """Read a source, make every picture as prepare does, and tell what is in it.

    Raises UserError where nothing can be learnt on it, after the samples that were dropped.
    """
    plan = resolve(dataset, source, _prepare_config(config))
    found = _look(plan, config)
    used, dropped = found.used, [sample for sample in found.samples if sample.dropped]
    if config.json or not dropped:
        check_usable(used, dropped, plan.dataset)
    protocol, words = _protocol(plan.dataset, used)
    reasons = count_reasons(found.samples)
    published = expected.chosen(registry.entry(plan.dataset).expected, found.choices)
    compared = expected.compare(published, used) if published else []
    if config.json:
        counts = {label: sum(s.label == label for s in used) for label in found.classes}
        show_json(
            {"dataset": plan.dataset, "source": str(source) if source else None, "options": dict(found.choices),
             "samples": len(used), "subjects": _people(used), "counts": counts, "dropped": reasons,
             "expected": [_compared_json(one) for one in compared],
             "as_expected": not any(one.differs for one in compared) if compared else None,
             "protocol": protocol, "protocol_in_words": words, "notes": list(found.notes)}
        )  # fmt: skip
        return
    _show_counts(plan.dataset, found, compared)
    _show_dropped(plan.dataset, found.samples, reasons)
    if dropped:
        check_usable(used, dropped, plan.dataset)
    _show_facts(plan.dataset, found, compared, words)
    for note in found.notes:
        warn(note)


def _prepare_config(config: CheckConfig) -> PrepareConfig:
    shared = dataclasses.fields(MakeConfig)
    return PrepareConfig(**{field.name: getattr(config, field.name) for field in shared})


def _look(plan: PreparePlan, config: CheckConfig) -> ReadResult:
    """What is in the source, after an attempt at every picture unless a quick look is enough."""
    found = registry.read(plan.dataset, plan.source, plan.choices)
    if not found.used:
        return found
    plan, found, _ = settle(plan, found)
    if config.quick:
        return found
    with_faces = cut_faces(found, plan.faces)
    quiet = config.json or not can_show_bar()
    with progress(f"checking {plan.dataset}", len(found.used), quiet=quiet) as step:
        attempts = try_all(with_faces.used, plan.pictures, plan.jobs, lambda more: [step("") for _ in range(more)])
    return judge(plan.dataset, found, attempts, plan.drop_near_copies).found


def _compared_json(one: Compared) -> dict[str, object]:
    return {"kind": one.kind, "name": one.name, "found": one.found, "expected": one.expected, "sure": one.sure}


def _protocol(dataset: str, used: Sequence[Sample]) -> tuple[str | None, str]:
    """The protocol that "auto" means and what it is in words; None and why where these samples allow none."""
    known = registry.entry(dataset)
    protocol = default_protocol(used, known.protocol)
    try:
        return protocol, describe_protocol(protocol, folds(used, protocol, known.folds), used)
    except UserError as error:
        return None, f"none: {error}"


def _people(samples: Sequence[Sample]) -> int | None:
    if any(sample.subject is None for sample in samples):
        return None
    return len({sample.person for sample in samples})


def _show_counts(dataset: str, found: ReadResult, compared: Sequence[Compared]) -> None:
    used = found.used
    there = {sample.portion for sample in used}
    parts = [part for part in PARTS if part in there] or (sorted(there) if len(there) > 1 else [])
    rows: list[tuple[str, Sequence[Sample], str]] = [
        (label, [sample for sample in used if sample.label == label], "class") for label in found.classes
    ]
    rows.append(("all", used, "samples"))
    known = {(one.kind, one.name): one for one in compared}
    lines: list[tuple[object, ...]] = []
    for label, of_label, kind in rows:
        line = (label, len(of_label), *(sum(s.portion == part for s in of_label) for part in parts))
        lines.append((*line, *_expected_cells(known.get((kind, label if kind == "class" else "")), bool(compared))))
    people = _people(used)
    if one := known.get(("people", "")):
        lines.append(("people", one.found, *("" for _ in parts), *_expected_cells(one, True)))
    title = f"{dataset}: {len(used)} samples, " + ("people unknown" if people is None else f"{people} people")
    columns = ("class", "samples", *parts, *(("expected", "") if compared else ()))
    show_table(title, columns, lines, range(1, len(parts) + 2 + bool(compared)))


def _expected_cells(one: Compared | None, wanted: bool) -> tuple[object, ...]:
    """The cells "expected" and its mark, which stands for sure counts only."""
    if not wanted:
        return ()
    return ("", "") if one is None else (one.expected, "differs" if one.differs and one.sure else "")


def _show_dropped(dataset: str, samples: Sequence[Sample], reasons: Mapping[str, int]) -> None:
    if not reasons:
        return
    counted = [(count, why) for why, count in reasons.items()]
    show_table(f"Dropped: {sum(reasons.values())}", ("samples", "reason"), counted, (0,))
    examples = [sample for sample in samples if sample.dropped][:MOST_EXAMPLES]
    if registry.entry(dataset).kind != "own" and any(sample.subject for sample in examples):
        # Owners name clips anew for each subject.
        lines = [(sample.subject or "", sample.clip, sample.dropped) for sample in examples]
        show_table("The first of them", ("subject", "clip", "reason"), lines)
    else:
        show_table("The first of them", ("clip", "reason"), [(sample.clip, sample.dropped) for sample in examples])


def _show_facts(dataset: str, found: ReadResult, compared: Sequence[Compared], protocol: str) -> None:
    known = registry.entry(dataset)
    facts = [("counts", expected.verdict(compared))] if compared else []
    if given := [f"{option_name(name)} {value}" for name, value in found.choices.items()]:
        facts.append(("options", ", ".join(given)))
    if known.class_sets:
        facts.append(("classes", "; ".join(known.class_set(found.choices.get("classes")).lines())))
    facts.append(("protocol", protocol))
    if known.metric:
        facts.append(("metric", known.metric))
    for label, text in facts:
        for line in label_lines(label, text):
            say(line)
