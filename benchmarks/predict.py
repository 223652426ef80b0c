"""Frames a second and memory of emonas-predict on a long video, beside decoding alone: in one run, on drawn faces.

    python benchmarks/predict.py --json predict.json

Asked for: at least 30 frames a second on two cores for a network of 48 x 48 pictures, with faces looked for in every
tenth frame; and memory that does not grow with the video. The video is ten minutes of a few drawn faces that wander
before a wall, at 25 frames a second; the network is untrained, which costs the same.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import cv2
import numpy as np
import torch
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "helpers"))
from known_cells import DARTS_V2

from emonas.console import command_line, run
from emonas.datasets.synthetic.draw import draw_face, random_identity
from emonas.datasets.synthetic.sets import MACRO_CLASSES
from emonas.evaluate.model.file import load_model, save_model
from emonas.evaluate.model.info import ModelInfo
from emonas.evaluate.predict.config import PredictConfig
from emonas.evaluate.predict.run import open_outputs
from emonas.evaluate.predict.sources import open_source
from emonas.evaluate.predict.stream import Stream
from emonas.network import Network

RATE = 25.0


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is measured."""

    minutes: float = 10
    width: int = 640
    height: int = 360
    size: int = 48
    cells: int = 8
    channels: int = 16
    detect_every: int = 10
    draw: bool = False
    """Also write the annotated video."""
    json: Path | None = None
    """Write the figures to this file."""


def draw_video(path: Path, settings: Settings) -> int:
    """The video: people who wander, from a few drawn faces. Returns its number of frames."""
    side = round(0.7 * settings.height)
    faces = [
        cv2.cvtColor(draw_face(random_identity(np.random.default_rng(0)), {12: step / 8}, side), cv2.COLOR_RGB2BGR)
        for step in range(8)
    ]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), RATE, (settings.width, settings.height))
    count = round(60 * settings.minutes * RATE)
    wall = np.random.default_rng(0).integers(150, 190, (settings.height, settings.width, 3), dtype=np.uint8)
    for number in range(count):
        frame = wall.copy()
        left = round((settings.width - side) / 2 * (1 + 0.6 * np.sin(number / 90)))
        top = (settings.height - side) // 2
        frame[top : top + side, left : left + side] = faces[number // 5 % len(faces)]
        writer.write(frame)
    writer.release()
    return count


def untrained(path: Path, settings: Settings) -> Path:
    """A network of DARTS' cells for stills of seven classes, as a model's file."""
    torch.manual_seed(0)
    picture = {"size": settings.size, "channels": 3, "representation": "still", "faces": "whole", "face_model": ""}
    info = ModelInfo(
        arch="genotype",
        genotype=DARTS_V2,
        cells=settings.cells,
        channels=settings.channels,
        task="classes",
        names=MACRO_CLASSES,
        input=picture,
        trained_on=(),
        score=None,
        versions={},
    )
    network = Network(DARTS_V2, len(MACRO_CLASSES), settings.size, settings.cells, settings.channels, auxiliary=False)
    save_model(path, network, info)
    return path


def decode(path: Path) -> float:
    """Seconds that decoding alone takes."""
    start = time.perf_counter()
    for _ in open_source(path).frames():
        pass
    return time.perf_counter() - start


def resident() -> float:
    """MiB of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


@dataclass(frozen=True)
class Done:
    """How a prediction went: its seconds and frames, those without a face, MiB in memory at each tenth of the video."""

    seconds: float
    frames: int
    faceless: int
    memory: tuple[float, ...]


def predict(model: Path, video: Path, out: Path, count: int, settings: Settings) -> Done:
    """The whole way of the command, with its files."""
    config = PredictConfig(
        detect_every=settings.detect_every, device="cpu", csv=True, jsonl=True, plot=True, draw=settings.draw
    )
    stream = Stream(load_model(model, "cpu"), open_source(video), config)
    memory: list[float] = []
    start = time.perf_counter()
    with open_outputs(stream, out) as (takers, _):
        for done, part in enumerate(stream.parts(keep=settings.draw), start=1):
            for taker in takers:
                taker(part)
            if done % (count // 10) == 0:
                memory.append(round(resident(), 1))
    return Done(time.perf_counter() - start, stream.tally.frames, stream.tally.faceless, tuple(memory))


app = command_line("benchmarks/predict.py", "Frames a second and memory of emonas-predict on a long video.")


@app.default
def main(settings: Annotated[Settings, Parameter(name="*")] = Settings()) -> None:
    """Frames a second and memory of emonas-predict on a long video."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        count = draw_video(place / "video.mp4", settings)
        model = untrained(place / "model.safetensors", settings)
        decoding = decode(place / "video.mp4")
        done = predict(model, place / "video.mp4", place / "out", count, settings)
    # Where the first tenth has loaded everything, the rest should add nothing.
    figures = {
        "frames": done.frames,
        "frames_without_a_face": done.faceless,
        "frames_per_second": done.frames / done.seconds,
        "decoding_frames_per_second": count / decoding,
        "growth_mib": done.memory[-1] - done.memory[0],
        "threads": torch.get_num_threads(),
        "load": os.getloadavg()[0],
    }
    table = Table("", "", box=None)
    for name, value in figures.items():
        table.add_row(name, f"{value:.2f}".removesuffix(".00"))
    table.add_row("MiB at each tenth", " ".join(f"{value:.0f}" for value in done.memory))
    Console().print(table)
    if settings.json:
        kept = {key: value for key, value in asdict(settings).items() if key != "json"}
        content = {**figures, "memory_mib": done.memory, "settings": kept, "torch": torch.__version__}
        settings.json.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    run(app)
