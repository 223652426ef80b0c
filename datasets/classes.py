"""Class sets: which class an owner's label becomes, and which labels are left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

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
        if reason := self.left_out.get(f"{subject}/{clip}".casefold()):
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
