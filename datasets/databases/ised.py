"""ISED (Happy et al., 2017): spontaneous expressions of Indian people, as clips or as the pictures of their peaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from emonas.datasets.clips.flaws import file_flaw
from emonas.datasets.clips.sample import ReadResult
from emonas.datasets.reading.assemble import Key, by_key, find_clips, key, number_in
from emonas.datasets.reading.choices import AUTO, Choices
from emonas.datasets.reading.database import APEX_POLICIES, Database, same_named
from emonas.datasets.reading.entry import Entry
from emonas.datasets.reading.expected import Expected
from emonas.datasets.reading.layout import find_files, find_inside, not_as_distributed, root_of
from emonas.datasets.reading.tables import parse_whole
from emonas.datasets.reading.workbooks import cell_text
from emonas.errors import UserError

#: The codes of the table; its labels may also be written out.
_CODES = {"1": "happiness", "2": "surprise", "3": "sadness", "4": "disgust"}
CLASSES = tuple(_CODES.values())

DATABASE = Database(
    name="ised",
    title="spontaneous expressions, clips",
    full_name="ISED, Indian Spontaneous Expression Database",
    kind="macro",
    owner="Indian Institute of Technology Kharagpur",
    citation="Happy, Patnaik, Routray, Guha: The Indian Spontaneous Expression Database for Emotion Recognition. "
    "IEEE Transactions on Affective Computing 8(1), 2017",
    request="sites.google.com/site/iseddatabase: a signed agreement, by mail",
    source="the folder with ISED_details.mat and peakImages or videos",
    layout=(
        "ISED_details.mat: a row of 16 cells for each clip",
        "peakImages/26_7_39.jpg: participant 26, clip 7, its frame 39",
        "videos/PS 1/4.avi: participant 1, clip 4",
    ),
    class_sets=(same_named("4", "all labels", CLASSES),),
    options={
        "variant": {
            AUTO: "the peak pictures where they are present, else the clips",
            "peak": "the picture of each clip's peak",
            "clips": "the clips, with the peak as their apex",
        },
        "apex_policy": APEX_POLICIES,
    },
    protocol="kfold",
    metric="accuracy",
    size=112,
    reader="ised:read",
    expected=(Expected(428, 50, {"happiness": 227, "surprise": 73, "sadness": 48, "disgust": 80}, unsure=("class",)),),
    pitfalls=(
        "four emotions and no neutral; more than half of all samples are happiness",
        "peak frames are counted from 1, the frames of a video here from 0",
        "whole frames, mostly not face: faces have to be found first",
        "papers do not say which people are in which fold",
    ),
)
_FORMS = {
    "peak": ("peak pictures", "[0-9]*_[0-9]*_[0-9]*.jpg"),
    "clips": ("videos", "ps*/*.avi"),
}
_DETAILS = "ISED_details.mat"
_COLUMNS = 16
#: Where in a row stands what is read here.
_CELLS = {"participant": 0, "video": 2, "peak": 3, "path": 4, "label": 6}


def read(source: Path, choices: Choices) -> ReadResult:
    """Read ISED from its folder; ``choices`` are settled. Raises UserError when the source is no ISED."""
    tables = find_files(source, _DETAILS.casefold())
    if not tables:
        raise not_as_distributed(source, "ISED", _DETAILS)
    rows = _rows(tables[0])
    variant, root = root_of(source, "ISED", _FORMS, choices.variant or AUTO)
    choices = replace(choices, variant=variant)
    pictures = list(find_inside(root, _FORMS["peak"][1])) if variant == "peak" else []
    places = {_picture_key(path): path for path in pictures} or by_key(find_inside(root, _FORMS["clips"][1]))
    entries = [_entry(line, cells, variant) for line, cells in enumerate(rows, start=1)]
    notes = _disagreements(rows, pictures)
    return find_clips(DATABASE, entries, places, choices, table=tables[0].name, notes=notes)


def _rows(path: Path) -> list[Mapping[str, str]]:
    """The table's rows, as texts. Raises UserError."""
    from scipy.io import loadmat

    if reason := file_flaw(path):
        raise UserError(f"{path}: {reason}")
    try:
        content: dict[str, Any] = loadmat(str(path))
    except NotImplementedError:
        raise UserError(
            f"{path}: saved in MATLAB's format 7.3, the owner's file is in an older one; save it again with -v7"
        ) from None
    # scipy meets damage in many ways; they all mean the same to a user.
    except Exception:
        raise UserError(f"{path}: damaged or not a file of MATLAB") from None
    named = {name: _unwrapped(value) for name, value in content.items() if not name.startswith("__")}
    for table in named.values():
        if isinstance(table, np.ndarray) and table.dtype == object and table.ndim == 2 and table.shape[1] >= _COLUMNS:
            return [{own: cell_text(_unwrapped(row[at])) for own, at in _CELLS.items()} for row in table]
    there = ", ".join(named) or "nothing"
    raise UserError(f"{path}: not ISED's table: no cells in {_COLUMNS} columns among what it holds ({there})")


def _unwrapped(value: Any) -> Any:
    """What is inside arrays of one element, in which MATLAB's cells, numbers and texts come; None for empty ones."""
    while isinstance(value, np.ndarray) and value.size <= 1:
        value = value.item() if value.size else None
    return value


def _entry(line: int, cells: Mapping[str, str], variant: str) -> Entry:
    number, clip = _place(cells)
    peak = parse_whole(cells["peak"])
    return Entry(
        path=Path(),
        clip=clip,
        label=_CODES.get(cells["label"], cells["label"]),
        subject=None if number is None else f"PS {number}",
        apex=str(peak - 1) if peak and variant == "clips" else "",
        flaw="no participant" if number is None else "" if clip else "no clip",
        row=line,
    )


def _place(cells: Mapping[str, str]) -> tuple[int | None, str]:
    """Participant and clip, by the path of the video; by their numbers where the table has no path."""
    parts = PurePosixPath(cells["path"].replace("\\", "/")).parts
    if len(parts) > 1:
        return number_in(parts[-2]), PurePosixPath(parts[-1]).stem
    return parse_whole(cells["participant"]), cells["video"]


def _picture_key(path: Path) -> Key:
    participant, clip, _ = path.stem.split("_", 2)
    return key(participant, clip)


def _disagreements(rows: Sequence[Mapping[str, str]], pictures: Sequence[Path]) -> tuple[str, ...]:
    """A note on the pictures whose name gives another peak frame than the table."""
    peaks = {_picture_key(path): number_in(path.stem) for path in pictures}
    others = [
        f"PS {number}/{clip}: {cells['peak']} and {peak}"
        for cells in rows
        for number, clip in [_place(cells)]
        if (peak := peaks.get(key(str(number), clip))) is not None and peak != parse_whole(cells["peak"])
    ]
    return (f"peak frames in the table and in the picture's name differ: {'; '.join(others[:5])}",) if others else ()
