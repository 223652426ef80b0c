"""--final: one more training on everybody, whose network carries the folds' score as its recipe's."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
from known_cells import random_genotype
from quick_training import genotype_file, quick
from small import small_macro

import emonas
from emonas.datasets.protocols.protocol import Fold
from emonas.datasets.store.prepared import Prepared
from emonas.errors import UserError
from emonas.evaluate.train.run import run_training
from emonas.genotype import Provenance

FOLDED = {"protocol": "kfold", "folds": 2, "epochs": 1}


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> Prepared:
    return small_macro(monkeypatch, subjects=4)


def test_a_run_of_many_folds_leaves_a_network_when_it_is_asked_for(
    prepared: Prepared, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = quick(tmp_path, genotype_file(tmp_path, prepared), **FOLDED)
    judged = run_training(config)
    run = tmp_path / "run"
    assert not (run / "model.safetensors").exists() and "--final trains" in capsys.readouterr().out
    stamps = {path: path.stat().st_mtime_ns for path in run.glob("seed0/*/checkpoint.pt")}

    results = run_training(replace(config, final=True))
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in stamps.items())
    assert "model.safetensors (trained on everybody" in capsys.readouterr().out
    assert {key: getattr(results, key) for key in ("uar", "n_folds", "confusion", "per_fold", "trained_on")} == {
        key: getattr(judged, key) for key in ("uar", "n_folds", "confusion", "per_fold", "trained_on")
    }
    model = emonas.load(run, "cpu")
    assert model.info.people == set(prepared.subjects)
    assert model.info.score and model.info.score.uar == results.uar
    assert f"UAR {results.uar:.3f}" in model.info.worth and "2 folds by subject" in model.info.worth
    assert model.info.worth.endswith("trained on everybody and tested on nobody")
    learnt = json.loads((run / "seed0" / "final" / "predictions.json").read_text())
    assert learnt["positions"] == [] and len(learnt["history"]["loss"]) == 1
    assert emonas.load(run / "seed0" / "final").info == model.info


def test_the_final_network_is_kept_when_seeds_are_added_and_its_score_follows(
    prepared: Prepared, tmp_path: Path
) -> None:
    config = quick(tmp_path, genotype_file(tmp_path, prepared), **FOLDED, final=True, epoch_rule="inner")
    run_training(config)
    first = emonas.load(tmp_path / "run", "cpu")
    results = run_training(replace(config, final=False, seeds=2))
    model = emonas.load(tmp_path / "run", "cpu")
    assert model.info.score and model.info.score.uar == results.uar
    assert (model.probabilities(prepared.images) == first.probabilities(prepared.images)).all()


def test_under_a_fixed_split_the_network_is_the_judged_one_or_the_final_one(prepared: Prepared, tmp_path: Path) -> None:
    config = quick(tmp_path, genotype_file(tmp_path, prepared), epochs=1)
    results = run_training(config)
    tested = {sample.person for sample in prepared.samples if sample.part == "test"}
    model = emonas.load(tmp_path / "run", "cpu")
    assert model.info.people == set(prepared.subjects) - tested
    assert f"UAR {results.uar:.3f}" in model.info.worth and "fixed split" in model.info.worth
    run_training(replace(config, final=True))
    assert emonas.load(tmp_path / "run", "cpu").info.people == set(prepared.subjects)
    assert emonas.load(tmp_path / "run" / "seed0" / "fixed", "cpu").info.people == model.info.people


def test_what_has_no_one_final_network_is_refused_before_anything_is_written(
    prepared: Prepared, tmp_path: Path
) -> None:
    genotype = genotype_file(tmp_path, prepared)
    with pytest.raises(UserError, match="test-best"):
        run_training(quick(tmp_path, genotype, **FOLDED, final=True, epoch_rule="test-best"))
    for i, name in enumerate(("fold1", "fold2")):
        origin = Provenance(prepared.name, "emonas", 0, database=prepared.dataset, subjects=(), protocol="kfold")
        found = replace(random_genotype(random.Random(i), cells=3, channels=2), provenance=origin)
        found.save(tmp_path / "search" / Fold.folder(name) / "genotype.json")
    with pytest.raises(UserError, match="cells of its own"):
        run_training(quick(tmp_path, tmp_path / "search", **FOLDED, final=True))
    assert not (tmp_path / "run").exists()
    run_training(quick(tmp_path, genotype, **FOLDED))
    with pytest.raises(UserError, match="start of its own"):
        run_training(
            quick(tmp_path, genotype, **FOLDED, final=True, pretrained=tmp_path / "run", out=tmp_path / "second")
        )


def test_a_final_training_after_a_start_names_the_people_of_both(prepared: Prepared, tmp_path: Path) -> None:
    genotype = genotype_file(tmp_path, prepared)
    run_training(quick(tmp_path, genotype, epochs=1, out=tmp_path / "first"))
    run_training(quick(tmp_path, genotype, **FOLDED, final=True, pretrained=tmp_path / "first"))
    seen = emonas.load(tmp_path / "run", "cpu").info.trained_on
    assert [len(origin.people) for origin in seen] == [4, 3]
