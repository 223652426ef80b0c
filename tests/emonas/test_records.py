"""Files of each format, damaged at random: they are read, or refused in one line that names the file."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import damage
from known_cells import DARTS_V2
from made_models import INFO
from small_results import made, rows

from emonas.datasets.store import prepared
from emonas.errors import UserError
from emonas.evaluate.model.info import read_info
from emonas.evaluate.results import file
from emonas.evaluate.results.predictions import PREDICTIONS
from emonas.files import parse_json
from emonas.genotype import from_json
from emonas.records import Count, Format, Number, parse_record, plain_record, read_record, write_record

PEOPLE = {"d/a": ([0, 1], [0, 1]), "d/b": ([2, 1, 0], [2, 2, 0])}
FACTS = {
    "format": "emonas-prepared", "version": 1, "name": "n", "dataset": "d", "source": "", "options": {"size": 8,
    "representation": "still", "magnify": 0.0}, "classes": ["a", "b"], "counts": {"a": 1, "b": 2}, "samples": 3,
    "subjects": 2, "dropped": {"no face": 1}, "protocol": "fixed", "notes": ["drawn"], "fingerprint": "09",
}  # fmt: skip
PREDICTED = {
    "fold": "fixed", "seed": 0, "epoch": 2, "clips": ["d/a/1", "d/b/1"], "positions": [0, 3], "truth": [0, 1],
    "probabilities": [[0.25, 0.75], [0.5, 0.5]], "history": {"loss": [1.5, 1.25], "accuracy": [0.5, 1.0]},
}  # fmt: skip
#: Whole content and reader of each format.
FORMATS: dict[str, tuple[Any, Callable[[Any, str], object]]] = {
    "genotype": (DARTS_V2.as_json(), from_json),
    "results": (made(rows(PEOPLE)), lambda data, name: parse_record(data, file.FORMAT, name)),
    "model": (INFO.as_json(), read_info),
    "prepared": (FACTS, lambda data, name: parse_record(data, prepared.FORMAT, name)),
    "predictions": (PREDICTED, lambda data, name: parse_record(data, PREDICTIONS, name)),
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_damaged_at_random_is_read_or_refused_in_one_line(name: str) -> None:
    whole, read = FORMATS[name]
    read(copy.deepcopy(whole), name)
    luck, refused = random.Random(0), 0
    for _ in range(600):
        data = json.loads(json.dumps(whole))
        for _ in range(luck.choice((1, 1, 2))):
            damage(luck, data)
        try:
            read(data, "file.json")
        except UserError as error:
            refused += 1
            message = str(error)
            assert message.startswith("file.json: ") and len(message.splitlines()) == 1 and len(message) < 400
    assert refused > 150


@pytest.mark.parametrize("name", FORMATS)
def test_unknown_keys_are_left_out(name: str) -> None:
    whole, read = FORMATS[name]
    assert read({**whole, "later": {"a": [1]}}, name) == read(whole, name)


@pytest.mark.parametrize("name", FORMATS)
def test_nan_and_infinity_are_refused_wherever_they_stand(name: str) -> None:
    whole, read = FORMATS[name]
    for number in (float("nan"), float("inf"), -float("inf")):
        with pytest.raises(UserError, match='"later" must be a finite number'):
            read({**whole, "later": [number]}, name)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("text", ["a\nb", "\x1b[2J", "\ud800", "\x9b"])
def test_text_that_steers_a_terminal_is_refused_wherever_it_stands(name: str, text: str) -> None:
    whole, read = FORMATS[name]
    for odd in ({"later": [text]}, {text: 1}):
        with pytest.raises(UserError, match="must be one line without control characters"):
            read({**whole, **odd}, name)


def test_a_name_of_a_data_set_leads_nowhere_else() -> None:
    for name in ("genotype", "model", "prepared", "results"):
        whole, read = FORMATS[name]
        data = json.loads(json.dumps(whole))
        holder = {"genotype": data.get("provenance"), "model": (data.get("trained_on") or [None])[0]}.get(name) or data
        holder["name" if name == "prepared" else "dataset"] = "x/../../escaped"
        with pytest.raises(UserError, match="name of a data set"):
            read(data, name)


@pytest.mark.parametrize("text", ['{"a": 1, "a": 1}', '[{"b": {"a": 1, "c": 2, "a": 3}}]'])
def test_a_key_that_stands_twice_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=r'^f: not valid JSON: the key "a" stands twice in one object$'):
        parse_json(text, "f")


@dataclass(frozen=True)
class Thing:
    """A small record."""

    n: Count
    rows: tuple[tuple[Number, ...], ...] = ()
    word: str | None = None


def _check(thing: Thing) -> None:
    if thing.n != len(thing.rows):
        raise ValueError('"rows" are not "n"')


THING = Format(Thing, "thing", 3, "no thing", "wait", "mend it", {"made_by": "hand"}, _check)


def test_a_record_is_written_and_read_by_its_definition(tmp_path: Path) -> None:
    thing = Thing(2, ((0.5,), ()), None)
    write_record(tmp_path / "thing.json", thing, THING)
    assert read_record(tmp_path / "thing.json", THING) == thing
    content = {"format": "thing", "version": 3, "made_by": "hand", "n": 2, "rows": [[0.5], []], "word": None}
    assert json.loads((tmp_path / "thing.json").read_text()) == content == plain_record(thing, THING)


def test_what_is_written_can_be_read_back_whatever_a_text_holds(tmp_path: Path) -> None:
    write_record(tmp_path / "thing.json", Thing(0, (), "a\x1bb\udce4"), THING)
    assert read_record(tmp_path / "thing.json", THING).word == "a\\x1bb\\udce4"
    paths = replace(THING, paths=frozenset({"word"}))
    write_record(tmp_path / "path.json", Thing(0, (), "a\nb\udce4"), paths)
    assert read_record(tmp_path / "path.json", paths).word == "a\nb\udce4"


def test_numpys_text_and_numbers_are_written_as_pythons(tmp_path: Path) -> None:
    thing = Thing(1, ((np.float64(0.5),),), np.str_("word"))
    write_record(tmp_path / "thing.json", thing, THING)
    assert read_record(tmp_path / "thing.json", THING) == Thing(1, ((0.5,),), "word")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "x"}, 'f: no thing ("format" is "x", expected "thing")'),
        ({"version": 4}, 'f: "version" is 4, this emonas reads version 3; wait'),
        ({"version": True}, 'f: "version" is true, this emonas reads version 3; wait'),
        ({"n": -1}, 'f: damaged: "n" must be a whole number of at least 0, not -1; mend it'),
        ({"n": "x" * 99}, f'f: damaged: "n" must be a whole number, not "{"x" * 36}...; mend it'),
        ({"rows": [[1, 2], [3, []]]}, 'f: damaged: "rows" item 2 item 2 must be a number, not []; mend it'),
        (
            {"rows": [[1e301]]},
            'f: damaged: "rows" item 1 item 1 must be a number of at most 1e+300, not 1e+301; mend it',
        ),
        ({"word": 1}, 'f: damaged: "word" must be text or null, not 1; mend it'),
        ({"n": 1}, 'f: damaged: "rows" are not "n"; mend it'),
    ],
)
def test_a_flaw_is_told_with_its_place(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as error:
        parse_record({"format": "thing", "version": 3, "n": 0, **changes}, THING, "f")
    assert str(error.value) == message
