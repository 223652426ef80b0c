"""What is published about a database's size, against what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from emonas.datasets.clips.sample import Sample


@dataclass(frozen=True)
class Expected:
    """Samples, people and samples of each class that a complete copy has, under the choices named in ``when``.

    ``sure`` counts are published by the owner or recounted from the owner's files; the others are hearsay, and a
    copy that differs from them may be right. ``unsure`` names the kinds ("people", "class") that are hearsay where
    the rest is sure. ``parts`` are those of a split, or the sources of a composite (``Sample.portion``).
    """

    samples: int
    subjects: int | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    parts: Mapping[str, int] = field(default_factory=dict)
    when: Mapping[str, str] = field(default_factory=dict)
    sure: bool = True
    unsure: tuple[str, ...] = ()

    def is_sure(self, kind: str) -> bool:
        """Whether the counts of a kind, as ``Compared`` names them, are more than hearsay."""
        return self.sure and kind not in self.unsure


@dataclass(frozen=True)
class Compared:
    """One count: ``kind`` is "samples", "people", "class" or "part", ``name`` that of the class or part."""

    kind: str
    name: str
    found: int
    expected: int
    sure: bool

    @property
    def differs(self) -> bool:
        """Whether the found count is another one."""
        return self.found != self.expected

    def __str__(self) -> str:
        """The count in words, such as "240 of 246 samples"."""
        what = {"class": self.name, "part": f"{self.name} samples"}.get(self.kind, self.kind)
        return f"{self.found} of {self.expected} {what}"


def chosen(expected: Sequence[Expected], choices: Mapping[str, str]) -> Expected | None:
    """The first expectation that is meant for these choices; None where nothing is known."""
    return next((one for one in expected if one.when.items() <= choices.items()), None)


def compare(expected: Expected, used: Sequence[Sample]) -> list[Compared]:
    """Every expected count beside the one found among the samples in use."""
    labels, parts = Counter(s.label for s in used), Counter(s.portion for s in used)
    people = len({sample.person for sample in used})
    rows = [("samples", "", len(used), expected.samples)]
    rows += [("people", "", people, expected.subjects)] if expected.subjects is not None else []
    rows += [("class", label, labels[label], count) for label, count in expected.counts.items()]
    rows += [("part", part, parts[part], count) for part, count in expected.parts.items()]
    return [Compared(*row, expected.is_sure(row[0])) for row in rows]


def verdict(compared: Sequence[Compared]) -> str:
    """One line that says whether the counts are the published ones, and which are not."""
    differing = [str(one) for one in compared if one.differs]
    if not differing:
        return "as published" if all(one.sure for one in compared) else "as reported (unconfirmed numbers)"
    if any(one.sure for one in compared if one.differs):
        return f"NOT as published: {', '.join(differing)}"
    return f"other than reported ({', '.join(differing)}); the report is unconfirmed"
