"""A trained network as an ONNX model that anything can run: pixels in, probabilities out, checked on the spot.

    pixels           uint8 (N, C, size, size), RGB, made as the network's pictures are (see representation.py)
    probabilities    float32 (N, answers)
    metadata         "emonas": JSON with what the network says of itself; people are counted instead of named

The scale of the pixels and the softmax (of action units the sigmoid) are inside, so that nothing can be forgotten.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from emonas.console import say, show_table
from emonas.datasets.loading.batches import normalise
from emonas.datasets.store.prepared import Prepared
from emonas.errors import UserError
from emonas.evaluate.export import onnx as onnx_model
from emonas.evaluate.export.config import ExportConfig
from emonas.evaluate.export.onnx import PIXELS, PROBABILITIES, predictions
from emonas.evaluate.model.faces import pictures_in_words
from emonas.evaluate.model.info import ModelInfo
from emonas.evaluate.model.load import load as load_network
from emonas.evaluate.model.model import Model
from emonas.evaluate.model.prepared import find_real_set
from emonas.files import replacing, together

#: Largest difference of a probability from PyTorch's.
TOLERANCE = 1e-5
#: Pictures in a batch in the checks: one, and some that divide nothing.
_BATCHES = (1, 7)


@dataclass(frozen=True)
class Check:
    """How far the model's probabilities are from PyTorch's on some pictures."""

    pictures: str
    count: int
    batch: int
    difference: float


class Deployed(nn.Module):
    """A network with what comes before and after it: uint8 pixels in, probabilities out."""

    def __init__(self, network: nn.Module, units: bool) -> None:
        super().__init__()
        self.network, self.units = network, units

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, C, H, W), uint8, to (N, answers)."""
        logits = self.network(normalise(pixels))
        return logits.sigmoid() if self.units else logits.softmax(1)


def run_export(source: Path, out: Path, config: ExportConfig) -> list[Check]:
    """Write the ONNX model of a trained network and say how it was checked. Raises UserError; then nothing is written.

    The checks are also returned.
    """
    lack = onnx_model.missing_packages()
    if lack:
        raise UserError(f"no ONNX export: {lack}")
    if out.suffix != ".onnx":
        raise UserError(f"{out}: the file to write should end on .onnx")
    model = load_network(source, "cpu")
    prepared = find_real_set(model.info, config.dataset, needed=config.int8)
    content = make_onnx(model)
    checks = check_model(model, content, prepared, config.check)
    with together():
        with replacing(out) as temporary:
            temporary.write_bytes(content)
        _say_exported(model, out, content, checks, prepared)
        if config.int8:
            from emonas.evaluate.export.int8 import quantise

            assert prepared
            quantise(model.info, content, prepared, out.with_name(f"{out.stem}-int8.onnx"))
    return checks


def _say_exported(model: Model, out: Path, content: bytes, checks: list[Check], prepared: Prepared | None) -> None:
    rows = [(one.pictures, one.count, one.batch, f"{one.difference:.1e}") for one in checks]
    show_table("Checked against PyTorch", ("pictures", "number", "batch", "largest difference"), rows, (1, 2, 3))
    if prepared is None:
        say("The prepared data set is not here, so only random pictures were compared.")
    say(f"model      {out} ({len(content) / 1e6:.1f} MB)")
    say(f"takes      {PIXELS}: uint8 (N, {model.info.in_channels}, {model.info.size}, {model.info.size}), RGB")
    say(f"pictures   {pictures_in_words(model.info.input)}")
    say(f"answers    {PROBABILITIES}: {', '.join(model.info.names)}")
    say(f"worth      {model.info.worth}")


def make_onnx(model: Model) -> bytes:
    """The ONNX model with its metadata, unchecked."""
    import onnx

    info = model.info
    plain = Deployed(model.network, info.units).to(memory_format=torch.contiguous_format).eval()
    # Two pictures: a batch of one would be taken for a constant.
    pixels = torch.zeros(2, info.in_channels, info.size, info.size, dtype=torch.uint8)
    made = onnx.load_from_string(onnx_model.to_onnx(plain, pixels, PIXELS, PROBABILITIES))
    onnx.helper.set_model_props(made, {"emonas": json.dumps(describe_model(info), ensure_ascii=False, allow_nan=False)})
    content: bytes = made.SerializeToString()
    return content


def describe_model(info: ModelInfo) -> dict[str, Any]:
    """What the network says of itself, for everybody: how many people it has seen, and no cells with their history."""
    plain = info.as_json()
    plain["trained_on"] = [{**origin, "people": len(origin["people"])} for origin in plain["trained_on"]]
    if plain["score"]:
        plain["score"].pop("leaks", None)
    return {key: value for key, value in plain.items() if key != "genotype"}


def check_model(model: Model, content: bytes, prepared: Prepared | None, count: int) -> list[Check]:
    """Compare random and real pictures in batches of 1 and of 7. Raises UserError where a probability differs."""
    info = model.info
    random = np.random.default_rng(0).integers(0, 256, (count, info.in_channels, info.size, info.size), np.uint8)
    sets = [("random", random)]
    if prepared is not None:
        spread = np.linspace(0, len(prepared.samples) - 1, min(count, len(prepared.samples))).astype(int)
        sets.append((prepared.name, prepared.images[spread]))
    checks = []
    for name, pictures in sets:
        expected = model.probabilities(pictures)
        for batch in _BATCHES:
            difference = float(np.abs(predictions(content, pictures, batch) - expected).max())
            checks.append(Check(name, len(pictures), batch, difference))
    # "not <=": a NaN is refused too.
    wrong = [one for one in checks if not one.difference <= TOLERANCE]
    if wrong:
        raise UserError(
            f"the ONNX model's probabilities differ from PyTorch's by {wrong[0].difference:.1g} on {wrong[0].pictures} "
            f"pictures, more than {TOLERANCE:g}; nothing was written; try other versions of onnxruntime and torch"
        )
    return checks
