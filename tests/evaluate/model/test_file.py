"""A trained network as one file: it answers as in training, says what it is, and a bad file is one line."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from made_models import GENOTYPE, INFO, INPUT
from quick_training import genotype_file, quick
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from small import small_macro, small_micro

import emonas
from emonas.datasets.store.config import PrepareConfig
from emonas.datasets.store.prepared import Prepared
from emonas.datasets.synthetic.sets import read_macro, read_micro
from emonas.errors import UserError
from emonas.evaluate.model.file import load_model, save_model
from emonas.evaluate.model.info import ModelScore
from emonas.evaluate.train.config import TrainConfig
from emonas.evaluate.train.run import run_training
from emonas.network import Network


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A small network with an auxiliary head, channels last, in a file."""
    torch.manual_seed(0)
    network = Network(GENOTYPE, 3, 12).to(memory_format=torch.channels_last)
    save_model(tmp_path / "model.safetensors", network, INFO)
    return tmp_path / "model.safetensors"


def run_of(prepared: Prepared, folder: Path, **options: object) -> Path:
    """A run of a training of two epochs."""
    config = quick(folder, genotype_file(folder, prepared), **options)
    run_training(config)
    assert config.out
    return config.out


def judged(run: Path, fold: str) -> dict[str, Any]:
    return json.loads((run / "seed0" / fold / "predictions.json").read_text())


def test_stills_get_the_answers_of_the_training_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    prepared = small_macro(monkeypatch)
    run = run_of(prepared, tmp_path)
    drawn = read_macro(subjects=6, stills=1, size=32).samples
    expected = judged(run, "fixed")
    pictures = [drawn[i].frames.read()[0] for i in expected["positions"]]
    model = emonas.load(run)
    said = model.predict(np.stack(pictures))
    np.testing.assert_allclose(said.probabilities, expected["probabilities"], atol=1e-5)
    np.testing.assert_allclose(model.probabilities(prepared.images[expected["positions"]]), said.probabilities)
    tensors = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
    np.testing.assert_array_equal(model.predict(tensors).probabilities, said.probabilities)
    assert said.labels == [model.info.names[i] for i in np.argmax(expected["probabilities"], 1)]
    assert len(model.info.people) == len({s.person for s in prepared.samples if s.part == "train"})


@pytest.mark.parametrize(
    ("representation", "others"),
    [("dynamic", {}), ("dynamic-pair", {"apex_policy": "max-diff"}), ("clip", {"length": 4, "interpolation": "graph"})],
)
def test_clips_get_the_answers_of_the_training_again(
    representation: str, others: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    options = PrepareConfig(size=16, representation=representation, **others)  # type: ignore[arg-type]
    prepared = small_micro(monkeypatch, options, 3, 4, "micro")
    run = run_of(prepared, tmp_path, epochs=1)
    expected = judged(run, "fixed")
    drawn = [read_micro(0, subjects=3, clips=4, size=16).samples[i] for i in expected["positions"]]
    said = emonas.load(run).predict(
        [sample.frames.read() for sample in drawn],
        onset=[sample.onset for sample in drawn],
        apex=[sample.apex for sample in drawn],
        offset=[sample.offset for sample in drawn],
    )
    np.testing.assert_allclose(said.probabilities, expected["probabilities"], atol=1e-5)


def test_known_networks_and_action_units_are_kept_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    prepared = small_macro(monkeypatch, subjects=3, size=32)
    config = TrainConfig(
        arch="mobilenet_v3_small", dataset="small", out=tmp_path / "run", device="cpu", epochs=1, batch_size=8,
        units=("1", "12"),
    )  # fmt: skip
    run_training(config)
    model, expected = emonas.load(tmp_path / "run", "cpu"), judged(tmp_path / "run", "fixed")
    assert model.info.units and model.info.names == ("1", "12") and model.info.genotype is None
    said = model.probabilities(prepared.images[expected["positions"]])
    np.testing.assert_allclose(said, expected["probabilities"], atol=1e-5)


def test_the_file_holds_plain_tensors_and_json_without_the_auxiliary_head(file: Path) -> None:
    with safe_open(file, "pt") as content:
        assert not [name for name in content.keys() if name.startswith("auxiliary.")]  # noqa: SIM118
        metadata = content.metadata()
    assert (metadata["format"], metadata["version"]) == ("emonas-model", "1")
    info = json.loads(metadata["info"])
    assert info["names"] == ["a", "b", "c"] and info["normalisation"] == {"0": -2.0, "255": 2.0}
    assert load_model(file, "cpu").info == INFO


def test_the_same_network_is_the_same_file(tmp_path: Path) -> None:
    network = Network(GENOTYPE, 3, 12, auxiliary=False)
    for number in range(12):
        save_model(tmp_path / str(number), network, INFO)
    assert len({(tmp_path / str(number)).read_bytes() for number in range(12)}) == 1


def test_reading_a_model_leaves_chance_alone(file: Path) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    load_model(file, "cpu")
    assert torch.equal(before, torch.get_rng_state())


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _pickled(path: Path) -> None:
    torch.save({"network": {}}, path)


def _foreign(path: Path) -> None:
    save_file({"weight": torch.zeros(2)}, path)


def _long_header(path: Path) -> None:
    path.write_bytes(struct.pack("<Q", 2**62) + path.read_bytes()[8:])


def _info(**changes: object) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with safe_open(path, "pt") as content:
            metadata = content.metadata()
        info = {**json.loads(metadata["info"]), **changes}
        tensors = load_file(path)
        path.unlink()
        save_file(tensors, path, {**metadata, "info": json.dumps(info), "version": str(info["version"])})

    return change


def _tensor(name: str, tensor: torch.Tensor | None) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with safe_open(path, "pt") as content:
            metadata = content.metadata()
        tensors = load_file(path)
        path.unlink()
        del tensors[name]
        save_file(tensors if tensor is None else {**tensors, name: tensor}, path, metadata)

    return change


@pytest.mark.parametrize(
    ("ruin", "words"),
    [
        (Path.unlink, "no such file"),
        (_cut, "not a whole safetensors file"),
        (_pickled, "not a whole safetensors file"),
        (_long_header, "not a whole safetensors file"),
        (_foreign, "not a model of emonas"),
        (_info(version=2), '"version" is "?2"?, this emonas reads version 1; update emonas'),
        (_info(names=["a", "a", "c"]), '"names" must be different names'),
        (_info(names=["a", "b"]), r"tensor classifier.bias is float32 \(3,\), where float32 \(2,\) is needed"),
        (_info(input={**INPUT, "representation": "dance"}), "pictures cannot be made"),
        (_info(input={**INPUT, "size": True}), "names no size"),
        (_info(input={**INPUT, "channels": 6}), "pictures cannot be made"),
        (_info(arch="alexnet", genotype=None), "no network is called 'alexnet'"),
        (_info(genotype={"format": "x"}), '"format" is'),
        (_info(channels=4096, cells=200), "tensor cells.0"),
        (_info(normalisation={"0": 0.0, "255": 1.0}), "another scale"),
        (_tensor("classifier.bias", None), "tensor classifier.bias is missing"),
        (_tensor("classifier.bias", torch.zeros(4)), r"is float32 \(4,\)"),
        (_tensor("classifier.bias", torch.zeros(3).double()), "is float64"),
        (_tensor("classifier.bias", torch.full((3,), float("nan"))), "classifier.bias has NaN or infinite values"),
        (_tensor("classifier.bias", torch.tensor([0.0, 0.0, float("inf")])), "has NaN or infinite values"),
        (_info(names=["a", "b\x1b[2J", "c"]), "one line without control characters"),
    ],
)  # fmt: skip
def test_a_bad_file_is_one_line_that_names_it(file: Path, ruin: Callable[[Path], None], words: str) -> None:
    ruin(file)
    with pytest.raises(UserError, match=words) as error:
        load_model(file, "cpu")
    assert str(error.value).startswith(str(file)) and "\n" not in str(error.value)


def test_a_folder_of_one_fold_answers_as_its_file_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    prepared = small_macro(monkeypatch, subjects=4)
    run = run_of(prepared, tmp_path, protocol="loso", epochs=1)
    folder = sorted((run / "seed0").iterdir())[1]
    model, expected = emonas.load(folder, "cpu"), judged(run, folder.name)
    np.testing.assert_allclose(
        model.probabilities(prepared.images[expected["positions"]]), expected["probabilities"], atol=1e-5
    )
    assert expected["fold"] not in model.info.people and len(model.info.people) == 3
    assert (
        "that its fold tested; all folds together: UAR" in model.info.worth
        and "leave one subject out" in model.info.worth
    )
    with pytest.raises(UserError, match=r"holds 4 judged networks and none for use.*--final"):
        emonas.load(run)
    with pytest.raises(UserError, match="has ended"):
        emonas.load(tmp_path)
    (run / "results.json").unlink()
    with pytest.raises(UserError, match=r"no results\.json"):
        emonas.load(folder)


def test_info_survives_the_file_whatever_it_holds(tmp_path: Path) -> None:
    info = replace(
        INFO,
        names=("Łódź", "b", "c"),
        score=ModelScore(in_words="UAR 0.5", n_subjects=None),
        input={**INPUT, "odd": [1, None]},
    )
    save_model(tmp_path / "m", Network(GENOTYPE, 3, 12, auxiliary=False), info)
    assert load_model(tmp_path / "m", "cpu").info == info
