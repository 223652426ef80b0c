"""JSON files as frozen dataclasses: one definition of a file's content, by which it is written, read and refused.

A `Format` names the dataclass of a kind of file. msgspec compares a file with the dataclass's type hints and their
limits (``Annotated[int, Meta(ge=0)]``); what no hint can say, such as that two lists are equally long, is the format's
``check``. Unknown keys are left out, so that a later version may write more.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Generic, NoReturn, TypeVar

import msgspec
from msgspec import Meta

from emonas.errors import ILLEGIBLE, UserError, make_legible
from emonas.files import read_json, write_json

T = TypeVar("T")

MOST = 2**63 - 1
#: Numbers as files hold them: NaN and infinity, which JSON has not, lie outside every limit.
Count = Annotated[int, Meta(ge=0, le=MOST)]
Share = Annotated[float, Meta(ge=0, le=1)]
Number = Annotated[float, Meta(ge=-1e300, le=1e300)]
#: The name of a prepared data set, which is that of its folder in the store, or nothing.
SET_NAME = r"\w[\w.-]{0,99}"
SetName = Annotated[str, Meta(pattern=rf"\A(?:{SET_NAME})?\Z")]


def _sound(_: object) -> None:
    """A format without a check of its own."""


@dataclass(frozen=True)
class Format(Generic[T]):
    """A kind of file that holds one ``record``.

    ``name`` and ``version`` stand in the file as "format" and "version"; an empty name writes and asks for neither.
    ``foreign`` says of a file of another format what it is not, ``other_version`` what to do about another version, and
    ``repair`` about a damaged one. ``head`` is written before the record and not read. ``paths`` are the keys that hold
    names of files, which may have any character; all other text is legible. ``check`` raises ValueError with the flaw.
    """

    record: type[T]
    name: str = ""
    version: int = 1
    foreign: str = ""
    other_version: str = "update emonas"
    repair: str = ""
    head: Mapping[str, Any] = field(default_factory=dict)
    check: Callable[[T], None] = _sound
    paths: frozenset[str] = frozenset()


def read_record(path: Path, form: Format[T]) -> T:
    """Read a JSON file. Raises UserError, in one line with the file's name, for all that the format does not allow."""
    return parse_record(read_json(path), form, str(path))


def write_record(path: Path, value: T, form: Format[T]) -> None:
    """Write a JSON file, whole or not at all. Raises UserError where it cannot be written."""
    write_json(path, plain_record(value, form))


def plain_record(value: T, form: Format[T]) -> dict[str, Any]:
    """The content of the file as plain data, its keys in the order of the fields."""
    head = {"format": form.name, "version": form.version} if form.name else {}
    content = _plain(msgspec.to_builtins(value, enc_hook=_builtin), form.paths)
    return {**head, **form.head, **content}


def _builtin(value: Any) -> Any:
    """Text and numbers of a kind of their own, such as NumPy's, as Python's."""
    for kind in (str, float, int):
        if isinstance(value, kind):
            return kind(value)
    raise TypeError(f"a file cannot hold {value!r}")


def _plain(value: Any, paths: frozenset[str]) -> Any:
    """The same with lists for tuples, which JSON does not know, and text as it may be read back."""
    if isinstance(value, dict):
        return {key: item if key in paths else _plain(item, paths) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, paths) for item in value]
    return make_legible(value) if isinstance(value, str) else value


def parse_record(data: Any, form: Format[T], name: str) -> T:
    """The record in parsed JSON; ``name`` is how messages call the file. Raises UserError."""
    check_head(data, form, name)
    try:
        _check_values(data, form.paths)
        value = msgspec.convert(data, form.record)
        form.check(value)
    except msgspec.ValidationError as error:
        refuse(form, name, _explain(str(error), data))
    except ValueError as error:
        refuse(form, name, str(error))
    return value


def check_head(data: Any, form: Format[Any], name: str) -> None:
    """Refuse parsed JSON of another format or version. Raises UserError."""
    if not form.name:
        return
    if not isinstance(data, dict):
        raise UserError(f"{name}: {form.foreign} (it must be a JSON object, not {shorten(data)})")
    if data.get("format") != form.name:
        raise UserError(f'{name}: {form.foreign} ("format" is {shorten(data.get("format"))}, expected "{form.name}")')
    if type(data.get("version")) is not int or data["version"] != form.version:
        version = shorten(data.get("version"))
        raise UserError(
            f'{name}: "version" is {version}, this emonas reads version {form.version}; {form.other_version}'
        )


def refuse(form: Format[Any], name: str, flaw: str) -> NoReturn:
    """Refuse a file of the right kind for its flaw. Raises UserError."""
    raise UserError(f"{name}: damaged: {flaw}" + (f"; {form.repair}" if form.repair else ""))


def shorten(value: Any) -> str:
    """Plain data as JSON of at most 40 characters."""
    try:
        text = json.dumps(value)
    except (RecursionError, ValueError):
        return "what is nested too deeply or too long"
    return text if len(text) <= 40 else text[:37] + "..."


_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "object": "a JSON object",
    "array": "a list",
    "null": "null",
}
_LIMIT = re.compile(r"Expected `(\w+)` (<=|>=) ([-+.\de]+)")
_LENGTH = re.compile(r"Expected `array` of (at least |at most |)length (\d+)")


def _explain(error: str, data: Any) -> str:
    """msgspec's message as one about the file: the place in words, what must stand there, and what does."""
    flaw, _, path = error.partition(" - at `$")
    keys = re.findall(r"\.([^.\[\]`]+)|\[(\d+|\.\.\.)\]", path)
    place = _place(keys)
    if missing := re.match(r"Object missing required field `(.+)`", flaw):
        return f'{place}: "{missing[1]}" is missing' if place else f'"{missing[1]}" is missing'
    value = _value(data, keys)
    if not flaw.startswith("Expected"):
        return f"{place} cannot be {shorten(value)}" if value is not ... else f"{place} has a value that it cannot have"
    beside = "" if value is ... else f", not {shorten(value)}"
    return f"{place or 'the file'} must be {_wanted(flaw)}{beside}"


def _place(keys: list[tuple[str, str]]) -> str:
    words = ""
    for key, item in keys:
        if key:
            words += f"{': ' if words else ''}{shorten(key)}"
        elif item != "...":
            words += f" item {int(item) + 1}"
    return words


def _value(data: Any, keys: list[tuple[str, str]]) -> Any:
    """What stands at a place; ... where msgspec does not name the key."""
    for key, item in keys:
        try:
            data = data[key] if key else data[int(item)]
        except (KeyError, IndexError, TypeError, ValueError):
            return ...
    return data


def _wanted(flaw: str) -> str:
    if "matching regex" in flaw:
        return "the name of a data set: letters, digits, '_', '-' and '.'"
    if limit := _LIMIT.match(flaw):
        bound = float(limit[3])
        number = f"{bound:.0f}" if bound.is_integer() and abs(bound) < 1e15 else limit[3]
        return f"{_KINDS.get(limit[1], limit[1])} of at {'most' if limit[2] == '<=' else 'least'} {number}"
    if length := _LENGTH.match(flaw):
        return f"a list of {length[1]}{length[2]}"
    kinds = re.match(r"Expected `([\w |]+)`", flaw)
    return " or ".join(_KINDS.get(kind, kind) for kind in kinds[1].split(" | ")) if kinds else flaw


def _check_values(data: Any, paths: frozenset[str]) -> None:
    """Refuse NaN and infinity wherever they stand: Python reads them, but JSON has none, and nobody can write them.

    And text that would break a line, steer a terminal or fit into no file, but in file names under the keys ``paths``.
    """
    left: list[tuple[str, Any, bool]] = [("", data, False)]
    while left:
        place, value, is_path = left.pop()
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{place} must be a finite number, not {shorten(value)}")
        if isinstance(value, str) and not is_path and ILLEGIBLE.search(value):
            raise ValueError(f"{place} must be one line without control characters, not {shorten(value)}")
        if isinstance(value, dict):
            for key, item in value.items():
                inner = f"{place}: {shorten(key)}" if place else shorten(key)
                left += [(inner, item, is_path or key in paths), (inner, key, is_path)]
        elif isinstance(value, list):
            left += [(place, item, is_path) for item in value]
