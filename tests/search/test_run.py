"""A whole search: whom it has seen, how it says no, and what several seeds give."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from small import QUICK, assert_one_line_and_status_2, call, small_macro
from tiny_search import hurry, kill_at_save, killed_while

from emonas.datasets.store.prepared import Prepared
from emonas.errors import UserError
from emonas.genotype import Genotype
from emonas.search import ranking
from emonas.search.cli import app
from emonas.search.config import SearchConfig
from emonas.search.ranking import Ranked
from emonas.search.run import run_search
from emonas.search.strategy import Architecture
from emonas.training.losses import EpochScore


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> Prepared:
    return small_macro(monkeypatch)


def quick(tmp_path: Path, **options: object) -> SearchConfig:
    plain = {"dataset": "small", "device": "cpu", "cells": 3, "channels": 2, "batch_size": 8, "epochs": 1}
    return SearchConfig(**{"out": tmp_path / "run", **plain, **options})  # type: ignore[arg-type]


def people(prepared: Prepared, part: str) -> set[str]:
    return {sample.person for sample in prepared.samples if sample.part == part}


def test_a_set_with_a_fixed_split_is_searched_on_its_training_part_only(prepared: Prepared, tmp_path: Path) -> None:
    genotype = run_search(quick(tmp_path))[""]
    assert set(genotype.provenance.subjects) == people(prepared, "train")
    assert genotype.provenance.protocol == "fixed"
    assert genotype.provenance.fingerprint == prepared.fingerprint
    assert "torch" in genotype.provenance.versions


def test_excluded_people_are_not_seen(prepared: Prepared, tmp_path: Path) -> None:
    out = sorted(people(prepared, "train"))[0]
    genotype = run_search(quick(tmp_path, protocol="all", exclude_subjects=(out.split("/")[1],)))[""]
    assert out not in genotype.provenance.subjects
    assert len(genotype.provenance.subjects) == len(prepared.subjects) - 1


def test_loso_makes_one_genotype_a_fold_that_has_not_seen_its_tested_person(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    found = run_search(quick(tmp_path, protocol="loso"))
    assert set(found) == set(prepared.subjects)
    for person, genotype in found.items():
        assert set(genotype.provenance.subjects) == set(prepared.subjects) - {person}
    assert len(list((tmp_path / "run").glob("*/genotype.json"))) == len(prepared.subjects)


def test_the_genotype_says_what_json_readers_need(prepared: Prepared, tmp_path: Path) -> None:
    genotype = run_search(quick(tmp_path))[""]
    data = genotype.as_json()
    assert {"format", "version", "operations", "normal", "reduction", "cells", "channels", "provenance"} <= set(data)
    assert {"dataset", "strategy", "seed", "subjects", "versions"} <= set(data["provenance"])
    assert Genotype.load(tmp_path / "run" / "genotype.json") == genotype


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--dataset", "nothing"], ["no data set", "synthetic-micro"]),
        (["--dataset", "fer2013"], ["not prepared", "Kaggle", "emonas-data prepare fer2013"]),
        (["--dataset", "./nowhere"], ["nowhere"]),
        (["--epochs", "0"], ["--epochs"]),
        (["--cells", "2"], ["--cells"]),
        (["--epochs", "many"], ["--epochs"]),
        (["--learning-rate", "-1"], ["--learning-rate"]),
        (["--strategy", "magic"], ["--strategy"]),
        (["--seed", "-1"], ["--seed"]),
        (["--device", "tpu"], ["--device"]),
        (["--colour", "red"], ["--colour"]),
        (["--dataset", "small", "--exclude-subjects", "nobody"], ["nobody"]),
        (["--skip-budget", "-1"], ["--skip-budget"]),
        (["--skip-budget", "few"], ["--skip-budget"]),
        (["--cost-weight", "-1"], ["--cost-weight"]),
        (["--cost", "watts"], ["--cost"]),
        (["--seeds", "0"], ["--seeds"]),
        (["--order", "3"], ["--order"]),
        (["--order", "1"], ["--order belongs to --strategy darts, not emonas"]),
        (["--strategy", "pdarts", "--search-cells"], ["--search-cells", "emonas or darts, not pdarts"]),
        (["--strategy", "pdarts", "--cuda-graphs"], ["--cuda-graphs", "pdarts"]),
        (["--strategy", "pcdarts", "--search-cells"], ["--search-cells", "not pcdarts"]),
        (["--strategy", "random", "--search-cells"], ["--search-cells", "not random"]),
        (["--search-cells", "--cells", "3"], ["--search-cells", "3 leave no choice"]),
        (["--strategy", "random", "--cost-weight", "1"], ["--cost-weight needs alphas"]),
        (["--strategy", "random", "--hessian-every", "1"], ["--hessian-every needs alphas"]),
        (["--strategy", "random", "--stop-skips", "2"], ["--stop-skips needs alphas"]),
        (["--strategy", "random", "--stop-skips", "0"], ["--stop-skips needs alphas"]),
        (["--strategy", "random", "--warm-up", "2"], ["--warm-up needs alphas"]),
        (["--stop-eigenvalue", "1.3"], ["--stop-eigenvalue needs --hessian-every"]),
        (["--dataset", "small", "--strategy", "pcdarts", "--channels", "6"], ["--channels 6", "multiple of 4"]),
        (["--dataset", "small", "--protocol", "kfold", "--folds", "50"], ["50 folds"]),
        (["--dataset", "small", "--out", "taken"], ["taken", "empty or new folder"]),
        (["--dataset", "small", "--out", "file"], ["file"]),
        (["--dataset", "small", "--out", "broken"], ["config.json"]),
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
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "letter.txt").write_text("dear")
    (tmp_path / "file").write_text("")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{")
    monkeypatch.chdir(tmp_path)
    assert_one_line_and_status_2(call(app, arguments, capsys), "emonas-search", *words)


def test_another_search_does_not_overwrite_a_run(
    prepared: Prepared, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = ["--dataset", "small", "--epochs", "1", "--out", str(tmp_path / "run"), *QUICK]
    assert call(app, first, capsys).returncode == 0
    kept = (tmp_path / "run" / "genotype.json").read_bytes()
    assert_one_line_and_status_2(call(app, [*first, "--seed", "5"], capsys), "seed 0 -> 5")
    assert (tmp_path / "run" / "genotype.json").read_bytes() == kept
    (tmp_path / "run" / "genotype.json").unlink()
    (tmp_path / "run" / "checkpoint.pt").write_bytes(b"cut")
    assert_one_line_and_status_2(call(app, first, capsys), "checkpoint.pt")


def test_too_few_people_for_two_halves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    prepared = small_macro(monkeypatch, subjects=3, name="few")
    train = [sample.subject for sample in prepared.samples if sample.part == "train"]
    keep = np.unique([name for name in train if name])[0]
    others = tuple({sample.subject for sample in prepared.samples if sample.subject} - {str(keep)})
    with pytest.raises(UserError, match="at least two subjects"):
        run_search(quick(tmp_path, dataset="few", protocol="all", exclude_subjects=others))


def test_options_that_contradict_each_other_leave_no_folder(tmp_path: Path) -> None:
    """Said before anything is read or written, so that nothing stands in the way of the corrected command."""
    with pytest.raises(UserError, match="--order"):
        run_search(SearchConfig(dataset="nothing", order=1, out=tmp_path / "run"))
    assert not (tmp_path / "run").exists()


@pytest.fixture
def ranked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let the second of two seeds win the contest; notes who was trained."""
    hurry(monkeypatch)
    trained: list[str] = []

    def judge(found: Architecture, *rest: object) -> tuple[Ranked, EpochScore]:
        trained.append(str(found.normal))
        return Ranked(0.1 * len(trained), 1000 * len(trained)), EpochScore(0.0, 0.0)

    monkeypatch.setattr(ranking, "short_training", judge)
    return trained


def test_of_several_seeds_all_are_searched_and_the_best_is_taken_and_named(
    prepared: Prepared, tmp_path: Path, ranked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    found = run_search(quick(tmp_path, seeds=2, seed=3))[""]
    said = capsys.readouterr().out
    of_seeds = [Genotype.load(tmp_path / "run" / f"seed{seed}" / "genotype.json") for seed in (3, 4)]
    assert [genotype.provenance.seed for genotype in of_seeds] == [3, 4]
    assert of_seeds[0].normal != of_seeds[1].normal
    assert found == of_seeds[1] == Genotype.load(tmp_path / "run" / "genotype.json")
    assert json.loads((tmp_path / "run" / "seeds.json").read_text())["seed 4"] == {"uar": 0.2, "parameters": 2000}
    (taken,) = [line for line in said.splitlines() if "taken" in line]
    assert "seed 4" in taken and "0.200" in taken and "2 000" in taken
    assert "seed 3" in said and "0.100" in said


def test_a_seed_among_several_finds_what_it_finds_alone(prepared: Prepared, tmp_path: Path, ranked: list[str]) -> None:
    run_search(quick(tmp_path, seeds=2, seed=3))
    alone = run_search(quick(tmp_path, seed=3, out=tmp_path / "alone"))[""]
    assert alone == Genotype.load(tmp_path / "run" / "seed3" / "genotype.json")


def test_several_seeds_go_on_after_a_kill(
    prepared: Prepared, tmp_path: Path, ranked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed in the second seed's search: the first is not searched again, and the end is the same."""
    whole = run_search(quick(tmp_path, seeds=2, epochs=2, out=tmp_path / "whole"))[""]
    cut = quick(tmp_path, seeds=2, epochs=2, out=tmp_path / "cut")

    def run_and_die() -> None:
        kill_at_save(3, before=False)
        run_search(cut)

    killed_while(run_and_die)
    first = (tmp_path / "cut" / "seed0" / "checkpoint.pt").stat().st_mtime_ns
    assert not (tmp_path / "cut" / "genotype.json").exists()
    ranked.clear()
    assert run_search(cut)[""] == whole
    assert (tmp_path / "cut" / "seed0" / "checkpoint.pt").stat().st_mtime_ns == first
    assert (tmp_path / "cut" / "seeds.json").read_text() == (tmp_path / "whole" / "seeds.json").read_text()
    capsys.readouterr()
    assert run_search(cut)[""] == whole and len(ranked) == 2, "a finished contest is read back"
