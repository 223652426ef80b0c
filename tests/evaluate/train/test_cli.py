"""A whole training: folds, pooled results, leaks named, runs continued."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from killing import kill_after_a_while, same_tensors
from quick_training import genotype_file, quick
from small import QUICK, assert_one_line_and_status_2, call, command, small_macro

from emonas.datasets.protocols.protocol import folds
from emonas.datasets.store.prepared import Prepared
from emonas.errors import UserError
from emonas.evaluate.train.cli import app
from emonas.evaluate.train.config import TrainConfig
from emonas.evaluate.train.network import StackedCells, default_channels
from emonas.evaluate.train.plan import fit_schedule, resolve
from emonas.evaluate.train.run import run_training
from emonas.evaluate.train.task import inner_validation
from emonas.genotype import Genotype
from emonas.search.config import SearchConfig
from emonas.search.run import run_search
from emonas.training import checkpoint

CONTRACT = {
    "format", "version", "dataset", "protocol", "classes", "n_samples", "n_subjects", "n_folds", "seeds", "epoch_rule",
    "accuracy", "uf1", "uar", "confusion", "per_fold", "parameters", "search_saw_test_subjects", "leaks", "spread",
}  # fmt: skip


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> Prepared:
    return small_macro(monkeypatch)


def test_results_hold_what_is_promised(prepared: Prepared, tmp_path: Path) -> None:
    run_training(quick(tmp_path, genotype_file(tmp_path, prepared)))
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert set(results) >= CONTRACT
    tested = [sample for sample in prepared.samples if sample.part == "test"]
    assert results["n_samples"] == len(tested) == sum(map(sum, results["confusion"]))
    assert results["n_subjects"] == len({sample.person for sample in tested})
    assert results["search_saw_test_subjects"] is False
    fold = results["per_fold"][0]
    assert fold["n"] == len(fold["truth"]) == len(fold["predictions"]) == len(tested)
    assert (tmp_path / "run" / "confusion.png").exists() and (tmp_path / "run" / "genotype.json").exists()


def test_loso_pools_the_answers_of_all_folds(prepared: Prepared, tmp_path: Path) -> None:
    results = run_training(quick(tmp_path, genotype_file(tmp_path, prepared), protocol="loso", epochs=1))
    assert results.n_folds == len(prepared.subjects) == len(results.per_fold)
    truth = np.concatenate([fold.truth for fold in results.per_fold])
    answers = np.concatenate([fold.predictions for fold in results.per_fold])
    assert results.n_samples == len(prepared.samples)
    assert results.accuracy == pytest.approx((truth == answers).mean())


def test_a_search_that_saw_the_tested_people_is_named(
    prepared: Prepared, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    genotype = genotype_file(tmp_path, prepared, subjects=prepared.subjects)
    results = run_training(quick(tmp_path, genotype, protocol="loso", epochs=1))
    assert results.search_saw_test_subjects is True
    assert list(results.seen_subjects) == sorted(prepared.subjects)
    said = capsys.readouterr().err
    assert "emonas-search --protocol loso" in said


def test_cells_searched_fold_by_fold_are_clean(prepared: Prepared, tmp_path: Path) -> None:
    options = {"dataset": "small", "device": "cpu", "cells": 3, "channels": 2, "batch_size": 8, "epochs": 1}
    run_search(SearchConfig(out=tmp_path / "search", protocol="kfold", folds=3, **options))  # type: ignore[arg-type]
    config = quick(tmp_path, tmp_path / "search", protocol="kfold", folds=3, epochs=1)
    assert run_training(config).search_saw_test_subjects is False
    with pytest.raises(UserError, match="holds cells for 3 folds"):
        run_training(replace(config, protocol="loso", out=tmp_path / "other"))


def test_inner_validation_never_holds_a_tested_person(prepared: Prepared) -> None:
    for fold in folds(prepared.samples, "loso"):
        learn, inner = inner_validation(prepared, fold, seed=0)
        sides = [{prepared.samples[i].person for i in part} for part in (learn, inner, fold.test)]
        assert sides[0] and sides[1]
        assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])


def test_the_inner_rule_names_its_epoch(prepared: Prepared, tmp_path: Path) -> None:
    results = run_training(quick(tmp_path, genotype_file(tmp_path, prepared), epoch_rule="inner", epochs=3))
    assert results.epoch_rule == "inner" and "held out" in results.epoch_rule_in_words
    assert 1 <= results.per_fold[0].epoch <= 3


def test_the_data_set_comes_from_the_genotype(prepared: Prepared, tmp_path: Path) -> None:
    genotype = genotype_file(tmp_path, prepared)
    done = command("evaluate.train", "--genotype", genotype, "--epochs", 1, *QUICK, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "unseen people" in done.stdout and "chance" in done.stdout and "about" in done.stdout
    assert max(map(len, done.stdout.splitlines()[3:10])) <= 80
    assert list(tmp_path.glob("runs/train-small-g/results.json"))


def test_a_killed_training_ends_bit_for_bit_like_one_never_killed(prepared: Prepared, tmp_path: Path) -> None:
    genotype = genotype_file(tmp_path, prepared)

    def line(out: str) -> list[object]:
        return ["--genotype", genotype, "--protocol", "kfold", "--folds", 2, "--epochs", 3, "--out", out, *QUICK]

    assert command("evaluate.train", *line("whole"), cwd=tmp_path).returncode == 0
    for fold, delay in (("fold1", 0.05), ("fold2", 0.0)):
        marker = tmp_path / "cut" / "seed0" / fold / "checkpoint.pt"
        kill_after_a_while("evaluate.train", line("cut"), tmp_path, marker, delay)
    again = command("evaluate.train", *line("cut"), cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    for fold in ("fold1", "fold2"):
        cut, whole = (tmp_path / run / "seed0" / fold for run in ("cut", "whole"))
        assert (cut / "predictions.json").read_text() == (whole / "predictions.json").read_text()
        assert same_tensors(checkpoint.load(cut / "checkpoint.pt"), checkpoint.load(whole / "checkpoint.pt"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["--genotype"]),
        (["--genotype", "nowhere.json"], ["nowhere.json"]),
        (["--genotype", "empty"], ["empty", "no genotype.json"]),
        (["--genotype", "cut.json"], ["cut.json", "not valid JSON"]),
        (["--genotype", "list.json"], ["list.json"]),
        (["--genotype", "g.json", "--dataset", "nothing"], ["no data set"]),
        (["--genotype", "g.json", "--protocol", "kfold", "--folds", "40"], ["40 folds"]),
        (["--genotype", "g.json", "--folds", "1"], ["--folds"]),
        (["--genotype", "g.json", "--epoch-rule", "best"], ["--epoch-rule"]),
        (["--genotype", "g.json", "--drop-path", "1.5"], ["--drop-path"]),
        (["--genotype", "g.json", "--batch-size", "0"], ["--batch-size"]),
        (["--genotype", "g.json", "--device", "cuda:9"], ["--device"]),
        (["--genotype", "g.json", "--out", "g.json"], ["g.json", "folder"]),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    prepared: Prepared,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: list[str],
) -> None:
    text = genotype_file(tmp_path, prepared).read_text()
    (tmp_path / "cut.json").write_text(text[:200])
    (tmp_path / "list.json").write_text("[1, 2]")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    assert_one_line_and_status_2(call(app, arguments, capsys), "emonas-train", *words)


def test_other_cells_in_the_same_folder_are_refused(prepared: Prepared, tmp_path: Path) -> None:
    run_training(quick(tmp_path, genotype_file(tmp_path, prepared), epochs=1))
    other = replace(Genotype.load(tmp_path / "g.json"), channels=4)
    other.save(tmp_path / "other.json")
    with pytest.raises(UserError, match="other options"):
        run_training(quick(tmp_path, tmp_path / "other.json", epochs=1))


@pytest.mark.parametrize(("samples", "large"), [(12, False), (140, False), (28709, False), (140, True), (28709, True)])
def test_defaults_fit_the_data_and_the_machine(samples: int, large: bool) -> None:
    config = TrainConfig(genotype=Path("g"))
    schedule = fit_schedule(config, False, samples, large)
    assert default_channels(16 if large else 8) == (24 if large else 16)
    assert schedule.batch_size in (8, 16, 32, 64) and 20 <= schedule.epochs <= 300
    assert fit_schedule(replace(config, epochs=7), False, samples, large).epochs == 7


def test_what_is_left_open_follows_the_cells_and_what_is_typed_stands(prepared: Prepared, tmp_path: Path) -> None:
    genotype = genotype_file(tmp_path, prepared)
    left_open = resolve(TrainConfig(genotype=genotype, device="cpu"))
    assert left_open.networks == [StackedCells(Genotype.load(genotype), 3, 8)] and left_open.task.names
    assert (left_open.protocol, left_open.out) == ("fixed", Path("runs/train-small-g"))
    typed = resolve(quick(tmp_path, genotype, channels=5, no_auxiliary=True))
    assert typed.networks == [StackedCells(Genotype.load(genotype), 3, 5, auxiliary=False)]


def test_a_run_begun_under_an_options_earlier_name_goes_on(prepared: Prepared, tmp_path: Path) -> None:
    config = quick(tmp_path, genotype_file(tmp_path, prepared), epochs=1, ema_decay=0.9)
    results = run_training(config)
    assert results.recipe["weight_average"] == 0.9
    path = tmp_path / "run" / "config.json"
    path.write_text(path.read_text().replace('"ema_decay"', '"weight_average"'))
    assert run_training(config).uar == results.uar
    with pytest.raises(UserError, match=r"ema_decay 0.9 -> 0.8"):
        run_training(replace(config, ema_decay=0.8))


def claim(run: Path, **changes: object) -> None:
    """Let a fold's checkpoint say something else."""
    path = run / "seed0/fixed/checkpoint.pt"
    checkpoint.save(path, {**checkpoint.load(path), **changes})


def ruin_weights(run: Path) -> None:
    state = checkpoint.load(run / "seed0/fixed/checkpoint.pt")
    state["trainer"]["network"]["classifier.bias"] *= float("nan")
    checkpoint.save(run / "seed0/fixed/checkpoint.pt", state)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda run: cut(run / "config.json"), ["config.json", "not valid JSON"]),
        (lambda run: (run / "config.json").write_text("[]"), ["config.json"]),
        (lambda run: (run / "config.json").write_bytes(b"\xff\xfe\x00"), ["config.json", "not a text file"]),
        (lambda run: (run / "config.json").unlink(), ["holds other files"]),
        (lambda run: (run / "config.json").write_text("{}"), ["other options"]),
        (lambda run: cut(run / "seed0/fixed/checkpoint.pt"), ["checkpoint.pt", "delete it"]),
        (lambda run: (run / "seed0/fixed/checkpoint.pt").write_text("hello"), ["checkpoint.pt", "delete it"]),
        (lambda run: (run / "seed0/fixed/checkpoint.pt").write_bytes(b""), ["checkpoint.pt", "delete it"]),
        (
            lambda run: checkpoint.save(run / "seed0/fixed/checkpoint.pt", {"epoch": 0}),
            ["checkpoint.pt", "another run"],
        ),
        (
            lambda run: checkpoint.save(
                run / "seed0/fixed/checkpoint.pt",
                {"epoch": 0, "best": None, "trainer": {"network": {}, "optimiser": {}}},
            ),
            ["checkpoint.pt", "another run"],
        ),
        (lambda run: claim(run, epoch=10**12), ["checkpoint.pt", "its epoch must be a whole number from 0 to 0"]),
        (lambda run: claim(run, epoch=-5), ["checkpoint.pt", "its epoch must be"]),
        (lambda run: claim(run, epoch=float("inf")), ["checkpoint.pt", "a number is inf"]),
        (lambda run: claim(run, best={"epoch": 0, "score": 1.0, "network": {}}), ["checkpoint.pt", "another rule"]),
        (lambda run: claim(run, history={"loss": [], "accuracy": [], "inner_uar": []}), ["the loss of 1 epochs"]),
        (lambda run: ruin_weights(run), ["checkpoint.pt", "NaN or infinite"]),
        (lambda run: (run / "seed0/fixed/predictions.json").write_text("{}"), ["predictions.json", "damaged"]),
        (lambda run: (run / "seed0/fixed/predictions.json").write_text("{"), ["predictions.json", "not valid JSON"]),
        (
            lambda run: (run / "seed0/fixed/predictions.json").write_text(
                '{"positions": [0], "probabilities": [[1, 0, 0, 0, 0, 0, 0]], "epoch": 1}'
            ),
            ["predictions.json", "another split"],
        ),
    ],
)
def test_a_damaged_run_folder_is_one_line_and_status_2(
    prepared: Prepared,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    harm: Callable[[Path], object],
    words: list[str],
) -> None:
    genotype = genotype_file(tmp_path, prepared)
    line = ["--genotype", str(genotype), "--epochs", "1", "--out", str(tmp_path / "run"), *QUICK]
    assert call(app, line, capsys).returncode == 0
    (tmp_path / "run" / "seed0" / "fixed" / "predictions.json").rename(tmp_path / "aside.json")
    harm(tmp_path / "run")
    assert_one_line_and_status_2(call(app, line, capsys), "emonas-train", *words)
