"""Preparing clips against decoding the same frames alone, and pooling against a loop: in turn, in one run, medians.

    python benchmarks/prepare.py --json prepare.json

Both are asked for by the ratio: preparing (decode, crop, pool, write) at most 1.4 times the decoding alone, on as many
processes; pooling at least 4 times as fast on one core as the loop over frames that the field's code has. The clips
are drawn: JPEG frames with a camera's noise, once as owners cut faces out and once as whole frames that are searched.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

# Before numpy and OpenCV: one thread in each process, as preparing has it.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import cv2
import numpy as np
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from emonas.console import command_line, run
from emonas.datasets.clips.dynamic_image import coefficients, weighted_sums
from emonas.datasets.clips.frames import ImageFiles
from emonas.datasets.clips.representation import PictureOptions
from emonas.datasets.clips.sample import Sample
from emonas.datasets.faces.crop import FaceFrames, add_face_frames
from emonas.datasets.faces.lbp import LbpFinder
from emonas.datasets.store.batch_file import join
from emonas.datasets.store.workers import Batch, make_all, split_into_batches
from emonas.datasets.synthetic.draw import draw_face, random_identity

#: Height, width and the face's side of the two kinds of clips: CASME II's, cut out and whole.
SHAPES = {"owner's faces": (340, 280, 280), "whole frames": (480, 640, 320)}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is measured."""

    clips: int = 12
    frames: int = 64
    size: int = 112
    jobs: int = 1
    """Processes of both sides; they are started anew for each measurement."""
    rounds: int = 7
    json: Path | None = None
    """Write the figures to this file."""


@dataclass(frozen=True)
class Decoding(Batch):
    """The same work with all but the decoding left out."""

    def make(self) -> None:
        """Decode every frame."""
        for sample in self.samples:
            frames = sample.frames
            (frames.frames if isinstance(frames, FaceFrames) else frames).read()


def draw_clips(folder: Path, kind: str, settings: Settings) -> list[Sample]:
    """Clips of drawn people as JPEG files."""
    rng = np.random.default_rng(0)
    height, width, side = SHAPES[kind]
    samples = []
    for number in range(settings.clips):
        identity = random_identity(rng)
        poses = [draw_face(identity, {12: step / 8, 6: step / 10}, side) for step in range(8)]
        place = folder / kind / str(number)
        place.mkdir(parents=True)
        for frame in range(settings.frames):
            picture = np.full((height, width, 3), 150, np.float32)
            top, left = (height - side) // 2, (width - side) // 2
            picture[top : top + side, left : left + side] = poses[frame * 8 // settings.frames]
            noisy = np.clip(picture + rng.normal(0, 2, picture.shape), 0, 255).astype(np.uint8)
            cv2.imwrite(str(place / f"img{frame}.jpg"), noisy, [cv2.IMWRITE_JPEG_QUALITY, 95])
        paths = tuple(place / f"img{frame}.jpg" for frame in range(settings.frames))
        last = settings.frames - 1
        sample = Sample("drawn", str(number), "clip", "ab"[number % 2], ImageFiles(paths), 0, last, last)
        samples.append(add_face_frames(sample, LbpFinder() if kind == "whole frames" else None))
    return samples


def preparing(samples: list[Sample], folder: Path, settings: Settings) -> dict[str, Callable[[], None]]:
    """Both sides: the decoding alone, and the whole way to the array."""
    options = PictureOptions(size=settings.size, representation="dynamic")
    batches = split_into_batches(samples, options, folder)
    decodings = [Decoding(batch.path, batch.samples, batch.options) for batch in batches]

    def decode() -> None:
        make_all(decodings, settings.jobs, lambda more: None)

    def prepare() -> None:
        make_all(batches, settings.jobs, lambda more: None)
        shape = (options.channels, options.size, options.size)
        kept, dropped, _ = join(folder / "images.npy", [(batch.path, batch.samples) for batch in batches], shape)
        assert len(kept) == len(samples) and not dropped

    return {"decode": decode, "prepare": prepare}


def pooling(settings: Settings) -> dict[str, Callable[[], object]]:
    """The loop in float64, as NumPy has it unasked, the same in float32, our product, and a copy of the clip."""
    shape = (settings.frames, settings.size, settings.size, 3)
    frames = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    alpha = coefficients(settings.frames)

    def loop(kind: type) -> np.ndarray:
        pooled = np.zeros(frames.shape[1:], kind)
        for weight, frame in zip(alpha.astype(kind), frames, strict=True):
            pooled += weight * frame
        return pooled

    assert np.abs(loop(np.float64) - weighted_sums(alpha[None], frames)[0]).max() < 0.2
    return {
        "loop": lambda: loop(np.float64),
        "loop_float32": lambda: loop(np.float32),
        "product": lambda: weighted_sums(alpha[None], frames),
        "copy": frames.copy,
    }


def medians(works: Mapping[str, Callable[[], object]], rounds: int, clock: Callable[[], float]) -> dict[str, float]:
    """Median seconds of each, in turn; the first round warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(rounds + 1):
        for name, work in works.items():
            start = clock()
            work()
            if turn:
                seconds[name].append(clock() - start)
    return {name: statistics.median(of_work) for name, of_work in seconds.items()}


app = command_line("benchmarks/prepare.py", "Preparing clips against decoding their frames; pooling against a loop.")


@app.default
def main(settings: Annotated[Settings, Parameter(name="*")] = Settings()) -> None:
    """Preparing clips against decoding their frames; pooling against a loop."""
    cv2.setNumThreads(1)
    seconds = {"pooling": medians(pooling(settings), 20 * settings.rounds, time.process_time)}
    # What other programs do to the clock on the wall does not count where one process does all.
    clock = time.process_time if settings.jobs == 1 else time.perf_counter
    with tempfile.TemporaryDirectory() as folder:
        for kind in SHAPES:
            works = preparing(draw_clips(Path(folder), kind, settings), Path(folder), settings)
            seconds[kind] = medians(works, settings.rounds, clock)
    figures = {f"prepare_to_decode, {kind}": seconds[kind]["prepare"] / seconds[kind]["decode"] for kind in SHAPES}
    for loop in ("loop", "loop_float32"):
        figures[f"{loop}_to_product"] = seconds["pooling"][loop] / seconds["pooling"]["product"]
    table = Table("", "ms", box=None)
    for group, of_group in seconds.items():
        for name, value in of_group.items():
            table.add_row(f"{group}: {name}", f"{1000 * value:.2f}")
    for name, value in figures.items():
        table.add_row(name, f"{value:.2f}")
    Console().print(table)
    if settings.json:
        kept = {key: value for key, value in asdict(settings).items() if key != "json"}
        content = {**figures, "seconds": seconds, "settings": kept, "numpy": np.__version__, "opencv": cv2.__version__}
        settings.json.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    run(app)
