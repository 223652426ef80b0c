"""The networks to measure against: any picture, any number of classes, nothing downloaded."""

from __future__ import annotations

import socket

import pytest
import torch
from torch import nn

from emonas.cost import count_parameters
from emonas.errors import UserError
from emonas.evaluate.model import baselines
from emonas.evaluate.model.baselines import NAMES, BaselineName, build


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("in_channels", "size"), [(3, 32), (6, 48)])
def test_every_baseline_takes_pictures_of_any_kind(name: BaselineName, in_channels: int, size: int) -> None:
    with torch.device("meta"):
        network = build(name, 5, in_channels, size).eval()
        assert network(torch.empty(2, in_channels, size, size)).shape == (2, 5)


def test_sizes_are_those_that_torchvision_publishes() -> None:
    published = {"mobilenet_v2": 3_504_872, "resnet18": 11_689_512, "resnet50": 25_557_032, "vgg16": 138_357_544}
    for name, parameters in published.items():
        with torch.device("meta"):
            assert count_parameters(build(name, 1000)) == parameters


@pytest.mark.parametrize("name", NAMES)
def test_other_channels_change_the_first_convolution_only(name: BaselineName) -> None:
    with torch.device("meta"):
        usual, other = build(name, 4), build(name, 4, 6)
    changed = [
        key
        for (key, a), b in zip(usual.state_dict().items(), other.state_dict().values(), strict=True)
        if a.shape != b.shape
    ]
    assert len(changed) == 1
    assert other.state_dict()[changed[0]].shape[1] == 6


def test_the_first_convolution_is_drawn_as_torchvision_draws_it() -> None:
    def first(in_channels: int) -> nn.Conv2d:
        return next(module for module in build("resnet18", 2, in_channels).modules() if isinstance(module, nn.Conv2d))

    # fan_out does not depend on the incoming channels.
    assert first(6).weight.std().item() == pytest.approx(first(3).weight.std().item(), rel=0.1)


def test_a_baseline_learns_from_pictures_of_two_channels() -> None:
    network = build("mobilenet_v3_small", 3, 2, 40)
    network(torch.randn(4, 2, 40, 40)).sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_too_small_pictures_are_refused() -> None:
    with pytest.raises(UserError, match="vgg16 needs pictures of at least 32 x 32 pixels, these have 31"):
        build("vgg16", 3, 3, baselines.SMALLEST - 1)


def test_nothing_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    build("mobilenet_v2", 3)
