"""What a network costs: parameters, multiply-accumulates, bytes."""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def count_parameters(network: nn.Module) -> int:
    """Trainable parameters without the auxiliary head, which only training has."""
    return sum(
        parameter.numel()
        for name, parameter in network.named_parameters()
        if parameter.requires_grad and not name.startswith("auxiliary.")
    )


def count_macs(network: nn.Module, channels: int, size: int) -> int:
    """Multiply-accumulates for one image (channels, size, size), in evaluation mode.

    Convention: convolutions and matrix products only, half of what torch's flop counter gives; pools, normalisation and
    activations are not counted.
    """
    parameter = next(network.parameters())
    image = torch.zeros(1, channels, size, size, device=parameter.device, dtype=parameter.dtype)
    was_training = network.training
    network.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(image)
    network.train(was_training)
    return counter.get_total_flops() // 2
