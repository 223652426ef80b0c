"""Models and videos for the tests of prediction: untrained networks, drawn people, and cameras that are none."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from known_cells import PROVENANCE, cell_of

from emonas.datasets.synthetic.draw import draw_face, random_identity
from emonas.datasets.synthetic.sets import DrawnFrames
from emonas.evaluate.model.file import save_model
from emonas.evaluate.model.info import NORMALISATION, ModelInfo, SeenData
from emonas.genotype import Genotype
from emonas.network import Network

NAMES = ("negative", "positive", "surprise")
CHANNELS = {"dynamic-pair": 6, "clip": 30}


def model_file(folder: Path, representation: str = "still", task: str = "classes", **picture: Any) -> Path:
    """A small untrained network for pictures of 16 x 16 in a file."""
    channels = CHANNELS.get(representation, 3)
    genotype = Genotype(cell_of("sep_conv_3x3"), cell_of("skip_connect"), 3, 2, NAMES, PROVENANCE)
    kind = {"size": 16, "channels": channels, "representation": representation, "faces": "whole", "face_model": ""}
    info = ModelInfo(
        arch="genotype",
        genotype=genotype,
        cells=3,
        channels=2,
        task=task,
        names=NAMES,
        input=kind | picture,
        normalisation=NORMALISATION,
        trained_on=(SeenData("small", people=("small/s01",)),),
        score=None,
        versions={},
    )
    torch.manual_seed(0)
    path = folder / f"{representation}.safetensors"
    save_model(path, Network(genotype, 3, 16, 3, 2, channels, auxiliary=False), info)
    return path


def scene(places: Sequence[tuple[int, int, int]], smile: float = 0.0, size: tuple[int, int] = (180, 320)) -> np.ndarray:
    """Drawn people at (left, top, size) before a wall, RGB."""
    picture = np.full((*size, 3), 190, np.uint8)
    for seed, (left, top, side) in enumerate(places):
        face = draw_face(random_identity(np.random.default_rng(seed)), {12: smile}, side)
        picture[top : top + side, left : left + side] = face
    return picture


def write_image(path: Path, image: np.ndarray) -> Path:
    """An RGB picture as a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes())
    return path


def write_video(path: Path, frames: Sequence[np.ndarray], rate: float = 25.0, code: str = "MJPG") -> Path:
    """RGB frames as a video."""
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), rate, (width, height))
    for frame in frames:
        writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    writer.release()
    return path


def retime(video: Path, steps: Sequence[int]) -> Path:
    """An MP4 as OpenCV writes it, its frames so many usual steps long each."""
    data = video.read_bytes()
    at = data.index(b"stts") + 12
    tick = int.from_bytes(data[at + 4 : at + 8], "big")
    entries = b"".join(struct.pack(">II", 1, tick * step) for step in steps)
    table = struct.pack(">I4sII", 16 + len(entries), b"stts", 0, len(steps)) + entries
    start = data.index(b"moov") - 4
    video.write_bytes(data[:start] + _with_table(data[start:], table))
    return video


def _with_table(boxes: bytes, table: bytes) -> bytes:
    """The boxes of an MP4 with another table of times."""
    made = b""
    while boxes:
        size, kind = struct.unpack(">I4s", boxes[:8])
        inside, boxes = boxes[8:size], boxes[size:]
        if kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
            inside = _with_table(inside, table)
        if kind == b"stts":
            made += table
        elif kind != b"edts":
            made += struct.pack(">I4s", 8 + len(inside), kind) + inside
    return made


def longer(frames: DrawnFrames, before: int, after: int, seed: int) -> DrawnFrames:
    """A drawn clip between frames in which the person rests, swaying and lit as in the clip, and without a blink."""
    rng = np.random.default_rng(seed)
    track = [frames.track[0]] * before + list(frames.track) + [frames.track[0]] * after
    time = np.arange(len(track))[:, None]
    sway = rng.uniform(0.001, 0.008, 2) * np.sin(2 * np.pi * time / rng.uniform(40, 120, 2) + rng.uniform(0, 6.28, 2))
    wave = np.sin(2 * np.pi * time[:, 0] / rng.uniform(15, 60) + rng.uniform(0, 6.28))
    return replace(
        frames,
        track=tuple((*units[:-1], 0.0) for units in track),
        drift=tuple(map(tuple, (sway + np.mean(frames.drift, axis=0)).tolist())),
        light=tuple((frames.light[0] * (1 + rng.uniform(0, 0.01) * wave)).tolist()),
    )


@dataclass
class Camera:
    """In place of cv2.VideoCapture: the same frame without end of its own; ``at`` is called before each."""

    image: np.ndarray
    at: Callable[[int], None] = lambda number: None
    number: int = 0
    released: int = 0

    def __call__(self, index: int) -> Camera:
        return self

    def isOpened(self) -> bool:
        return True

    def get(self, prop: int) -> float:
        return 10.0 if prop == cv2.CAP_PROP_FPS else 0.0

    def grab(self) -> bool:
        assert self.number < 200, "nobody ends this camera"
        self.at(self.number)
        self.number += 1
        return True

    def retrieve(self) -> tuple[bool, np.ndarray]:
        return True, cv2.cvtColor(self.image, cv2.COLOR_RGB2BGR)

    def release(self) -> None:
        self.released += 1
