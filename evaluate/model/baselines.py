"""The well-known networks that a searched one is measured against: torchvision's, without weights from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from emonas.errors import UserError

if TYPE_CHECKING:
    from torch import nn


BaselineName = Literal[
    "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "resnet18", "resnet50", "vgg16", "vgg19"
]
NAMES: tuple[BaselineName, ...] = get_args(BaselineName)
#: All of them halve the picture five times; below this side nothing would be left of it.
SMALLEST = 32


def build(name: BaselineName, classes: int, in_channels: int = 3, size: int | None = None) -> nn.Module:
    """The network under torchvision's name: (N, in_channels, H, W) to logits (N, classes), with random weights.

    Pictures of any size from 32 pixels will do; for VGG, torchvision pools or spreads the last map to 7 x 7. Raises
    UserError for a ``size`` below that. Nothing is downloaded.
    """
    from torchvision.models import get_model

    if size is not None and size < SMALLEST:
        raise UserError(f"{name} needs pictures of at least {SMALLEST} x {SMALLEST} pixels, these have {size}")
    network: nn.Module = get_model(name, weights=None, num_classes=classes)
    if in_channels != 3:
        _take_channels(network, in_channels)
    return network


def _take_channels(network: nn.Module, in_channels: int) -> None:
    """Put a first convolution for other pictures in the place of the one for RGB, drawn as torchvision draws it."""
    from torch import nn

    place, first = next((name, module) for name, module in network.named_modules() if isinstance(module, nn.Conv2d))
    other = nn.Conv2d(
        in_channels,
        first.out_channels,
        first.kernel_size,  # type: ignore[arg-type]
        first.stride,  # type: ignore[arg-type]
        first.padding,  # type: ignore[arg-type]
        bias=first.bias is not None,
    )
    nn.init.kaiming_normal_(other.weight, mode="fan_out", nonlinearity="relu")
    if other.bias is not None:
        nn.init.zeros_(other.bias)
    network.set_submodule(place, other)
