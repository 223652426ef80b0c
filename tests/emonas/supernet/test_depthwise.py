"""Depthwise convolution with the gradients that torch's own has."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from emonas.supernet.depthwise import convolve, input_gradient, weight_gradient

SHAPES = [(kernel, stride, dilation) for kernel in (3, 5) for stride in (1, 2) for dilation in (1, 2)]
CHANNELS = 3


@pytest.mark.parametrize(("kernel", "stride", "dilation"), SHAPES)
@pytest.mark.parametrize("sides", [*((height, width) for height in (1, 4, 5) for width in range(1, 7)), (6, 1), (9, 2)])
@pytest.mark.parametrize("channels_last", [True, False])
def test_values_and_gradients_are_torchs(
    kernel: int, stride: int, dilation: int, sides: tuple[int, int], channels_last: bool
) -> None:
    torch.manual_seed(0)
    form = torch.channels_last if channels_last else torch.contiguous_format
    x = torch.randn(2, CHANNELS, *sides, dtype=torch.float64).contiguous(memory_format=form).requires_grad_()
    weight = torch.randn(CHANNELS, 1, kernel, kernel, dtype=torch.float64, requires_grad=True)
    output = F.conv2d(x, weight, None, stride, dilation * (kernel // 2), dilation, groups=CHANNELS)
    assert output.shape[2:] == tuple(-(-side // stride) for side in sides)
    torch.testing.assert_close(convolve(x, weight, stride, dilation), output, rtol=1e-13, atol=1e-13)

    gradient = torch.randn_like(output).contiguous(memory_format=form)
    of_x, of_weight = torch.autograd.grad(output, [x, weight], gradient)
    with torch.no_grad():
        found = (
            input_gradient(gradient, x, weight, stride, dilation),
            weight_gradient(gradient, x, weight, stride, dilation),
        )
    torch.testing.assert_close(found[0], of_x, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found[1], of_weight, rtol=1e-12, atol=1e-12)


def test_nothing_is_read_beside_the_picture() -> None:
    """The weight gradient goes over spaced rows in one buffer: their gaps must be zero, whatever memory held before."""
    for _ in range(20):
        torch.full((4096,), float("nan"))  # freed at once; its memory is likely to be handed out again
        x = torch.ones(1, 1, 3, 3).contiguous(memory_format=torch.channels_last)
        found = weight_gradient(torch.ones(1, 1, 3, 3), x, torch.zeros(1, 1, 5, 5), 1, 1)
        assert found.isfinite().all() and found[0, 0, 2, 2] == 9 and found[0, 0, 0, 0] == 1


def test_single_precision_takes_the_same_paths() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 16, 12, 10).contiguous(memory_format=torch.channels_last).requires_grad_()
    weight = torch.randn(16, 1, 5, 5, requires_grad=True)
    output = F.conv2d(x, weight, padding=2, groups=16)
    gradient = torch.randn_like(output)
    of_x, of_weight = torch.autograd.grad(output, [x, weight], gradient)
    torch.testing.assert_close(input_gradient(gradient, x, weight, 1, 1), of_x, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(weight_gradient(gradient, x, weight, 1, 1), of_weight, rtol=1e-4, atol=1e-3)
