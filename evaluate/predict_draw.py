"""Faces, labels and probabilities drawn into pictures and videos."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from emonas.errors import UserError
from emonas.files import replacing
from emonas.ink import DARK

from .predict_faces import Person
from .predict_rows import NO_FACE, Answer

PICTURE, VIDEO, FOLDER = "annotated.png", "annotated.mp4", "annotated"
#: Colours of the people in turn (Okabe and Ito, light enough for dark letters), RGB.
_COLOURS = ((86, 180, 233), (230, 159, 0), (0, 190, 140), (240, 228, 66), (220, 150, 190))
#: Letters take this share of the picture's shorter side, and are at least so many pixels high.
_LETTERS, _SMALLEST = 0.042, 11
_LONGEST = 24


def annotated(image: np.ndarray, marks: Sequence[tuple[Person, Answer | None]], empty: str = NO_FACE) -> np.ndarray:
    """A copy of the frame (H, W, 3), RGB, with a box and a label for each face; ``empty`` is said where there is none."""
    drawn = np.ascontiguousarray(image).copy()
    letters = max(_SMALLEST, round(_LETTERS * min(drawn.shape[:2])))
    for person, answer in marks:
        colour = _COLOURS[(person.number - 1) % len(_COLOURS)]
        height, width = drawn.shape[:2]
        left, top, side = person.box() or (0, 0, 0)
        if side:
            cv2.rectangle(drawn, (left, top), (left + side, top + side), colour, max(1, letters // 8))
        label = _label(words(answer), letters, colour)
        above = top - label.shape[0]
        # Above the box, or inside it where there is no room.
        _paste(drawn, label, min(left, width - label.shape[1]), above if above >= 0 else min(top, height))
    if not marks and empty:
        _paste(drawn, _label(empty, letters, (213, 219, 229)), 0, 0)
    return drawn


def words(answer: Answer | None) -> str:
    """A label with its probability in per cent, short enough to stand over a face."""
    if answer is None:
        return "?"
    label = answer.label or "none"
    return f"{label if len(label) <= _LONGEST else label[: _LONGEST - 1] + '…'} {100 * answer.score:.0f} %"


@contextmanager
def video_file(folder: Path, rate: float) -> Iterator[Callable[[np.ndarray], None]]:
    """Takes frames (H, W, 3), RGB, of which the first one's size holds; written whole or not at all. Raises UserError."""
    path = folder / VIDEO
    with replacing(path) as temporary:
        # OpenCV chooses the container by the ending.
        unfinished = temporary.with_name(f".unfinished.{os.getpid()}.mp4")
        writers: list[cv2.VideoWriter] = []

        def write(image: np.ndarray) -> None:
            if not writers:
                size = (image.shape[1], image.shape[0])
                writers.append(cv2.VideoWriter(str(unfinished), cv2.VideoWriter.fourcc(*"mp4v"), rate, size))
                sizes.append(size)
                if not writers[0].isOpened():
                    raise UserError(f"cannot write {path}: OpenCV has no MPEG-4, or the folder may not be written")
            if (image.shape[1], image.shape[0]) != sizes[0]:
                image = cv2.resize(image, sizes[0], interpolation=cv2.INTER_AREA)
            writers[0].write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))

        sizes: list[tuple[int, int]] = []
        try:
            yield write
            for writer in writers:
                writer.release()
            if writers:
                unfinished.replace(temporary)
            else:
                temporary.touch()
        finally:
            with suppress(OSError):
                unfinished.unlink()


def write_picture(path: Path, image: np.ndarray) -> None:
    """Write an RGB picture as PNG, whole or not at all. Raises UserError."""
    with replacing(path) as temporary:
        temporary.write_bytes(cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes())


def _paste(image: np.ndarray, label: np.ndarray, left: int, top: int) -> None:
    left, top = max(0, left), max(0, min(top, image.shape[0] - label.shape[0]))
    room = image[top : top + label.shape[0], left : left + label.shape[1]]
    room[:] = label[: room.shape[0], : room.shape[1]]


@functools.lru_cache(maxsize=512)
def _label(text: str, letters: int, colour: tuple[int, int, int]) -> np.ndarray:
    """Dark text on a coloured ground, (h, w, 3)."""
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans-Bold.ttf"
    font = ImageFont.truetype(path, letters)
    pad = max(2, letters // 4)
    size = (round(font.getlength(text)) + 2 * pad, letters + 2 * pad)
    picture = Image.new("RGB", size, colour)
    ImageDraw.Draw(picture).text((pad, pad + letters / 2), text, DARK, font, anchor="lm")
    return np.asarray(picture)
