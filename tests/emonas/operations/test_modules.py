"""The operations: sizes at every stride, and the fast forms against the definitions."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emonas.operations.modules import FactorizedReduce, Stem, build_operation, reductions, stem_stride
from emonas.operations.table import OPERATION_NAMES

CHANNELS = 6
SIZES = [*((side, side) for side in range(5, 10)), (1, 1), (2, 2), (1, 6), (5, 8), (9, 4)]


def halved(side: int, stride: int) -> int:
    return -(-side // stride)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("name", OPERATION_NAMES)
def test_every_size_is_divided_by_the_stride_and_rounded_up(
    name: str, stride: int, affine: bool, training: bool
) -> None:
    operation = build_operation(name, CHANNELS, stride, affine).train(training)
    for height, width in SIZES:
        output = operation(torch.randn(2, CHANNELS, height, width))
        assert output.shape == (2, CHANNELS, halved(height, stride), halved(width, stride))
        assert output.isfinite().all()


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("name", OPERATION_NAMES)
def test_affine_parameters_only_where_asked_for(name: str, affine: bool) -> None:
    operation = build_operation(name, CHANNELS, 2, affine)
    norms = [module for module in operation.modules() if isinstance(module, nn.BatchNorm2d)]
    assert all((norm.weight is not None) == affine for norm in norms)
    assert bool(norms) == ("pool" not in name)


def test_skip_connect_is_the_identity() -> None:
    x = torch.randn(2, CHANNELS, 5, 5)
    assert build_operation("skip_connect", CHANNELS, 1, True)(x) is x


def test_average_leaves_the_padding_out() -> None:
    x = torch.ones(1, 1, 5, 5)
    assert torch.equal(build_operation("avg_pool_3x3", 1, 1, True)(x), x)


def darts_reduce(reduce: FactorizedReduce, x: Tensor) -> Tensor:
    """FactorizedReduce as DARTS writes it; defined for even sides alone."""
    x = F.relu(x)
    return reduce.norm(torch.cat([reduce.even(x), reduce.odd(x[:, :, 1:, 1:])], dim=1))


@pytest.mark.parametrize("sides", [(2, 2), (6, 6), (4, 10)])
def test_factorized_reduce_is_the_one_of_darts_at_even_sizes(sides: tuple[int, int]) -> None:
    reduce = FactorizedReduce(5, 8)
    x = torch.randn(3, 5, *sides)
    assert torch.equal(reduce(x), darts_reduce(reduce, x))


def test_factorized_reduce_gives_any_number_of_channels() -> None:
    assert FactorizedReduce(3, 7)(torch.randn(2, 3, 5, 5)).shape == (2, 7, 3, 3)


def test_factorized_reduce_reads_every_pixel_of_an_even_picture_diagonally() -> None:
    x = torch.rand(2, 1, 4, 4, requires_grad=True)
    reduce = FactorizedReduce(1, 2).eval()
    reduce(x)[0].abs().sum().backward()
    assert x.grad is not None
    read = x.grad[0, 0] != 0
    assert torch.equal(read, torch.eye(2, dtype=torch.bool).repeat(2, 2))


@pytest.mark.parametrize(
    ("size", "stride"), [(8, 1), (48, 1), (56, 1), (57, 2), (64, 2), (112, 2), (113, 4), (224, 4), (1024, 4)]
)
def test_stem_stride_fits_the_size(size: int, stride: int) -> None:
    assert stem_stride(size) == stride


@pytest.mark.parametrize("size", [8, 9, 31, 33])
@pytest.mark.parametrize("stride", [1, 2, 4])
def test_stem_divides_the_size_and_rounds_up(stride: int, size: int) -> None:
    maps = Stem(1, 7, stride)(torch.randn(2, 1, size, size))
    assert maps.shape == (2, 7, halved(size, stride), halved(size, stride))


@pytest.mark.parametrize(
    ("cells", "positions"),
    [(1, (0,)), (2, (0, 1)), (3, (1, 2)), (4, (1, 2)), (5, (1, 3)), (6, (2, 4)), (8, (2, 5)), (20, (6, 13))],
)
def test_reductions_stand_at_a_third_and_two_thirds(cells: int, positions: tuple[int, ...]) -> None:
    assert reductions(cells) == positions
