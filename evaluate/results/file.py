"""Reading results.json, what a training has found, and refusing what is damaged or of another version.

The shape stands in ``_SHAPE`` and ``_ROW``; unknown keys are left alone, so that newer files may hold more.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from emonas.errors import UserError
from emonas.evaluate.results.metrics import MEASURES
from emonas.files import read_json

FORMAT = "emonas-results"
VERSION = 1
NAME = "results.json"
#: What results.json holds, as plain data.
Results = dict[str, Any]
_Check = Callable[[Any], bool]


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _person(value: Any) -> bool:
    return isinstance(value, str) and "/" in value


def _count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _share(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and 0 <= value <= 1


def _known(value: Any) -> bool:
    return value is None or isinstance(value, bool)


def _mapping(value: Any) -> bool:
    return isinstance(value, dict)


def _or_none(check: _Check) -> _Check:
    return lambda value: value is None or check(value)


def _one_of(*words: str) -> _Check:
    return lambda value: value in words


def _list(check: _Check) -> _Check:
    return lambda value: isinstance(value, list) and all(check(item) for item in value)


def _object(**checks: _Check) -> _Check:
    """An object that has these keys at least."""
    return lambda value: (
        isinstance(value, dict) and all(key in value and check(value[key]) for key, check in checks.items())
    )


_SCORES = dict.fromkeys(MEASURES, _share)
_INTERVAL = _object(**dict.fromkeys(("std", "low", "high"), _or_none(_share)))
_SHAPE: dict[str, _Check] = {
    **dict.fromkeys(("dataset", "database", "protocol", "protocol_in_words"), _text),
    **dict.fromkeys(("epoch_rule", "epoch_rule_in_words", "interval_in_words", "command"), _text),
    **dict.fromkeys(("n_samples", "n_folds", "parameters"), _count),
    "n_subjects": _or_none(_count),
    "task": _one_of("classes", "units"),
    "classes": _list(_text),
    "seeds": _list(_count),
    **_SCORES,
    "chance": _object(**_SCORES),
    "confusion": _or_none(_list(_list(_count))),
    "per_class": _list(_object(name=_text, n=_count, f1=_or_none(_share), recall=_or_none(_share))),
    "spread": _object(**dict.fromkeys(MEASURES, _INTERVAL)),
    "per_seed": _list(_object(seed=_count, **_SCORES)),
    "parts": _list(_object(name=_text, n=_count, **_SCORES)),
    "model": _object(arch=_text, cells=_or_none(_count), channels=_or_none(_count), parameters=_count),
    **dict.fromkeys(("recipe", "input", "versions"), _mapping),
    "search_saw_test_subjects": _known,
    "seen_subjects": _list(_text),
    "leaks": _list(_text),
    "seconds": _or_none(lambda value: type(value) in (int, float) and math.isfinite(value)),
}
_ROW: dict[str, _Check] = {
    "seed": _count,
    "fold": _text,
    "subjects": _list(_text),
    "n": _count,
    "epoch": _count,
    "clips": _list(_text),
    "people": _list(_person),
    "positions": _list(_count),
}


def read_results(path: Path) -> Results:
    """The results in a file, or in the run folder of a training.

    Raises UserError, in one line that names the file, for what is missing, another format or version, or damaged.
    """
    file = _file(path)
    data = read_json(file)
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise UserError(f"{file}: not results of this emonas; emonas-train writes them")
    if data.get("version") != VERSION:
        version = _short(data.get("version"))
        raise UserError(f"{file}: results of version {version}, this emonas reads version {VERSION}; train again")
    _check(file, data, _SHAPE, "")
    _check_answers(file, data)
    return data


def _file(path: Path) -> Path:
    if not path.is_dir():
        return path
    if not (path / NAME).is_file():
        raise UserError(f"{path}: no {NAME} in it; is it the run folder of an emonas-train that has ended?")
    return path / NAME


def _fail(file: Path, flaw: str) -> NoReturn:
    raise UserError(f"{file}: damaged: {flaw}; train again or take a whole copy")


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _check(file: Path, data: dict[str, Any], shape: dict[str, _Check], place: str) -> None:
    for key, check in shape.items():
        if key not in data:
            _fail(file, f'{place}"{key}" is missing')
        if not check(data[key]):
            _fail(file, f'{place}"{key}" cannot be {_short(data[key])}')


def _check_answers(file: Path, data: Results) -> None:
    """Every row is whole, and every seed has tested each sample once."""
    rows = data.get("per_fold")
    if not isinstance(rows, list) or not rows:
        _fail(file, '"per_fold" lists no folds')
    tested: dict[int, list[tuple[str, str, int]]] = {seed: [] for seed in data["seeds"]}
    for i, row in enumerate(rows):
        _check_row(file, row, f'"per_fold" row {i + 1}: ', data)
        tested[row["seed"]] += zip(row["people"], row["clips"], row["positions"], strict=True)
    if {len(keys) for keys in tested.values()} != {data["n_samples"]}:
        _fail(file, f'a seed has not answered on {data["n_samples"]} samples, as "n_samples" says')
    samples = sorted(tested[data["seeds"][0]])
    if any(sorted(keys) != samples for keys in tested.values()):
        _fail(file, "the seeds have tested different samples")


def _check_row(file: Path, row: Any, place: str, data: Results) -> None:
    if not isinstance(row, dict):
        _fail(file, f"{place}is no object")
    _check(file, row, _ROW, place)
    if row["seed"] not in data["seeds"]:
        _fail(file, f'{place}its seed is not among the "seeds"')
    units, most = len(data["classes"]), 1 if data["task"] == "units" else len(data["classes"]) - 1
    for key in ("truth", "predictions"):
        try:
            answers = np.array(row.get(key))
        except ValueError:
            _fail(file, f'{place}"{key}" has lists of different lengths')
        wanted = (row["n"], units) if data["task"] == "units" else (row["n"],)
        if answers.shape != wanted or answers.dtype.kind != "i" or answers.min() < 0 or answers.max() > most:
            _fail(file, f'{place}"{key}" does not hold {row["n"]} answers from 0 to {most}')
    if any(len(row[key]) != row["n"] for key in ("clips", "people", "positions")):
        _fail(file, f"{place}names other than {row['n']} samples")
