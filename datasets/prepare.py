"""From a source to a prepared data set: read, make pictures, write everything or nothing."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from emonas.console import plain, progress, say, warn
from emonas.errors import UserError
from emonas.files import read_json, write_json, write_text

from . import registry
from .choices import AUTO, NO_CHOICES, Choices
from .picture_file import write_pictures
from .prepared import COLUMNS, FORMAT, VERSION, Prepared, load, prepared_folder, sample_row
from .protocol import default_protocol
from .representation import PictureOptions, resolve
from .sample import Found, Sample


def prepare(
    dataset: str,
    source: Path | None,
    options: PictureOptions,
    name: str | None = None,
    overwrite: bool = False,
    quiet: bool = False,
    choices: Choices = NO_CHOICES,
) -> Prepared:
    """Make the prepared data set ``name`` (default: the data set's name) and return it.

    What is already prepared with the same source and options is returned as it is, unread; other options are refused
    unless ``overwrite``. Samples whose frames cannot be read are dropped with their reason. ``quiet`` shows no
    progress. ``choices`` are those of the reader; a chosen apex policy holds for the pictures, too. Raises UserError.
    """
    registry.check_source(dataset, source)
    dataset, choices = registry.entry(dataset).name, registry.settled(dataset, choices)
    options = _completed(dataset, options, choices)
    name = _checked_name(name or dataset, dataset)
    folder = prepared_folder(name)
    request = {
        "dataset": dataset,
        "source": str(source.resolve()) if source else "",
        "options": {**plain(options), **choices.given()},
    }
    if overwrite or not _is_prepared(folder):
        found = _owned(registry.read(dataset, source, choices), dataset, source)
        check_usable(found.used, [sample for sample in found.samples if sample.dropped], name)
        options = dataclasses.replace(options, representation=resolve(options.representation, found.used))
        request = {**request, "options": {**plain(options), **choices.given(), **found.choices}}
        made = _write(folder, name, found, options, request, overwrite, quiet)
    else:
        made = False
    prepared = load(folder)
    _refuse_other_options(folder, request)
    if not made:
        warn(f"{name} was prepared before and is kept; --overwrite reads it anew")
    return prepared


def _completed(dataset: str, options: PictureOptions, choices: Choices) -> PictureOptions:
    """The options with what the database says where they leave it open."""
    if options.representation == AUTO:
        options = dataclasses.replace(options, representation=registry.entry(dataset).representation)
    policy = choices.apex_policy or options.apex_policy
    return dataclasses.replace(options, apex_policy=policy)  # type: ignore[arg-type]


def _owned(found: Found, dataset: str, source: Path | None) -> Found:
    """A user's own sets are told apart by their sources: "anna" of one need not be "anna" of another.

    The same source under two names has the same people.
    """
    if registry.entry(dataset).kind != "own" or source is None:
        return found
    name = f"own-{hashlib.sha256(str(source.resolve()).encode('utf-8', 'surrogateescape')).hexdigest()[:6]}"
    return dataclasses.replace(found, samples=tuple(dataclasses.replace(s, dataset=name) for s in found.samples))


def _checked_name(name: str, dataset: str) -> str:
    """Refuse a name that would lead out of the store or hide another data set. Raises UserError."""
    if not re.fullmatch(r"\w[\w.-]{0,99}", name):
        raise UserError(f"--name {name!r}: only letters, digits, '_', '-' and '.', beginning with a letter or digit")
    if name != dataset and name in registry.DATASETS:
        raise UserError(f"--name {name}: another data set is called so")
    return name


def _is_prepared(folder: Path) -> bool:
    return os.path.exists(folder / "prepared.json")  # noqa: PTH110 (Path.exists raises for a name that is too long)


def _refuse_other_options(folder: Path, request: dict[str, Any]) -> None:
    facts = read_json(folder / "prepared.json")
    # A set that was prepared before an option came into being has its default.
    defaults = {**plain(PictureOptions(size=0)), **registry.settled(request["dataset"], NO_CHOICES).given()}
    old = {**defaults, **{key: facts.get(key) for key in ("dataset", "source")}, **facts["options"]}
    new = {**{key: request[key] for key in ("dataset", "source")}, **request["options"]}
    # What was left to be found out then is what was found out.
    new = {key: old[key] if value == AUTO and key in old else value for key, value in new.items()}
    differences = [f"{key} {old.get(key)} -> {value}" for key, value in new.items() if old.get(key) != value]
    if differences:
        raise UserError(
            f"{folder.name} is already prepared with other options ({'; '.join(differences)}); "
            "use --overwrite to replace it or --name to keep both"
        )


def _write(
    folder: Path,
    name: str,
    found: Found,
    options: PictureOptions,
    request: dict[str, Any],
    overwrite: bool,
    quiet: bool,
) -> bool:
    """Write everything or nothing; False where another process was faster and its set was left in place."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix=f".{name}.", dir=folder.parent, ignore_cleanup_errors=True
        ) as temporary:
            work = Path(temporary) / "new"
            work.mkdir()
            with _no_progress() if quiet else progress(f"preparing {name}", len(found.used)) as step:
                kept, dropped, digest = write_pictures(work / "images.npy", found.samples, options, step)
            _write_tables(work, name, found, kept, dropped, request, digest)
            if _is_prepared(folder) and not overwrite:
                return False
            _put_in_place(work, folder, Path(temporary) / "old")
            return True
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror or error}") from error


@contextmanager
def _no_progress() -> Iterator[Callable[[str], None]]:
    yield lambda note: None


def _put_in_place(new: Path, folder: Path, old: Path) -> None:
    """Move what lay there out of the way, then the new set in; back again if that fails."""
    if folder.exists():
        folder.rename(old)
    try:
        new.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise


def _write_tables(
    folder: Path,
    name: str,
    found: Found,
    kept: list[Sample],
    dropped: list[Sample],
    request: dict[str, Any],
    digest: str,
) -> None:
    check_usable(kept, dropped, name)
    table = _csv_text(COLUMNS, [sample_row(sample) for sample in kept])
    write_text(folder / "samples.csv", table)
    reasons = [{"clip": s.clip, "subject": s.subject or "", "label": s.label, "reason": s.dropped} for s in dropped]
    write_text(folder / "dropped.csv", _csv_text(("clip", "subject", "label", "reason"), reasons))
    used = {sample.label for sample in kept}
    classes = [label for label in found.classes if label in used]
    facts = {
        "format": FORMAT,
        "version": VERSION,
        "name": name,
        **request,
        "classes": classes,
        "counts": {label: sum(sample.label == label for sample in kept) for label in classes},
        "samples": len(kept),
        "subjects": len({sample.person for sample in kept if sample.subject is not None}),
        "dropped": count_reasons(dropped),
        "protocol": default_protocol(kept, registry.entry(request["dataset"]).protocol),
        "notes": list(found.notes),
        "fingerprint": hashlib.sha256((digest + table).encode()).hexdigest()[:16],
    }
    write_json(folder / "prepared.json", facts)


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


def _csv_text(columns: tuple[str, ...], rows: list[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def find(name: str, announce: Callable[[str], None] = say) -> Prepared:
    """The prepared data set of that name, or in that folder; an embedded one is drawn when it is first asked for.

    Raises UserError: for a known but unprepared data set, with its owner, where to ask for it and what to run.
    """
    folder = Path(name) if "/" in name or "\\" in name else prepared_folder(name)
    if _is_prepared(folder):
        return load(folder)
    if folder != prepared_folder(name):
        raise UserError(f"{folder}: not a prepared data set of emonas")
    try:
        known_set = registry.entry(name)
    except UserError:
        known = sorted({*registry.DATASETS, *prepared_names()})
        raise UserError(f"no data set {name!r}; known: {', '.join(known)}") from None
    if known_set.name != name:
        return find(known_set.name, announce)
    if known_set.embedded:
        announce(f"drawing {name} once ({known_set.title})")
        return prepare(name, None, PictureOptions(size=known_set.size))
    raise UserError(
        f"{name} is not prepared. Owner: {known_set.owner}. Ask for it: {known_set.request}. "
        f"Then run: emonas-data prepare {name} PATH"
    )


def prepared_names() -> list[str]:
    """The names of all prepared data sets."""
    root = prepared_folder("x").parent
    return sorted(path.parent.name for path in root.glob("*/prepared.json")) if root.exists() else []
