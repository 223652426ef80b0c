"""What a preparing does: the options of the user, the database's defaults in place of what was left open."""

from __future__ import annotations

import dataclasses
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from emonas.console import plain
from emonas.datasets.clips.apex import ApexPolicy
from emonas.datasets.clips.options import PictureConfig
from emonas.datasets.clips.representation import PictureOptions, resolve_representation
from emonas.datasets.clips.sample import ReadResult
from emonas.datasets.databases import registry
from emonas.datasets.faces import options as face_choice
from emonas.datasets.faces.options import FaceOptions
from emonas.datasets.reading.choices import AUTO, NO_CHOICES, Choices
from emonas.datasets.store.config import PrepareConfig
from emonas.datasets.store.prepared import FACTS, FORMAT, prepared_folder
from emonas.errors import UserError
from emonas.jobs.job import cores
from emonas.records import SET_NAME, read_record

T = TypeVar("T")

#: Most systems know names of up to 255 bytes, and run folders and what is still being made are named after a set, too.
_LONGEST_NAME = 200


@dataclass(frozen=True)
class PreparePlan:
    """What is read, what becomes of it and where it goes.

    "auto" is left only where the samples decide, as for the representation: `resolve_by_samples`. ``left_open`` names
    options that follow the sources' pictures (see look.py) where nobody has said anything else.
    """

    dataset: str
    source: Path | None
    name: str
    choices: Choices
    faces: FaceOptions
    pictures: PictureOptions
    jobs: int
    overwrite: bool
    drop_near_copies: bool
    left_open: frozenset[str] = frozenset()

    @property
    def folder(self) -> Path:
        """Where the prepared data set lies."""
        return prepared_folder(self.name)

    def record(self) -> dict[str, Any]:
        """Source and options as prepared.json has them."""
        return {
            "dataset": self.dataset,
            "source": str(self.source.resolve()) if self.source else "",
            "options": {
                **plain(self.pictures),
                **face_choice.record_options(self.faces),
                "drop_near_copies": self.drop_near_copies,
                **self.choices.given(),
            },
        }


def resolve(dataset: str, source: Path | None, config: PrepareConfig) -> PreparePlan:
    """The plan for a data set by its name or alias. Raises UserError for options that do not fit it or each other."""
    registry.check_source(dataset, source)
    known = registry.entry(dataset)
    choices = registry.resolve_choices(known.name, _part(config, Choices))
    pictures = {
        **_values(config, PictureConfig),
        "size": config.size or known.size,
        "apex_policy": cast(ApexPolicy, choices.apex_policy or "middle"),
    }
    if config.representation == AUTO:
        pictures["representation"] = known.representation
    faces = _part(config, FaceOptions)
    # Refuses a model that cannot be read before the database is.
    face_choice.record_options(faces)
    return PreparePlan(
        dataset=known.name,
        source=source,
        name=_checked_name(config.name or known.name, known.name),
        choices=choices,
        faces=faces,
        pictures=PictureOptions(**pictures),
        jobs=config.jobs or cores(),
        overwrite=config.overwrite,
        drop_near_copies=config.drop_near_copies,
        left_open=frozenset(name for name in ("size", "bits") if not getattr(config, name)),
    )


def resolve_by_samples(plan: PreparePlan, found: ReadResult) -> PreparePlan:
    """The plan with what only the samples tell. Raises UserError for a representation that does not fit them."""
    representation = resolve_representation(plan.pictures.representation, found.used)
    faces = face_choice.resolve_faces(plan.faces.faces, found.choices.get("crop"))
    return dataclasses.replace(
        plan,
        choices=dataclasses.replace(plan.choices, **found.choices),
        faces=dataclasses.replace(plan.faces, faces=faces),
        pictures=dataclasses.replace(plan.pictures, representation=representation),
    )


def refuse_other_options(plan: PreparePlan) -> None:
    """Raise UserError where the prepared data set has another source or other options than ``plan``."""
    facts, wanted = read_record(plan.folder / FACTS, FORMAT), plan.record()
    # A set that was prepared before an option came into being has its default.
    defaults = {
        **plain(PictureOptions(size=0)),
        **face_choice.record_options(FaceOptions(faces="whole")),
        "drop_near_copies": False,
        **registry.resolve_choices(plan.dataset, NO_CHOICES).given(),
    }
    old = {**defaults, "dataset": facts.dataset, "source": facts.source, **facts.options}
    new = {**{key: wanted[key] for key in ("dataset", "source")}, **wanted["options"]}
    # What was left to be found out then is what was found out.
    known = {key for key, value in new.items() if value == AUTO or key in _followed(plan)}
    new = {key: old[key] if key in known and key in old else value for key, value in new.items()}
    differences = [f"{key} {old.get(key)} -> {value}" for key, value in new.items() if old.get(key) != value]
    if differences:
        raise UserError(
            f"{plan.name} is already prepared with other options ({'; '.join(differences)}); "
            "use --overwrite to replace it or --name to keep both"
        )


def _followed(plan: PreparePlan) -> frozenset[str]:
    """The options that were found out by the sources' pictures; an owner's database has a size of its own."""
    own = registry.entry(plan.dataset).kind == "own"
    return plan.left_open if own else plan.left_open - {"size"}


def _values(config: PrepareConfig, kind: type[Any]) -> dict[str, Any]:
    return {field.name: getattr(config, field.name) for field in dataclasses.fields(kind)}


def _part(config: PrepareConfig, kind: type[T]) -> T:
    """The options of one kind, of which a PrepareConfig is composed."""
    return kind(**_values(config, kind))


def _checked_name(name: str, dataset: str) -> str:
    """Refuse a name that would lead out of the store or hide another data set. Raises UserError."""
    if not re.fullmatch(SET_NAME, name):
        raise UserError(f"--name {name!r}: only letters, digits, '_', '-' and '.', beginning with a letter or digit")
    if len(os.fsencode(name)) > _LONGEST_NAME:
        raise UserError(f"--name {name}: longer than the {_LONGEST_NAME} bytes that a folder's name may have here")
    if name != dataset and name in registry.DATASETS:
        raise UserError(f"--name {name}: another data set is called so")
    return name
