"""The form for a GPU, called on the CPU; that it equals the definition stands in test_supernet.

Here: that it makes few large calls, and that it works in the precision that a GPU uses.
"""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from emonas.genotype import count_edges
from emonas.operations.table import OPERATION_NAMES
from emonas.supernet.grouped import grouped_cell
from emonas.supernet.mixed_cell import MixedCell

NODES, OPERATIONS = 4, len(OPERATION_NAMES)


def cell(reduce: bool = False, part: int = 1) -> MixedCell:
    torch.manual_seed(0)
    active = torch.ones(count_edges(NODES), OPERATIONS, dtype=torch.bool)
    return MixedCell(8, 8, 8, reduce, False, active, NODES, part).to(memory_format=torch.channels_last)


def inputs(side: int = 8) -> tuple[Tensor, Tensor]:
    """A picture and the operations' weights."""
    x = torch.randn(4, 8, side, side).contiguous(memory_format=torch.channels_last)
    return x, torch.randn(count_edges(NODES), OPERATIONS).softmax(1)


class Calls(TorchDispatchMode):
    """Counts the calls of each operator."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        self.counts[function.overloadpacket.__name__] += 1
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("reduce", [False, True])
def test_all_edges_of_an_operation_are_one_call(reduce: bool) -> None:
    x, weights = inputs()
    with Calls() as calls, torch.no_grad():
        grouped_cell(cell(reduce), x, x, weights)
    sources = NODES + 1
    # Two inputs to the cell, and for each source 2 * (2 + 2) + (1 + 1) * 2 convolutions, and 2 in a strided skip.
    assert calls.counts["convolution"] == 2 + 12 * sources + (4 if reduce else 0)
    norms = sum(count for name, count in calls.counts.items() if "batch_norm" in name)
    # Two inputs; for each source two pools and 2 * 2 + 2 separable convolutions; the strided skips.
    assert norms == 2 + 8 * sources + (2 if reduce else 0)


@pytest.mark.parametrize("part", [1, 4])
@pytest.mark.parametrize("reduce", [False, True])
def test_half_precision_is_close_and_trains(reduce: bool, part: int) -> None:
    made, (x, weights) = cell(reduce, part), inputs()
    weights.requires_grad_()
    results = []
    for enabled in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            output = grouped_cell(made, x, x, weights)
        gradients = torch.autograd.grad(output.float().square().mean(), [weights, *made.parameters()])
        assert all(gradient.isfinite().all() for gradient in gradients)
        results.append((output.float(), gradients[0]))
    for exact, rough in zip(*results, strict=True):
        assert (exact - rough).norm() < 0.05 * exact.norm()


@pytest.mark.parametrize("side", [7, 8])
def test_activations_stay_channels_last(side: int) -> None:
    x, weights = inputs(side)
    assert grouped_cell(cell(), x, x, weights).is_contiguous(memory_format=torch.channels_last)
    assert cell()(x, x, weights).is_contiguous(memory_format=torch.channels_last)
