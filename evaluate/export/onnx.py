"""A network as an ONNX model: the export, held against torch, and the session that runs it."""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from emonas.errors import UserError
from emonas.files import replacing

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
from collections.abc import Sequence

#: A bare network's one input, (N, in_channels, size, size) float32, and one output, (N, classes) logits.
IMAGES, LOGITS = "images", "logits"
#: An exported network's: uint8 pixels in, probabilities out.
PIXELS, PROBABILITIES = "pixels", "probabilities"
#: Largest difference from torch's logits, as a share of the largest of them.
TOLERANCE = 1e-4


def missing_packages() -> str | None:
    """What to do so that models can be exported and run; None where all is there."""
    from importlib.util import find_spec

    absent = [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]
    return f'{", ".join(absent)} missing; python -m pip install "emonas[onnx]"' if absent else None


def export(network: nn.Module, size: int, in_channels: int, path: Path | None = None) -> bytes:
    """The network in evaluation mode as an ONNX model for batches of any size, checked; also written to ``path``.

    Convolutions take up the normalisations that follow them; the auxiliary head is left out. Raises UserError where the
    extra ``onnx`` is not installed, and where ONNX Runtime's logits differ from torch's (nothing is written then).
    """
    lack = missing_packages()
    if lack:
        raise UserError(f"no ONNX export: {lack}")
    plain = copy.deepcopy(network).cpu().float().eval().to(memory_format=torch.contiguous_format)
    model = _exported(plain, size, in_channels)
    difference = largest_difference(plain, model, size, in_channels)
    # "not <=": a NaN is refused too.
    if not difference <= TOLERANCE:
        raise UserError(
            f"the ONNX model's logits differ from torch's by {difference:.1g} of the largest, more than {TOLERANCE:g}; "
            "nothing was written; try other versions of onnxruntime and torch"
        )
    if path is not None:
        with replacing(path) as temporary:
            temporary.write_bytes(model)
    return model


def _exported(network: nn.Module, size: int, in_channels: int) -> bytes:
    # Two pictures: a batch of one would be taken for a constant.
    return to_onnx(network, torch.zeros(2, in_channels, size, size), IMAGES, LOGITS)


def to_onnx(network: nn.Module, images: Tensor, input_name: str, output_name: str) -> bytes:
    """A network in evaluation mode, contiguous, as an ONNX model for batches of any size of such ``images``.

    Nothing is checked; see `missing_packages` for what this needs.
    """
    batch = torch.export.Dim("batch")
    # Where gradients are wanted, 1x1 convolutions are matrix products (`emonas.operations.modules.pointwise`), which
    # nothing folds or fuses.
    with torch.no_grad(), _calm():
        program = torch.onnx.export(
            network,
            (images,),
            dynamo=True,
            dynamic_shapes=({0: batch},),
            input_names=[input_name],
            output_names=[output_name],
            verbose=False,
        )
    assert program is not None
    model: bytes = program.model_proto.SerializeToString()
    return model


@contextlib.contextmanager
def _calm() -> Iterator[None]:
    """Keep the exporter's remarks on its own inner workings from the user."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


def session(model: bytes | Path, threads: int = 1) -> InferenceSession:
    """ONNX Runtime on the CPU with all of its graph optimisations, which are the default."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    source = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def largest_difference(network: nn.Module, model: bytes | Path, size: int, in_channels: int, seed: int = 0) -> float:
    """max |ONNX - torch| / max |torch| over the logits of drawn pictures, in batches of 1 and of 3."""
    runner, generator = session(model), torch.Generator().manual_seed(seed)
    largest = 0.0
    for batch in (1, 3):
        images = torch.randn(batch, in_channels, size, size, generator=generator)
        with torch.inference_mode():
            expected = network(images).numpy()
        answer = runner.run([LOGITS], {IMAGES: images.numpy()})[0]
        difference = np.abs(answer - expected).max() / max(np.abs(expected).max(), 1e-6)
        largest = max(largest, float(difference)) if np.isfinite(difference) else float("nan")
    return largest


def predictions(content: bytes, pictures: np.ndarray, batch: int = 64) -> np.ndarray:
    """What an exported model answers, (N, answers), in batches of at most so many pictures."""
    runner = session(content)
    parts: Sequence[np.ndarray] = [
        runner.run([PROBABILITIES], {PIXELS: np.ascontiguousarray(pictures[i : i + batch])})[0]
        for i in range(0, len(pictures), batch)
    ]
    return np.concatenate(parts)
