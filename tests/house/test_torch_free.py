"""An exported model runs where there is no torch: an environment of its own, the example, a drawn face."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from quick_training import genotype_file, quick
from small import small_macro

import emonas
from emonas.datasets.synthetic.sets import read_macro
from emonas.evaluate.export.cli import ExportConfig
from emonas.evaluate.export.run import run_export
from emonas.evaluate.train.run import run_training

EXAMPLE = Path(__file__).parents[2] / "examples" / "onnx_predict.py"


def run(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*map(str, arguments)], cwd=folder, capture_output=True, text=True, timeout=600)


@pytest.mark.slow
def test_the_example_answers_as_torch_does_where_there_is_no_torch(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    prepared = small_macro(monkeypatch, size=32)
    run_training(quick(tmp_path, genotype_file(tmp_path, prepared), epochs=4))
    run_export(tmp_path / "run", tmp_path / "model.onnx", ExportConfig(check=5))
    face = read_macro(subjects=4, stills=1, size=96).samples[-1].frames.read()[0]
    cv2.imwrite(str(tmp_path / "face.png"), cv2.cvtColor(face, cv2.COLOR_RGB2BGR))
    assert run(tmp_path, sys.executable, "-m", "venv", tmp_path / "venv").returncode == 0
    python = tmp_path / "venv" / "bin" / "python"
    installed = run(tmp_path, python, "-m", "pip", "install", "-q", "onnxruntime", "opencv-python-headless", "numpy")
    assert installed.returncode == 0, installed.stderr
    assert (
        run(tmp_path, python, "-c", "import torch").returncode
        == run(tmp_path, python, "-c", "import emonas").returncode
        == 1
    )

    done = run(tmp_path, python, EXAMPLE, tmp_path / "model.onnx", tmp_path / "face.png")
    assert done.returncode == 0, done.stderr
    _, label, confidence = done.stdout.split("\t")
    expected = emonas.load(tmp_path / "run", "cpu").predict(face)
    assert label == expected.labels[0]
    assert np.isclose(float(confidence), expected.confidence[0], atol=6e-4)
