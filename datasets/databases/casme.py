"""CASME (Yan et al., 2013): spontaneous micro-expressions at 60 frames a second, recorded with two cameras."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from emonas.datasets.clips.sample import ReadResult
from emonas.datasets.reading.assemble import by_key, find_clips, row_entry
from emonas.datasets.reading.choices import AUTO, Choices
from emonas.datasets.reading.database import APEX_POLICIES, CROPS, ClassSet, Database, same_named
from emonas.datasets.reading.entry import Entry
from emonas.datasets.reading.expected import Expected
from emonas.datasets.reading.layout import find_files, find_inside, not_as_distributed, root_of
from emonas.datasets.reading.tables import Row, parse_whole, read_rows
from emonas.errors import UserError

_FOUR = ("tense", "disgust", "repression", "surprise")
_RARE = ("happiness", "contempt", "fear", "sadness")

DATABASE = Database(
    name="casme",
    aliases=("casme1", "casme-1", "casmei", "casme-i"),
    title="clips of micro-expressions",
    full_name="CASME, Chinese Academy of Sciences Micro-Expression",
    kind="micro",
    owner="Institute of Psychology, Chinese Academy of Sciences",
    citation="Yan, Wu, Liu, Wang, Fu: CASME database: a dataset of spontaneous micro-expressions collected from "
    "neutralized faces. FG 2013",
    request="casme.psych.ac.cn/casme/e1: upload a signed licence",
    source="the folder with the coding file and Cropped or CASME_raw_selected",
    layout=(
        "Cropped/sub01/EP01_12/reg_EP01_12-73.jpg: faces as the owner has cut them out",
        "CASME_raw_selected/sub01/EP01_12/EP01_12-73.jpg: whole frames, 60 a second",
        "CASME-coded-20190721.xls: labels, frames, action units",
    ),
    class_sets=(
        same_named("4", "the four frequent ones", _FOUR, (*_RARE, "amusement")),
        ClassSet("8", "all labels", {**{name: name for name in (*_FOUR, *_RARE)}, "amusement": "happiness"}),
    ),
    options={
        "crop": CROPS,
        "apex_policy": APEX_POLICIES,
    },
    protocol="loso",
    metric="accuracy and F1, pooled",
    representation="dynamic",
    size=112,
    reader="casme:read",
    expected=(
        Expected(
            171,
            None,
            {"tense": 69, "disgust": 44, "repression": 38, "surprise": 20},
            when={"classes": "4"},
            sure=False,
        ),
        Expected(193, 19, when={"classes": "8"}, sure=False),
    ),
    pitfalls=(
        "the paper counts 195 samples, coding files have 193 or 189 rows",
        "part A numbers its frames 73, part B 073, and the cameras differ in size: the number is what counts",
        "about six rows have an onset, apex or offset that contradicts the two others; they are reported",
        "of two apex columns the second one helps only where the first has no number",
    ),
)

_COLUMNS: dict[str, str | tuple[str, ...]] = {
    "subject": "subject",
    "clip": "filename",
    "onset": "onsetf",
    "apex": ("apexf1", "apexf"),
    "second": "apexf2",
    "offset": "offsetf",
    "units": ("au", "aus", "action unit*"),
    "label": ("emotion", "estimated emotion"),
}
_FRAMES = {
    "owner": ("cropped faces", "sub*/ep*/reg_*.jpg"),
    "full": ("whole frames", "sub*/ep*/ep*.jpg"),
}


def read(source: Path, choices: Choices) -> ReadResult:
    """Read CASME from its folder; ``choices`` are settled. Raises UserError when the source is no CASME."""
    table, rows, notes = _coding(source)
    crop, root = root_of(source, "CASME", _FRAMES, choices.crop or AUTO)
    places = by_key(find_inside(root, "sub*/ep*"))
    choices = replace(choices, crop=crop)
    return find_clips(DATABASE, map(_entry, rows), places, choices, table=table.name, notes=notes)


def _coding(source: Path) -> tuple[Path, list[Row], Sequence[str]]:
    """The coding file with the most rows, and a note where there are several."""
    found = find_files(source, "*casme*cod*.xls*", "casme*.xls*", "*casme*cod*.csv")
    if not found:
        raise not_as_distributed(source, "CASME", "the coding file (CASME-coded-*.xls)")
    tables: dict[Path, list[Row]] = {}
    refused: list[UserError] = []
    for table in found:
        try:
            tables[table] = read_rows(table, _COLUMNS, optional=("second", "units"))
        except UserError as error:
            refused.append(error)
    if not tables:
        raise refused[0]
    chosen = max(tables, key=lambda table: len(tables[table]))
    several = f"{len(tables)} coding files are there; {chosen.name}, the one with the most rows, is read"
    return chosen, tables[chosen], [several] if len(tables) > 1 else []


def _entry(row: Row) -> Entry:
    first, second = row.cells["apex"], row.cells["second"]
    return replace(row_entry(row, "sub{:02}"), apex=second if parse_whole(second) and not parse_whole(first) else first)
