"""The convolutions and normalisations of all edges that leave one state, packed into one parameter for each operation.

One edge's part is a slice, and a GPU takes them all in one call.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emonas.supernet.separable_sum import EPSILON, MOMENTUM, Term, separable_rectified


class PackedNorm(nn.Module):
    """Batch normalisations without parameters, one for each target of a fan-out; the running statistics are packed."""

    def __init__(self, targets: int, channels: int) -> None:
        super().__init__()
        self.mean: Tensor
        self.var: Tensor
        self.register_buffer("mean", torch.zeros(targets, channels))
        self.register_buffer("var", torch.ones(targets, channels))

    def forward(self, x: Tensor, scales: Tensor | None = None) -> Tensor:
        """Normalise (N, targets * channels, H, W); ``scales`` (targets,) multiply the result."""
        weight = None if scales is None else scales.to(self.mean.dtype).repeat_interleave(self.mean.shape[1])
        mean, var = self.mean.view(-1), self.var.view(-1)
        return F.batch_norm(x, mean, var, weight, None, self.training, MOMENTUM, EPSILON)


def packed_weights(targets: int, c_out: int, c_in: int, kernel: int) -> nn.Parameter:
    """Convolution weights of all targets in one parameter (targets * c_out, c_in, kernel, kernel).

    Initialised as torch initialises a convolution; its bounds depend on c_in and the kernel, not on the packing.
    """
    weight = torch.empty(targets * c_out, c_in, kernel, kernel)
    nn.init.kaiming_uniform_(weight, a=math.sqrt(5))
    return nn.Parameter(weight)


class PackedSeparable(nn.Module):
    """Depthwise, pointwise, normalisation for all targets of a fan-out (`modules.separable` without its ReLU)."""

    def __init__(self, targets: int, channels: int, kernel: int) -> None:
        super().__init__()
        self.targets, self.kernel = targets, kernel
        self.depthwise = packed_weights(targets, channels, 1, kernel)
        self.pointwise = packed_weights(targets, channels, channels, 1)
        self.norm = PackedNorm(targets, channels)

    def terms(self, x: Tensor | list[Tensor], scales: Tensor | None, stride: int = 1, dilation: int = 1) -> list[Term]:
        """A term for each target, from the activated state or from an input for each; ``scales``: (targets,)."""
        kernels, mixers = self.depthwise.chunk(self.targets), self.pointwise.chunk(self.targets)
        inputs = x if isinstance(x, list) else [x] * self.targets
        return [
            Term(
                x=inputs[i],
                kernel=kernels[i],
                mixer=mixers[i],
                scale=None if scales is None else scales[i],
                mean=self.norm.mean[i],
                var=self.norm.var[i],
                stride=stride,
                dilation=dilation,
            )
            for i in range(self.targets)
        ]


class PackedTwice(nn.Module):
    """The separable convolution applied twice (`modules.sep_conv` without its first ReLU)."""

    def __init__(self, targets: int, channels: int, kernel: int) -> None:
        super().__init__()
        self.targets = targets
        self.first = PackedSeparable(targets, channels, kernel)
        self.second = PackedSeparable(targets, channels, kernel)

    def terms(self, x: Tensor, scales: Tensor, stride: int) -> list[Term]:
        """A term for each target, from the activated state."""
        inner = self.first.terms(x, None, stride)
        return self.second.terms(separable_rectified(inner, self.training), scales)
