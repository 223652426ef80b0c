"""A picture of a prepared data set: some samples of each class, so that one sees whether faces and motion are right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw

from emonas.datasets.clips.apex import apex_of, phases
from emonas.datasets.clips.representation import PictureOptions, show_as_picture
from emonas.datasets.clips.sample import Sample
from emonas.datasets.faces.crop import FaceFrames
from emonas.errors import UserError
from emonas.plotting.letters import fit_text
from emonas.plotting.text_line import draw_line, line_width

FILE = "contact_sheet.png"
_TILE, _GAP, _MARGIN = 104, 8, 28
_COLUMNS = 12
_WIDTH = _COLUMNS * (_TILE + _GAP) - _GAP + 2 * _MARGIN
_TITLE, _LETTERS, _SMALL = 20, 14, 11
_CAPTION = 2 * _SMALL + 12
_HEADING = _LETTERS + 14
#: Characters of a name that are looked at before it is cut to its place.
_LONGEST = 200
#: Rows of a class; one where there are more than _FEW_CLASSES; further classes are only counted.
_ROWS, _FEW_CLASSES, _MOST_CLASSES = 2, 9, 30
_DARK, _GREY, _RULE = "#1f2937", "#6b7280", "#d5dbe5"
#: What the pictures of each representation are called on the sheet.
_WORDS = {
    "still": "stills",
    "dynamic": "dynamic images",
    "dynamic-pair": "dynamic images from onset to apex and from apex to offset",
    "flow": "flow from onset to apex: red moves right, green down, blue is strain",
    "apex": "apex frames",
    "clip": "clips: first, middle and last frame",
}


@dataclass(frozen=True)
class _Tile:
    """A picture (_TILE, width, 3), uint8, RGB, with up to two lines below: whose or what it is, and which."""

    image: np.ndarray
    lines: tuple[str, ...]


def write_contact_sheet(folder: Path, samples: Sequence[Sample], options: PictureOptions, name: str) -> None:
    """Write contact_sheet.png beside images.npy, whose pictures are those of ``samples``, in the same order.

    The first clip of each class is shown with its onset and apex frames, for which it is read. Raises OSError.
    """
    images = np.load(folder / "images.npy", mmap_mode="r")
    places: dict[str, list[int]] = {}
    for place, sample in enumerate(samples):
        places.setdefault(sample.label, []).append(place)
    shown = sorted(places)[:_MOST_CLASSES]
    rows = _ROWS if len(shown) <= _FEW_CLASSES else 1
    sheets = [_title(name, samples, options, len(places) - len(shown))]
    for label in shown:
        of_class = [(samples[place], images[place]) for place in places[label]]
        sheets.append(_class_sheet(label, of_class, options, rows))
    whole = np.concatenate([*sheets, _paper(_MARGIN - _CAPTION // 2)])
    (folder / FILE).write_bytes(cv2.imencode(".png", cv2.cvtColor(whole, cv2.COLOR_RGB2BGR))[1].tobytes())


def _title(name: str, samples: Sequence[Sample], options: PictureOptions, hidden: int) -> np.ndarray:
    sheet = Image.fromarray(_paper(_MARGIN + _TITLE + _LETTERS + 16))
    draw = ImageDraw.Draw(sheet)
    draw_line(draw, (_MARGIN, _MARGIN - 6), fit_text(name, _LONGEST), _DARK, _TITLE, bold=True)
    facts = (
        f"{len(samples)} samples{_of_people(samples)}, {options.size}×{options.size}, {_WORDS[options.representation]}"
    )
    if any(isinstance(sample.frames, FaceFrames) for sample in samples):
        facts += ", faces cut out"
    if hidden:
        facts += f"; {hidden} more classes are not shown"
    draw_line(draw, (_MARGIN, _MARGIN + _TITLE + 4), facts, _GREY, _LETTERS)
    return np.asarray(sheet)


def _class_sheet(
    label: str, of_class: Sequence[tuple[Sample, np.ndarray]], options: PictureOptions, rows: int
) -> np.ndarray:
    lines = list(_rows(_tiles(of_class, options, rows), rows))
    sheet = Image.fromarray(_paper(_HEADING + 8 + len(lines) * (_TILE + _CAPTION)))
    draw = ImageDraw.Draw(sheet)
    draw.line((_MARGIN, 4, _WIDTH - _MARGIN, 4), _RULE)
    heading = _cut(label, _LETTERS, _WIDTH // 2)
    draw_line(draw, (_MARGIN, 12), heading, _DARK, _LETTERS, bold=True)
    count = f"{len(of_class)} sample{'s' * (len(of_class) != 1)}{_of_people([sample for sample, _ in of_class])}"
    left = _MARGIN + line_width(heading, _LETTERS, bold=True) + 12
    draw_line(draw, (left, 12), count, _GREY, _LETTERS)
    for at, line in enumerate(lines):
        _draw_row(sheet, draw, _HEADING + 8 + at * (_TILE + _CAPTION), line)
    return np.asarray(sheet)


def _draw_row(sheet: Image.Image, draw: ImageDraw.ImageDraw, top: int, tiles: Sequence[_Tile]) -> None:
    left = _MARGIN
    for tile in tiles:
        width = tile.image.shape[1]
        sheet.paste(Image.fromarray(tile.image), (left, top))
        for at, line in enumerate(tile.lines):
            place = (left, top + _TILE + 3 + at * (_SMALL + 3))
            draw_line(draw, place, _cut(line, _SMALL, width, end=at == 0), (_DARK, _GREY)[at], _SMALL)
        left += width + _GAP


def _tiles(of_class: Sequence[tuple[Sample, np.ndarray]], options: PictureOptions, rows: int) -> Iterator[_Tile]:
    """Samples from the whole of the class, in their order, as many as the rows can hold at most."""
    most = rows * _COLUMNS
    chosen = np.unique(np.linspace(0, len(of_class) - 1, min(most, len(of_class))).round().astype(int))
    for place in chosen:
        sample, array = of_class[place]
        if place == 0 and len(sample.frames) > 1:
            yield from _frame_tiles(sample, options)
        yield _Tile(
            _scaled(show_as_picture(array, options.representation)), (sample.subject or "nobody named", sample.clip)
        )


def _frame_tiles(sample: Sample, options: PictureOptions) -> Iterator[_Tile]:
    try:
        frames = sample.frames.read()
    except UserError:
        return  # readable a moment ago, and its picture is there
    onset, _ = phases(sample)
    apex = apex_of(sample, frames, options.apex_policy)
    for words, place in (("onset", onset), ("apex" if sample.apex is not None else "apex, chosen", apex)):
        # As square as the picture that is made of them.
        square = cv2.resize(frames[place], (options.size, options.size), interpolation=cv2.INTER_AREA)
        yield _Tile(_scaled(square), (words, f"frame {place + 1} of {len(frames)}"))


def _rows(tiles: Iterator[_Tile], rows: int) -> Iterator[list[_Tile]]:
    """The tiles in lines that fit the width, up to so many lines."""
    line: list[_Tile] = []
    free = _WIDTH - 2 * _MARGIN
    for tile in tiles:
        if line and tile.image.shape[1] > free:
            yield line
            rows -= 1
            if not rows:
                return
            line, free = [], _WIDTH - 2 * _MARGIN
        line.append(tile)
        free -= tile.image.shape[1] + _GAP
    yield line


def _scaled(image: np.ndarray) -> np.ndarray:
    width = round(image.shape[1] * _TILE / image.shape[0])
    shrinks = image.shape[0] > _TILE
    return cv2.resize(image, (width, _TILE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


def _of_people(samples: Sequence[Sample]) -> str:
    if any(sample.subject is None for sample in samples):
        return ""
    people = len({sample.person for sample in samples})
    return f" of {people} {'person' if people == 1 else 'people'}"


def _paper(height: int) -> np.ndarray:
    return np.full((height, _WIDTH, 3), 255, np.uint8)


def _cut(text: str, size: int, width: float, end: bool = True) -> str:
    """The text, cut where it would be wider than so many pixels: at its end, or at its beginning."""
    text = fit_text(text[:_LONGEST] if end else text[-_LONGEST:], _LONGEST)
    if line_width(text, size) <= width:
        return text
    while text and line_width(text + "…", size) > width:
        text = text[:-1] if end else text[1:]
    return text + "…" if end else "…" + text
