"""One database in several representations: found where it was prepared before, else made from its source."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from emonas.datasets.clips.options import PictureConfig
from emonas.datasets.databases.registry import entry
from emonas.datasets.store.config import PrepareConfig
from emonas.datasets.store.prepare import find, prepare, prepared_names
from emonas.datasets.store.prepared import FACTS, FORMAT, Prepared
from emonas.errors import UserError
from emonas.evaluate.ablate.variants import REPRESENTATIONS, Data
from emonas.records import read_record


def describe_data(prepared: Prepared, argument: str) -> Data:
    """What an ablation needs to know of a prepared set; a folder is named from its root, for runs started elsewhere."""
    is_folder = "/" in argument or "\\" in argument
    return Data(
        str(prepared.folder.resolve()) if is_folder else prepared.name,
        prepared.name,
        str(prepared.options["representation"]),
        prepared.fingerprint,
    )


def other_representations(base: Prepared, source: Path | None, quiet: bool) -> dict[str, Data]:
    """The same database as each of the other representations, under the names NAME-REPRESENTATION.

    A set of that name is taken as it is; else it is prepared as ``base`` was, from ``source`` or where that was read
    from. Raises UserError for stills, for a source that is not there any more, and for a set of that name that is
    something else.
    """
    own = str(base.options["representation"])
    if own == "still":
        raise UserError(f"part representation: {base.name} holds still images, which are what they are")
    found = {}
    for other in REPRESENTATIONS:
        if other != own:
            name = f"{base.name}-{other}"
            made = find(name) if name in prepared_names() else _made(base, other, name, source, quiet)
            _refuse_another(made, base, other)
            found[other] = describe_data(made, name)
    return found


def _refuse_another(made: Prepared, base: Prepared, representation: str) -> None:
    facts = (made.dataset, made.classes, made.protocol, made.options["representation"], made.size)
    if facts != (base.dataset, base.classes, base.protocol, representation, base.size):
        raise UserError(
            f"part representation: {made.name} is not {base.name} as {representation} (data set, classes, protocol "
            "or size differ); prepare it anew or rename it"
        )


def _made(base: Prepared, representation: str, name: str, source: Path | None, quiet: bool) -> Prepared:
    source = source or _recorded_source(base)
    run = f"emonas-data prepare {base.dataset} PATH --representation {representation} --name {name}"
    if source is None and not entry(base.dataset).embedded:
        raise UserError(
            f"part representation: the source of {base.name} is not where it was; give --source PATH, or run: {run}"
        )
    if base.options.get("face_model"):
        raise UserError(f"part representation: {base.name} was prepared with a --face-model; run with it: {run}")
    return prepare(base.dataset, source, _config(base, representation, name), quiet=quiet)


def _recorded_source(base: Prepared) -> Path | None:
    recorded = read_record(base.folder / FACTS, FORMAT).source
    return Path(recorded) if recorded and Path(recorded).exists() else None


def _config(base: Prepared, representation: str, name: str) -> PrepareConfig:
    """The options of ``base``, for another representation; single frames are not interpolated."""
    known = {field.name for field in dataclasses.fields(PictureConfig)} | entry(base.dataset).accepted.keys()
    known.add("drop_near_copies")
    options: dict[str, Any] = {key: value for key, value in base.options.items() if key in known}
    options |= {"faces": base.options.get("faces", "whole"), "representation": representation}
    if representation != "dynamic":
        options["interpolation"] = "none"
    return PrepareConfig(name=name, **options)
