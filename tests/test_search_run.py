"""What a search may see, and how it says no."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small import QUICK, assert_one_line_and_status_2, call, small_macro

from emonas.datasets.prepared import Prepared
from emonas.datasets.protocol import split_people
from emonas.errors import UserError
from emonas.genotype import Genotype
from emonas.search.cli import app
from emonas.search.config import SearchConfig, fitted
from emonas.search.run import run_search, seen_by, visible_parts


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


def test_weights_and_alphas_learn_from_different_people(prepared: Prepared) -> None:
    visible = visible_parts(SearchConfig(), prepared, "fixed")[""]
    half = split_people(prepared.samples, visible, 2, seed=0)
    sides = [{prepared.samples[i].person for i in side} for side in (half.train, half.test)]
    assert sides[0] and sides[1] and not sides[0] & sides[1]
    assert sides[0] | sides[1] == people(prepared, "train")


def test_excluded_people_are_not_seen(prepared: Prepared, tmp_path: Path) -> None:
    out = sorted(people(prepared, "train"))[0]
    genotype = run_search(quick(tmp_path, protocol="all", exclude_subjects=(out.split("/")[1],)))[""]
    assert out not in genotype.provenance.subjects
    assert len(genotype.provenance.subjects) == len(prepared.subjects) - 1


def test_loso_makes_one_genotype_a_fold_that_has_not_seen_its_tested_person(prepared: Prepared, tmp_path: Path) -> None:
    found = run_search(quick(tmp_path, protocol="loso"))
    assert set(found) == set(prepared.subjects)
    for person, genotype in found.items():
        assert set(genotype.provenance.subjects) == set(prepared.subjects) - {person}
    assert len(list((tmp_path / "run").glob("*/genotype.json"))) == len(prepared.subjects)


def test_auto_is_everybody_where_there_is_no_fixed_split(prepared: Prepared) -> None:
    assert seen_by("auto", prepared) == "fixed"
    object.__setattr__(prepared, "protocol", "loso")
    assert seen_by("auto", prepared) == "all"
    assert len(visible_parts(SearchConfig(), prepared, "all")[""]) == len(prepared.samples)


def test_an_unknown_excluded_person_is_named(prepared: Prepared) -> None:
    with pytest.raises(UserError, match="nobody called s99"):
        visible_parts(SearchConfig(exclude_subjects=("s99",)), prepared, "all")


@pytest.mark.parametrize(("samples", "large"), [(10, False), (80, False), (20000, False), (80, True), (20000, True)])
def test_defaults_fit_the_data_and_the_machine(samples: int, large: bool) -> None:
    config = fitted(SearchConfig(), samples, large)
    assert None not in (config.epochs, config.cells, config.channels, config.batch_size, config.alpha_rate, config.out)
    assert config.batch_size in (8, 16, 32, 64) and 5 <= config.epochs <= 50
    assert fitted(SearchConfig(epochs=7, cells=5), samples, large).epochs == 7


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
