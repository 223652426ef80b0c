"""A command's options as keyword arguments of a function, read and checked by the command's own parser."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cyclopts import App, CycloptsError

from emonas.errors import UserError


def arguments(app: App, function: str, given: Sequence[object], options: Mapping[str, Any]) -> dict[str, Any]:
    """What a command would be called with: ``given`` in order, ``options`` by keyword (batch_size for --batch-size).

    Raises TypeError for an option that there is not, naming those of a similar name, and UserError for a value that
    the command refuses. None and False leave an option out.
    """
    known = _known(app)
    for name in options:
        if name not in known:
            near = difflib.get_close_matches(name, known, 3)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise TypeError(f"{function}() got an unexpected keyword argument {name!r}{hint}")
    tokens = [token for name, value in options.items() for token in _tokens(name, value)]
    places = ["--", *map(str, given)] if given else []
    try:
        _, found, _ = app.parse_args([*tokens, *places], print_error=False, exit_on_error=False)
    except CycloptsError as error:
        raise UserError(" ".join(str(error).split())) from None
    found.apply_defaults()
    return dict(found.arguments)


def _known(app: App) -> list[str]:
    """The options' names as keywords."""
    names = [name for argument in app.assemble_argument_collection() for name in argument.names]
    return [name.removeprefix("--").replace("-", "_") for name in names if name.startswith("--")]


def _tokens(name: str, value: Any) -> Iterator[str]:
    option = f"--{name.replace('_', '-')}"
    if value is True:
        yield option
    elif isinstance(value, list | tuple | set | frozenset):
        # With "=", a value may begin with a minus.
        yield from (f"{option}={one}" for one in value)
    elif value is not None and value is not False:
        yield f"{option}={value}"
