"""Folds, seeds and processes: however a training is computed, it is the same training."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from known_cells import PROVENANCE, cell_of
from quick_training import genotype_file, quick
from small import small_macro, small_micro

from emonas.datasets.store.config import PrepareConfig
from emonas.datasets.store.fingerprint import csv_text, fingerprint_of, read_table
from emonas.datasets.store.prepared import FACTS, FORMAT, TABLE, Prepared
from emonas.errors import UserError
from emonas.evaluate.train import fold as fold_module
from emonas.evaluate.train import run as run_module
from emonas.evaluate.train.config import TrainConfig
from emonas.evaluate.train.fold_task import FoldTask, fold_tasks
from emonas.evaluate.train.plan import resolve
from emonas.evaluate.train.run import run_training
from emonas.genotype import Genotype
from emonas.records import read_record, write_record
from emonas.training.losses import EpochScore
from emonas.training.trainer import Trainer

FOLDED = {"protocol": "kfold", "folds": 4, "epochs": 2}


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> Prepared:
    return small_macro(monkeypatch)


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folds are trained in float64, so that a difference is one of the training and not of the arithmetic.

    Networks trained as one add the same numbers in another order than alone. In float32 that soon turns a ReLU or a
    maximum the other way, and how far it then reaches, into the third digit of an answer, depends on the machine. In
    float64 the weights agree to some thirteen digits, and six digits of an answer are written.
    """
    built, drawn, in_order = fold_module.build_network, fold_module.training_batches, fold_module.evaluation_batches
    monkeypatch.setattr(fold_module, "build_network", lambda *rest: built(*rest).double())
    # The trial that tells the time beforehand takes pictures in float32.
    monkeypatch.setattr(run_module, "seconds_per_step", lambda *_: 0.0)
    monkeypatch.setattr(
        fold_module, "training_batches", lambda *rest: ((x.double(), targets) for x, targets in drawn(*rest))
    )
    monkeypatch.setattr(fold_module, "evaluation_batches", lambda *rest: (x.double() for x in in_order(*rest)))


def assert_same_answers(found: Path, expected: Path) -> None:
    """Two runs in float64 have answered alike: six digits are written, of which the last may be rounded either way."""
    there, wanted = answers(found), answers(expected)
    assert there.keys() == wanted.keys() and len(wanted) == 4
    for name, probabilities in wanted.items():
        np.testing.assert_allclose(there[name], probabilities, rtol=0, atol=1.5e-6)


def answers(run: Path) -> dict[str, list[list[float]]]:
    return {
        path.parent.name: json.loads(path.read_text())["probabilities"]
        for path in sorted(run.glob("seed*/*/predictions.json"))
    }


def test_folds_trained_as_one_network_answer_as_those_trained_one_after_the_other(
    prepared: Prepared, tmp_path: Path, exact: None
) -> None:
    config = quick(tmp_path, genotype_file(tmp_path, prepared), **FOLDED, epoch_rule="inner")
    run_training(config)
    results = run_training(replace(config, out=tmp_path / "together", together=4))
    assert_same_answers(tmp_path / "together", tmp_path / "run")
    assert results.n_folds == 4


def test_a_training_begun_as_one_network_goes_on_fold_by_fold(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exact: None
) -> None:
    monkeypatch.setattr(fold_module, "_SAVE_EVERY", 0.0)
    config = quick(tmp_path, genotype_file(tmp_path, prepared), **FOLDED)
    run_training(config)
    plain = fold_module.FoldTraining.finish

    def stop(self: fold_module.FoldTraining, epoch: int, score: object) -> None:
        if epoch == 1:
            raise KeyboardInterrupt
        plain(self, epoch, score)  # type: ignore[arg-type]

    begun = replace(config, out=tmp_path / "begun", together=4)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(fold_module.FoldTraining, "finish", stop)
        run_training(begun)
    assert len(list((tmp_path / "begun").glob("seed0/*/checkpoint.pt"))) == 4
    run_training(replace(begun, together=1))
    assert_same_answers(tmp_path / "begun", tmp_path / "run")


def test_where_memory_is_short_fewer_folds_are_trained_together(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plain, sizes = run_module.train_together, []

    def short_of_memory(tasks: list[FoldTask]) -> dict[str, str]:
        sizes.append(len(tasks))
        if len(tasks) > 1:
            raise torch.OutOfMemoryError
        return plain(tasks)

    monkeypatch.setattr(run_module, "train_together", short_of_memory)
    run_training(quick(tmp_path, genotype_file(tmp_path, prepared), **{**FOLDED, "epochs": 1}, together=4))
    assert sizes == [4, 2, 1, 1, 1, 1]
    assert len(answers(tmp_path / "run")) == 4
    assert "going on with 2 together" in capsys.readouterr().err


def test_folds_with_cells_of_their_own_are_not_trained_as_one(prepared: Prepared, tmp_path: Path, exact: None) -> None:
    for i, operation in enumerate(("max_pool_3x3", "avg_pool_3x3", "sep_conv_3x3", "max_pool_3x3")):
        cell = cell_of(operation, nodes=1)
        Genotype(cell, cell, 3, 2, prepared.classes, PROVENANCE).save(
            tmp_path / "by" / f"fold{i + 1}" / "genotype.json"
        )
    config = quick(tmp_path, tmp_path / "by", **FOLDED, dataset="small")
    one_by_one = run_training(config)
    least, most = one_by_one.model.parameters_of_folds or (0, 0)
    assert least < one_by_one.parameters < most
    run_training(replace(config, out=tmp_path / "together", together=4))
    assert_same_answers(tmp_path / "together", tmp_path / "run")


def test_a_ruined_fold_is_left_behind_by_those_trained_with_it(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = quick(tmp_path, genotype_file(tmp_path, prepared), **FOLDED, together=2)
    plain = fold_module.epoch_together

    def ruin(trainers: list[Trainer], *rest: object) -> list[EpochScore]:
        scores = plain(trainers, *rest)  # type: ignore[arg-type]
        return [EpochScore(float("nan"), 0.0), *scores[1:]] if len(trainers) == 2 and rest[1] == 1 else scores

    with monkeypatch.context() as patch, pytest.raises(UserError, match=r"fold1: the loss became nan.*2 of 4 folds"):
        patch.setattr(fold_module, "epoch_together", ruin)
        run_training(config)
    assert set(answers(tmp_path / "run")) == {"fold2", "fold4"}
    run_training(config)
    assert len(answers(tmp_path / "run")) == 4


def test_processes_give_the_answers_of_one(prepared: Prepared, tmp_path: Path) -> None:
    config = quick(tmp_path, genotype_file(tmp_path, prepared), **{**FOLDED, "folds": 2}, epoch_rule="last")
    run_training(config)
    run_training(replace(config, out=tmp_path / "processes", jobs=2))
    assert answers(tmp_path / "processes") == answers(tmp_path / "run")


def test_seeds_give_a_mean_and_a_spread_and_more_may_be_added(prepared: Prepared, tmp_path: Path) -> None:
    config = quick(tmp_path, genotype_file(tmp_path, prepared))
    one = run_training(config)
    assert one.spread.uar.std is None
    stamp = (tmp_path / "run" / "seed0" / "fixed" / "checkpoint.pt").stat().st_mtime_ns
    three = run_training(replace(config, seeds=3))
    assert (tmp_path / "run" / "seed0" / "fixed" / "checkpoint.pt").stat().st_mtime_ns == stamp
    assert three.seeds == (0, 1, 2) and three.per_seed[0].uar == one.uar
    values = [row.uar for row in three.per_seed]
    assert three.uar == pytest.approx(np.mean(values))
    assert three.spread.uar.std == pytest.approx(np.std(values, ddof=1))
    assert three.n_samples == one.n_samples
    assert np.array(three.confusion).sum() == 3 * one.n_samples


def test_a_broken_fold_loses_no_other_and_is_done_by_the_same_command(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = quick(tmp_path, genotype_file(tmp_path, prepared), **FOLDED)
    plain = Trainer.epoch
    begun: list[str] = []

    def ruin(self: Trainer, *arguments: object) -> object:
        begun.append("")
        if len(begun) == 3:
            raise UserError("the loss became nan")
        return plain(self, *arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch, pytest.raises(UserError, match=r"fold\d: the loss became nan.* 3 of 4 folds"):
        patch.setattr(Trainer, "epoch", ruin)
        patch.setattr("emonas.evaluate.train.run.seconds_per_step", lambda *_: 0.0)
        run_training(config)
    done = {path.parent.name: path.stat().st_mtime_ns for path in (tmp_path / "run").glob("seed0/*/predictions.json")}
    assert len(done) == 3
    run_training(config)
    for name, stamp in done.items():
        assert (tmp_path / "run" / "seed0" / name / "predictions.json").stat().st_mtime_ns == stamp
    assert len(answers(tmp_path / "run")) == 4


def test_a_well_known_network_is_trained_under_the_same_protocol(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    small_macro(monkeypatch, size=32, name="larger")
    config = TrainConfig(
        arch="mobilenet_v3_small", dataset="larger", out=tmp_path / "run", device="cpu", epochs=1, batch_size=8
    )
    results = run_training(config)
    assert results.model.arch == "mobilenet_v3_small"
    assert results.parameters == results.model.parameters > 1_000_000
    assert results.leaks == () and results.search_saw_test_subjects is False


def test_action_units_are_detected_with_a_score_each(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    prepared = small_macro(monkeypatch)
    units = sorted({unit for sample in prepared.samples for unit in sample.action_units}, key=int)[:3]
    config = quick(tmp_path, genotype_file(tmp_path, prepared), units=tuple(units), epoch_rule="inner", epochs=2)
    results = run_training(config)
    assert (results.task, results.classes, results.confusion) == ("units", tuple(units), None)
    assert [row.name for row in results.per_class] == units
    shown = [sum(truth) for truth in zip(*results.per_fold[0].truth, strict=True)]
    assert [row.n for row in results.per_class] == shown
    together = replace(config, out=tmp_path / "kfold", protocol="kfold", folds=2, together=2)
    assert run_training(together).n_folds == 2


def test_choosing_the_epoch_on_the_tested_people_finds_skill_where_there_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Labels drawn at random: nothing can be learnt, chance is a third, and yet."""
    prepared = small_micro(
        monkeypatch, PrepareConfig(size=16, representation="dynamic"), subjects=9, clips=4, name="lots"
    )
    columns, rows = read_table(prepared.folder / TABLE)
    luck = np.random.default_rng(0)
    table = csv_text(columns, [{**row, "label": str(luck.choice(prepared.classes))} for row in rows])
    (prepared.folder / TABLE).write_text(table)
    facts = read_record(prepared.folder / FACTS, FORMAT)
    write_record(prepared.folder / FACTS, replace(facts, fingerprint=fingerprint_of(facts.pixels, table)), FORMAT)
    cell = cell_of("max_pool_3x3", nodes=1)
    Genotype(cell, cell, 3, 4, prepared.classes, PROVENANCE).save(tmp_path / "g.json")
    options = {"dataset": "lots", "protocol": "loso", "epochs": 10, "learning_rate": 0.1, "no_auxiliary": True}
    config = quick(tmp_path, tmp_path / "g.json", **options)
    honest = run_training(config)
    capsys.readouterr()
    flattering = run_training(replace(config, epoch_rule="test-best", out=tmp_path / "flattering"))
    assert abs(honest.uar - 1 / 3) < 0.15
    assert flattering.uar > honest.uar + 0.15
    said = capsys.readouterr()
    assert "selected on the test subject" in " ".join(said.out.split())
    assert "selected on the test subject" in " ".join(said.err.split())
    for name in ("results.json", "results.csv", "results.tex", "report.html"):
        assert "selected on the test subject" in (tmp_path / "flattering" / name).read_text(), name
        assert "selected on the test subject" not in (tmp_path / "run" / name).read_text(), name


def test_a_set_that_was_prepared_anew_in_between_is_refused(prepared: Prepared, tmp_path: Path) -> None:
    genotype = genotype_file(tmp_path, prepared)
    task = replace(fold_tasks(resolve(quick(tmp_path, genotype)))[0], fingerprint="another")
    with pytest.raises(UserError, match="prepared anew"):
        fold_module.train_fold(task)
