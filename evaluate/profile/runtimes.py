"""One network in the forms that people run it in, each as a function that answers one batch.

eager       PyTorch in inference mode, channels last.
fused       The same, traced and frozen by TorchScript: weights become constants, convolutions take up the
            normalisations after them, and Python is left. This is as far as PyTorch 2.15 goes on a CPU: a searched
            network of 0.6 M parameters at batch 1 became half as fast again. `torch.jit.optimize_for_inference` and
            `torch.compile` (with freezing, after a minute of compiling) gave less, weights packed for oneDNN beforehand
            nothing. What is left is some 270 small convolutions that oneDNN is called for one by one.
onnx        ONNX Runtime on the CPU; fuses activations and sums into convolutions too, and keeps channels in blocks.
cuda        eager on the GPU, in float32; a call ends when the GPU has answered.
cuda fused  fused, there.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from emonas.errors import UserError
from emonas.evaluate.export import onnx as onnx_model

RuntimeName = Literal["eager", "fused", "onnx", "cuda", "cuda fused"]
Runner = Callable[[], object]

TITLES: dict[RuntimeName, str] = {
    "eager": "PyTorch eager",
    "fused": "PyTorch fused",
    "onnx": "ONNX Runtime",
    "cuda": "GPU eager",
    "cuda fused": "GPU fused",
}
ON_CPU: tuple[RuntimeName, ...] = ("eager", "fused", "onnx")
ON_GPU: tuple[RuntimeName, ...] = ("cuda", "cuda fused")


@dataclass
class Forms:
    """A network's forms; ``missing`` says why there is none for a runtime."""

    size: int
    in_channels: int
    modules: dict[RuntimeName, Callable[[Tensor], Tensor]]
    onnx: bytes | None
    missing: dict[RuntimeName, str]

    def runner(self, runtime: RuntimeName, batch: int, threads: int) -> Runner:
        """A function that answers a batch of drawn pictures. Set torch's number of threads before calling it."""
        images = torch.randn(batch, self.in_channels, self.size, self.size)
        if runtime == "onnx":
            assert self.onnx is not None
            session, feed = onnx_model.session(self.onnx, threads), {onnx_model.IMAGES: images.numpy()}
            return lambda: session.run(None, feed)
        module = self.modules[runtime]
        device = "cuda" if runtime in ON_GPU else "cpu"
        images = images.to(device, memory_format=torch.channels_last)
        if device == "cpu":
            return lambda: module(images)

        def answer() -> None:
            module(images)
            torch.cuda.synchronize()

        return answer


def prepare(network: nn.Module, size: int, in_channels: int, runtimes: tuple[RuntimeName, ...]) -> Forms:
    """Bring a network into the forms that ``runtimes`` need; it is left in evaluation mode, channels last.

    The forms of one device share their weights as far as they can: VGG has half a gigabyte of them.
    """
    forms = Forms(size, in_channels, {}, None, {})
    if "onnx" in runtimes:
        try:
            forms.onnx = onnx_model.export(network, size, in_channels)
        except UserError as error:
            forms.missing["onnx"] = onnx_model.missing_packages() or str(error)
    network.eval().to(memory_format=torch.channels_last)
    if "eager" in runtimes:
        forms.modules |= {"eager": network, "fused": freeze(network, size, in_channels)}
    if "cuda" in runtimes:
        there = copy.deepcopy(network).cuda()
        forms.modules |= {"cuda": there, "cuda fused": freeze(there, size, in_channels)}
    return forms


def freeze(network: nn.Module, size: int, in_channels: int) -> torch.jit.ScriptModule:
    """The network, in evaluation mode, traced and frozen for batches of any size on the device where it lies."""
    device = next(network.parameters()).device
    images = torch.zeros(2, in_channels, size, size, device=device).to(memory_format=torch.channels_last)
    with torch.no_grad(), warnings.catch_warnings():
        # torch calls TorchScript deprecated; what it names in its place is slower here (see above).
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(network, images, check_trace=False)  # type: ignore[no-untyped-call]
        made: torch.jit.ScriptModule = torch.jit.freeze(traced)
    return made
