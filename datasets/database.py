"""What emonas says of a database before it has seen a file of it. Light to import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from emonas.errors import UserError
from emonas.options import Representation

from .choices import AUTO
from .classes import ClassSet
from .expected import Expected

Kind = Literal["macro", "micro", "own"]

#: Whose faces are read; the first is the default.
CROPS = {
    AUTO: "the owner's faces where they are present",
    "owner": "faces as the owner has cut them out",
    "full": "whole frames",
}

#: What to do about a clip without an apex; the first is the default.
APEX_POLICIES = {
    "middle": "the frame in the middle between onset and offset",
    "max-diff": "the frame that differs most from onset and offset",
    "drop": "the sample is dropped",
}


@dataclass(frozen=True, kw_only=True)
class Database:
    """The description of one database, from which lists, checks and pages are made.

    ``name`` is its key on the command line, ``title`` a few words for the list, ``full_name`` the owner's own.
    ``kind`` is its modality. ``reader`` is "module:function" inside this package; ``embedded`` sets need no files.
    ``source`` says in half a line what to name on the command line, ``layout`` how it lies on the disk, line by line.
    ``size`` is the side of the prepared pictures in pixels. ``protocol`` is the one that the literature uses, or
    "auto" where it depends on what the user's data offers; ``folds`` is the number of folds of "kfold".
    ``class_sets``: the first is the default. ``options``: for each further option (a field of Choices) its values and
    what they mean, the default first. ``complete_only``: its scores mean something for all samples only, so that it is
    not prepared while one of them cannot be made into a picture.
    """

    name: str
    title: str
    kind: Kind
    owner: str
    request: str
    protocol: Literal["fixed", "loso", "kfold", "au3", "auto"]
    size: int
    reader: str
    source: str = ""
    embedded: bool = False
    aliases: tuple[str, ...] = ()
    full_name: str = ""
    citation: str = ""
    layout: tuple[str, ...] = ()
    class_sets: tuple[ClassSet, ...] = ()
    options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    folds: int = 5
    metric: str = ""
    expected: tuple[Expected, ...] = ()
    pitfalls: tuple[str, ...] = ()
    representation: Representation = "auto"
    complete_only: bool = False

    @property
    def accepted(self) -> dict[str, Mapping[str, str]]:
        """All options: each with its values and what they mean, the default first."""
        sets = {one.name: one.title for one in self.class_sets}
        return {**({"classes": sets} if sets else {}), **self.options}

    def class_set(self, name: str | None) -> ClassSet:
        """The class set of that name; the default one for None. Raises UserError for an unknown name."""
        for one in self.class_sets:
            if name in (one.name, None):
                return one
        raise UserError(f"--classes {name}: {self.name} knows {', '.join(one.name for one in self.class_sets)}")
