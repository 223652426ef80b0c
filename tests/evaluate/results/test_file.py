"""results.json is read whole or refused in one line."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_results import made, results_of, rows, written

from emonas.errors import UserError
from emonas.evaluate.results.file import read_results, write_results
from emonas.files import read_json

PEOPLE = {"d/a": ([0, 1], [0, 1]), "d/b": ([2, 1, 0], [2, 2, 0])}
UNITS = {"d/a": ([[0, 1], [1, 1]], [[0, 1], [1, 0]]), "d/b": ([[0, 0]], [[0, 1]])}


def test_a_file_and_its_folder_are_read_alike(tmp_path: Path) -> None:
    results = made(rows(PEOPLE, 0) + rows(PEOPLE, 1))
    file = written(tmp_path / "results.json", results)
    assert read_results(file) == read_results(tmp_path) == results_of(results)
    units = made(rows(UNITS), ("1", "4"), task="units")
    later = written(tmp_path / "other.json", {**units, "later_key": "is left out"})
    assert read_results(later) == results_of(units)


def test_what_is_read_is_written_again_key_for_key(tmp_path: Path) -> None:
    first = written(tmp_path / "first.json", made(rows(PEOPLE)))
    write_results(tmp_path, read_results(first))
    again = written(tmp_path / "results.json", read_json(tmp_path / "results.json"))
    write_results(tmp_path / "second", read_results(again))
    assert (tmp_path / "second" / "results.json").read_bytes() == again.read_bytes()
    kept = read_json(again)
    assert {**kept, **read_json(first)} == {**kept, "model": read_json(first)["model"]}


def test_results_say_in_a_line_what_they_are() -> None:
    words = repr(results_of(made(rows(PEOPLE))))
    assert words == "<Results on micro (loso): UAR 0.833, UF1 0.778, accuracy 0.800; 5 samples, 2 people>"


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no results.json in it; is it the run folder"):
        read_results(tmp_path)
    with pytest.raises(UserError, match="no such file"):
        read_results(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format": "emonas-genotype"}, "not results of this emonas; emonas-train writes them"),
        ({"format": None}, "not results of this emonas"),
        ({"version": 2}, '"version" is 2, this emonas reads version 1; train again'),
        ({"uar": 1.2}, 'damaged: "uar" must be a number of at most 1, not 1.2'),
        ({"task": "faces"}, '"task" cannot be "faces"'),
        ({"classes": "abc"}, '"classes" must be a list, not "abc"'),
        ({"n_samples": 6}, 'has not answered on 6 samples, as "n_samples" says'),
        ({"n_samples": True}, '"n_samples" must be a whole number, not true'),
        ({"spread": {"uar": {"std": None, "low": 0.1, "high": 0.2}}}, '"spread": "accuracy" is missing'),
        ({"leaks": [1]}, '"leaks" item 1 must be text, not 1'),
        ({"seeds": [0, 1]}, "has not answered on 5 samples"),
        ({"seeds": [5]}, 'item 1: its seed is not among the "seeds"'),
        ({"per_fold": []}, "lists no folds"),
        ({"per_fold": [3]}, '"per_fold" item 1 must be a JSON object, not 3'),
    ],
)
def test_what_is_damaged_is_named(changes: dict[str, Any], reason: str, tmp_path: Path) -> None:
    refused(made(rows(PEOPLE)) | changes, tmp_path, reason)


def refused(results: dict[str, Any], tmp_path: Path, reason: str) -> None:
    file = written(tmp_path / "results.json", results)
    with pytest.raises(UserError) as error:
        read_results(file)
    assert str(error.value).startswith(f"{file}: ") and reason in str(error.value)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda row: row.pop("clips"), 'item 2: "clips" is missing'),
        (lambda row: row["clips"].pop(), "item 2: names other than 3 samples"),
        (lambda row: row["truth"].pop(), 'item 2: "truth" does not hold 3 answers from 0 to 2'),
        (lambda row: row["predictions"].__setitem__(0, 3), 'item 2: "predictions" does not hold 3 answers'),
        (
            lambda row: row["predictions"].__setitem__(0, "1"),
            'item 2: "predictions" item 1 must be a whole number or a list',
        ),
        (lambda row: row["predictions"].__setitem__(0, [1, 2]), 'item 2: "predictions" has lists of different lengths'),
        (lambda row: row["people"].__setitem__(0, "nobody"), 'item 2: "people" must be DATASET/SUBJECT, not "nobody"'),
    ],
)
def test_a_damaged_fold_is_named(damage: Callable[[dict[str, Any]], Any], reason: str, tmp_path: Path) -> None:
    per_fold = rows(PEOPLE)
    results = made(copy.deepcopy(per_fold))
    damage(results["per_fold"][1])
    refused(results, tmp_path, reason)


def test_every_missing_key_is_named(tmp_path: Path) -> None:
    whole = made(rows(PEOPLE))
    for key in whole.keys() - {"format", "version", "per_fold"}:
        refused({name: value for name, value in whole.items() if name != key}, tmp_path, f'"{key}" is missing')


def test_seeds_that_tested_different_samples_are_refused(tmp_path: Path) -> None:
    others = {"d/a": PEOPLE["d/a"], "d/c": PEOPLE["d/b"]}
    refused(made(rows(PEOPLE, 0) + rows(others, 1)), tmp_path, "the seeds have tested different samples")


def test_action_units_need_an_answer_for_each_unit(tmp_path: Path) -> None:
    refused(made(rows(UNITS), ("1", "4"), task="units") | {"classes": ["1"]}, tmp_path, '"truth" does not hold')
