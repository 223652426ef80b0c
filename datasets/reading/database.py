"""What emonas says of a database before it has seen a file of it. Light to import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from emonas.datasets.reading.choices import AUTO
from emonas.datasets.reading.expected import Expected
from emonas.datasets.reading.identity import identity_key
from emonas.errors import UserError
from emonas.options.types import Representation

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


#: Other spellings of the same emotion, folded, and the one that is used here.
SYNONYMS = {
    "others": "other",
    "happy": "happiness",
    "sad": "sadness",
    "angry": "anger",
    "surprised": "surprise",
    "disgusted": "disgust",
    "fearful": "fear",
    "repressed": "repression",
}


def emotion(text: str) -> str:
    """An owner's spelling of an emotion as the one that class sets use: no outer blanks, lower case, a noun."""
    word = " ".join(text.split()).casefold()
    return SYNONYMS.get(word, word)


@dataclass(frozen=True)
class ClassSet:
    """``mapping`` leads from an owner's label (as ``emotion`` writes it) to a class, or to None: dropped.

    ``left_out`` names single clips, as subject/clip in lower case, that the set leaves out whatever their label, each
    with the reason.
    """

    name: str
    title: str
    mapping: Mapping[str, str | None]
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes in the order in which the mapping first names them."""
        return tuple(dict.fromkeys(name for name in self.mapping.values() if name is not None))

    def place(self, subject: str | None, clip: str, label: str) -> tuple[str, str]:
        """The class of a label and an empty text, or the label and the reason why it is dropped."""
        raw = emotion(label)
        if not raw:
            return label, "no label"
        if raw not in self.mapping:
            return label, f"unknown label: {label!r}"
        own = identity_key(f"{subject}/{clip}")
        if reason := next((reason for one, reason in self.left_out.items() if identity_key(one) == own), ""):
            return label, reason
        chosen = self.mapping[raw]
        return (raw, f"outside the class set: {raw}") if chosen is None else (chosen, "")

    def lines(self) -> list[str]:
        """The mapping in words: a line for each class, one for what is dropped, one for the clips left out."""
        sources = {name: [raw for raw, to in self.mapping.items() if to == name] for name in self.classes}
        lines = [name if raws == [name] else f"{name} = {', '.join(raws)}" for name, raws in sources.items()]
        if outside := [raw for raw, to in self.mapping.items() if to is None]:
            lines.append(f"dropped: {', '.join(outside)}")
        if self.left_out:
            lines.append(f"left out: {', '.join(self.left_out)}")
        return lines


def same_named(name: str, title: str, kept: tuple[str, ...], dropped: tuple[str, ...] = ()) -> ClassSet:
    """A class set in which every kept label is a class of its own."""
    return ClassSet(name, title, {**{label: label for label in kept}, **dict.fromkeys(dropped)})
