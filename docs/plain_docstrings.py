"""Docstrings are plain text, to be read in the code. Here they become reStructuredText, in which more has a meaning.

What is indented below an empty line is a formula or a table and keeps its lines; `names` of the code stay; any other
character means itself.
"""

from __future__ import annotations

import re

from sphinx.application import Sphinx

_CODE = re.compile(r"(`+[^`]+`+)")
_INDENT = "    "


def as_restructured(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Change ``lines`` in place, as Sphinx wants it."""
    made: list[str] = []
    block = False
    for line in lines:
        indented = line.startswith(_INDENT)
        if indented and not block and made and not made[-1].strip():
            made += ["::", ""]
            block = True
        elif line.strip() and not indented:
            block = False
        made.append(line if block else _escaped(line))
    lines[:] = made


def as_written(
    app: Sphinx, what: str, name: str, thing: object, options: object, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """A default that is made anew each time, as a dataclass writes it, is no Python; three dots are."""
    return signature and signature.replace("<factory>", "..."), returns


def _escaped(line: str) -> str:
    parts = _CODE.split(line)
    return "".join(part if part.startswith("`") else re.sub(r"([\\*|]|_\b)", r"\\\1", part) for part in parts)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", as_restructured)
    app.connect("autodoc-process-signature", as_written)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
