"""The ONNX model: the same answers as torch's for any batch, quick operations only, and no file where it differs."""

from __future__ import annotations

import importlib.util
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from known_cells import PROVENANCE, cell_of
from torch import nn

from emonas.errors import UserError
from emonas.evaluate.export import onnx as onnx_model
from emonas.evaluate.export.onnx import IMAGES, LOGITS, export, session
from emonas.genotype import Genotype
from emonas.network import Network
from emonas.operations.modules import FactorizedReduce

onnx = pytest.importorskip("onnx", reason='needs pip install "emonas[onnx]"')
pytest.importorskip("onnxruntime", reason='needs pip install "emonas[onnx]"')

GENOTYPE = Genotype(cell_of("sep_conv_3x3"), cell_of("skip_connect"), 3, 4, ("a", "b", "c"), PROVENANCE)
SIZE, CHANNELS = 18, 2


@pytest.fixture(scope="module")
def network() -> Network:
    """A network with normalisations that do something, in training mode, with its auxiliary head."""
    torch.manual_seed(0)
    made = Network(GENOTYPE, 3, SIZE, in_channels=CHANNELS)
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return made


@pytest.fixture(scope="module")
def written(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "network.onnx"
    assert export(network, SIZE, CHANNELS, path) == path.read_bytes()
    return path


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_a_batch_of_any_size_is_answered_as_torch_does(network: Network, written: Path, batch: int) -> None:
    assert network.training
    images = torch.randn(batch, CHANNELS, SIZE, SIZE)
    network.eval()
    with torch.no_grad():
        expected = network(images).numpy()
    network.train()
    answer = session(written, threads=1).run([LOGITS], {IMAGES: images.numpy()})[0]
    assert np.abs(answer - expected).max() < 1e-5


def test_normalisations_are_folded_and_1x1_convolutions_are_no_matrix_products(network: Network, written: Path) -> None:
    nodes = Counter(node.op_type for node in onnx.load(written).graph.node)
    # Two halves of a FactorizedReduce share one normalisation, which has no single convolution to go into.
    halves = sum(isinstance(module, FactorizedReduce) for module in network.modules())
    assert nodes["BatchNormalization"] <= halves
    assert nodes["MatMul"] == nodes["Transpose"] == 0
    assert nodes["Gemm"] == 1


def test_the_auxiliary_head_is_left_out(network: Network, written: Path) -> None:
    biggest = max(int(np.prod(weight.dims)) for weight in onnx.load(written).graph.initializer)
    assert network.auxiliary is not None
    assert biggest < 128 * 768


def test_a_model_that_answers_differently_is_refused_and_not_written(
    network: Network, written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = onnx.load(written)
    bias = next(weight for weight in wrong.graph.initializer if list(weight.dims) == [len(GENOTYPE.classes)])
    values = onnx.numpy_helper.to_array(bias) + np.float32(0.01)
    bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
    monkeypatch.setattr(onnx_model, "_exported", lambda *_: wrong.SerializeToString())
    with pytest.raises(UserError, match="differ from torch's"):
        export(network, SIZE, CHANNELS, tmp_path / "network.onnx")
    assert not list(tmp_path.iterdir())


def test_answers_that_are_no_numbers_are_refused(
    network: Network, written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_model, "largest_difference", lambda *_: float("nan"))
    monkeypatch.setattr(onnx_model, "_exported", lambda *_: written.read_bytes())
    with pytest.raises(UserError, match="differ"):
        export(network, SIZE, CHANNELS)


def test_without_the_extra_one_is_told_its_name(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnxruntime" else found(name))
    assert onnx_model.missing_packages() == 'onnxruntime missing; python -m pip install "emonas[onnx]"'
    with pytest.raises(UserError, match=r"emonas\[onnx\]"):
        export(network, SIZE, CHANNELS)
