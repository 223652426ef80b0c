"""The directive ``command-options``: all that a command takes, in the words of its own ``--help``.

    ```{command-options} emonas.datasets.cli
    ```

reads the module's ``app`` while the pages are built, so that they cannot fall behind the code. What it makes is
Markdown with Sphinx's ``option``; pages may link to one with {option}`emonas-train --seeds`.
"""

from __future__ import annotations

import importlib
import re
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from cyclopts import App
from cyclopts.argument import Argument
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

#: What stands for a value of a type without a list of choices.
_VALUES = {int: "N", float: "X", Path: "PATH"}


class CommandOptions(SphinxDirective):
    """The usage and the options of a command, or a section for each of its subcommands."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Called by docutils; the argument is a module."""
        app: App = importlib.import_module(self.arguments[0]).app
        lines = [line for name, part in commands(app) for line in _section(name, part, titled=part is not app)]
        return self.parse_text_to_nodes("\n".join(lines), allow_section_headings=True)


def commands(app: App) -> Iterator[tuple[str, App]]:
    """The full name of a command, or of each of its subcommands, with what is behind it."""
    parts = [name for name in app if not name.startswith("-")]
    if not parts:
        yield app.name[0], app
    for name in parts:
        yield f"{app.name[0]} {name}", app[name]


def arguments(app: App) -> list[Argument]:
    """All that a command takes, as the user sees it."""
    return [
        one for one in app.assemble_argument_collection(parse_docstring=True) if one.show and one.parse is not False
    ]


def _section(name: str, app: App, titled: bool) -> Iterator[str]:
    takes = arguments(app)
    positional = [one.name if one.required else f"[{one.name}]" for one in takes if not one.name.startswith("-")]
    needed = [f"{one.name} {value_of(one)}" for one in takes if one.name.startswith("-") and one.required]
    if titled:
        yield from (f"## {name}", "", _plain(_purpose(app)), "")
    yield from ("```text", " ".join([name, *positional, *needed, "[OPTIONS]"]), "```", "")
    yield from ("```{program} " + name, "```", "")
    for one in takes:
        yield from ("````{option} " + f"{one.name} {value_of(one)}".strip(), *_description(one), "````", "")


def _purpose(app: App) -> str:
    """The command's purpose without the part on parameters."""
    return " ".join(app.help.split("Parameters\n")[0].split())


def _description(one: Argument) -> Iterator[str]:
    yield _plain(" ".join((one.parameter.help or "").split()))
    choices = one.get_choices()
    default = one.field_info.default
    facts = []
    if choices:
        facts.append("one of " + ", ".join(f"`{choice}`" for choice in choices))
    if one.required:
        facts.append("required")
    elif default not in (None, False, ()) and default is not one.field_info.empty:
        shown = " ".join(map(str, default)) if isinstance(default, tuple) else str(default)
        facts.append(f"default `{shown}`")
    if facts:
        yield from ("", f"*{'; '.join(facts)}*")


def value_of(one: Argument) -> str:
    """What stands for the value of an option; nothing for a flag and for what has no name of its own."""
    if not one.name.startswith("-") or one.hint is bool:
        return ""
    kind, many = _innermost(one.hint)
    value = "CHOICE" if one.get_choices() else _VALUES.get(kind, "NAME")
    return f"{value} ..." if many else value


def _innermost(hint: Any) -> tuple[Any, bool]:
    """The type of one value, and whether there may be several."""
    origin = get_origin(hint)
    if origin is Annotated:
        return _innermost(get_args(hint)[0])
    if origin is tuple:
        return _innermost(get_args(hint)[0])[0], True
    if origin in (Union, types.UnionType):
        return _innermost(next(part for part in get_args(hint) if part is not type(None)))
    return (str if origin is Literal else hint), False


def _plain(text: str) -> str:
    """A text in which nothing means anything to Markdown, but options are code."""
    escaped = re.sub(r"([\\`*_\[\]<>|~{}$])", r"\\\1", text)
    return re.sub(r"(?<![\w-])(--[a-z][a-z-]*[a-z])", r"`\1`", escaped)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_directive("command-options", CommandOptions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
