"""What emonas-data says of the data sets there are, of one of them, and of what was prepared."""

from __future__ import annotations

from collections import Counter

from emonas.console import plain, say, show_json, show_table, warn
from emonas.datasets.catalogue.describe import page, summary
from emonas.datasets.databases import registry
from emonas.datasets.reading.database import Database
from emonas.datasets.store.prepare import prepared_names
from emonas.datasets.store.prepared import Prepared, load, prepared_folder
from emonas.errors import UserError

#: How many characters the names of class sets may take in the list, so that a row fits into 80 columns.
_SETS = 7


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
             "embedded": d.embedded, "source": d.source, "protocol": d.protocol, "size": d.size,
             "aliases": list(d.aliases), "classes": [one.name for one in d.class_sets]}
            for d in registry.DATASETS.values()
        ]  # fmt: skip
        show_json({"datasets": known, "prepared": [_prepared_json(name, ready[name]) for name in ready]})
        return
    rows = [_listed(known) for known in registry.DATASETS.values()]
    show_table("Data sets", ("name", "what", "kind", "classes", "samples", "people"), rows, (4, 5))
    say("Samples and people are those of the first class set; ~ is unconfirmed.")
    say("emonas-data describe NAME says all about one: owner, layout, classes, counts.")
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


def _listed(known: Database) -> tuple[str, ...]:
    row = summary(known)
    sets = " ".join(row.classes)
    while len(sets) > _SETS:
        sets = f"{sets.removesuffix(' …').rpartition(' ')[0]} …"
    return row.name, row.title, row.kind, sets, "drawn" if known.embedded else row.samples, row.people


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


def show_description(dataset: str, as_json: bool) -> None:
    """All that is known of a data set. Raises UserError for an unknown name."""
    known = registry.entry(dataset)
    if as_json:
        show_json(plain(known))
        return
    for line in page(known):
        say(line)


def show_prepared(prepared: Prepared, as_json: bool) -> None:
    """What a preparation gave."""
    if as_json:
        show_json(_prepared_json(prepared.name, prepared))
        return
    kind = f"{prepared.options['representation']}, {prepared.size}x{prepared.size}"
    kind += ", faces cut out" if prepared.options.get("faces") == "detect" else ""
    people = f"of {len(prepared.subjects)} people" if prepared.subjects_known else "of unknown people"
    say(f"{prepared.name}: {len(prepared.samples)} pictures ({kind}) {people}")
    say(f"classes    {', '.join(prepared.classes)}")
    if prepared.dropped:
        reasons = ", ".join(f"{why} ({count})" for why, count in prepared.dropped.items())
        say(f"dropped    {sum(prepared.dropped.values())}: {reasons}; each one is listed in dropped.csv")
    say(f"in         {prepared.folder}")
    say("look at    contact_sheet.png there: are the faces and the motion right?")
    for note in prepared.notes:
        warn(note)
    say(f"next       emonas-search --dataset {prepared.name}")
