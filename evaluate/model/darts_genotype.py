"""Cells as programs of the DARTS family print them: Genotype(normal=[('sep_conv_3x3', 0), ...], normal_concat=...).

P-DARTS, PC-DARTS and their kin print the same text, in logs and in Python files. It is parsed, never run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emonas.console import warn
from emonas.datasets.clips.flaws import os_error_text
from emonas.errors import UserError
from emonas.genotype import Cell, Edge, Genotype, Provenance, check_genotype

_PARTS = ("normal", "normal_concat", "reduce", "reduce_concat")
_BEGINS = re.compile(r"(?:(?P<name>\w+)\s*=\s*)?\bGenotype\s*\(\s*(?=[\[(]|normal|reduce)")
#: The size of the search network of DARTS, in which such cells were found, and the usual number of expressions.
_CELLS, _CHANNELS = 8, 16
_CLASSES = tuple(f"class {number}" for number in range(1, 8))
_MOST_BYTES, _LONGEST, _MOST_STATES = 2**26, 20_000, 100


def is_darts_text(path: Path) -> bool:
    """Whether a file is a text with such cells in it, and no JSON."""
    text = _text(path)
    return not text.lstrip("\ufeff \t\r\n").startswith(("{", "[")) and _BEGINS.search(text) is not None


def read_darts_genotype(path: Path) -> Genotype:
    """The cells of a text, of a log the last ones. Nobody knows what their search has seen.

    Raises UserError for a text that is cut off, for operations that the search space does not have, and for a file of
    several named genotypes.
    """
    found = list(_found(path, _text(path)))
    named = {name: parts for name, parts in found if name and name != "genotype"}
    if len({str(parts) for parts in named.values()}) > 1:
        raise UserError(f"{path}: holds several genotypes ({', '.join(named)}); put one of them into a file of its own")
    parts = found[-1][1]
    try:
        made = Genotype(
            _cell(parts, "normal"), _cell(parts, "reduce"), _CELLS, _CHANNELS, _CLASSES,
            Provenance("", "darts", 0, subjects=(), subjects_known=False),
        )  # fmt: skip
        check_genotype(made)
    except ValueError as error:
        raise UserError(f"{path}: a genotype of DARTS that this search space does not have: {error}") from None
    which = f", the last of {len(found)}" if len(found) > 1 else ""
    warn(
        f"{path.name}: cells as DARTS prints them{which}; {_CELLS} cells and {_CHANNELS} channels if not said otherwise"
    )
    return made


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MOST_BYTES:
            return ""
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UserError(f"{path}: {os_error_text(error)}") from None


def _found(path: Path, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every genotype of a text by the name to which it is assigned, if any, as its four parts."""
    for begin in _BEGINS.finditer(text):
        call = _call(text[begin.end() : begin.end() + _LONGEST])
        try:
            yield begin["name"] or "", _parts(ast.parse(f"Genotype({call}", mode="eval").body)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            reason = error.msg if isinstance(error, SyntaxError) else str(error)
            raise UserError(f"{path}: Genotype(...) of DARTS that cannot be read: {reason}") from None


def _call(text: str) -> str:
    """The text up to the parenthesis that closes the call."""
    depth = 1
    for at, sign in enumerate(text):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if not depth:
            return text[: at + 1]
    return text


def _parts(call: ast.expr) -> dict[str, Any]:
    """The four parts as plain values. Raises ValueError."""
    if not isinstance(call, ast.Call):
        raise ValueError("no call")
    given = {**dict(zip(_PARTS, call.args, strict=False)), **{one.arg or "": one.value for one in call.keywords}}
    lacking = [part for part in _PARTS if part not in given]
    if lacking:
        raise ValueError(f"without {lacking[0]}")
    return {part: _value(given[part]) for part in _PARTS}


def _value(node: ast.expr) -> Any:
    """A list or a tuple of plain values, or a range(...), also as list(range(...)). Raises ValueError."""
    if not isinstance(node, ast.Call):
        return ast.literal_eval(node)
    called = node.func.id if isinstance(node.func, ast.Name) else ""
    values = [_value(argument) for argument in node.args]
    if called in ("list", "tuple") and len(values) == 1:
        return values[0]
    if called != "range" or not all(isinstance(value, int) and 0 <= value <= _MOST_STATES for value in values):
        raise ValueError(f"a call of {called or 'something'}")
    return list(range(*values)) if 1 <= len(values) <= 2 else []


def _cell(parts: dict[str, Any], kind: str) -> Cell:
    """A cell of its edges and of the states that are concatenated. Raises ValueError."""
    edges, concat = parts[kind], parts[f"{kind}_concat"]
    if not isinstance(edges, (list, tuple)) or not all(_is_edge(edge) for edge in edges):
        raise ValueError(f"{kind} must list pairs such as ('sep_conv_3x3', 0)")
    if not isinstance(concat, (list, tuple)) or not all(type(state) is int for state in concat):
        raise ValueError(f"{kind}_concat must list states")
    return Cell(tuple(Edge(*edge) for edge in edges), tuple(concat))


def _is_edge(edge: Any) -> bool:
    return isinstance(edge, (list, tuple)) and [type(one) for one in edge] == [str, int]
