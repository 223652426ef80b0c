"""What a network costs, counted by hand."""

from __future__ import annotations

import pytest
import torch
from known_cells import DARTS_V2
from torch import nn

from emonas.cost import count_macs, count_parameters
from emonas.network import Network
from emonas.operations import OPERATIONS


class Two(nn.Module):
    """A convolution and a classifier, with an auxiliary head beside them."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.auxiliary = nn.Linear(8, 100)
        self.auxiliary_norm = nn.BatchNorm1d(8)
        self.classifier = nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pooled = self.norm(self.body(x)).relu().mean((2, 3))
        if self.training:
            self.auxiliary(pooled)
        return self.classifier(pooled)


def test_parameters_leave_out_the_auxiliary_head_and_what_is_frozen() -> None:
    network = Two()
    # Convolution, its normalisation, a normalisation that only begins with the head's name, the classifier.
    assert count_parameters(network) == 3 * 8 * 9 + 16 + 16 + 45
    network.body.requires_grad_(False)
    assert count_parameters(network) == 16 + 16 + 45


@pytest.mark.parametrize("training", [True, False])
def test_macs_are_those_of_one_image_in_evaluation(training: bool) -> None:
    network = Two().train(training)
    mean = network.norm.running_mean.clone()
    assert count_macs(network, channels=3, size=10) == 3 * 8 * 9 * 5 * 5 + 8 * 5
    assert network.training is training
    assert torch.equal(network.norm.running_mean, mean)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("name", "kernel", "times"), [("sep_conv_3x3", 3, 2), ("dil_conv_5x5", 5, 1)])
def test_macs_of_separable_convolutions(name: str, kernel: int, times: int, stride: int) -> None:
    channels, size = 6, 8
    pixels = (size // stride) ** 2
    assert count_macs(OPERATIONS[name](channels, stride, True), channels, size) == (
        times * pixels * channels * (kernel**2 + channels)
    )


def test_macs_of_the_published_darts_network() -> None:
    with torch.device("meta"):
        macs = count_macs(Network(DARTS_V2, classes=10, size=32), channels=3, size=32)
    assert macs == pytest.approx(528e6, rel=0.01)
