"""Write the pages of all databases into docs/databases, from the words of ``emonas-data describe``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from emonas.datasets.catalogue.describe import Section, full_name, sections, summary
from emonas.datasets.databases.registry import DATASETS, OWNERS
from emonas.datasets.reading.database import Database

FOLDER = Path(__file__).parent / "databases"
_COMMAND = "python docs/make_databases.py"
_MADE = f"<!-- Made by `{_COMMAND}`: change the words in the readers and run it again. -->"
_ADDRESS = re.compile(r"\b(?:[\w-]+\.)+(?:cn|com|fi|gr|net|uk)\b(?:/[\w./-]*\w)?")
_COLUMNS = ("name", "database", "holds", "classes", "samples", "people", "protocol")


def pages() -> dict[str, str]:
    """The text of each page by its file name."""
    return {f"{known.name}.md": page(known) for known in DATASETS.values()} | {"index.md": index()}


def index() -> str:
    """The page that leads to all others."""
    rows = []
    for known in DATASETS.values():
        row = summary(known)
        sets = " ".join(map(_code, row.classes))
        name = f"[{row.name}]({row.name}.md)"
        cells = (
            name,
            _plain(full_name(known)),
            row.kind,
            sets,
            _plain(row.samples),
            _plain(row.people),
            _code(row.protocol),
        )
        rows.append(cells)
    return _joined(
        [_MADE],
        ["# Databases"],
        [
            f"emonas reads {len(OWNERS)} databases as their owners hand them out, draws two of its own and takes what "
            "you have.",
            "None is part of the project: each is asked for from its owner, whose terms hold.",
        ],
        _table(_COLUMNS, rows, "llllrrl"),
        [
            "The first class set is the default, and samples and people are those that a complete copy has with the "
            "default options.",
            "A tilde marks a number that is hearsay; an empty cell, one that is not known.",
            "`emonas-data describe NAME` prints the same pages on the terminal.",
        ],
    )


def page(known: Database) -> str:
    """The page of one database."""
    said = sections(known)
    source = "" if known.embedded else " SOURCE"
    commands = [f"emonas-data {command} {known.name}{source}" for command in ("check", "prepare")]
    return _joined(
        [_MADE],
        [f"# {_plain(full_name(known))}"],
        [_fact(section) for section in said if section.form == "fact"],
        ["```sh", *commands, "```"],
        *(block for section in said if section.form != "fact" for block in _blocks(section)),
        ["[All databases](index.md)"],
    )


def _fact(section: Section) -> str:
    return f"- **{section.label}**: {_linked(section.rows[0][0])}"


def _blocks(section: Section) -> Iterator[list[str]]:
    """A section with a heading of its own."""
    yield [f"## {section.label.capitalize()}"]
    if section.form == "paths":
        yield [
            "```text",
            *(line for path, words in section.rows for line in (path, *([f"    {words}"] * bool(words)))),
            "```",
        ]
    elif section.form == "table":
        filled = [i for i in range(len(section.columns)) if any(row[i] for row in section.rows)]
        rows = [[_typed(row[i]) if row[i].startswith("--") else _plain(row[i]) for i in filled] for row in section.rows]
        yield list(_table([section.columns[i] for i in filled], rows, "l" * len(filled)))
    else:
        yield [f"- {_linked(cell)}" for row in section.rows for cell in row]
    if section.note:
        yield [f"{_plain(section.note[0].upper() + section.note[1:])}."]


def _table(columns: Iterable[str], rows: Iterable[Iterable[str]], align: str) -> Iterator[str]:
    yield _line(columns)
    yield _line("---:" if side == "r" else "---" for side in align)
    yield from map(_line, rows)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _typed(text: str) -> str:
    """What is typed, as code; the word about a default is not."""
    typed, mark, _ = text.partition(" (default)")
    return _code(typed) + mark


def _code(text: str) -> str:
    return f"`{text}`"


def _plain(text: str) -> str:
    """A text in which nothing means anything to Markdown."""
    return "".join(f"\\{letter}" if letter in "\\`*[]<|~" else letter for letter in text)


def _linked(text: str) -> str:
    """A plain text in which web addresses lead there."""
    return _ADDRESS.sub(r"[\g<0>](http://\g<0>)", _plain(text))


def _joined(*blocks: Iterable[str]) -> str:
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def main() -> None:
    """Write all pages and remove those of databases that are no more."""
    FOLDER.mkdir(exist_ok=True)
    made = pages()
    for old in FOLDER.glob("*.md"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
