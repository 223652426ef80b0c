"""The stacked network: known sizes, every shape, drop-path and the auxiliary head."""

from __future__ import annotations

import dataclasses
import random

import pytest
import torch
from known_cells import DARTS_V2, cell_of, random_genotype
from torch import nn

from emonas.cost import count_parameters
from emonas.network import Network, StackedCell, drop_path_mask
from emonas.operations.modules import Pointwise


def small(seed: int = 0, cells: int = 3, size: int = 16, auxiliary: bool = True) -> Network:
    torch.manual_seed(seed)
    genotype = random_genotype(random.Random(seed), cells=cells, channels=4)
    return Network(genotype, classes=3, size=size, auxiliary=auxiliary)


@pytest.mark.parametrize("auxiliary", [True, False])
def test_parameters_of_the_published_darts_network(auxiliary: bool) -> None:
    with torch.device("meta"):
        network = Network(DARTS_V2, classes=10, size=32, auxiliary=auxiliary)
    assert count_parameters(network) == 3_349_342


def test_mean_parameters_of_random_networks() -> None:
    luck = random.Random(0)
    with torch.device("meta"):
        networks = [Network(random_genotype(luck), classes=7, size=48, auxiliary=False) for _ in range(30)]
    mean = sum(count_parameters(network) for network in networks) / len(networks)
    assert mean == pytest.approx(0.54e6, rel=0.15)


def test_cells_and_channels_come_from_the_genotype_unless_given() -> None:
    genotype = random_genotype(random.Random(0), cells=4, channels=4)
    own = Network(genotype, classes=7, size=16)
    other = Network(genotype, classes=7, size=16, cells=2, channels=6)
    assert (len(own.cells), len(other.cells)) == (4, 2)
    # Two reductions double the channels twice; four nodes are concatenated.
    assert (own.classifier.in_features, other.classifier.in_features) == (4 * 4 * 4, 4 * 4 * 6)


def reducing(network: Network) -> list[int]:
    """The positions of the cells that halve the resolution."""
    return [position for position, cell in enumerate(network.cells) if cell.cell.concat == (2,)]


def test_reductions_stand_where_the_genotype_says_or_at_one_and_two_thirds() -> None:
    genotype = dataclasses.replace(
        random_genotype(random.Random(0), cells=6, channels=4), reduction=cell_of("max_pool_3x3")
    )
    searched = dataclasses.replace(genotype, reductions=(1, 4))
    assert reducing(Network(genotype, classes=3, size=16)) == [2, 4]
    network = Network(searched, classes=3, size=16)
    assert reducing(network) == [1, 4]
    assert network(torch.randn(2, 3, 16, 16)).shape == (2, 3)
    # The same number of cells is the same stack; of another stack the search knew nothing.
    assert reducing(Network(searched, classes=3, size=16, cells=6)) == [1, 4]
    assert reducing(Network(searched, classes=3, size=16, cells=9)) == [3, 6]


def test_a_single_reduction_doubles_the_channels_once() -> None:
    genotype = dataclasses.replace(random_genotype(random.Random(0), cells=3, channels=4), reductions=(2,))
    assert Network(genotype, classes=3, size=16).classifier.in_features == 4 * 2 * 4


@pytest.mark.parametrize("size", [8, 33, 47, 97])
def test_any_size_goes_through(size: int) -> None:
    network = small(size, size=size)
    images = torch.randn(2, 3, size, size)
    logits, auxiliary = network.logits_and_auxiliary(images)
    assert auxiliary is not None
    (logits.sum() + auxiliary.sum()).backward()
    assert logits.shape == (2, 3)
    assert all(parameter.grad is not None for parameter in network.auxiliary.parameters())
    with torch.no_grad():
        assert network.eval()(images).isfinite().all()


@pytest.mark.parametrize("cells", range(1, 9))
def test_any_number_of_cells_goes_through(cells: int) -> None:
    network = small(cells, cells=cells, size=17)
    images = torch.randn(2, 3, 17, 17)
    logits, auxiliary = network.logits_and_auxiliary(images)
    assert auxiliary is not None
    assert logits.shape == auxiliary.shape == (2, 3)
    with torch.no_grad():
        assert network.eval()(images).shape == (2, 3)


def test_cells_with_other_numbers_of_nodes_and_grey_images() -> None:
    genotype = random_genotype(random.Random(0), cells=3, channels=4)
    genotype = dataclasses.replace(genotype, normal=dataclasses.replace(genotype.normal, concat=(5, 3)))
    network = Network(genotype, classes=2, size=9, in_channels=1)
    assert network(torch.randn(2, 1, 9, 9)).shape == (2, 2)


def test_auxiliary_head_works_in_training_alone() -> None:
    images = torch.randn(4, 3, 16, 16)
    network = small()
    assert network.logits_and_auxiliary(images)[1] is not None
    assert network.eval().logits_and_auxiliary(images)[1] is None
    assert small(auxiliary=False).logits_and_auxiliary(images)[1] is None


def test_evaluation_is_repeatable_and_sample_by_sample() -> None:
    network = small()
    images = torch.randn(4, 3, 16, 16)
    network(images)
    network.eval()
    with torch.no_grad():
        together = network(images)
        assert torch.equal(together, network(images))
        torch.testing.assert_close(together, torch.cat([network(image[None]) for image in images]))


@pytest.mark.parametrize("rate", [0.0, 0.2, 0.7])
def test_drop_path_factors_are_nought_or_scaled_up_and_keep_the_mean(rate: float) -> None:
    torch.manual_seed(0)
    factors = drop_path_mask(2, 20_000, rate, torch.device("cpu"))
    kept = factors[factors > 0]
    torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 - rate)))
    assert (factors >= 0).all()
    # Four standard errors of the mean.
    assert factors.mean().item() == pytest.approx(1, abs=4 * (rate / (1 - rate) / factors.numel()) ** 0.5 + 1e-6)


def one_operation_cell(operation: str, reduce: bool) -> StackedCell:
    torch.manual_seed(0)
    return StackedCell(cell_of(operation, nodes=2), 4, 4, 4, reduce, reduce_before=False)


def test_an_identity_is_never_dropped() -> None:
    assert not any(one_operation_cell("skip_connect", reduce=False).droppable)


@pytest.mark.parametrize(
    ("operation", "reduce"), [("skip_connect", True), ("sep_conv_3x3", False), ("max_pool_3x3", False)]
)
def test_a_dropped_path_is_gone_for_its_sample_alone(operation: str, reduce: bool) -> None:
    cell, x = one_operation_cell(operation, reduce), torch.randn(3, 4, 8, 8)
    paths = sum(cell.droppable)
    assert paths >= 2
    with torch.no_grad():
        whole = cell(x, x)
        torch.testing.assert_close(cell(x, x, torch.ones(paths, 3)), whole)
        factors = torch.ones(paths, 3)
        factors[:, 1] = 0
        dropped = cell(x, x, factors)
    # With both its paths gone a node is nought, and so is all that is made of it without another path.
    assert (dropped[1, :4] == 0).all() and not (dropped[0, :4] == 0).all()
    torch.testing.assert_close(dropped[[0, 2]], whole[[0, 2]])


def test_every_droppable_operation_of_the_network_has_a_row_of_factors() -> None:
    network, images = small(), torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        whole = network.logits_and_auxiliary(images, torch.ones(network.paths, 2))[0]
        torch.testing.assert_close(whole, network.logits_and_auxiliary(images)[0])
        for path in range(network.paths):
            factors = torch.ones(network.paths, 2)
            factors[path] = 5
            assert not torch.allclose(network.logits_and_auxiliary(images, factors)[0], whole), path


def test_every_1x1_convolution_is_a_matrix_product() -> None:
    """oneDNN's weight gradient of 1x1 convolutions crashes on several threads."""
    network = Network(DARTS_V2, classes=3, size=32, cells=4, channels=4)
    flat = [m for m in network.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (1, 1)]
    assert flat and all(isinstance(module, Pointwise) for module in flat)
