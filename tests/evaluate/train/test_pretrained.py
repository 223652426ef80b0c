"""A start from an earlier training: its weights arrive, its people are remembered, other networks are refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from quick_training import genotype_file, quick
from small import small_macro

from emonas.datasets.store.prepared import Prepared
from emonas.errors import UserError
from emonas.evaluate.model.baselines import build
from emonas.evaluate.train.network import StackedCells, build_network
from emonas.evaluate.train.pretrained import read_pretrained, start_from
from emonas.evaluate.train.run import run_training
from emonas.genotype import Genotype
from emonas.network import Baseline
from emonas.training import checkpoint


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> Prepared:
    return small_macro(monkeypatch)


@pytest.fixture
def first(prepared: Prepared, tmp_path: Path) -> Path:
    """A finished training under the fixed split."""
    run_training(quick(tmp_path, genotype_file(tmp_path, prepared), out=tmp_path / "first", epochs=1))
    return tmp_path / "first"


def test_the_weights_arrive_with_the_heads_where_the_classes_are_the_same(
    prepared: Prepared, first: Path, tmp_path: Path
) -> None:
    cells = StackedCells(Genotype.load(tmp_path / "g.json"), 3, 2)
    before = read_pretrained(first, ["fixed"])
    trained = checkpoint.load(first / "seed0" / "fixed" / "network.pt")["network"]
    same = build_network(cells, prepared, 7, seed=5)
    before.start(same, "fixed", prepared.classes)
    assert all(torch.equal(tensor, trained[name]) for name, tensor in same.state_dict().items())

    fewer = build_network(cells, prepared, 3, seed=5)
    anew = {name: tensor.clone() for name, tensor in fewer.state_dict().items()}
    before.start(fewer, "fixed", prepared.classes[:3])
    for name, tensor in fewer.state_dict().items():
        of_classes = name.startswith(("classifier.", "auxiliary."))
        assert torch.equal(tensor, anew[name] if of_classes else trained[name]), name


def test_a_start_on_the_same_split_is_clean_and_remembered(prepared: Prepared, first: Path, tmp_path: Path) -> None:
    results = run_training(quick(tmp_path, tmp_path / "g.json", pretrained=first, epochs=1))
    assert results.leaks == () and results.pretrained == str(first)
    assert [one.dataset for one in results.trained_on or ()] == ["small", "small"]
    third = quick(tmp_path, tmp_path / "g.json", pretrained=tmp_path / "run", out=tmp_path / "third", epochs=1)
    assert len(run_training(third).trained_on) == 3


def test_a_start_that_knows_tested_people_is_named(
    prepared: Prepared, first: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = quick(tmp_path, tmp_path / "g.json", pretrained=first, protocol="kfold", folds=2, epochs=1)
    (leak,) = run_training(config).leaks
    trained = {sample.person for sample in prepared.samples if sample.part == "train"}
    assert f"trained on {len(trained)} of the tested people" in leak
    assert leak in " ".join(capsys.readouterr().err.split())


def test_a_start_whose_epoch_was_chosen_on_tested_people_is_named(prepared: Prepared, tmp_path: Path) -> None:
    genotype = genotype_file(tmp_path, prepared)
    run_training(quick(tmp_path, genotype, out=tmp_path / "flattered", epochs=1, epoch_rule="test-best"))
    (leak,) = run_training(quick(tmp_path, genotype, pretrained=tmp_path / "flattered", epochs=1)).leaks
    assert "trained on" in leak and "tested people" in leak


def test_other_weights_in_the_same_folder_are_another_run(prepared: Prepared, first: Path, tmp_path: Path) -> None:
    config = quick(tmp_path, tmp_path / "g.json", pretrained=first, epochs=1)
    run_training(config)
    network = first / "seed0" / "fixed" / "network.pt"
    network.write_bytes(network.read_bytes() + b" ")
    with pytest.raises(UserError, match="other options"):
        run_training(config)


def test_the_last_layer_of_a_well_known_network_starts_anew_for_other_classes() -> None:
    one, other = (Baseline(build("mobilenet_v3_small", 3)) for _ in range(2))
    last = "classifier.classifier.3.bias"
    anew = other.state_dict()[last].clone()
    start_from(other, one.state_dict(), same_classes=False, source="a run")
    states = one.state_dict(), other.state_dict()
    assert torch.equal(states[1][last], anew)
    name = "classifier.features.0.0.weight"
    assert torch.equal(states[0][name], states[1][name])


def test_each_fold_starts_from_its_own_where_there_are_as_many(prepared: Prepared, tmp_path: Path) -> None:
    folded = {"protocol": "kfold", "folds": 2, "epochs": 1}
    run_training(quick(tmp_path, genotype_file(tmp_path, prepared), out=tmp_path / "first", **folded))
    results = run_training(quick(tmp_path, tmp_path / "g.json", pretrained=tmp_path / "first", **folded))
    assert results.leaks == ()
    with pytest.raises(UserError, match="holds 2 folds, not these 6"):
        run_training(quick(tmp_path, tmp_path / "g.json", pretrained=tmp_path / "first", protocol="loso"))


def test_other_networks_and_unfinished_runs_are_refused_before_anything_is_written(
    prepared: Prepared, first: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="another shape there or is missing"):
        run_training(quick(tmp_path, tmp_path / "g.json", pretrained=first, channels=4))
    with pytest.raises(UserError, match=r"results\.json"):
        run_training(quick(tmp_path, tmp_path / "g.json", pretrained=tmp_path))
    content = json.loads((first / "results.json").read_text())
    del content["trained_on"]
    (first / "results.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match="do not say what it was trained on"):
        run_training(quick(tmp_path, tmp_path / "g.json", pretrained=first))
    assert not (tmp_path / "run").exists()


def test_another_start_is_another_run(prepared: Prepared, first: Path, tmp_path: Path) -> None:
    config = quick(tmp_path, tmp_path / "g.json", epochs=1)
    run_training(config)
    with pytest.raises(UserError, match="other options"):
        run_training(replace(config, pretrained=first))
