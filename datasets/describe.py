"""The page of a database: all that emonas knows of it, in words."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator, Mapping

from .choices import option
from .database import Database
from .expected import Expected

_PROTOCOLS = {
    "loso": "leave one subject out",
    "kfold": "{} folds by subject",
    "au3": "the three published subject folds for action units",
    "fixed": "the owner's split into parts",
    "auto": "the split that your data has, else leave one subject out",
}
_KINDS = {"macro": "macro-expressions", "micro": "micro-expressions", "own": "your own"}
_LABEL = 11


def labelled(label: str, *texts: str) -> list[str]:
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
    """The lines of a database's page."""
    sections: list[tuple[str, tuple[str, ...]]] = [
        (known.name, (known.full_name or known.title,)),
        ("also", (", ".join(known.aliases),)),
        ("holds", (_KINDS[known.kind],)),
        ("owner", (known.owner,)),
        ("cite", (known.citation,)),
        ("request", (known.request,)),
        ("source", (known.source or "none: it is drawn by emonas",)),
        ("layout", known.layout),
        *((option(name), tuple(_values(values))) for name, values in known.accepted.items() if name != "classes"),
        ("classes", tuple(_class_sets(known))),
        ("counts", tuple(map(_in_words, known.expected))),
        ("protocol", (_PROTOCOLS[known.protocol].format(known.folds),)),
        ("metric", (known.metric,)),
        ("pitfalls", known.pitfalls),
    ]
    return [line for label, texts in sections if any(texts) for line in labelled(label, *texts)]


def _values(values: Mapping[str, str]) -> Iterator[str]:
    for i, (value, words) in enumerate(values.items()):
        yield f"{value}{'' if i else ' (default)'}: {words}"


def _class_sets(known: Database) -> Iterator[str]:
    for i, one in enumerate(known.class_sets):
        yield f"--classes {one.name}{'' if i else ' (default)'}: {one.title}: {'; '.join(one.lines())}"


def _in_words(expected: Expected) -> str:
    people = "" if expected.subjects is None else f", {expected.subjects} people{_doubt(expected, 'people')}"
    when = ", ".join(f"{option(name)} {value}" for name, value in expected.when.items())
    each = [f"{name} {count}" for name, count in (*expected.counts.items(), *expected.parts.items())]
    words = f"{expected.samples} samples{_doubt(expected, 'samples')}{people}{f' with {when}' if when else ''}"
    return f"{words}: {', '.join(each)}{_doubt(expected, 'class')}" if each else words


def _doubt(expected: Expected, kind: str) -> str:
    """A mark on what is hearsay, once where all of it is."""
    return " (unconfirmed)" if kind in expected.unsure or (kind == "samples" and not expected.sure) else ""
