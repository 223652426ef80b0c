"""CASME II (Yan et al., 2014): spontaneous micro-expressions at 200 frames a second, with either coding file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from emonas.datasets.clips.sample import ReadResult
from emonas.datasets.reading.assemble import by_key, find_clips, key, row_entry
from emonas.datasets.reading.choices import AUTO, Choices
from emonas.datasets.reading.database import APEX_POLICIES, CROPS, ClassSet, Database, emotion, same_named
from emonas.datasets.reading.expected import Expected
from emonas.datasets.reading.layout import find_files, find_inside, not_as_distributed, root_of
from emonas.datasets.reading.tables import Row, read_rows
from emonas.errors import UserError

_FIVE = ("happiness", "disgust", "repression", "surprise", "other")
#: Three clips of one subject that the coding file of 2014 calls sadness and that of 2019 surprise.
_RELABELLED = ("sub24/ep07_01", "sub24/ep07_04f", "sub24/ep10_03")
#: The part of MEGC2019: the organisers' table leaves out two clips of disgust, and the relabelled ones.
_MEGC = ClassSet(
    "3",
    "as in MEGC2019: negative, positive, surprise",
    {
        "disgust": "negative",
        "repression": "negative",
        "happiness": "positive",
        "surprise": "surprise",
        "sadness": None,
        "fear": None,
        "other": None,
    },
    dict.fromkeys(("sub04/ep12_01f", "sub05/ep09_05f", *_RELABELLED), "not in MEGC2019's table"),
)
_COMMON = {"other": 99, "disgust": 63, "happiness": 32, "repression": 27}
_OLD, _NEW = {"variant": "2014"}, {"variant": "2019"}

DATABASE = Database(
    name="casme2",
    aliases=("casmeii", "casme-ii", "casme-2"),
    title="clips of micro-expressions",
    full_name="CASME II, Chinese Academy of Sciences Micro-Expression II",
    kind="micro",
    owner="Institute of Psychology, Chinese Academy of Sciences",
    citation="Yan, Li, Wang, Zhao, Liu, Chen, Fu: CASME II. PLOS ONE 9(1), e86041, 2014",
    request="casme.psych.ac.cn/casme/e2: upload a signed licence",
    source="the folder with the coding file and Cropped or CASME2_RAW_selected",
    layout=(
        "Cropped/sub01/EP02_01f/reg_img46.jpg: faces as the owner has cut them out",
        "CASME2_RAW_selected/sub01/EP02_01f/img46.jpg: whole frames, 640x480, 200 a second",
        "CASME2-coding-20140508.xlsx or CASME2-coding-20190701.xlsx: labels, frames, action units",
    ),
    class_sets=(
        same_named("5", "the five frequent ones", _FIVE, ("sadness", "fear")),
        same_named("7", "all labels", (*_FIVE, "sadness", "fear")),
        _MEGC,
    ),
    options={
        "variant": {
            AUTO: "the newer coding file that is there",
            "2014": "the coding file of 2014",
            "2019": "the coding file of 2019, with three clips of sub24 relabelled from sadness to surprise",
        },
        "crop": CROPS,
        "apex_policy": APEX_POLICIES,
    },
    protocol="loso",
    metric="accuracy and F1, pooled; UF1 and UAR for 3 classes",
    representation="dynamic",
    size=112,
    reader="casme2:read",
    expected=(
        Expected(246, 26, {**_COMMON, "surprise": 25}, when={"classes": "5", **_OLD}),
        Expected(249, 26, {**_COMMON, "surprise": 28}, when={"classes": "5", **_NEW}),
        Expected(255, 26, {**_COMMON, "surprise": 25, "sadness": 7, "fear": 2}, when={"classes": "7", **_OLD}),
        Expected(255, 26, {**_COMMON, "surprise": 28, "sadness": 4, "fear": 2}, when={"classes": "7", **_NEW}),
        Expected(145, 24, {"negative": 88, "positive": 32, "surprise": 25}, when={"classes": "3"}),
    ),
    pitfalls=(
        "papers count 246 to 249 samples of five classes: the two coding files differ in three labels",
        "with 3 classes sub10 and sub18 have no sample left; sub17 has one in five of all samples",
        "at least one clip has no apex (sub04/EP12_01f), some copies of the coding file lack more",
        "sub09/EP02_02f and sub24/EP02_07 have frames but no row",
        "frame numbers are absolute: img46 is the onset of a row that says 46; sort them as numbers",
    ),
)

_COLUMNS: dict[str, str | tuple[str, ...]] = {
    "subject": "subject",
    "clip": "filename",
    "onset": "onsetframe",
    "apex": "apexframe",
    "offset": "offsetframe",
    "units": ("action units", "action unit*"),
    "label": ("estimated emotion", "emotion"),
}
_FRAMES = {
    "owner": ("cropped faces", "sub*/ep*/reg_img*.jpg"),
    "full": ("whole frames", "sub*/ep*/img*.jpg"),
}


def read(source: Path, choices: Choices) -> ReadResult:
    """Read CASME II from its folder; ``choices`` are settled. Raises UserError when the source is no CASME II."""
    table, version, rows, notes = _coding(source, choices.variant or AUTO)
    crop, root = root_of(source, "CASME II", _FRAMES, choices.crop or AUTO)
    choices = replace(choices, variant=version, crop=crop)
    places = by_key(find_inside(root, "sub*/ep*"))
    return find_clips(
        DATABASE, (row_entry(row, "sub{:02}") for row in rows), places, choices, table=table.name, notes=notes
    )


def _coding(source: Path, variant: str) -> tuple[Path, str, list[Row], Sequence[str]]:
    """The coding file of the wanted version, which its labels tell and not its name, and a note where there are two."""
    found = find_files(source, "*casme*2*coding*.xls*", "*casme*2*coding*.csv")
    if not found:
        raise not_as_distributed(source, "CASME II", "the coding file (CASME2-coding-*.xlsx)")
    versions: dict[str, tuple[Path, list[Row]]] = {}
    for table in found:
        rows = read_rows(table, _COLUMNS, optional=("units",))
        versions.setdefault(_version(rows), (table, rows))
    chosen = max(versions) if variant == AUTO else variant
    if chosen not in versions:
        raise UserError(f"{source}: the coding file there is that of {max(versions)}, not of {variant}")
    table, rows = versions[chosen]
    two = f"both coding files are there; that of {chosen} is read, --variant chooses"
    return table, chosen, rows, [two] if len(versions) > 1 and variant == AUTO else []


def _version(rows: Sequence[Row]) -> str:
    disputed = {key(*clip.split("/")) for clip in _RELABELLED}
    new = any(key(row.cells["subject"], row.cells["clip"]) in disputed and emotion(row.cells["label"]) == "surprise"
              for row in rows)  # fmt: skip
    return "2019" if new else "2014"
