"""Two results side by side: the difference, its interval and its p; and what may not be compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import assert_one_line_and_status_2, call
from small_results import Answers, made, rows, written

from emonas.errors import UserError
from emonas.evaluate.compare.cli import app
from emonas.evaluate.compare.compare import compare, two_sided
from emonas.evaluate.compare.words import describe_comparison

PEOPLE, CLIPS = 20, 6


def answers(right: float, seed: int = 1, people: int = PEOPLE) -> Answers:
    """Of each person's clips the share ``right`` is told, the others are taken for the next class."""
    luck = np.random.default_rng(seed)
    found = {}
    for person in range(people):
        truth = np.arange(CLIPS) % 3
        told = np.where(luck.random(CLIPS) < right, truth, (truth + 1) % 3)
        found[f"casme2/{person:02}"] = (truth.tolist(), told.tolist())
    return found


@pytest.fixture
def weak(tmp_path: Path) -> Path:
    return written(tmp_path / "weak.json", made(rows(answers(0.5))))


@pytest.fixture
def strong(tmp_path: Path) -> Path:
    return written(tmp_path / "strong.json", made(rows(answers(0.8, seed=2))))


def changed(tmp_path: Path, per_fold: list[dict[str, Any]] | None = None, **changes: Any) -> Path:
    return written(tmp_path / "changed.json", made(per_fold or rows(answers(0.8, seed=2)), **changes))


def test_a_clear_difference_is_found_from_both_sides(weak: Path, strong: Path) -> None:
    forth, back = compare(weak, strong, 2000), compare(strong, weak, 2000)
    for one, other in zip(forth.differences, back.differences, strict=True):
        assert one.low is not None and one.high is not None and one.p is not None and other.low is not None
        assert one.low > 0 and one.p < 0.01
        assert one.difference == pytest.approx(one.b - one.a)
        assert one.low < one.difference < one.high
        assert (other.difference, other.low) == pytest.approx((-one.difference, -one.high))
        assert other.p == pytest.approx(one.p)
    assert describe_comparison(forth)[0].startswith(f"B is better by {forth.differences[2].difference:.3f} UAR\n")
    assert describe_comparison(back)[0].replace("A", "B") == describe_comparison(forth)[0].replace("A", "B")
    assert "paired bootstrap over 20 subjects" in describe_comparison(forth)[0]


def test_what_makes_people_hard_falls_out_of_the_difference(tmp_path: Path) -> None:
    # Half of the people are always told, half never; B tells one clip more of every one that is not.
    easy, hard, better = [0, 1, 2, 0, 1, 2], [1, 2, 0, 1, 2, 0], [0, 2, 0, 1, 2, 0]
    sides = [
        {f"d/{i:02}": (easy, easy if i % 2 else told) for i in range(PEOPLE)} for told in (hard, better)
    ]  # fmt: skip
    a, b = (written(tmp_path / f"{i}.json", made(rows(side))) for i, side in enumerate(sides))
    found = compare(a, b, 2000)
    assert found.differences[0].p is not None and found.differences[0].p < 0.01
    alone = made(rows(sides[0]))["spread"]["accuracy"]
    accuracy = found.differences[0]
    assert accuracy.high is not None and accuracy.low is not None
    assert accuracy.high - accuracy.low < 0.3 * (alone["high"] - alone["low"])


def test_a_result_beside_itself_is_no_difference(weak: Path) -> None:
    found = compare(weak, weak, 500)
    assert {(one.difference, one.low, one.high, one.p) for one in found.differences} == {(0, 0, 0, 1)}
    assert found.mcnemar is not None and found.mcnemar.p == 1
    assert describe_comparison(found)[0] == "A and B have the same UAR, whoever is drawn"


def test_p_counts_the_resamples_on_the_smaller_side_twice() -> None:
    # 2 of 99 at or below zero: 2 (2 + 1) / (99 + 1); the undefined one is left out
    differences = np.array([-1.0, 0.0, *[1.0] * 97, np.nan])
    assert two_sided(differences) == two_sided(-differences) == pytest.approx(0.06)
    assert np.isnan(two_sided(np.array([np.nan])))


def test_mcnemar_counts_the_samples_that_only_one_tells(tmp_path: Path) -> None:
    truth = [0] * 10
    sides = ([0, 1, 1, 1, 1, 1, 1, 0, 0, 1], [1, 0, 0, 0, 0, 0, 0, 0, 0, 1])
    a, b = (
        written(tmp_path / f"{i}.json", made(rows({"d/a": (truth, told), "d/b": ([1, 2], [1, 2])})))
        for i, told in enumerate(sides)
    )
    test = compare(a, b, 200).mcnemar
    assert test is not None
    # exact: 2 (C(7, 0) + C(7, 1)) / 2^7
    assert (test.samples, test.only_a, test.only_b) == (12, 1, 6)
    assert test.p == pytest.approx(16 / 128)
    assert "not independent" in " ".join(describe_comparison(compare(a, b, 200)))


def test_clips_are_matched_by_name_not_by_order(weak: Path, strong: Path, tmp_path: Path) -> None:
    turned = [
        {**row, **{key: row[key][::-1] for key in ("clips", "positions", "truth", "predictions")}}
        for row in rows(answers(0.8, seed=2))[::-1]
    ]
    assert compare(weak, changed(tmp_path, turned), 500).differences == compare(weak, strong, 500).differences


def test_seeds_are_averaged_on_each_side(weak: Path, tmp_path: Path) -> None:
    several = changed(tmp_path, [row for seed in (0, 1, 2) for row in rows(answers(0.8, seed=seed), seed)])
    found = compare(weak, several, 500)
    assert found.b.results.seeds == (0, 1, 2)
    assert found.mcnemar is None
    assert [one.b for one in found.differences] == pytest.approx(
        [getattr(found.b.results, key) for key in ("accuracy", "uf1", "uar")]
    )


def test_the_same_seed_gives_the_same_numbers(weak: Path, strong: Path) -> None:
    assert compare(weak, strong, 500, 3).differences == compare(weak, strong, 500, 3).differences
    assert compare(weak, strong, 500, 3).differences != compare(weak, strong, 500, 4).differences


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"database": "samm"}, "the data set of A is casme2, of B samm"),
        ({"protocol": "kfold"}, "the protocol of A is loso, of B kfold"),
        ({"n_folds": 5}, "the number of folds of A is 20, of B 5"),
        ({"classes": ("bad", "good", "new")}, "the classes of A is negative, positive, surprise, of B bad, good, new"),
        ({"version": 2}, '"version" is 2, this emonas reads version 1'),
    ],
)
def test_what_is_not_the_same_is_not_compared(
    changes: dict[str, Any], reason: str, weak: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert_one_line_and_status_2(call(app, [str(weak), str(changed(tmp_path, **changes))], capsys), reason)


def test_missing_samples_are_counted(weak: Path, tmp_path: Path) -> None:
    fewer = dict(answers(0.8))
    fewer["casme2/99"] = fewer.pop("casme2/00")
    fewer["casme2/01"] = ([0], [0])
    with pytest.raises(UserError, match=r"11 of A's 120 are missing in B, 6 of B's 115 in A"):
        compare(weak, changed(tmp_path, rows(fewer)))


def test_other_labels_of_the_same_clips_are_refused(weak: Path, tmp_path: Path) -> None:
    relabelled = dict(answers(0.8))
    relabelled["casme2/00"] = ([1, *relabelled["casme2/00"][0][1:]], relabelled["casme2/00"][1])
    with pytest.raises(UserError, match="1 of 120 samples have another true class in B"):
        compare(weak, changed(tmp_path, rows(relabelled)))


@pytest.mark.parametrize(
    ("changes", "warning", "clean"),
    [
        ({"epoch_rule": "test-best"}, "the epochs of B were selected on the test subject", False),
        ({"leaks": ["the search saw 3 people."]}, "not clean: B: the search saw 3 people.", False),
        ({"search_saw_test_subjects": True}, "the search for the cells of B saw tested people", False),
        ({"search_saw_test_subjects": None}, "of B it cannot be told whether its search saw", True),
        ({"epoch_rule": "inner", "epoch_rule_in_words": "best inner epoch"}, "different rules; A: last epoch", True),
        ({"dataset": "micro-flow"}, "prepared differently: micro and micro-flow", True),
    ],
)
def test_what_is_not_clean_or_not_alike_is_said(
    changes: dict[str, Any], warning: str, clean: bool, weak: Path, tmp_path: Path
) -> None:
    found = compare(weak, changed(tmp_path, **changes), 200)
    assert any(warning in said for said in found.warnings)
    assert found.b.clean is clean and found.a.clean


def test_folds_with_other_people_are_said(tmp_path: Path) -> None:
    per_fold = rows(answers(0.8, people=4))
    pairs = [[(0, 1), (2, 3)], [(0, 2), (1, 3)]]
    keys = ("people", "clips", "positions", "truth", "predictions", "confidence")
    sides = [
        [{**per_fold[i], "n": 12, **{key: per_fold[i][key] + per_fold[j][key] for key in keys}} for i, j in pair]
        for pair in pairs
    ]
    a, b = (written(tmp_path / f"{i}.json", made(side, n_subjects=4)) for i, side in enumerate(sides))
    assert any("trained on different people" in said for said in compare(a, b, 200).warnings)
    assert not any("trained on different people" in said for said in compare(a, a, 200).warnings)


def test_what_the_interval_cannot_say_is_said(weak: Path, tmp_path: Path) -> None:
    (one_seed,) = compare(weak, weak, 200).warnings
    assert one_seed.startswith("A and B were trained with one seed: the interval tells of other people")
    several = [row for seed in (0, 1) for row in rows(answers(0.8, seed, people=4), seed)]
    few = changed(tmp_path, several)
    assert compare(few, few, 200).warnings == (
        "only 4 people: the interval is too narrow and p too small, since others may differ more",
    )


def test_one_subject_has_a_difference_but_no_interval(tmp_path: Path) -> None:
    a, b = (
        written(tmp_path / f"{told}.json", made(rows({"d/a": ([0, 1, 2], [0, 1, told])}), n_subjects=1))
        for told in (1, 2)
    )
    found = compare(a, b, 200)
    assert found.differences[0].difference == pytest.approx(1 / 3)
    assert (found.differences[0].low, found.differences[0].p) == (None, None)
    assert "B - A is +0.333 accuracy; one subject alone allows no interval and no test" in describe_comparison(found)


def test_action_units_are_compared_without_mcnemar(tmp_path: Path) -> None:
    luck = np.random.default_rng(0)
    truth = {f"disfa/{i}": luck.integers(2, size=(8, 3)) for i in range(12)}
    sides = [
        {one: (t.tolist(), np.where(luck.random(t.shape) < right, t, 1 - t).tolist()) for one, t in truth.items()}
        for right in (0.6, 0.9)
    ]
    a, b = (
        written(tmp_path / f"{i}.json", made(rows(side), ("1", "2", "4"), task="units")) for i, side in enumerate(sides)
    )
    found = compare(a, b, 500)
    assert found.mcnemar is None
    assert found.differences[1].low is not None and found.differences[1].low > 0


def test_the_command_fits_into_80_columns_and_says_who_is_better(
    weak: Path, strong: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    done = call(app, [str(weak.parent / "weak.json"), str(strong), "--resamples", "500"], capsys)
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "B is better by" in done.stdout and "last epoch, fixed beforehand" in done.stdout
    assert "leave one subject out" in done.stdout and "none found" in done.stdout


def test_the_command_speaks_json(weak: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leaky = changed(tmp_path, leaks=["the search saw everybody"])
    data = json.loads(call(app, [str(weak), str(leaky), "--json", "--resamples", "500"], capsys).stdout)
    assert data["differences"]["uar"]["b"] > data["differences"]["uar"]["a"]
    assert (data["people"], data["samples"], data["clean"]) == (20, 120, False)
    assert data["b"]["leaks"] == ["the search saw everybody"]
    assert data["mcnemar"]["p"] < 0.01


def test_bad_options_are_refused_in_one_line(weak: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert_one_line_and_status_2(call(app, [str(weak), str(weak), "--resamples", "9"], capsys), "200")
    assert_one_line_and_status_2(call(app, [str(weak), "nowhere"], capsys), "nowhere: no such file")
