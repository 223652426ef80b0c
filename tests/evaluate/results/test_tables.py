"""A result as CSV and LaTeX: every answer in its row, the conditions beside the scores, nothing read as markup."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from made_results import made_results
from small import small_macro
from small_results import results_of

from emonas.datasets.store.prepared import Prepared
from emonas.evaluate.results.tables import COLUMNS, latex, write_csv, write_tex


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> Prepared:
    return small_macro(monkeypatch)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_answer_of_every_seed_has_a_row(prepared: Prepared, tmp_path: Path) -> None:
    results = made_results(prepared)
    rows = rows_of(write_csv(tmp_path, results_of(results)))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 3 * len(prepared.samples)
    of_seed = [int(row["right"]) for row in rows if row["seed"] == "1"]
    assert sum(of_seed) / len(of_seed) == pytest.approx(results["per_seed"][1]["accuracy"])
    assert all((row["truth"] == row["prediction"]) == (row["right"] == "1") for row in rows)
    sample = prepared.samples[0]
    assert {row["truth"] for row in rows if (row["person"], row["clip"]) == (sample.person, sample.clip)} == {
        sample.label
    }


def test_names_with_commas_quotes_and_line_breaks_come_back(prepared: Prepared, tmp_path: Path) -> None:
    results = made_results(prepared, seeds=(0,))
    results["per_fold"][0]["clips"][0] = 'a, "b"\nc'
    assert rows_of(write_csv(tmp_path, results_of(results)))[0]["clip"] == 'a, "b"\nc'


def test_no_answer_is_a_formula(prepared: Prepared, tmp_path: Path) -> None:
    results = made_results(prepared, seeds=(0,))
    results["per_fold"][0]["clips"][0] = "=HYPERLINK(1)"
    results["classes"] = [f"-{name}" for name in results["classes"]]
    for row in rows_of(write_csv(tmp_path, results_of(results))):
        assert not [cell for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]


def test_units_are_named_and_right_only_together(prepared: Prepared, tmp_path: Path) -> None:
    fold = {
        "seed": 0,
        "fold": "a",
        "subjects": [],
        "n": 2,
        "epoch": 1,
        "positions": [0, 1],
        "people": ["d/a"] * 2,
        "clips": ["x", "y"],
    }
    answers = {"truth": [[1, 0, 1], [0, 0, 0]], "predictions": [[1, 0, 0], [0, 0, 0]], "confidence": []}
    results = made_results(prepared, classes=["1", "2", "12"], task="units", per_fold=[{**fold, **answers}])
    rows = rows_of(write_csv(tmp_path, results_of(results)))
    assert [(row["truth"], row["prediction"], row["right"]) for row in rows] == [("1 12", "1", "0"), ("", "", "1")]
    assert {row["confidence"] for row in rows} == {""}


def test_the_row_for_latex_has_the_columns_of_its_head(prepared: Prepared, tmp_path: Path) -> None:
    head, row = write_tex(tmp_path, results_of(made_results(prepared))).read_text().splitlines()
    assert head.startswith("% dataset & subjects & samples &")
    assert head.count(" & ") == row.count(" & ") == 8
    assert row.endswith(r" \\") and r"12\,345" in row and row.count(r"$\pm$") == 3
    assert "& 6 & 42 &" in row and "selected on" not in row


def test_one_seed_has_no_spread(prepared: Prepared, tmp_path: Path) -> None:
    assert r"\pm" not in write_tex(tmp_path, results_of(made_results(prepared, seeds=(0,)))).read_text()


@pytest.mark.parametrize("words", ["best epoch on the tested people: selected on the test subject", "best epoch"])
def test_a_row_that_was_selected_on_the_test_says_so_once(prepared: Prepared, tmp_path: Path, words: str) -> None:
    results = made_results(prepared, epoch_rule="test-best", epoch_rule_in_words=words)
    assert write_tex(tmp_path, results_of(results)).read_text().count("selected on the test subject") == 1


def test_people_who_are_not_named_are_unknown(prepared: Prepared, tmp_path: Path) -> None:
    assert "& unknown &" in write_tex(tmp_path, results_of(made_results(prepared, n_subjects=None))).read_text()


def test_names_are_no_latex() -> None:
    assert latex("a_b & 5% \\x\n{y} #1 $z$ ~ ^") == (
        r"a\_b \& 5\% \textbackslash{}x \{y\} \#1 \$z\$ \textasciitilde{} \textasciicircum{}"
    )
