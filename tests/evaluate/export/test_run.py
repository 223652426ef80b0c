"""emonas-export: PyTorch's probabilities from a file that says what it is, runs without torch, or is not written."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from made_models import INFO
from quick_training import genotype_file, quick
from small import assert_one_line_and_status_2, call, small_macro

import emonas
from emonas.datasets.store.prepare import find
from emonas.evaluate.export import onnx as onnx_model
from emonas.evaluate.export.cli import app
from emonas.evaluate.export.int8 import make_sides
from emonas.evaluate.export.onnx import session
from emonas.evaluate.model.info import SeenData
from emonas.evaluate.train.run import run_training

onnx = pytest.importorskip("onnx", reason='needs pip install "emonas[onnx]"')
pytest.importorskip("onnxruntime", reason='needs pip install "emonas[onnx]"')

EXAMPLE = Path(__file__).parents[3] / "examples" / "onnx_predict.py"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a home, a run of a training, its exported model and the 8-bit one."""
    return tmp_path_factory.mktemp("export")


@pytest.fixture(autouse=True)
def at_home(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMONAS_HOME", str(place / "home"))


@pytest.fixture
def run(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if not (place / "run").exists():
        prepared = small_macro(monkeypatch)
        learnt = tuple(sorted({sample.person for sample in prepared.samples if sample.part == "train"}))
        run_training(quick(place, genotype_file(place, prepared, learnt), epochs=4))
    return place / "run"


@pytest.fixture
def model(run: Path, place: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    if not (place / "model.onnx").exists():
        done = call(app, [str(run), str(place / "model.onnx"), "--check", "9"], capsys)
        assert done.returncode == 0, done.stderr
        (place / "said.txt").write_text(done.stdout)
    return place / "model.onnx"


def pictures(count: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, 3, 12, 12), np.uint8)


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_batches_of_any_size_get_the_probabilities_of_torch(run: Path, model: Path, batch: int) -> None:
    expected = emonas.load(run, "cpu").probabilities(pictures(batch))
    said = session(model).run(["probabilities"], {"pixels": pictures(batch)})[0]
    np.testing.assert_allclose(said, expected, atol=1e-5)


def test_the_file_says_what_it_takes_and_answers_and_names_nobody(run: Path, model: Path, place: Path) -> None:
    info = json.loads(session(model).get_modelmeta().custom_metadata_map["emonas"])
    kept = emonas.load(run, "cpu").info
    assert (info["names"], info["input"]["size"], info["input"]["representation"]) == (list(kept.names), 12, "still")
    assert info["trained_on"][0]["people"] == len(kept.people) > 0
    text = model.read_bytes()
    assert kept.genotype and set(kept.genotype.provenance.subjects) == set(kept.people)
    assert not [person for person in kept.people if person.encode() in text]
    said = (place / "said.txt").read_text()
    assert "small" in said and "random" in said and "UAR" in said and "uint8 (N, 3, 12, 12)" in said


def test_without_the_prepared_set_random_pictures_are_compared(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EMONAS_HOME", str(tmp_path / "none"))
    done = call(app, [str(run / "model.safetensors"), str(tmp_path / "m.onnx"), "--check", "2"], capsys)
    assert done.returncode == 0 and "only random pictures were compared" in done.stdout
    done = call(app, [str(run), str(tmp_path / "i.onnx"), "--int8"], capsys)
    assert_one_line_and_status_2(done, "--int8", "--dataset")
    assert not (tmp_path / "i.onnx").exists()


def test_a_model_that_answers_differently_is_refused_and_not_written(
    run: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = onnx.load(model)
    bias = next(one for one in wrong.graph.initializer if list(one.dims) == [7])
    values = onnx.numpy_helper.to_array(bias).copy()
    values[0] += 0.01
    bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
    monkeypatch.setattr(onnx_model, "to_onnx", lambda *_: wrong.SerializeToString())
    done = call(app, [str(run), str(tmp_path / "m.onnx"), "--check", "3"], capsys)
    assert_one_line_and_status_2(done, "differ from PyTorch's", "nothing was written")
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_exported_is_one_line(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert_one_line_and_status_2(call(app, [str(tmp_path), str(tmp_path / "m.onnx")], capsys), "model.safetensors")
    assert_one_line_and_status_2(call(app, [str(run), str(tmp_path / "m.pt")], capsys), ".onnx")
    small_macro(monkeypatch, size=16, name="larger")
    done = call(app, [str(run), str(tmp_path / "m.onnx"), "--dataset", "larger"], capsys)
    assert_one_line_and_status_2(done, "3 x 16 x 16", "3 x 12 x 12")
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnxruntime" else found(name))
    done = call(app, [str(run), str(tmp_path / "m.onnx")], capsys)
    assert_one_line_and_status_2(done, 'pip install "emonas[onnx]"')


def test_whole_numbers_cost_what_is_said(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = call(app, [str(run), str(tmp_path / "m.onnx"), "--check", "2", "--int8"], capsys)
    assert done.returncode == 0, done.stderr
    nodes = {node.op_type for node in onnx.load(tmp_path / "m-int8.onnx").graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= nodes
    results = json.loads((run / "results.json").read_text())
    row = next(line.split() for line in done.stdout.splitlines() if line.startswith("float"))
    assert row[3:] == [*(f"{results[key]:.3f}" for key in ("accuracy", "uf1", "uar")), str(results["n_samples"])]
    assert f"of {results['n_samples']} samples" in done.stdout + done.stderr
    assert "trained on all of these" not in done.stderr


def test_who_is_tested_follows_from_whom_the_weights_have_seen(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    prepared = small_macro(monkeypatch, name="again")
    seen = SeenData("again", people=prepared.subjects[:2])
    sides = make_sides(replace(INFO, trained_on=(seen,)), prepared)
    assert {prepared.samples[i].person for i in sides.learnt} == set(prepared.subjects[:2])
    assert len(sides.tested) + len(sides.learnt) == len(prepared.samples) and not sides.seen
    seen = replace(seen, people=prepared.subjects)
    sides = make_sides(replace(INFO, trained_on=(seen,)), prepared)
    assert sides.seen and len(sides.tested) == len(prepared.samples)
    nameless = replace(prepared, samples=tuple(replace(sample, subject=None) for sample in prepared.samples))
    assert 0 < len(make_sides(INFO, nameless).tested) < len(prepared.samples)
    final = replace(INFO, trained_on=(SeenData("again", protocol="all", people=()),))
    assert make_sides(final, nameless).seen
    with pytest.raises(emonas.UserError, match="trained on nobody in it"):
        make_sides(INFO, prepared)


def test_the_example_needs_no_torch(run: Path, model: Path, tmp_path: Path) -> None:
    prepared = find("small")
    faces = tmp_path / "faces"
    faces.mkdir()
    for i in range(3):
        cv2.imwrite(str(faces / f"{i}.png"), cv2.cvtColor(np.moveaxis(prepared.images[i], 0, -1), cv2.COLOR_RGB2BGR))
    code = (
        "import sys, runpy\n"
        "sys.modules['torch'] = sys.modules['emonas'] = None\n"
        "runpy.run_path(sys.argv.pop(1), run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, EXAMPLE, model, faces], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    expected = emonas.load(run, "cpu").predict(faces)
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert [line[1] for line in lines] == expected.labels
    np.testing.assert_allclose([float(line[2]) for line in lines], expected.confidence, atol=6e-4)


def test_networks_of_anything_but_stills_are_refused_by_the_example(tmp_path: Path, model: Path) -> None:
    other = onnx.load(model)
    info = json.loads(other.metadata_props[0].value)
    info["input"]["representation"] = "dynamic"
    onnx.helper.set_model_props(other, {"emonas": json.dumps(info)})
    onnx.save(other, tmp_path / "m.onnx")
    done = subprocess.run(
        [sys.executable, EXAMPLE, tmp_path / "m.onnx", tmp_path], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1 and "use emonas-predict" in done.stderr and "Traceback" not in done.stderr


def test_action_units_get_a_probability_each(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepared = small_macro(monkeypatch, subjects=3, name="units")
    run_training(quick(tmp_path, genotype_file(tmp_path, prepared), units=("1", "12"), epochs=1))
    done = call(app, [str(tmp_path / "run"), str(tmp_path / "m.onnx"), "--check", "4", "--int8"], capsys)
    assert done.returncode == 0, done.stderr
    said = session(tmp_path / "m.onnx").run(None, {"pixels": pictures(3)})[0]
    expected = emonas.load(tmp_path / "run", "cpu").probabilities(pictures(3))
    np.testing.assert_allclose(said, expected, atol=1e-5)
