"""From a source to a prepared data set: read, make pictures, write everything or nothing."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from emonas.console import plain, progress, say
from emonas.errors import UserError
from emonas.files import read_json, write_json, write_text

from . import registry
from .prepared import COLUMNS, FORMAT, VERSION, Prepared, load, prepared_folder, sample_row
from .protocol import default_protocol
from .representation import PictureOptions, picture, resolve
from .sample import Found, Sample


def prepare(
    dataset: str,
    source: Path | None,
    options: PictureOptions,
    name: str | None = None,
    overwrite: bool = False,
) -> Prepared:
    """Make the prepared data set ``name`` (default: the data set's name) and return it.

    What is already prepared with the same source and options is returned as it is; other options are refused unless
    ``overwrite``. Samples whose frames cannot be read are dropped with their reason. Raises UserError.
    """
    name = name or dataset
    folder = prepared_folder(name)
    found = registry.read(dataset, source)
    options = dataclasses.replace(options, representation=resolve(options.representation, found.used))
    request = {"dataset": dataset, "source": str(source.resolve()) if source else "", "options": plain(options)}
    if folder.exists() and not overwrite:
        _refuse_other_options(folder, request)
        return load(folder)
    _write(folder, name, found, options, request)
    return load(folder)


def _refuse_other_options(folder: Path, request: dict[str, Any]) -> None:
    facts = read_json(folder / "prepared.json")
    differences = [
        f"{key} {old} -> {new}"
        for key, old, new in _pairs({k: facts.get(k) for k in request}, request)
        if old != new
    ]
    if differences:
        raise UserError(
            f"{folder.name} is already prepared with other options ({'; '.join(differences)}); "
            "use --overwrite to replace it or --name to keep both"
        )


def _pairs(old: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    flat_old = {**old, **(old.get("options") or {})}
    flat_new = {**new, **new["options"]}
    return [(key, flat_old.get(key), flat_new[key]) for key in flat_new if key != "options"]


def _write(folder: Path, name: str, found: Found, options: PictureOptions, request: dict[str, Any]) -> None:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}.", dir=folder.parent) as temporary:
            work = Path(temporary) / "work"
            work.mkdir()
            kept, dropped, digest = _write_images(work / "images.npy", found.samples, options, name)
            _write_tables(work, name, found, kept, dropped, request, digest)
            if folder.exists():
                shutil.rmtree(folder)
            work.rename(folder)
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror or error}") from error


def _write_images(
    path: Path, samples: tuple[Sample, ...], options: PictureOptions, name: str
) -> tuple[list[Sample], list[Sample], str]:
    """Write the pictures one by one, so that a full disk is an error and not a crash in a memory map."""
    kept: list[Sample] = []
    dropped = [sample for sample in samples if sample.dropped]
    used = [sample for sample in samples if not sample.dropped]
    digest = hashlib.sha256()
    shape = (3, options.size, options.size)
    with path.open("wb") as file, progress(f"preparing {name}", len(used)) as step:
        file.write(_npy_header((len(used), *shape)))
        for sample in used:
            try:
                pixels = picture(sample, options)
            except UserError as error:
                dropped.append(sample.drop(str(error)))
            else:
                file.write(pixels.tobytes())
                digest.update(pixels.tobytes())
                kept.append(sample)
            step("")
        file.seek(0)
        file.write(_npy_header((len(kept), *shape), length=len(_npy_header((len(used), *shape)))))
    return kept, dropped, digest.hexdigest()


def _npy_header(shape: tuple[int, ...], length: int = 0) -> bytes:
    """An npy header for uint8 of ``shape``, filled up to ``length`` bytes so that it can replace an earlier one."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "|u1", "fortran_order": False, "shape": shape})
    header = buffer.getvalue()
    missing = max(0, length - len(header))
    size = int.from_bytes(header[8:10], "little") + missing
    return header[:8] + size.to_bytes(2, "little") + header[10:-1] + b" " * missing + b"\n"


def _write_tables(
    folder: Path,
    name: str,
    found: Found,
    kept: list[Sample],
    dropped: list[Sample],
    request: dict[str, Any],
    digest: str,
) -> None:
    check_usable(kept, name)
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


def check_usable(samples: list[Sample] | tuple[Sample, ...], name: str) -> None:
    """Refuse a set on which nothing can be learnt. Raises UserError."""
    if not samples:
        raise UserError(f"{name}: no usable sample was found; emonas-data check lists the reasons")
    classes = {sample.label for sample in samples}
    if len(classes) < 2:
        raise UserError(f"{name}: all samples have the one class {min(classes)!r}; at least two are needed")


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
    if (folder / "prepared.json").exists():
        return load(folder)
    if folder != prepared_folder(name):
        raise UserError(f"{folder}: not a prepared data set of emonas")
    if name not in registry.DATASETS:
        known = sorted({*registry.DATASETS, *prepared_names()})
        raise UserError(f"no data set {name!r}; known: {', '.join(known)}")
    known_set = registry.entry(name)
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
