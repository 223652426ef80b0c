"""The fast supernet equals the plain one; derived cells are what the weights say."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from edge_by_edge import PlainSupernet, copy_parameters, matching

from emonas.genotype import OPERATION_NAMES
from emonas.supernet import Supernet, count_edges, derive_cell, join_phases, split_phases

CLASSES = 3


def pair(size: int, cells: int = 3, channels: int = 3) -> tuple[Supernet, PlainSupernet]:
    torch.manual_seed(0)
    fast = Supernet(CLASSES, cells, channels, size).double().to(memory_format=torch.channels_last)
    plain = PlainSupernet(CLASSES, cells, channels, size).double()
    copy_parameters(fast, plain)
    return fast, plain


def mixture() -> list[torch.Tensor]:
    return [torch.randn(14, 7, dtype=torch.float64, requires_grad=True) for _ in range(2)]


def relative(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).abs().max() / b.abs().max().clamp_min(1e-300))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("size", [16, 13, 18])
def test_equals_the_edge_by_edge_form(size: int, training: bool) -> None:
    fast, plain = pair(size)
    fast.train(training)
    plain.train(training)
    alphas = mixture()
    images, labels = torch.randn(4, 3, size, size, dtype=torch.float64), torch.tensor([0, 1, 2, 1])
    results = []
    for network in (fast, plain):
        logits = network(images, *(alpha.softmax(1) for alpha in alphas))
        loss = F.cross_entropy(logits, labels)
        results.append((logits, torch.autograd.grad(loss, [*alphas, *network.parameters()])))
    (fast_logits, fast_grads), (plain_logits, plain_grads) = results
    assert (fast_logits - plain_logits).abs().max() < 1e-12
    for ours, theirs in zip(fast_grads[:2], plain_grads[:2], strict=True):
        assert relative(ours, theirs) < 1e-10
    by_name = dict(zip((n for n, _ in fast.named_parameters()), fast_grads[2:], strict=True))
    for parameter, gradient in zip(fast.parameters(), by_name.values(), strict=True):
        parameter.grad = gradient
    for parameter, gradient in zip(plain.parameters(), plain_grads[2:], strict=True):
        parameter.grad = gradient
    assert_same_gradients_and_statistics(fast, plain)


def assert_same_gradients_and_statistics(fast: Supernet, plain: PlainSupernet) -> None:
    for fast_cell, plain_cell in zip(fast.cells, plain.cells, strict=True):
        for ours, theirs in matching(fast_cell, plain_cell):
            assert (ours - theirs).abs().max() < 1e-12
        swap_gradients_in(fast_cell)
        for parameter in plain_cell.parameters():
            parameter.data, parameter.grad = parameter.grad, None
        largest = max(float(p.detach().abs().max()) for p in plain_cell.parameters())
        for ours, theirs in matching(fast_cell, plain_cell):
            assert (ours - theirs).abs().max() < 1e-10 * largest
    assert relative(fast.classifier.weight.grad, plain.classifier.weight.grad) < 1e-10
    for ours, theirs in zip(fast.stem.parameters(), plain.stem.parameters(), strict=True):
        assert relative(ours.grad, theirs.grad) < 1e-10


def swap_gradients_in(module: torch.nn.Module) -> None:
    for parameter in module.parameters():
        parameter.data, parameter.grad = parameter.grad, None


def test_has_the_same_number_of_parameters_as_the_definition() -> None:
    fast, plain = pair(16)
    assert sum(p.numel() for p in fast.parameters()) == sum(p.numel() for p in plain.parameters())


@pytest.mark.parametrize("sides", [(2, 2), (4, 6), (8, 8)])
def test_phases_are_the_pixels_of_one_parity(sides: tuple[int, int]) -> None:
    x = torch.randn(3, 2, *sides)
    phases = split_phases(x)
    corners = [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert torch.equal(phases, torch.cat([x[:, :, row::2, column::2] for row, column in corners]))
    assert torch.equal(join_phases(phases), x)


@pytest.mark.parametrize("kernel", [3, 5])
def test_a_dilated_convolution_is_undilated_in_the_phases(kernel: int) -> None:
    x = torch.randn(2, 3, 6, 8, dtype=torch.float64)
    weight = torch.randn(3, 1, kernel, kernel, dtype=torch.float64)
    plain = F.conv2d(x, weight, padding=2 * (kernel // 2), dilation=2, groups=3)
    torch.testing.assert_close(join_phases(F.conv2d(split_phases(x), weight, padding=kernel // 2, groups=3)), plain)


def test_alpha_gradients_agree_with_finite_differences() -> None:
    torch.manual_seed(1)
    network = Supernet(2, 2, 2, 8, nodes=1).double()
    images, labels = torch.randn(3, 3, 8, 8, dtype=torch.float64), torch.tensor([0, 1, 0])

    def loss(normal: torch.Tensor, reduction: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(network(images, normal.softmax(1), reduction.softmax(1)), labels)

    alphas = [torch.randn(count_edges(1), 7, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    assert torch.autograd.gradcheck(loss, alphas, eps=1e-6, atol=1e-7, fast_mode=False)


def test_weight_gradients_agree_with_finite_differences() -> None:
    torch.manual_seed(2)
    network = Supernet(2, 2, 2, 8, nodes=1).double()
    images, labels = torch.randn(3, 3, 8, 8, dtype=torch.float64), torch.tensor([0, 1, 0])
    mixed = [torch.full((2, 7), 1 / 7, dtype=torch.float64)] * 2
    parameters = list(network.parameters())
    gradients = torch.autograd.grad(F.cross_entropy(network(images, *mixed), labels), parameters)
    directions = [torch.randn_like(p) for p in parameters]
    exact = sum(float((g * d).sum()) for g, d in zip(gradients, directions, strict=True))
    step, values = 1e-6, []
    with torch.no_grad():
        for sign in (1, -2):
            for parameter, direction in zip(parameters, directions, strict=True):
                parameter += sign * step * direction
            values.append(float(F.cross_entropy(network(images, *mixed), labels)))
    assert exact == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-5)


def test_derived_cell_keeps_the_two_strongest_edges_of_each_node() -> None:
    weights = torch.full((14, 7), 0.1)
    weights[0, 2], weights[1, 3] = 0.5, 0.6
    weights[3, 6], weights[4, 0] = 0.7, 0.8
    cell = derive_cell(weights)
    assert [(e.operation, e.source) for e in cell.edges[:4]] == [
        ("skip_connect", 0),
        ("sep_conv_3x3", 1),
        ("dil_conv_5x5", 1),
        ("max_pool_3x3", 2),
    ]
    assert cell.concat == (2, 3, 4, 5)


def test_ties_go_to_the_first_edge_and_operation() -> None:
    cell = derive_cell(torch.full((14, 7), 1 / 7))
    assert {(edge.operation, edge.source) for edge in cell.edges} == {(OPERATION_NAMES[0], 0), (OPERATION_NAMES[0], 1)}
