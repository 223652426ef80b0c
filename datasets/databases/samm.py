"""SAMM (Davison et al., 2018): spontaneous micro-expressions at 200 frames a second, coded by action units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from emonas.datasets.clips.sample import ReadResult
from emonas.datasets.reading.assemble import Correction, by_key, find_clips, row_entry
from emonas.datasets.reading.choices import AUTO, Choices
from emonas.datasets.reading.database import APEX_POLICIES, ClassSet, Database, same_named
from emonas.datasets.reading.expected import Expected
from emonas.datasets.reading.layout import find_files, find_inside, find_roots, not_as_distributed
from emonas.datasets.reading.tables import read_rows

#: As the organisers of MEGC2019 have joined the labels; also the classes of their composite.
MEGC: Mapping[str, str | None] = {
    "anger": "negative",
    "contempt": "negative",
    "disgust": "negative",
    "fear": "negative",
    "sadness": "negative",
    "happiness": "positive",
    "surprise": "surprise",
    "other": None,
}
_FIVE = ("anger", "contempt", "happiness", "surprise", "other")
_OBJECTIVE = {str(number): name for number, name in enumerate(("I", "II", "III", "IV", "V", "VI", "VII"), 1)}
_COUNTS = {"anger": 57, "other": 26, "happiness": 26, "surprise": 15, "contempt": 12}

DATABASE = Database(
    name="samm",
    title="clips of micro-expressions",
    full_name="SAMM, Spontaneous Actions and Micro-Movements",
    kind="micro",
    owner="Manchester Metropolitan University",
    citation="Davison, Lansley, Costen, Tan, Yap: SAMM: A Spontaneous Micro-Facial Movement Dataset. "
    "IEEE Transactions on Affective Computing 9(1), 116-129, 2018",
    request="www2.docm.mmu.ac.uk/STAFF/m.yap/dataset.php: a signed release agreement",
    source="the folder with the FACS codes (.xlsx) and the subjects' folders 006 to 037",
    layout=(
        "SAMM/006/006_1_2/006_05562.jpg: whole frames, 960x650, grey, 200 a second",
        "SAMM_Micro_FACS_Codes_v2.xlsx, with or without a date in its name: labels, frames, action units",
    ),
    class_sets=(
        same_named("5", "the five frequent ones", _FIVE, ("disgust", "fear", "sadness")),
        ClassSet("3", "as in MEGC2019: negative, positive, surprise", MEGC),
        same_named("8", "all labels", (*_FIVE, "disgust", "fear", "sadness")),
        ClassSet("7objective", "the objective classes, by action units and not by emotion", _OBJECTIVE),
    ),
    options={
        "crop": {
            AUTO: "whole frames where they are present",
            "owner": "faces that were already cut out, in a folder with crop in its name; the owner distributes none",
            "full": "whole frames",
        },
        "apex_policy": APEX_POLICIES,
    },
    protocol="loso",
    metric="accuracy and F1, pooled; UF1 and UAR for 3 classes",
    representation="dynamic",
    size=112,
    reader="samm:read",
    expected=(
        Expected(136, 27, _COUNTS, when={"classes": "5"}),
        Expected(133, 28, {"negative": 92, "positive": 26, "surprise": 15}, when={"classes": "3"}),
        Expected(159, 29, {**_COUNTS, "disgust": 9, "fear": 8, "sadness": 6}, when={"classes": "8"}),
        Expected(
            159,
            29,
            {"I": 24, "II": 13, "III": 20, "IV": 8, "V": 3, "VI": 7, "VII": 84},
            when={"classes": "7objective"},
        ),
    ),
    pitfalls=(
        "papers often write 28 subjects for five classes; it is 27, and 28 for three (025 shows others only)",
        "two apexes lie outside their clips and are put right: 028_4_1 (1143 to 1105), 032_3_1 (1930 to 4945)",
        "subjects have leading zeros, which spreadsheets and CSV files lose: 006 is 6 there",
        "frame numbers are absolute and not padded everywhere: sort them as numbers",
        "SAMM Long Videos is another release, with other tables",
    ),
)

#: Slips in the owner's table that others have found; the new values are those that the field uses.
_CORRECTIONS = {
    "028/028_4_1": Correction("apex", "1143", "1105"),
    "032/032_3_1": Correction("apex", "1930", "4945"),
}
_COLUMNS: dict[str, str | tuple[str, ...]] = {
    "subject": "subject",
    "clip": "filename",
    "onset": "onset frame",
    "apex": "apex frame",
    "offset": "offset frame",
    "units": ("action units", "action unit*"),
    "label": ("estimated emotion", "emotion"),
}
_OBJECTIVE_COLUMN = ("objective classes", "objective class*")
_TABLE = "*samm*micro*facs*codes*"
_CLIPS = "[0-9][0-9][0-9]/[0-9]*_[0-9]*_[0-9]*"


def read(source: Path, choices: Choices) -> ReadResult:
    """Read SAMM from its folder; ``choices`` are settled. Raises UserError when the source is no SAMM."""
    tables = find_files(source, f"{_TABLE}.xls*", f"{_TABLE}.csv")
    if not tables:
        raise not_as_distributed(source, "SAMM", "the FACS codes (SAMM_Micro_FACS_Codes_v2.xlsx)")
    objective = "objective" in (choices.classes or "")
    columns = {**_COLUMNS, "label": _OBJECTIVE_COLUMN} if objective else _COLUMNS
    rows = read_rows(tables[0], columns, optional=("units",))
    crop, root = _frames(source, choices.crop or AUTO)
    places = by_key(find_inside(root, _CLIPS))
    notes = [f"{len(tables)} tables of FACS codes are there; {tables[0].name} is read"] if len(tables) > 1 else []
    return find_clips(
        DATABASE,
        (row_entry(row, "{:03}") for row in rows),
        places,
        replace(choices, crop=crop),
        table=tables[0].name,
        corrections=_CORRECTIONS,
        notes=notes,
    )


def _frames(source: Path, crop: str) -> tuple[str, Path]:
    """Which frames are taken, and the folder that holds the subjects: faces cut out have the names of the frames."""
    found: dict[str, Path] = {}
    for root in (root for ending in ("jpg", "png") for root in find_roots(source, f"{_CLIPS}/*.{ending}")):
        cut = "crop" in f"{source.name}/{root.relative_to(source)}".casefold()
        found.setdefault("owner" if cut else "full", root)
    for kind in ("full", "owner") if crop == AUTO else (crop,):
        if kind in found:
            return kind, found[kind]
    wanted = {"owner": "faces in a folder with crop in its name", "full": "whole frames", AUTO: "frames"}
    raise not_as_distributed(source, "SAMM", f"{wanted[crop]} (006/006_1_2/006_05562.jpg)")
