"""An exported model in whole numbers of 8 bits: smaller, and what that costs, measured.

Whether it is quicker depends on network and processor: a searched network of many small convolutions (8 cells, 24
channels) took 3.9 ms in place of 3.4 on one thread of a server's CPU, at 1.1 MB in place of 2.6. So the time is told.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from emonas.console import say, show_table, warn
from emonas.datasets.store.prepared import Prepared
from emonas.errors import UserError
from emonas.evaluate.export.onnx import PIXELS, predictions, session
from emonas.evaluate.model.info import ModelInfo
from emonas.evaluate.results.metrics import MEASURES, scores, unit_scores
from emonas.evaluate.train.task import Task, make_task
from emonas.files import replacing

#: Pictures from which the ranges of the activations are taken.
_CALIBRATION = 256
#: What runs in whole numbers; the pixels' scale and the probabilities do not.
_OPERATIONS = ("Conv", "Gemm", "MatMul", "Relu", "Add", "Concat", "Slice", "Pad", "MaxPool", "AveragePool")
#: How often a model answers while its time is taken.
_CALLS = 25


@dataclass(frozen=True)
class Sides:
    """Positions in the prepared set: whom the ranges come from, who is tested, and whether the weights know these."""

    learnt: np.ndarray
    tested: np.ndarray
    seen: bool


def quantise(info: ModelInfo, content: bytes, prepared: Prepared, out: Path) -> dict[str, dict[str, float]]:
    """Write the model with weights and activations of 8 bits, and say what both models score on tested samples.

    The ranges come from the training's own pictures. Returns the scores by model. Raises UserError.
    """
    task = make_task(prepared, info.names if info.units else ())
    if task.names != info.names:
        raise UserError(f"--dataset {prepared.name}: its classes are {', '.join(task.names)}, not the network's")
    sides = make_sides(info, prepared)
    chosen = np.linspace(0, len(sides.learnt) - 1, min(_CALIBRATION, len(sides.learnt))).astype(int)
    small = quantise_model(content, prepared.images[sides.learnt[chosen]])
    with replacing(out) as temporary:
        temporary.write_bytes(small)
    given = {
        "float": predictions(content, prepared.images[sides.tested]),
        "int8": predictions(small, prepared.images[sides.tested]),
    }
    found = {name: _scores(task, sides.tested, probabilities) for name, probabilities in given.items()}
    n = len(sides.tested)
    rows = [
        (name, f"{len(data) / 1e6:.2f}", f"{_milliseconds(data, prepared):.2f}", *_three(found[name]), n)
        for name, data in (("float", content), ("int8", small))
    ]
    show_table("Before and after", ("model", "MB", "ms", *MEASURES.values(), "n"), rows, range(1, 7))
    say("ms: one picture on one thread of this machine's CPU, median")
    same = (task.decide(given["float"]) == task.decide(given["int8"])).reshape(n, -1).all(1)
    _say_loss(found, int(same.sum()), n, sides.seen)
    say(f"model      {out}")
    return found


def make_sides(info: ModelInfo, prepared: Prepared) -> Sides:
    """Whose pictures the weights have seen; everybody is tested where they have seen all. Raises UserError.

    By person; where nobody is named, by the owner's split.
    """
    if info.trained_on and info.trained_on[0].protocol == "all" and not prepared.subjects_known:
        seen = np.ones(len(prepared.samples), bool)
    elif prepared.subjects_known:
        seen = np.array([info.knows(sample.person) for sample in prepared.samples])
    else:
        seen = np.array([sample.part != "test" for sample in prepared.samples])
    if not seen.any():
        raise UserError(f"--dataset {prepared.name}: the network was trained on nobody in it; give the training's own")
    learnt = np.flatnonzero(seen)
    return Sides(learnt, learnt if seen.all() else np.flatnonzero(~seen), bool(seen.all()))


def quantise_model(content: bytes, pictures: np.ndarray) -> bytes:
    """Weights (by channel) and activations in 8 bits, their ranges from ``pictures`` (N, C, H, W), uint8."""
    import tempfile

    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        """The pictures one by one."""

        def __init__(self) -> None:
            self.batches: Iterator[dict[str, Any]] = ({PIXELS: one[None]} for one in pictures)

        def get_next(self) -> dict[str, Any] | None:
            """The next batch, None at the end."""
            return next(self.batches, None)

    log = logging.getLogger()
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            # Unsigned activations run half as fast again as signed ones on x86.
            quantize_static(
                onnx.load_from_string(content), path, Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
                activation_type=QuantType.QUInt8, op_types_to_quantize=list(_OPERATIONS),
            )  # fmt: skip
            return path.read_bytes()
    finally:
        log.setLevel(level)


def _scores(task: Task, positions: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    truth, said = task.truth[positions], task.decide(probabilities)
    found: Any = unit_scores(truth, said) if task.units else scores(truth, said, len(task.names))
    return {key: float(getattr(found, key)) for key in MEASURES}


def _three(found: dict[str, float]) -> list[str]:
    return [f"{found[key]:.3f}" for key in MEASURES]


def _milliseconds(content: bytes, prepared: Prepared) -> float:
    runner, feed = session(content), {PIXELS: np.array(prepared.images[:1])}
    seconds = []
    for _ in range(_CALLS):
        start = time.perf_counter()
        runner.run(None, feed)
        seconds.append(time.perf_counter() - start)
    return 1000 * float(np.median(seconds))


def _say_loss(found: dict[str, dict[str, float]], same: int, n: int, seen: bool) -> None:
    lost = found["float"]["uar"] - found["int8"]["uar"]
    words = f"int8 gives the same answer for {same} of {n} samples"
    if lost > 0:
        warn(f"{words} and loses {100 * lost:.1f} points of UAR on them")
    else:
        say(f"{words}; it loses no UAR on them")
    if seen:
        warn("the weights were trained on all of these samples: only the difference between the two says something")
