"""Depthwise convolution on channels-last activations with a backward pass that is fast on a CPU.

The same function as torch's. What differs is how the two gradients of a convolution without dilation are computed:

- at stride 1 the input's gradient is a depthwise convolution of the output's gradient with the flipped kernel, which
  runs as fast as the forward pass;
- oneDNN has fast weight gradients for kernels at most 3 wide. A 5x5 kernel's is taken as that of its columns 0..2 and
  that of its columns 2..4, two 5x3 kernels that see the input two pixels apart.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

#: Wider kernels have a slow weight gradient in oneDNN (torch 2.15: 5x5 takes 12 times as long as 3x3).
FAST_WIDTH = 3
GAP = 2


def convolve(x: Tensor, kernel: Tensor, stride: int, dilation: int) -> Tensor:
    """Convolve each channel of (N, C, H, W) with its own kernel (C, 1, k, k), k odd; zero padding as wide as fits.

    Returns (N, C, ceil(H / stride), ceil(W / stride)).
    """
    padding = dilation * (kernel.shape[-1] // 2)
    return F.conv2d(x, kernel, None, stride, padding, dilation, groups=len(kernel))


def input_gradient(gradient: Tensor, x: Tensor, kernel: Tensor, stride: int, dilation: int) -> Tensor:
    """The gradient of ``x``, given that of the output."""
    if stride == 1:
        return convolve(gradient, kernel.flip(2, 3), 1, dilation)
    padding = (dilation * (kernel.shape[-1] // 2),) * 2
    return _convolution_backward(gradient, x, kernel, stride, padding, dilation, (True, False, False))[0]


def weight_gradient(gradient: Tensor, x: Tensor, kernel: Tensor, stride: int, dilation: int) -> Tensor:
    """The gradient of ``kernel``, given that of the output."""
    side = kernel.shape[-1]
    if side != FAST_WIDTH + GAP or dilation > 1:
        padding = (dilation * (side // 2),) * 2
        return _convolution_backward(gradient, x, kernel, stride, padding, dilation, (False, True, False))[1]
    # Rows with a gap of two pixels between them lie in one buffer. Read from its start, a row begins with the gap, and
    # a 5x3 kernel without padding meets what columns 0..2 meet; read two pixels later, what columns 2..4 meet.
    n, c, h, w = x.shape
    buffer = x.new_empty((n * h * (w + GAP) + GAP) * c)
    buffer[: GAP * c] = 0
    spaced = buffer[GAP * c :].view(n, h, w + GAP, c)
    spaced[:, :, :w] = x.permute(0, 2, 3, 1)
    spaced[:, :, w:] = 0
    narrow, padding = kernel[..., :FAST_WIDTH], (side // 2, 0)
    halves = []
    for start in (0, GAP * c):
        rows = buffer[start : start + spaced.numel()].view_as(spaced).permute(0, 3, 1, 2)
        halves.append(_convolution_backward(gradient, rows, narrow, stride, padding, 1, (False, True, False))[1])
    return torch.cat([halves[0], halves[1][..., 1:]], dim=-1)


def _convolution_backward(
    gradient: Tensor,
    x: Tensor,
    kernel: Tensor,
    stride: int,
    padding: tuple[int, int],
    dilation: int,
    wanted: tuple[bool, bool, bool],
) -> tuple[Tensor, Tensor]:
    """Gradients of the input and of the kernel, as ``wanted``."""
    both = (stride,) * 2, padding, (dilation,) * 2
    of_input, of_kernel, _ = torch.ops.aten.convolution_backward(
        gradient, x, kernel, None, *both, False, (0, 0), len(kernel), wanted
    )
    return of_input, of_kernel
