"""Gradients of a loss, on a GPU as one recorded graph that is replayed batch after batch.

A step of a supernet is thousands of small kernels, and launching them takes longer than running them. A CUDA graph is
launched once. It needs batches of one shape: others, such as an epoch's last, are computed in the plain way, as all are
on a CPU. What comes back is overwritten by the next call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from emonas.training.losses import Batch

Loss = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
Step = tuple[Tensor, Tensor, tuple[Tensor, ...]]

#: Calls before recording, in which libraries choose their kernels.
WARM_UP = 3


class StaticGradients:
    """``loss(images, labels) -> (loss, logits)`` and its gradients by ``parameters``; recorded where ``graphs``.

    ``buffers`` are what a call of ``loss`` moves beside them: running statistics.
    """

    def __init__(self, loss: Loss, parameters: list[nn.Parameter], buffers: list[Tensor], graphs: bool) -> None:
        self.loss, self.parameters, self.buffers, self.graphs = loss, parameters, buffers, graphs
        self.graph: Any = None
        self.batch: Batch | None = None
        self.result: Step | None = None

    def __call__(self, images: Tensor, labels: Tensor) -> Step:
        """Loss (), logits (N, classes) and gradients."""
        if not self.graphs or not images.is_cuda:
            return self._plain(images, labels)
        if self.batch is None:
            self._record(images, labels)
        assert self.batch is not None and self.result is not None
        if images.shape != self.batch[0].shape:
            return self._plain(images, labels)
        self.batch[0].copy_(images)
        self.batch[1].copy_(labels)
        self.graph.replay()
        return self.result

    def _plain(self, images: Tensor, labels: Tensor) -> Step:
        loss, logits = self.loss(images, labels)
        return loss, logits, torch.autograd.grad(loss, self.parameters)

    def _record(self, images: Tensor, labels: Tensor) -> None:
        self.batch = images.clone(memory_format=torch.preserve_format), labels.clone()
        kept = [buffer.clone() for buffer in self.buffers]
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(WARM_UP):
                self._plain(*self.batch)
        torch.cuda.current_stream().wait_stream(aside)
        for buffer, value in zip(self.buffers, kept, strict=True):
            buffer.copy_(value)  # the calls were made for the kernels' sake alone
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.result = self._plain(*self.batch)
