"""Faces, labels and probabilities drawn into pictures and videos."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw

from emonas.errors import UserError
from emonas.evaluate.predict.rows import NO_FACE, Answer
from emonas.evaluate.predict.tracking import Track
from emonas.files import replacing
from emonas.plotting.letters import fit_text
from emonas.plotting.style import DARK
from emonas.plotting.text_line import draw_line, line_width

PICTURE, VIDEO, FOLDER = "annotated.png", "annotated.mp4", "annotated"
#: Colours of the people in turn (Okabe and Ito, light enough for dark letters), RGB.
_COLOURS = ((86, 180, 233), (230, 159, 0), (0, 190, 140), (240, 228, 66), (220, 150, 190))
#: Letters take this share of the picture's shorter side and at most one part in so many of the box's, so that a label
#: is about as wide as its box; and at least so many pixels.
_LETTERS, _LETTERS_OF_BOX, _SMALLEST = 0.042, 8, 11
_PALE = (213, 219, 229)
_LONGEST = 24

#: Left, top, width and height of a label.
_Place = tuple[int, int, int, int]


def annotate(image: np.ndarray, marks: Sequence[tuple[Track, Answer | None]], empty: str = NO_FACE) -> np.ndarray:
    """A copy of a frame (H, W, 3), RGB, with a box and a label for each face; ``empty`` is said where there is none."""
    drawn = np.ascontiguousarray(image).copy()
    usual = _LETTERS * min(drawn.shape[:2])
    taken: list[_Place] = []
    boxes = [person.box() for person, _ in marks]
    for (person, _), box in zip(marks, boxes, strict=True):
        if box:
            corner = (box[0] + box[2], box[1] + box[2])
            cv2.rectangle(drawn, box[:2], corner, _colour(person), max(1, round(usual / 7)))
    # Labels last, so that no box crosses them.
    for (person, answer), box in zip(marks, boxes, strict=True):
        letters = max(_SMALLEST, round(min(usual, box[2] / _LETTERS_OF_BOX) if box else usual))
        label = _label(label_in_words(answer), letters, _colour(person))
        _paste(drawn, label, _free_place(label, box, drawn, taken))
    if not marks and empty:
        _paste(drawn, _label(empty, max(_SMALLEST, round(usual)), _PALE), (0, 0))
    return drawn


def _colour(person: Track) -> tuple[int, int, int]:
    return _COLOURS[(person.number - 1) % len(_COLOURS)]


def _free_place(
    label: np.ndarray, box: tuple[int, int, int] | None, image: np.ndarray, taken: list[_Place]
) -> tuple[int, int]:
    """Left and top of a label: above its box, else below it, else within, wherever no other label is yet."""
    height, width = label.shape[:2]
    left, top, side = box or (0, height, 0)
    left = max(0, min(left, image.shape[1] - width))
    places = [(left, at) for at in (top - height, top + side, top, top + side - height)]
    inside = [(x, y) for x, y in places if 0 <= y <= image.shape[0] - height] or [(left, 0)]
    free = [(x, y) for x, y in inside if not any(_meet((x, y, width, height), other) for other in taken)]
    chosen = (free or inside)[0]
    taken.append((*chosen, width, height))
    return chosen


def _meet(one: _Place, other: _Place) -> bool:
    return all(one[i] < other[i] + other[i + 2] and other[i] < one[i] + one[i + 2] for i in (0, 1))


def label_in_words(answer: Answer | None) -> str:
    """A label with its probability in per cent, short enough to stand over a face."""
    if answer is None:
        return "?"
    return f"{fit_text(answer.label or 'none', _LONGEST)} {100 * answer.score:.0f} %"


@contextmanager
def video_file(folder: Path, rate: float) -> Iterator[Callable[[np.ndarray], None]]:
    """Takes frames (H, W, 3), RGB, of the first one's size; written whole or not at all. Raises UserError."""
    path = folder / VIDEO
    with replacing(path) as temporary:
        # OpenCV chooses the container by the ending.
        unfinished = temporary.with_name(f"{temporary.name}.mp4")
        writers: list[cv2.VideoWriter] = []

        def write(image: np.ndarray) -> None:
            """Add a frame, brought to the first one's size; the file is begun with the first."""
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
                _check_whole(unfinished, path)
            if writers:
                unfinished.replace(temporary)
            else:
                temporary.touch()
        finally:
            with suppress(OSError):
                unfinished.unlink()


def _check_whole(video: Path, path: Path) -> None:
    """Raise UserError where a full disk has cut the video off, of which OpenCV says nothing: its index is missing."""
    reader = cv2.VideoCapture(str(video), cv2.CAP_FFMPEG)
    whole = reader.grab()
    reader.release()
    if not whole:
        raise UserError(f"cannot write {path}: the video is cut off; is the disk full?")


def write_picture(path: Path, image: np.ndarray) -> None:
    """Write an RGB picture as PNG, whole or not at all. Raises UserError."""
    with replacing(path) as temporary:
        temporary.write_bytes(cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes())


def _paste(image: np.ndarray, label: np.ndarray, place: tuple[int, int]) -> None:
    left, top = place
    room = image[top : top + label.shape[0], left : left + label.shape[1]]
    room[:] = label[: room.shape[0], : room.shape[1]]


@functools.lru_cache(maxsize=512)
def _label(text: str, letters: int, colour: tuple[int, int, int]) -> np.ndarray:
    """Dark text on a coloured ground, (h, w, 3)."""
    pad = max(2, letters // 4)
    size = (round(line_width(text, letters, bold=True)) + 2 * pad, letters + 2 * pad)
    picture = Image.new("RGB", size, colour)
    draw_line(ImageDraw.Draw(picture), (pad, pad - letters / 12), text, DARK, letters, bold=True)
    return np.asarray(picture)
