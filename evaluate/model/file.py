"""A trained network as one file, ``model.safetensors``: weights as plain tensors, and all else as JSON in its header.

The header's metadata are ``format`` and ``version`` (see model_info.py) and ``info``, the JSON. Nothing is pickled, so
that a file from elsewhere can do nothing but be read.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import torch
from torch import Tensor, nn

from emonas.device import pick_device
from emonas.errors import UserError
from emonas.evaluate.model import baselines
from emonas.evaluate.model.info import FORMAT, ModelInfo, damaged, read_info
from emonas.evaluate.model.inputs import picture_options
from emonas.evaluate.model.model import Model
from emonas.files import parse_json, replacing, why_not_a_file
from emonas.network import Baseline, Network
from emonas.options.types import DeviceName
from emonas.records import check_head
from emonas.training.checkpoint import flaw_of_tensors
from emonas.training.memory import StackSize, require_memory

NAME = "model.safetensors"
_AUXILIARY = "auxiliary."


def save_model(path: Path, network: nn.Module, info: ModelInfo) -> None:
    """Write a network, without its auxiliary head, and what it says of itself; whole or not at all."""
    from safetensors.torch import save

    tensors = {
        name: tensor.detach().cpu().contiguous() for name, tensor in inference_weights(network.state_dict()).items()
    }
    content = json.dumps(info.as_json(), ensure_ascii=False, allow_nan=False)
    data = _sorted_metadata(save(tensors, {"format": FORMAT.name, "version": str(FORMAT.version), "info": content}))
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def _sorted_metadata(data: bytes) -> bytes:
    """A safetensors file with its header's metadata in order: the library writes them in another one each time, and the
    same network is to be the same file."""
    length = int.from_bytes(data[:8], "little")
    head = json.loads(data[8 : 8 + length])
    head["__metadata__"] = dict(sorted(head["__metadata__"].items()))
    header = json.dumps(head, separators=(",", ":"), ensure_ascii=False).encode()
    # Tensors begin at a multiple of eight bytes.
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + data[8 + length :]


def load_model(path: Path, device: DeviceName = "auto") -> Model:
    """Read what `save_model` wrote. Raises UserError: missing, cut off, foreign, newer, other tensors than it says."""
    place = pick_device(device)
    info, tensors = _read(path)
    return Model(info, build_network(info, tensors, str(path)).to(place), place)


def inference_weights(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights that answer: all but those of the auxiliary head, which only training has."""
    return {name: tensor for name, tensor in weights.items() if not str(name).startswith(_AUXILIARY)}


def build_network(info: ModelInfo, tensors: dict[str, Tensor], name: str) -> nn.Module:
    """The network that ``info`` describes, with these weights, ready to answer; ``name`` is how messages call it.

    Compared on paper first, without memory for weights. Raises UserError where the two do not belong together.
    """
    try:
        picture_options(info.input)
    except (ValueError, UserError) as error:
        damaged(name, f"its pictures cannot be made ({error})")
    with torch.device("meta"):
        network = _built(info, name)
    if flaw := flaw_of_tensors(network.state_dict(), tensors):
        damaged(name, flaw)
    _require_memory(info, name)
    network.load_state_dict(tensors, assign=True)
    return network.requires_grad_(False).eval().to(memory_format=torch.channels_last)


def _require_memory(info: ModelInfo, name: str) -> None:
    """Refuse pictures of which not one can go through the network. Raises UserError."""
    needed = 4 * info.in_channels * info.size**2
    if info.genotype and info.cells and info.channels:
        size = StackSize.of(info.genotype, info.cells, info.channels, info.size, info.in_channels)
        needed = size.least_bytes(batch=1, copies=0, backward=False)
    what = f"{name}: a picture of {info.in_channels} x {info.size} x {info.size}"
    require_memory(needed, torch.device("cpu"), what)


def _built(info: ModelInfo, name: str) -> nn.Module:
    if info.genotype is None:
        if info.arch not in get_args(baselines.BaselineName):
            damaged(name, f"no network is called {info.arch[:40]!r}")
        return Baseline(baselines.build(info.arch, len(info.names), info.in_channels, info.size))  # type: ignore[arg-type]
    return Network(
        info.genotype,
        classes=len(info.names),
        size=info.size,
        cells=info.cells,
        channels=info.channels,
        in_channels=info.in_channels,
        auxiliary=False,
    )


def _read(path: Path) -> tuple[ModelInfo, dict[str, Tensor]]:
    from safetensors import SafetensorError, safe_open

    if reason := why_not_a_file(path):
        raise UserError(f"{path}: {reason}")
    try:
        with path.open("rb"):
            pass
        with safe_open(path, framework="pt") as file:
            info = _header(file.metadata() or {}, str(path))
            # Copies, since the file is mapped and may be replaced.
            return info, {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 (no mapping)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from None
    except SafetensorError:
        raise UserError(f"{path}: not a whole safetensors file; take a whole copy or train again") from None


def _header(metadata: dict[str, str], name: str) -> ModelInfo:
    head: dict[str, str | int | None] = {key: metadata.get(key) for key in ("format", "version")}
    if head["version"] == str(FORMAT.version):
        head["version"] = FORMAT.version
    check_head(head, FORMAT, name)
    if "info" not in metadata:
        damaged(name, "its description is missing")
    return read_info(parse_json(metadata["info"], name), name)
