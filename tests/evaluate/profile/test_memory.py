"""Bytes of weights and activations, counted by hand."""

from __future__ import annotations

import torch
from torch import nn

from emonas.evaluate.profile.memory import activation_bytes, weights_bytes

IMAGES = torch.zeros(1, 3, 8, 8)
PICTURE = 4 * 3 * 8 * 8
MAP = 4 * 5 * 8 * 8


def test_what_lives_at_once_is_counted_and_what_has_died_is_not() -> None:
    convolutions = [nn.Conv2d(3, 5, 1), *(nn.Conv2d(5, 5, 1) for _ in range(6))]
    network = nn.Sequential(*convolutions)
    # The caller holds the picture; each convolution has its input and its output.
    assert activation_bytes(network, IMAGES) == PICTURE + 2 * MAP


def test_in_place_results_and_views_take_nothing() -> None:
    network = nn.Sequential(nn.Conv2d(3, 5, 1), nn.ReLU(inplace=True), nn.Flatten())
    assert activation_bytes(network, IMAGES) == PICTURE + MAP
    plain = nn.Sequential(nn.Conv2d(3, 5, 1), nn.ReLU(), nn.Flatten())
    assert activation_bytes(plain, IMAGES) == PICTURE + 2 * MAP


def test_all_branches_that_wait_for_their_sum_are_counted() -> None:
    class Branches(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([x + 1, x + 2, x + 3], dim=1)

    assert activation_bytes(Branches(), IMAGES) == (1 + 3 + 3) * PICTURE


def test_weights_and_statistics_are_no_activations() -> None:
    class Weighted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(1000))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            # A view of the weight is still the weight.
            return x + self.weight.view(10, 100)[0, 0]

    assert activation_bytes(Weighted(), IMAGES) == 2 * PICTURE


def test_twice_the_pictures_take_twice_the_bytes() -> None:
    network = nn.Conv2d(3, 5, 3)
    assert activation_bytes(network, IMAGES.repeat(2, 1, 1, 1)) == 2 * activation_bytes(network, IMAGES)


def test_a_weights_file_has_statistics_but_no_auxiliary_head() -> None:
    network = nn.Sequential()
    network.add_module("body", nn.Conv2d(3, 5, 3))
    network.add_module("norm", nn.BatchNorm2d(5))
    network.add_module("auxiliary", nn.Linear(100, 100))
    assert weights_bytes(network) == 4 * (5 * 3 * 9 + 5 + 4 * 5)
    assert weights_bytes(network.half()) == 4 * (5 * 3 * 9 + 5 + 4 * 5)
