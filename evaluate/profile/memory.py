"""The bytes of a network: its weights in a file, and its activations at work."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

WEIGHTS = "parameters and running statistics as float32, no auxiliary head"
ACTIVATIONS = "most bytes alive at once in eager inference at batch 1, no weights"


def weights_bytes(network: nn.Module) -> int:
    """Bytes of the state dict in float32, without the auxiliary head and the normalisations' batch counters."""
    return sum(
        4 * value.numel()
        for name, value in network.state_dict().items()
        if not name.startswith("auxiliary.") and not name.endswith("num_batches_tracked")
    )


def activation_bytes(network: nn.Module, images: Tensor) -> int:
    """Peak bytes of the tensors that one forward pass over ``images`` keeps alive at once, the images included.

    Counted by storage, operation by operation: what an operation returns lives until nothing refers to it any more;
    views and in-place results share their storage and count once. Weights are not counted, and neither is what an
    operation allocates for itself while it runs; so the figure is the same on every device.
    """
    kept = [parameter.untyped_storage() for parameter in (*network.parameters(), *network.buffers())]
    with torch.no_grad(), _LiveStorages(kept) as live:
        live.hold(images)
        network(images)
    return live.peak


class _LiveStorages(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes the storages that operations return, until they die."""

    def __init__(self, ignored: Sequence[torch.UntypedStorage]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = self.now = 0
        self._known: weakref.WeakSet[torch.UntypedStorage] = weakref.WeakSet(ignored)

    def hold(self, tensor: Tensor) -> None:
        """Count a tensor's storage, unless it is known."""
        storage = tensor.untyped_storage()
        if storage in self._known:
            return
        self._known.add(storage)
        size = storage.nbytes()
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._release, size)

    def _release(self, size: int) -> None:
        self.now -= size

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self.hold(leaf)
        return result
