"""results.json is read whole or refused in one line."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_results import made, rows, written

from emonas.errors import UserError
from emonas.evaluate.results.file import read_results

PEOPLE = {"d/a": ([0, 1], [0, 1]), "d/b": ([2, 1, 0], [2, 2, 0])}
UNITS = {"d/a": ([[0, 1], [1, 1]], [[0, 1], [1, 0]]), "d/b": ([[0, 0]], [[0, 1]])}


def test_a_file_and_its_folder_are_read_alike(tmp_path: Path) -> None:
    results = made(rows(PEOPLE, 0) + rows(PEOPLE, 1))
    file = written(tmp_path / "results.json", results)
    assert read_results(file) == read_results(tmp_path) == results
    units = made(rows(UNITS), ("1", "4"), task="units", later_key="is left alone")
    assert read_results(written(tmp_path / "other.json", units))["later_key"] == "is left alone"


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
        ({"version": 2}, "results of version 2, this emonas reads version 1; train again"),
        ({"uar": 1.2}, 'damaged: "uar" cannot be 1.2'),
        ({"task": "faces"}, '"task" cannot be "faces"'),
        ({"classes": "abc"}, '"classes" cannot be'),
        ({"n_samples": 6}, 'has not answered on 6 samples, as "n_samples" says'),
        ({"n_samples": True}, '"n_samples" cannot be true'),
        ({"spread": {"uar": {"std": None, "low": 0.1, "high": 0.2}}}, '"spread" cannot be'),
        ({"leaks": [1]}, '"leaks" cannot be'),
        ({"seeds": [0, 1]}, "has not answered on 5 samples"),
        ({"seeds": [5]}, 'row 1: its seed is not among the "seeds"'),
        ({"per_fold": []}, "lists no folds"),
        ({"per_fold": [3]}, "row 1: is no object"),
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
        (lambda row: row.pop("clips"), 'row 2: "clips" is missing'),
        (lambda row: row["clips"].pop(), "row 2: names other than 3 samples"),
        (lambda row: row["truth"].pop(), 'row 2: "truth" does not hold 3 answers from 0 to 2'),
        (lambda row: row["predictions"].__setitem__(0, 3), 'row 2: "predictions" does not hold 3 answers'),
        (lambda row: row["predictions"].__setitem__(0, "1"), 'row 2: "predictions" does not hold 3 answers'),
        (lambda row: row["predictions"].__setitem__(0, [1, 2]), 'row 2: "predictions" has lists of different lengths'),
        (lambda row: row["people"].__setitem__(0, "nobody"), 'row 2: "people" cannot be'),
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
