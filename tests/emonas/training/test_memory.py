"""Memory: what is said to be needed at least is not more than what there is, and too much is refused in words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from known_cells import DARTS_V2
from torch import nn

from emonas import device
from emonas.errors import UserError
from emonas.genotype import KINDS, NODES
from emonas.network import Network
from emonas.supernet.supernet import Supernet, all_active
from emonas.training.memory import CellSize, StackSize, require_memory

CPU = torch.device("cpu")
BATCH, SIZE = 3, 16


def kept_bytes(network: nn.Module, *inputs: torch.Tensor) -> int:
    """Bytes of the weights, and of what a forward pass keeps for the backward pass."""
    kept = {id(one): one.untyped_storage() for one in network.parameters()}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        network(*inputs)
    return sum(storage.nbytes() for storage in {one.data_ptr(): one for one in kept.values()}.values())


@pytest.mark.parametrize(("cells", "channels"), [(3, 2), (5, 16)])
def test_a_network_takes_at_least_what_is_said_of_it(cells: int, channels: int) -> None:
    size = StackSize.of(DARTS_V2, cells, channels, SIZE, 3)
    network = Network(DARTS_V2, 3, SIZE, cells, channels, auxiliary=False)
    there = kept_bytes(network, torch.zeros(BATCH, 3, SIZE, SIZE))
    assert there / 8 < size.least_bytes(BATCH, copies=1) <= there
    parameters = 4 * sum(parameter.numel() for parameter in network.parameters())
    assert parameters / 3 < size.least_bytes(0, copies=1) <= parameters


@pytest.mark.parametrize("part", [1, 4])
def test_a_supernet_takes_at_least_what_is_said_of_it(part: int) -> None:
    active = all_active(without=("sep_conv_5x5",))
    sizes = [CellSize.of_mixed(active[kind], NODES, part) for kind in KINDS]
    network = Supernet(3, 3, 8, SIZE, active=active, part=part)
    weights = torch.full(active["normal"].shape, 0.1).where(active["normal"], 0.0)
    there = kept_bytes(network, torch.zeros(BATCH, 3, SIZE, SIZE), weights, weights)
    assert there / 12 < StackSize(*sizes, 3, 8, SIZE, 3).least_bytes(BATCH, copies=1) <= there
    parameters = 4 * sum(parameter.numel() for parameter in network.parameters())
    assert parameters / 4 < StackSize(*sizes, 3, 8, SIZE, 3).least_bytes(0, copies=1) <= parameters


def test_what_cannot_fit_is_refused_with_what_it_needs_and_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    size = StackSize.of(replace(DARTS_V2, cells=200, channels=4096), 200, 4096, 112, 3)
    needed = size.least_bytes(4, copies=3)
    assert needed > 1e12
    with pytest.raises(UserError, match=r"^it needs at least [\d,.]+ TB of memory, and [\d.]+ [MG]B are free; take"):
        require_memory(needed, CPU, "it")
    require_memory(1, CPU, "it")
    monkeypatch.setattr(device, "_free_of_system", lambda: None)
    monkeypatch.setattr(device, "_GROUPS", ())
    require_memory(needed, CPU, "it")


def test_the_limit_of_a_container_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, text in (("max", "5000\n"), ("current", "4000\n"), ("memory.stat", "anon 9\ninactive_file 100\n")):
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(device, "_GROUPS", ((str(tmp_path / "max"), str(tmp_path / "current")),))
    assert device.free_bytes(CPU) == 1100
    (tmp_path / "max").write_text("max\n")
    assert (device.free_bytes(CPU) or 0) > 1e6
