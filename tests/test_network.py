"""The stacked network: known sizes, every shape, drop-path and the auxiliary head."""

from __future__ import annotations

import dataclasses
import random

import pytest
import torch
from examples import DARTS_V2, cell_of, random_genotype
from torch import nn

from emonas.cost import count_parameters
from emonas.network import AUXILIARY_WEIGHT, Network, StackedCell, drop_path
from emonas.operations import Pointwise


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
    loss, logits = network.loss(images, torch.tensor([0, 2]))
    loss.backward()
    assert logits.shape == (2, 3)
    assert all(parameter.grad is not None for parameter in network.auxiliary.parameters())
    with torch.no_grad():
        assert network.eval()(images).isfinite().all()


@pytest.mark.parametrize("cells", range(1, 9))
def test_any_number_of_cells_goes_through(cells: int) -> None:
    network = small(cells, cells=cells, size=17)
    images = torch.randn(2, 3, 17, 17)
    assert network(images).shape == (2, 3)
    assert network.auxiliary_logits is not None
    assert network.auxiliary_logits.shape == (2, 3)
    with torch.no_grad():
        assert network.eval()(images).shape == (2, 3)


def test_cells_with_other_numbers_of_nodes_and_grey_images() -> None:
    genotype = random_genotype(random.Random(0), cells=3, channels=4)
    genotype = dataclasses.replace(genotype, normal=dataclasses.replace(genotype.normal, concat=(5, 3)))
    network = Network(genotype, classes=2, size=9, in_channels=1)
    assert network(torch.randn(2, 1, 9, 9)).shape == (2, 2)


def test_auxiliary_head_works_in_training_alone() -> None:
    network = small()
    images, labels = torch.randn(4, 3, 16, 16), torch.tensor([0, 1, 2, 0])
    cross_entropy = nn.CrossEntropyLoss()
    logits = network(images)
    auxiliary = network.auxiliary_logits
    assert auxiliary is not None
    expected = cross_entropy(logits, labels) + AUXILIARY_WEIGHT * cross_entropy(auxiliary, labels)
    assert network.loss(images, labels)[0].item() == pytest.approx(expected.item(), rel=1e-5)

    network(images)  # leaves its auxiliary logits, which the evaluation must not count
    network.eval()
    with torch.no_grad():
        loss, logits = network.loss(images, labels)
    assert network.auxiliary_logits is None
    assert loss.item() == pytest.approx(cross_entropy(logits, labels).item())


def test_network_without_an_auxiliary_head() -> None:
    network = small(auxiliary=False)
    images, labels = torch.randn(4, 3, 16, 16), torch.tensor([0, 1, 2, 0])
    loss, logits = network.loss(images, labels)
    assert loss.item() == pytest.approx(nn.functional.cross_entropy(logits, labels).item())


def test_smoothing_reaches_both_heads() -> None:
    network = small()
    images, labels = torch.randn(4, 3, 16, 16), torch.tensor([0, 1, 2, 0])
    smooth = nn.CrossEntropyLoss(label_smoothing=0.2)
    expected = smooth(network(images), labels) + AUXILIARY_WEIGHT * smooth(network.auxiliary_logits, labels)
    assert network.loss(images, labels, 0.2)[0].item() == pytest.approx(expected.item(), rel=1e-5)


def test_evaluation_is_repeatable_and_sample_by_sample() -> None:
    network = small()
    network.drop_rate = 0.5
    images = torch.randn(4, 3, 16, 16)
    network(images)
    network.eval()
    with torch.no_grad():
        together = network(images)
        assert torch.equal(together, network(images))
        torch.testing.assert_close(together, torch.cat([network(image[None]) for image in images]))


@pytest.mark.parametrize("rate", [0.0, 0.2, 0.7])
def test_drop_path_drops_whole_samples_and_keeps_the_mean(rate: float) -> None:
    torch.manual_seed(0)
    samples = 20_000
    dropped = drop_path(torch.ones(samples, 2, 1, 2), rate)
    assert torch.equal(dropped, dropped[:, :1, :, :1].expand_as(dropped))
    kept = dropped[dropped > 0]
    torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 - rate)))
    assert (dropped >= 0).all()
    # Four standard errors of the mean.
    assert dropped.mean().item() == pytest.approx(1, abs=4 * (rate / (1 - rate) / samples) ** 0.5 + 1e-6)


def cell_outputs(operation: str, reduce: bool, rate: float) -> list[torch.Tensor]:
    """Three passes of the same batch through a cell in training."""
    torch.manual_seed(0)
    cell = StackedCell(cell_of(operation, nodes=2), 4, 4, 4, reduce, reduce_before=False)
    x = torch.randn(8, 4, 8, 8)
    with torch.no_grad():
        return [cell(x, x, rate) for _ in range(3)]


@pytest.mark.parametrize("rate", [0.0, 0.9])
def test_an_identity_is_never_dropped(rate: float) -> None:
    first, *others = cell_outputs("skip_connect", reduce=False, rate=rate)
    assert all(torch.equal(first, other) for other in others)


@pytest.mark.parametrize(
    ("operation", "reduce"), [("skip_connect", True), ("sep_conv_3x3", False), ("max_pool_3x3", False)]
)
def test_every_other_path_is_dropped_in_training(operation: str, reduce: bool) -> None:
    kept = cell_outputs(operation, reduce, rate=0.0)
    assert torch.equal(kept[0], kept[1])
    dropped = cell_outputs(operation, reduce, rate=0.9)
    assert not torch.equal(dropped[0], dropped[1])
    # With nine paths in ten gone, many nodes of many samples have lost both.
    assert any((sample == 0).all() for output in dropped for sample in output)


def test_every_1x1_convolution_is_a_matrix_product() -> None:
    """oneDNN's weight gradient of 1x1 convolutions crashes on several threads."""
    network = Network(DARTS_V2, classes=3, size=32, cells=4, channels=4)
    flat = [m for m in network.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (1, 1)]
    assert flat and all(isinstance(module, Pointwise) for module in flat)
