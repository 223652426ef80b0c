"""How a network's weights learn: what a training method is given, and what it gives back.

A method turns a batch into a loss. Everything else (clipping, optimiser, moving average, drop-path, schedule) is the
training step's and is the same for all methods; the step does not know which method it serves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from torch import Tensor, nn
from torch.func import functional_call

from emonas.network import Baseline, Network
from emonas.training.losses import Batch

#: A batch's tensors by name: "images" (n, C, H, W), "targets", in training "drop_path" (paths, n), and what else a
#: method asks for. What stays the same in all batches, such as "class_weights" (classes,), is among them too.
NamedBatch = Mapping[str, Tensor]


class Losses(NamedTuple):
    """What a batch gives: the ``loss`` () to go down, and ``correct`` (n,), which of the answers were."""

    loss: Tensor
    correct: Tensor


@dataclass(frozen=True)
class WeightedNetwork:
    """A network under its own weights, or, in a functional call that moves nothing, under others.

    ``weights``: parameters and buffers by the names that they have in ``network``; None for the network's own, which
    costs nothing. `at` gives the same network elsewhere, after an inner step, say; running statistics that are not
    among the weights there are the network's own and move with a call.
    """

    network: Network | Baseline
    weights: Mapping[str, Tensor] | None = None

    def __call__(self, images: Tensor, drop_path: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Logits (n, classes) and, in training, those of the auxiliary head."""
        if self.weights is None:
            return self.network.logits_and_auxiliary(images, drop_path)
        weights = {f"network.{name}": tensor for name, tensor in self.weights.items()}
        heads: tuple[Tensor, Tensor | None] = functional_call(_Heads(self.network), weights, (images, drop_path))
        return heads

    def at(self, weights: Mapping[str, Tensor]) -> WeightedNetwork:
        """The same network under other weights."""
        return WeightedNetwork(self.network, weights)


class Method(Protocol):
    """The interface of all methods. Frozen: what differs from batch to batch, or from network to network, comes in a
    batch, so that several networks can be trained as one (see `together`)."""

    def losses(self, network: WeightedNetwork, batch: NamedBatch) -> Losses:
        """The loss of one batch."""


def name_tensors(batches: Iterable[Batch]) -> Iterator[NamedBatch]:
    """Batches of images and targets as methods take them."""
    return ({"images": images, "targets": targets} for images, targets in batches)


class _Heads(nn.Module):
    """A network whose call gives the logits of both heads, since a functional call is of ``forward`` alone."""

    network: Network | Baseline

    def __init__(self, network: Network | Baseline) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor, drop_path: Tensor | None) -> tuple[Tensor, Tensor | None]:
        return self.network.logits_and_auxiliary(images, drop_path)
