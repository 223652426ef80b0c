"""emonas-profile: what it counts, for which network, and how it prints it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from known_cells import PROVENANCE, cell_of
from small import assert_one_line_and_status_2, call
from small_results import made, rows, written

from emonas.cost import count_macs, count_parameters
from emonas.evaluate.export import onnx as onnx_model
from emonas.evaluate.model.baselines import build
from emonas.evaluate.profile.cli import app
from emonas.genotype import Genotype
from emonas.network import Network

GENOTYPE = Genotype(cell_of("dil_conv_3x3"), cell_of("max_pool_3x3"), 3, 8, ("a", "b", "c"), PROVENANCE)
QUICK = ["--device", "cpu", "--seconds", "0.01", "--threads", "1"]


@pytest.fixture
def genotype(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A genotype file; no ONNX, which is slow to export and has its own tests."""
    monkeypatch.setattr(onnx_model, "missing_packages", lambda: 'onnx missing; python -m pip install "emonas[onnx]"')
    GENOTYPE.save(tmp_path / "genotype.json")
    return str(tmp_path / "genotype.json")


def profiled(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    done = call(app, [*QUICK, "--size", "32", *arguments, "--json"], capsys)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_searched_network_and_a_baseline_are_counted_for_the_same_pictures(
    genotype: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data = profiled(
        capsys, "--genotype", genotype, "--baselines", "mobilenet_v3_small", "--in-channels", "2", "--batch", "2", "3"
    )
    searched, baseline = data["models"]
    own = Network(GENOTYPE, 3, 32, channels=16, in_channels=2)
    other = build("mobilenet_v3_small", 3, 2)
    for model, network in ((searched, own), (baseline, other)):
        assert model["parameters"] == count_parameters(network)
        assert model["macs"] == count_macs(network, 2, 32)
        assert model["weights_bytes"] > 4 * model["parameters"]
        assert model["activation_bytes"] > 4 * 2 * 32 * 32
        assert [(row["runtime"], row["batch"]) for row in model["latency"]] == [
            ("eager", 2),
            ("fused", 2),
            ("eager", 3),
            ("fused", 3),
        ]
    for row in searched["latency"]:
        assert row["frames_per_second"] == pytest.approx(1000 * row["batch"] / row["ms"], rel=0.01)
    assert (data["size"], data["classes"], baseline["name"]) == (32, 3, "mobilenet_v3_small")
    assert "convolutions and matrix products" in data["convention"]


def test_the_summary_has_the_best_speed_at_the_smallest_batch(
    genotype: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data = profiled(capsys, "--genotype", genotype, "--baselines", "none", "--batch", "3", "1")
    (model,), summary = data["models"], data["network"]
    rows = [row for row in model["latency"] if row["batch"] == 1]
    best = max(rows, key=lambda row: row["frames_per_second"])
    assert summary["frames_per_second"] == best["frames_per_second"]
    assert (summary["batch"], summary["runtime"]) == (1, best["runtime"])
    assert (summary["parameters"], summary["macs"]) == (model["parameters"], model["macs"])


def test_a_missing_extra_is_named_in_json_and_on_the_terminal(
    genotype: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    only = ["--genotype", genotype, "--baselines", "none", "--batch", "1"]
    assert "emonas[onnx]" in profiled(capsys, *only)["models"][0]["missing"]["onnx"]
    done = call(app, [*QUICK, *only], capsys)
    assert done.returncode == 0, done.stderr
    assert 'ONNX Runtime: onnx missing; python -m pip install "emonas[onnx]"' in done.stdout


def test_onnx_runtime_is_measured_where_it_is_installed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnxruntime", reason='needs pip install "emonas[onnx]"')
    GENOTYPE.save(tmp_path / "genotype.json")
    data = profiled(capsys, "--genotype", str(tmp_path), "--baselines", "none", "--channels", "2", "--batch", "1", "2")
    rows = [row for row in data["models"][0]["latency"] if row["runtime"] == "onnx"]
    assert [row["batch"] for row in rows] == [1, 2]
    assert data["models"][0]["missing"] == {}


def test_a_training_is_profiled_as_it_was_trained(
    genotype: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = {"arch": "genotype", "cells": 4, "channels": 6, "parameters": 1}
    written(
        tmp_path / "results.json", made(rows({"x/anna": ([0, 1], [0, 1]), "x/ben": ([1, 2], [1, 2])}), model=network)
    )
    folder = ["--genotype", str(tmp_path), "--baselines", "none", "--batch", "1"]
    trained = profiled(capsys, *folder)["network"]
    assert (trained["cells"], trained["channels"]) == (4, 6)
    assert trained["parameters"] == count_parameters(Network(GENOTYPE, 3, 32, cells=4, channels=6))
    asked = profiled(capsys, *folder, "--channels", "4", "--classes", "9")
    assert (asked["network"]["cells"], asked["network"]["channels"], asked["classes"]) == (4, 4, 9)


def test_the_tables_fit_a_terminal_of_80_columns(genotype: str, capsys: pytest.CaptureFixture[str]) -> None:
    only = ["--genotype", genotype, "--size", "32", "--baselines", "mobilenet_v3_small", "--batch", "1"]
    done = call(app, [*QUICK, *only], capsys)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    for first in ("Cost", "Frames per second at batch 1"):
        start = next(i for i, line in enumerate(lines) if line.startswith(first))
        assert [line.split()[0] for line in lines[start + 2 : start + 4]] == ["searched", "mobilenet_v3_small"]
    # Paths and the machine's name may be as long as they like.
    assert max(len(line) for line in lines if not line.startswith(("searched:", "machine"))) <= 80


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--size", "31", "--baselines", "resnet18", "vgg16"], "at least 32"),
        (["--baselines", "none", "resnet18"], "none stands alone"),
        (["--baselines", "alexnet"], "alexnet"),
        (["--classes", "1"], "--classes"),
    ],
)
def test_what_cannot_be_profiled_is_refused(
    genotype: str, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    done = call(app, [*QUICK, "--genotype", genotype, *arguments], capsys)
    assert_one_line_and_status_2(done, words)


def test_a_missing_genotype_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert_one_line_and_status_2(call(app, ["--genotype", str(tmp_path / "none.json")], capsys), "no such file")
