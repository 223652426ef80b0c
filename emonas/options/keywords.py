"""A command as a Python function: the fields of its config are the function's keywords.

``takes_options(TrainConfig)`` above ``def train(config: TrainConfig)`` makes both ``train(epochs=3)`` and
``train(TrainConfig(epochs=3))`` work; editors, mypy and `inspect.signature` see the fields with types and defaults.
Values are held to the fields' types and to the ranges of `emonas.options.types`, as the command line does.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import inspect
import numbers
import os
from collections.abc import Callable, Iterable, Mapping
from inspect import Signature
from pathlib import Path
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    ParamSpec,
    Protocol,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
    overload,
)

from cyclopts import Parameter

from emonas.errors import UserError

P = ParamSpec("P")
C = TypeVar("C")
R = TypeVar("R")
C_contra = TypeVar("C_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)


class Step(Protocol[P, C_contra, R_co]):
    """A function that takes a config, or the config's fields by name."""

    @overload
    def __call__(self, config: C_contra, /) -> R_co: ...
    @overload
    def __call__(self, *nothing: P.args, **options: P.kwargs) -> R_co: ...


def takes_options(config_class: Callable[P, C]) -> Callable[[Callable[[C], R]], Step[P, C, R]]:
    """A decorator: the function of a config takes the config's fields by name, too.

    The function raises TypeError for a name that is no field, naming those alike, and UserError for a value that the
    command line would refuse. A function of several things, the config last, needs `takes_options_last`.
    """
    return cast(Any, takes_options_last(config_class))


def takes_options_last(config_class: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
    """As `takes_options`, for ``f(a, b, config)``; who uses it says by a Protocol how it is called."""

    def decorate(step: Callable[..., Any]) -> Any:
        public, leading = _signatures(step, config_class)
        fields = public.parameters.keys() - leading.parameters.keys()

        @functools.wraps(step)
        def call(*given: Any, **named: Any) -> Any:
            options = {name: value for name, value in named.items() if name not in leading.parameters}
            _refuse_unknown(step.__name__, options, fields)
            config = None
            if given and isinstance(given[-1], cast(type, config_class)):
                *given, config = given  # type: ignore[assignment]
            if config is not None and options:
                raise TypeError(f"{step.__name__}() takes a config or options by name, not both")
            placed = leading.bind(*given, **{name: named[name] for name in named.keys() - options.keys()})
            placed.apply_defaults()
            return step(*placed.args, check_values(config_class(**options) if config is None else config))

        call.__signature__ = public  # type: ignore[attr-defined]
        call.__annotations__ = {one.name: one.annotation for one in public.parameters.values()}
        return call

    return decorate


def _signatures(step: Callable[..., Any], config_class: Callable[..., Any]) -> tuple[Signature, Signature]:
    """How ``step`` is called with the config's fields by name, and what of that stands before them."""
    own = inspect.signature(step)
    leading = own.replace(parameters=list(own.parameters.values())[:-1])
    # Without the ranges, which help() would show as the objects that check them.
    types = get_type_hints(config_class)
    fields = [one.replace(annotation=types[name]) for name, one in inspect.signature(config_class).parameters.items()]
    return own.replace(parameters=[*leading.parameters.values(), *fields]), leading


def _refuse_unknown(function: str, options: Mapping[str, Any], known: Iterable[str]) -> None:
    for name in options.keys() - set(known):
        near = difflib.get_close_matches(name, sorted(known), 3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise TypeError(f"{function}() got an unexpected keyword argument {name!r}{hint}")


def check_values(config: C) -> C:
    """The config with every value as its field's type has it: a list as a tuple, a text as a path.

    Raises UserError for what does not fit the type or lies outside of the range.
    """
    made = {}
    for name, hint in get_type_hints(type(config), include_extras=True).items():
        value = getattr(config, name)
        try:
            made[name] = _convert(value, hint)
        except TypeError as error:
            raise UserError(f"--{name.replace('_', '-')} {value!r}: must be {error}") from None
        except ValueError as error:
            reason = str(error).removesuffix(".")
            raise UserError(f"--{name.replace('_', '-')} {value!r}: {reason[:1].lower()}{reason[1:]}") from None
    return cast(C, dataclasses.replace(cast(Any, config), **made))


#: type of a field -> what it is made from, in Python and in words
_PLAIN: dict[Any, tuple[Any, str]] = {
    bool: (bool, "True or False"),
    int: (numbers.Integral, "a whole number"),
    float: (numbers.Real, "a number"),
    # A subject or an action unit may be a number.
    str: ((str, int, os.PathLike), "a text"),
    Path: ((str, os.PathLike), "a path"),
}


def _convert(value: Any, hint: Any) -> Any:
    """``value`` as ``hint`` says. Raises TypeError with what it must be, and ValueError where the range is left."""
    kind, parts = get_origin(hint), get_args(hint)
    if kind is Annotated:
        made = _convert(value, parts[0])
        for validator in (one for mark in parts[1:] if isinstance(mark, Parameter) for one in _validators(mark)):
            validator(parts[0], made)
        return made
    if kind in (Union, UnionType):
        return _convert_to_one(value, parts)
    if kind is Literal:
        if not any(value == one and type(value) is type(one) for one in parts):
            raise TypeError(f"one of {', '.join(map(str, parts))}")
        return value
    if kind is tuple:
        if isinstance(value, str | bytes) or not isinstance(value, Iterable):
            raise TypeError("a list or a tuple")
        return tuple(_convert(one, parts[0]) for one in value)
    accepted, words = _PLAIN[hint]
    if not isinstance(value, accepted) or (isinstance(value, bool) and hint is not bool):
        raise TypeError(words)
    return hint(value)


def _validators(mark: Parameter) -> tuple[Callable[[Any, Any], None], ...]:
    return cast("tuple[Callable[[Any, Any], None], ...]", mark.validator)


def _convert_to_one(value: Any, hints: tuple[Any, ...]) -> Any:
    """``value`` as the first of the types that it fits."""
    if value is None and NoneType in hints:
        return None
    reasons = []
    for hint in hints:
        if hint is not NoneType:
            try:
                return _convert(value, hint)
            except TypeError as error:
                reasons.append(str(error))
    raise TypeError(" or ".join(reasons))
