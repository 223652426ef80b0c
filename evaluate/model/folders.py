"""What a folder that was handed over for prediction holds: a film, or pictures of their own; and what is left out.

It is a film where three things agree: the names are numbered in even steps, the sizes are equal, and neighbours look
alike. Portraits of many people are not: nobody's face may be taken for the next one's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from emonas.datasets.clips.flaws import os_error_text
from emonas.datasets.clips.frames import VIDEO_SUFFIXES, ImageFiles, frame_number, is_debris, is_image, sorted_frames
from emonas.errors import UserError

#: So many pairs of neighbours are compared, as grey pictures of this side.
_PAIRS, _SIDE = 12, 32
#: Neighbours that differ by more than this on average, in shares of the grey levels, are no film's; people differ by
#: 0.1 to 0.3, frames of a person who moves by a few hundredths.
_ALIKE = 0.06
#: This share of the steps between the numbers must be equal: a camera drops frames.
_EVEN = 0.9


def list_pictures(folder: Path) -> list[Path]:
    """The pictures of a folder in order. Raises UserError where there are none, with what there is instead."""
    files = sorted_frames(folder)
    if not files:
        instead = left_out(folder)
        but = f", but {instead}: give what is meant by its own path" if instead else ", nor a video or another folder"
        raise UserError(f"{folder}: no pictures in this folder{but}")
    return files


def left_out(folder: Path) -> str:
    """What lies in a folder beside its pictures, counted by kind; an empty string for nothing. Raises UserError."""
    try:
        entries = sorted(path for path in folder.iterdir() if not is_debris(path.name))
        kinds = Counter(_kind(path) for path in entries if not (is_image(path) and path.is_file()))
    except OSError as error:
        raise UserError(f"{folder}: {os_error_text(error)}") from None
    return ", ".join(f"{count} {kind}{'s' * (count != 1)}" for kind, count in kinds.items())


def _kind(path: Path) -> str:
    if path.is_dir():
        return "subfolder"
    if not path.is_file():
        return "pipe or device"
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return f"{path.suffix.lower()} video"
    return f"{path.suffix.lower()} file" if path.suffix else "file without an ending"


def why_no_film(files: Sequence[Path]) -> str:
    """Why the pictures of a folder, in order, are no frames of a film; an empty string where they look like it."""
    if len(files) < 2:
        return "one alone"
    numbers = [frame_number(path) for path in files]
    steps = np.diff([number for number in numbers if number is not None])
    if None in numbers or not (steps > 0).all() or (steps == _usual(steps)).mean() < _EVEN:
        return "not numbered in even steps"
    differences = []
    for at in np.unique(np.linspace(0, len(files) - 2, _PAIRS).astype(int)):
        one, other = _grey(files[at]), _grey(files[at + 1])
        if one is None or other is None:
            continue
        if one[0] != other[0]:
            return "sizes differ"
        differences.append(float(np.abs(one[1] - other[1]).mean()))
    if not differences:
        return "no two neighbours can be read"
    return "" if np.median(differences) <= _ALIKE else "neighbours not alike"


def _usual(steps: np.ndarray) -> int:
    return Counter(steps.tolist()).most_common(1)[0][0]


def _grey(path: Path) -> tuple[tuple[int, ...], np.ndarray] | None:
    """A picture's size and its grey levels (_SIDE, _SIDE) from 0 to 1; None where it cannot be read."""
    try:
        image = ImageFiles((path,)).read()[0]
    except UserError:
        return None
    small = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    return image.shape, small.astype(np.float32) / 255
