"""The modules of the search space's operations, and the small blocks that cells are made of.

Every operation maps (N, C, H, W) to (N, C, ceil(H / stride), ceil(W / stride)) for stride 1 and 2, odd sizes included.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emonas.operations.table import OPERATIONS


def batch_norm(channels: int, affine: bool) -> nn.BatchNorm2d:
    """Batch normalisation; ``affine=False`` in a search, where the alphas do the scaling."""
    return nn.BatchNorm2d(channels, affine=affine)


def pointwise(x: Tensor, weight: Tensor, stride: int = 1) -> Tensor:
    """A 1x1 convolution with ``weight`` (c_out, c_in, 1, 1) as a matrix product over channels-last pixels.

    Where gradients are wanted it must not be F.conv2d: on several CPU threads the weight gradient of oneDNN
    (jit_avx512_common_1x1_convolution_bwd_weights, torch 2.15) leaves its bounds at small numbers of channels.
    """
    if not torch.is_grad_enabled():
        return F.conv2d(x, weight, stride=stride)
    pixels = x[:, :, ::stride, ::stride].permute(0, 2, 3, 1)
    return F.linear(pixels, weight.flatten(1)).permute(0, 3, 1, 2)


class Pointwise(nn.Conv2d):
    """`pointwise` with its own weight, without a bias."""

    def __init__(self, c_in: int, c_out: int, stride: int = 1) -> None:
        super().__init__(c_in, c_out, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return pointwise(x, self.weight, self.stride[0])


class FactorizedReduce(nn.Module):
    """Halve the resolution without losing pixels: two strided 1x1 convolutions, the second shifted by one pixel.

    The shifted view is padded at its far edge, so that both halves have ceil(H / 2) x ceil(W / 2) pixels at odd
    sizes too; at even sizes this equals DARTS's formulation.
    """

    def __init__(self, c_in: int, c_out: int, affine: bool = True) -> None:
        super().__init__()
        self.even = Pointwise(c_in, c_out // 2, stride=2)
        self.odd = Pointwise(c_in, c_out - c_out // 2, stride=2)
        self.norm = batch_norm(c_out, affine)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(x)
        shifted = F.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        return self.norm(torch.cat([self.even(x), self.odd(shifted)], dim=1))


def relu_conv_norm(c_in: int, c_out: int, affine: bool = True) -> nn.Sequential:
    """ReLU, 1x1 convolution, batch normalisation: brings a cell's input to the cell's channels."""
    return nn.Sequential(nn.ReLU(), Pointwise(c_in, c_out), batch_norm(c_out, affine))


def separable(channels: int, kernel: int, stride: int, dilation: int, affine: bool) -> nn.Sequential:
    """ReLU, depthwise convolution, pointwise convolution, batch normalisation."""
    padding = dilation * (kernel // 2)
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(channels, channels, kernel, stride, padding, dilation, groups=channels, bias=False),
        Pointwise(channels, channels),
        batch_norm(channels, affine),
    )


def sep_conv(channels: int, kernel: int, stride: int, affine: bool) -> nn.Module:
    """Depthwise-separable convolution, applied twice; the stride is on the first."""
    return nn.Sequential(
        *separable(channels, kernel, stride, 1, affine),
        *separable(channels, kernel, 1, 1, affine),
    )


def skip_connect(channels: int, stride: int, affine: bool) -> nn.Module:
    """The identity, or a FactorizedReduce where the resolution halves."""
    return nn.Identity() if stride == 1 else FactorizedReduce(channels, channels, affine)


def max_pool(kernel: int, stride: int) -> nn.Module:
    """The largest of kernel x kernel pixels."""
    return nn.MaxPool2d(kernel, stride, padding=kernel // 2)


def avg_pool(kernel: int, stride: int) -> nn.Module:
    """The mean of kernel x kernel pixels; the padding is left out."""
    return nn.AvgPool2d(kernel, stride, padding=kernel // 2, count_include_pad=False)


def build_operation(name: str, channels: int, stride: int, affine: bool) -> nn.Module:
    """The module of an operation by its name, for ``channels`` in and out."""
    operation = OPERATIONS[name]
    kernel = operation.kernel
    match operation.family:
        case "max_pool":
            return max_pool(kernel, stride)
        case "avg_pool":
            return avg_pool(kernel, stride)
        case "skip":
            return skip_connect(channels, stride, affine)
        case "sep_conv":
            return sep_conv(channels, kernel, stride, affine)
        case "dil_conv":
            return separable(channels, kernel, stride, operation.dilation, affine)


class Stem(nn.Sequential):
    """3x3 convolutions from the image to ``c_out`` channels; each of its strided ones halves the resolution.

    ``stride`` is 1, 2 or 4. One convolution does for 1 and 2, two for 4.
    """

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        layers: list[nn.Module] = []
        if stride == 4:
            layers += [nn.Conv2d(c_in, c_out // 2, 3, 2, 1, bias=False), batch_norm(c_out // 2, True), nn.ReLU()]
            c_in, stride = c_out // 2, 2
        layers += [nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False), batch_norm(c_out, True)]
        super().__init__(*layers)


def stem_stride(size: int) -> int:
    """The stride that brings an image of ``size`` pixels to a first map of at most 56 pixels, if 4 is enough.

    48 (FER2013) stays whole; 64 to 112 (RAF-DB, dynamic images) are halved; larger ones are quartered.
    """
    return 1 if size <= 56 else 2 if size <= 112 else 4


def reductions(cells: int) -> tuple[int, ...]:
    """Positions of the reduction cells in a stack: L // 3 and 2 L // 3, as in DARTS; never the same twice."""
    return tuple(sorted({cells // 3, 2 * cells // 3}))
