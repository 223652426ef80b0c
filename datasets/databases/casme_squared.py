"""CAS(ME)^2 (Qu et al., 2018): micro- and macro-expressions, marked in long recordings at 30 frames a second."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from emonas.datasets.clips.numbering import numbered_frames
from emonas.datasets.clips.sample import ReadResult
from emonas.datasets.reading.assemble import Key, by_key, find_clips, key, number_in
from emonas.datasets.reading.choices import AUTO, Choices
from emonas.datasets.reading.database import APEX_POLICIES, CROPS, Database, same_named
from emonas.datasets.reading.entry import Entry
from emonas.datasets.reading.expected import Expected
from emonas.datasets.reading.facs import action_units
from emonas.datasets.reading.layout import find_files, find_inside, not_as_distributed, root_of
from emonas.datasets.reading.tables import Row, parse_whole, read_sheet
from emonas.errors import UserError

_THREE = ("positive", "negative", "surprise")
_MICRO = {"positive": 8, "negative": 21, "surprise": 9, "other": 19}
_MACRO = {"positive": 87, "negative": 95, "surprise": 13, "other": 105}
_BOTH = {name: _MICRO[name] + _MACRO[name] for name in _MICRO}


def _expected(variant: str, people: int, counts: dict[str, int]) -> tuple[Expected, Expected]:
    """The totals are published, the people and classes behind them hearsay."""
    three = {name: counts[name] for name in _THREE}
    four = Expected(sum(counts.values()), people, counts, when={"classes": "4", "variant": variant},
                    unsure=("people", "class"))  # fmt: skip
    return four, Expected(sum(three.values()), None, three, when={"classes": "3", "variant": variant}, sure=False)


DATABASE = Database(
    name="casme_squared",
    aliases=("casme-squared", "casme_sq", "casmesq", "cas-me-2"),
    title="micro- and macro-expressions",
    full_name="CAS(ME)^2, Chinese Academy of Sciences Macro-Expressions and Micro-Expressions",
    kind="micro",
    owner="Institute of Psychology, Chinese Academy of Sciences",
    citation="Qu, Wang, Yan, Li, Wu, Fu: CAS(ME)^2: a database for spontaneous macro-expression and micro-expression "
    "spotting and recognition. IEEE Transactions on Affective Computing 9(4), 424-436, 2018",
    request="casme.psych.ac.cn/casme/e3: a form and a signed licence",
    source="the folder with the code workbook and cropped, rawpic, selectedpic or rawvideo",
    layout=(
        "CAS(ME)^2code_final.xlsx: labels, frames, action units, micro or macro; without a header",
        "cropped/s15/anger1_1/img001.jpg: faces of an expression as the owner has cut them out",
        "longVideoFaceCropped/s15/15_0401girlcrashing/img_1.jpg: faces of a whole recording (MEGC2021)",
        "rawpic/s15/15_0401girlcrashing/img001.jpg: whole frames of a whole recording, 640x480",
        "selectedpic/s15/anger1_1/img001.jpg: whole frames of an expression",
        "rawvideo/s15/15_0401girlcrashing.avi: a whole recording",
    ),
    class_sets=(
        same_named("4", "as the owner labels them", (*_THREE, "other")),
        same_named("3", "without other", _THREE, ("other",)),
    ),
    options={
        "variant": {
            "micro": "micro-expressions",
            "macro": "macro-expressions",
            "all": "both together",
        },
        "crop": CROPS,
        "apex_policy": APEX_POLICIES,
    },
    protocol="loso",
    metric="accuracy and F1, pooled",
    representation="dynamic",
    size=112,
    reader="casme_squared:read",
    expected=(*_expected("micro", 14, _MICRO), *_expected("macro", 20, _MACRO), *_expected("all", 22, _BOTH)),
    pitfalls=(
        "an earlier paper counts 53 micro- and 250 macro-expressions",
        "not everybody shows a micro-expression: fewer folds than people",
        "the emotion is that of the coder, not the one that people report of themselves",
        "an apex 0 is unknown; an offset 0 is unknown, too, and the expression then ends at its apex",
        "recordings are found by subject and number: some are misnamed (s19/23_0502funnyerrors)",
        "micro-expressions last 6 to 16 frames here",
    ),
)

#: Subject numbers of the workbook, counted from 1, and the folders'.
_FOLDERS = (15, 16, *range(19, 28), *range(29, 39), 40)
#: What a clip's name says of its recording, and the number in that recording's own name.
_RECORDINGS = {
    "disgust1": 101,
    "disgust2": 102,
    "anger1": 401,
    "anger2": 402,
    "happy1": 502,
    "happy2": 503,
    "happy3": 505,
    "happy4": 507,
    "happy5": 508,
}
_COLUMNS = ("subject", "clip", "onset", "apex", "offset", "units", "label", "kind")
_CLIP, _RECORDING = "s[0-9]*/[a-z]*_[0-9]*", "s[0-9]*/[0-9]*_[0-9]*"
#: Where expressions lie, those in recordings of their own first where both are as good.
_FORMS = {
    "owner": {
        "cropped": ("cropped faces", f"cropped/{_CLIP}/*.jpg"),
        "recorded": ("faces of whole recordings", f"longvideofacecropped/{_RECORDING}/*.jpg"),
    },
    "full": {
        "rawpic": ("whole recordings", f"rawpic/{_RECORDING}/*.jpg"),
        "selectedpic": ("pictures of expressions", f"selectedpic/{_CLIP}/*.jpg"),
        "rawvideo": ("videos", f"rawvideo/{_RECORDING}.avi"),
    },
}


def read(source: Path, choices: Choices) -> ReadResult:
    """Read CAS(ME)^2 from its folder; ``choices`` are settled. Raises UserError when the source is none."""
    table, rows = _coding(source)
    crops = [crop for crop in _FORMS if choices.crop in (crop, AUTO, None)]
    forms = {name: form for crop in crops for name, form in _FORMS[crop].items()}
    form, root = root_of(source, "CAS(ME)^2", forms, AUTO)
    paths = find_inside(root, forms[form][1].removesuffix("/*.jpg"))
    entries = [_entry(row, choices.variant or "micro") for row in rows]
    if _CLIP in forms[form][1]:
        places = by_key(paths)
        entries = [_renumbered(entry, places.get(key(entry.subject, entry.clip))) for entry in entries]
    else:
        places = _recordings(entries, paths)
        # Pictures are numbered from 1, the frames of a video from 0.
        entries = [_cut(entry, by=-1 if form == "rawvideo" else 0) for entry in entries]
    choices = replace(choices, crop="owner" if form in _FORMS["owner"] else "full")
    return find_clips(DATABASE, entries, places, choices, table=table.name)


def _coding(source: Path) -> tuple[Path, list[Row]]:
    """The code workbook, an updated one before another, and its rows."""
    found = find_files(source, "*code_final*updated*.xls*", "*code_final*.xls*", "*code_final*.csv")
    if not found:
        raise not_as_distributed(source, "CAS(ME)^2", "the code workbook (CAS(ME)^2code_final.xlsx)")
    rows = read_sheet(found[0], _COLUMNS, "*code*")
    if not any(_kind(row) for row in rows):
        raise UserError(f"{found[0]}: not the codes of CAS(ME)^2: column 8 never says micro- or macro-expression")
    return found[0], rows


def _kind(row: Row) -> str:
    """Micro or macro, or an empty text for what is neither."""
    return kind if (kind := row.cells["kind"].casefold()[:5]) in ("micro", "macro") else ""


def _entry(row: Row, variant: str) -> Entry:
    cells, kind = row.cells, _kind(row)
    number = parse_whole(cells["subject"])
    flaw = "" if variant in (kind, "all") else f"another part: {kind}-expression"
    if not kind:
        flaw = f"neither micro nor macro: {cells['kind']!r}"
    if number is None or not 1 <= number <= len(_FOLDERS):
        number, flaw = None, f"unknown subject: {cells['subject']!r}"
    return Entry(
        path=Path(),
        clip=cells["clip"],
        label=cells["label"],
        subject=None if number is None else f"s{_FOLDERS[number - 1]}",
        onset=cells["onset"],
        apex=cells["apex"],
        offset=cells["offset"] if parse_whole(cells["offset"]) != 0 else cells["apex"],
        flaw=flaw,
        action_units=action_units(cells["units"]),
        row=row.line,
    )


def _recordings(entries: Iterable[Entry], paths: Iterable[Path]) -> dict[Key, Path]:
    """The recordings of the expressions, by subject and number, since some carry another subject's name."""
    there: dict[tuple[int | None, int], Path] = {}
    for path in by_key(paths).values():
        there.setdefault((number_in(path.parent.name), int(re.findall("_([0-9]+)", path.name)[0])), path)
    wanted = {(e.subject or "", e.clip): _RECORDINGS.get(e.clip.partition("_")[0].casefold(), 0) for e in entries}
    found = {key(*own): there.get((number_in(own[0]), number)) for own, number in wanted.items()}
    return {own: path for own, path in found.items() if path}


def _cut(entry: Entry, by: int) -> Entry:
    """An expression as a part of its recording; without both ends it would be all the rest of it."""
    onset, offset = parse_whole(entry.onset), parse_whole(entry.offset)
    if not entry.flaw and (not onset or not offset or onset > offset):
        return replace(entry, flaw=f"no onset or no offset: {entry.onset}, {entry.offset}")
    return replace(_moved(entry, by), cut=True)


def _renumbered(entry: Entry, place: Path | None) -> Entry:
    """The phases in a clip's own numbers, where those do not go on from its recording's."""
    onset, offset = parse_whole(entry.onset), parse_whole(entry.offset)
    if entry.flaw or place is None or onset is None or offset is None:
        return entry
    numbers = numbered_frames(place).numbers
    if {onset, offset} <= set(numbers) or len(numbers) != offset - onset + 1:
        return entry
    return _moved(entry, int(numbers[0]) - onset)


def _moved(entry: Entry, by: int) -> Entry:
    """The phases further on by that many frames; an unknown one, or 0, is unknown."""
    onset, apex, offset = (
        str(number + by) if (number := parse_whole(text)) else "" for text in (entry.onset, entry.apex, entry.offset)
    )
    return replace(entry, onset=onset, apex=apex, offset=offset)
