"""The page of a database: all that emonas knows of it, in words, for the terminal and for docs/databases."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from emonas.datasets.reading.choices import option_name
from emonas.datasets.reading.database import Database
from emonas.datasets.reading.expected import Expected, chosen

_PROTOCOLS = {
    "loso": "leave one subject out",
    "kfold": "{} folds by subject",
    "au3": "the three published subject folds for action units",
    "fixed": "the owner's split into parts",
    "auto": "the split that your data has, else leave one subject out",
}
_KINDS = {"macro": "macro-expressions", "micro": "micro-expressions", "own": "your own"}
_HEARSAY = "what is unconfirmed is hearsay: a copy with other numbers may be right"
_LABEL = 11


@dataclass(frozen=True)
class Section:
    """A part of a page: rows of cells, of which some may be empty, below or beside a label.

    ``columns`` names the cells of a table. The rows of "paths" are a path and what lies there. ``note`` comes last.
    """

    label: str
    rows: tuple[tuple[str, ...], ...]
    form: Literal["fact", "paths", "table", "list"] = "fact"
    columns: tuple[str, ...] = ()
    note: str = ""


class Summary(NamedTuple):
    """A database's row in a list of all; samples and people are those of its default options."""

    name: str
    title: str
    kind: str
    classes: tuple[str, ...]
    samples: str
    people: str
    protocol: str


def label_lines(label: str, *texts: str) -> list[str]:
    """Texts beside a label, one below the other, wrapped at the terminal's width."""
    width = max(40, min(100, shutil.get_terminal_size().columns))
    lines: list[str] = []
    for text in texts:
        first = f"{label:<{_LABEL}}" if not lines else " " * _LABEL
        if len(first) > _LABEL:
            lines.append(first)
            first = " " * _LABEL
        lines += textwrap.wrap(
            text, width, initial_indent=first, subsequent_indent=" " * (_LABEL + 2), break_on_hyphens=False
        )
    return lines


def page(known: Database) -> list[str]:
    """The lines of a database's page on the terminal."""
    lines = label_lines(known.name, full_name(known))
    for section in sections(known):
        texts = [": ".join(filter(None, row)) for row in section.rows]
        lines += label_lines(section.label, *texts, *filter(None, [section.note]))
    return lines


def full_name(known: Database) -> str:
    """The name that its owner gave to a database."""
    return known.full_name or known.title


def sections(known: Database) -> list[Section]:
    """All that is said of a database, in the order of its page; what is not known has no section."""
    unsure = any(_unsure(one) for one in known.expected)
    found = [
        Section("also", ((", ".join(known.aliases),),)),
        Section("holds", ((_KINDS[known.kind],),)),
        Section("owner", ((known.owner,),)),
        Section("cite", ((known.citation,),)),
        Section("request", ((known.request,),)),
        Section("source", ((known.source or "none: it is drawn by emonas",),)),
        Section("layout", tuple(_path(line) for line in known.layout), "paths"),
        Section("options", tuple(_options(known)), "table", ("option", "meaning")),
        Section("classes", tuple(_class_sets(known)), "table", ("option", "meaning", "classes = the owner's labels")),
        Section(
            "counts",
            tuple(map(_count, known.expected)),
            "table",
            ("with", "in all", "of each"),
            _HEARSAY if unsure else "",
        ),
        Section("protocol", ((_PROTOCOLS[known.protocol].format(known.folds),),)),
        Section("metric", ((known.metric,),)),
        Section("pitfalls", tuple((text,) for text in known.pitfalls), "list"),
    ]
    return [section for section in found if any(map(any, section.rows))]


def summary(known: Database) -> Summary:
    """The row of a database; a tilde marks a number that is hearsay."""
    choices = {name: next(iter(values)) for name, values in known.accepted.items()}
    given = chosen(known.expected, choices) or next(iter(known.expected), None)
    samples = people = ""
    if given:
        samples = f"{'' if given.is_sure('samples') else '~'}{given.samples}"
        people = "" if given.subjects is None else f"{'' if given.is_sure('people') else '~'}{given.subjects}"
    sets = tuple(one.name for one in known.class_sets)
    return Summary(known.name, known.title, known.kind, sets, samples, people, known.protocol)


def _path(line: str) -> tuple[str, str]:
    path, _, words = line.partition(": ")
    return path, words


def _options(known: Database) -> Iterator[tuple[str, str]]:
    for name, values in known.options.items():
        for i, (value, words) in enumerate(values.items()):
            yield _typed(name, value, i), words


def _class_sets(known: Database) -> Iterator[tuple[str, str, str]]:
    for i, one in enumerate(known.class_sets):
        yield _typed("classes", one.name, i), one.title, "; ".join(one.lines())


def _typed(name: str, value: str, place: int) -> str:
    """An option and its value as they are typed; the first is the default."""
    return f"{option_name(name)} {value}{'' if place else ' (default)'}"


def _count(expected: Expected) -> tuple[str, str, str]:
    """For which options, samples and people, and those of each class and part."""
    when = ", ".join(f"{option_name(name)} {value}" for name, value in expected.when.items())
    total = f"{expected.samples} samples"
    if expected.subjects is not None:
        total += f", {expected.subjects} people{_doubt(expected, 'people')}"
    if not expected.sure:
        total += ", all unconfirmed" if expected.subjects is not None or expected.counts else ", unconfirmed"
    each = [
        ", ".join(f"{name} {count}" for name, count in counts.items()) for counts in (expected.counts, expected.parts)
    ]
    return when, total, "; ".join(filter(None, each)) + _doubt(expected, "class")


def _doubt(expected: Expected, kind: str) -> str:
    """A mark on what is hearsay where the rest is not."""
    return " (unconfirmed)" if expected.sure and kind in expected.unsure else ""


def _unsure(expected: Expected) -> bool:
    return not expected.sure or bool(expected.unsure)
