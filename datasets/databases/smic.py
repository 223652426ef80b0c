"""SMIC (Li et al., 2013): spontaneous micro-expressions by three cameras, cut to the expression or longer (SMIC-E)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from emonas.datasets.clips.sample import ReadResult
from emonas.datasets.reading.assemble import Key, by_key, find_clips, find_entries, key, number_in
from emonas.datasets.reading.choices import AUTO, Choices
from emonas.datasets.reading.database import APEX_POLICIES, Database, same_named
from emonas.datasets.reading.entry import Entry
from emonas.datasets.reading.expected import Expected
from emonas.datasets.reading.layout import find_files, find_inside, find_roots, not_as_distributed
from emonas.datasets.reading.tables import Row, read_rows
from emonas.errors import UserError

#: What stands in a clip's name for its class.
_CODES = {"ne": "negative", "po": "positive", "sur": "surprise"}
_CLIP = re.compile(r"s([0-9]+)_(ne|po|sur)_([0-9]+)", re.IGNORECASE)
_PHASES = ("onset", "apex", "offset")
_OPTIONAL = ("apex", "onset2", "apex2", "offset2", "label")

DATABASE = Database(
    name="smic",
    title="clips of micro-expressions",
    full_name="SMIC, Spontaneous Micro-expression Corpus, and SMIC-E",
    kind="micro",
    owner="Center for Machine Vision and Signal Analysis, University of Oulu",
    citation="Li, Pfister, Huang, Zhao, Pietikäinen: A Spontaneous Micro-expression Database. "
    "Automatic Face and Gesture Recognition (FG), 2013",
    request="oulu.fi, pages of the CMVS (node 41319): a signed licence",
    source="the folder with SMIC_all_cropped, SMIC_all_raw or SMIC-E_raw image",
    layout=(
        "SMIC_all_cropped/HS/s1/micro/negative/s1_ne_01/reg_image23600.bmp: faces as the owner has cut them out",
        "SMIC_all_raw/HS/s1/micro/negative/s1_ne_01/image023600.bmp: whole frames; non_micro beside micro is not read",
        "SMIC-E_raw image/HS_long/SMIC-HS-E/HS/s01/s01_ne_01/image023600.jpg: longer clips, whole frames",
        "SMIC-HS-E_annotation.xlsx, or with a year or underscores: onset and offset in the longer clips",
    ),
    class_sets=(same_named("3", "negative, positive, surprise", tuple(_CODES.values())),),
    options={
        "variant": {
            "hs": "the high-speed camera, 100 frames a second",
            "vis": "the colour camera, 25 frames a second",
            "nir": "the near-infrared camera, 25 frames a second",
            "hs-e": "SMIC-E: longer clips of the high-speed camera, from onset to offset of its table",
            "vis-e": "SMIC-E of the colour camera",
            "nir-e": "SMIC-E of the near-infrared camera",
        },
        "crop": {
            AUTO: "the owner's faces where they are present; SMIC-E has none",
            "owner": "faces as the owner has cut them out",
            "full": "whole frames",
        },
        "apex_policy": {policy: words for policy, words in APEX_POLICIES.items() if policy != "drop"},
    },
    protocol="loso",
    metric="accuracy, pooled; UF1 and UAR",
    representation="dynamic",
    size=112,
    reader="smic:read",
    expected=(
        Expected(164, 16, {"negative": 70, "positive": 51, "surprise": 43}, when={"variant": "hs"}),
        *(
            Expected(
                71, 8, {"negative": 23, "positive": 28, "surprise": 20}, when={"variant": variant}, unsure=("class",)
            )
            for variant in ("vis", "nir", "vis-e", "nir-e")
        ),
        Expected(161, 16, when={"variant": "hs-e"}, sure=False),
    ),
    pitfalls=(
        "no apex is given: the apex policy says what stands for it",
        "a subject is s1 in one folder and s01 in another; both are s01 here",
        "SMIC-E has 157 longer clips of HS: three of the 164 are lost, a few hold two expressions",
        "HS, VIS and NIR show the same people: never train on one and test on another as if they were strangers",
        "onset and offset of NIR are not those of VIS",
    ),
)

_CUT, _LONG = "s[0-9]*/micro/*/s[0-9]*_*_*", "s[0-9]*/s[0-9]*_*_*"
_FORMS = {
    "owner": ("faces as the owner has cut them out", f"{_CUT}/reg_*"),
    "full": ("whole frames", f"{_CUT}/image*"),
}
_LONG_FORMS = {"full": ("whole frames of SMIC-E", f"{_LONG}/image*")}


def read(source: Path, choices: Choices) -> ReadResult:
    """Read one camera of SMIC from its folder; ``choices`` are settled. Raises UserError when there is none."""
    camera, long, _ = (choices.variant or "hs").partition("-e")
    crop, root = _root(source, camera, choices.crop or AUTO, _LONG_FORMS if long else _FORMS)
    choices = replace(choices, crop=crop)
    if not long:
        clips = [path for path in find_inside(root, _CUT) if path.is_dir()]
        return find_entries(DATABASE, map(_cut_clip, clips), choices)
    table, notes = _table(source, camera)
    entries = list(_expressions(_rows(table, camera)))
    places = _places(by_key(find_inside(root, _LONG)).values(), entries)
    return find_clips(DATABASE, entries, places, choices, table=table.name, notes=notes)


def _root(source: Path, camera: str, crop: str, forms: Mapping[str, tuple[str, str]]) -> tuple[str, Path]:
    """The form in which a camera's clips are present, and the folder of their subjects."""
    if crop not in (AUTO, *forms):
        raise UserError(f"--crop {crop}: SMIC-E has whole frames only")
    wanted = forms if crop == AUTO else {crop: forms[crop]}
    for form, (_, pattern) in wanted.items():
        # SMIC-E nests so deep that the camera's own folder may lie one level below those that are searched.
        deeper = (folder for root in find_roots(source, f"{camera}/{pattern}") for folder in find_inside(root, camera))
        for root in (*find_roots(source, pattern), *deeper):
            if _camera(root, source) == camera:
                return form, root
    words = " or ".join(f"{words} ({camera.upper()}/{pattern})" for words, pattern in wanted.values())
    raise not_as_distributed(
        source, "SMIC", words if forms is _LONG_FORMS else f"{words}; SMIC-E is --variant {camera}-e"
    )


def _camera(root: Path, source: Path) -> str | None:
    """The camera that a folder's name tells, or the nearest one's above it up to the source: HS, SMIC-HS-E, HS_long."""
    place, last = root.absolute(), source.absolute()
    for folder in (place, *place.parents):
        said = re.findall("(?<![a-z])(hs|vis|nir)(?![a-z])", folder.name.casefold())
        if said or folder == last:
            return said[0] if said else None
    return None


def _cut_clip(path: Path) -> Entry:
    """A clip that is the expression and nothing else; its name, its class's folder and its subject's must agree."""
    named, shown, subject = _CLIP.fullmatch(path.name), path.parent.name, path.parents[2].name
    agree = named and shown.casefold() == _CODES[named[2].casefold()] and number_in(subject) == int(named[1])
    return Entry(
        path,
        _name(path.name),
        shown,
        f"s{number_in(subject):02}",
        flaw="" if agree else f"folders and clip name disagree: {subject}/{shown}/{path.name}",
    )


def _table(source: Path, camera: str) -> tuple[Path, list[str]]:
    """The newest table of a camera's longer clips, and a note where there are several."""
    name = f"*smic*{camera}*e*annotation*"
    found = find_files(source, f"{name}.xls*", f"{name}.csv")
    if not found:
        raise not_as_distributed(source, "SMIC-E", f"its table (SMIC-{camera.upper()}-E_annotation.xlsx)")
    table = max(found, key=lambda path: path.stem)
    return table, [f"{len(found)} tables of {camera.upper()} are there; {table.name} is read"] if found[1:] else []


def _rows(table: Path, camera: str) -> list[Row]:
    """The rows of a table; where its columns name cameras, those of the wanted one are read."""
    try:
        return read_rows(table, _columns(f"*{camera}*"), optional=_OPTIONAL)
    except UserError:
        return read_rows(table, _columns("*"), optional=_OPTIONAL)


def _columns(rest: str) -> dict[str, str | tuple[str, ...]]:
    """The columns by the beginnings of their names, with ``rest`` after them; those of a second expression last."""
    return {
        "clip": ("filename*", "file*"),
        **{phase: f"{phase}{rest}" for phase in _PHASES},
        **{f"{phase}2": (f"{phase}{rest}", f"*{phase}{rest}") for phase in _PHASES},
        "label": "emotion*",
    }


def _expressions(rows: Iterable[Row]) -> Iterator[Entry]:
    """An entry for each expression, one or two a row; the remarks below the table have neither clip nor frames."""
    for row in rows:
        cells = row.cells
        named = _CLIP.fullmatch(cells["clip"])
        if not named:
            if cells["onset"].isdigit():
                flaw = f"not a clip's name: {cells['clip']!r}"
                yield Entry(Path(), cells["clip"], cells["label"], flaw=flaw, row=row.line)
            continue
        label = _CODES[named[2].casefold()]
        said = cells["label"].casefold()
        first = Entry(
            Path(),
            _name(cells["clip"]),
            label,
            f"s{int(named[1]):02}",
            onset=cells["onset"],
            apex=cells["apex"],
            offset=cells["offset"],
            flaw="" if said in ("", label) else f"label and clip name disagree: {cells['label']}",
            row=row.line,
            cut=True,
        )
        yield first
        if cells["onset2"].isdigit():
            onset, apex, offset = (cells[f"{phase}2"] for phase in _PHASES)
            yield replace(first, clip=_second(first.clip), onset=onset, apex=apex, offset=offset)


def _places(paths: Iterable[Path], entries: Iterable[Entry]) -> dict[Key, Path]:
    """The longer clips by the keys of the entries: a second expression lies in the same clip as the first."""
    places = {key(path.parent.name, _name(path.name)): path for path in paths}
    listed = {key(entry.subject, entry.clip) for entry in entries}
    for path in list(places.values()):
        again = key(path.parent.name, _second(_name(path.name)))
        if again in listed:
            places[again] = path
    return places


def _name(clip: str) -> str:
    """A clip's name as SMIC-E and MEGC2019 write it: s1_ne_01 is s01_ne_01."""
    named = _CLIP.fullmatch(clip)
    return f"s{int(named[1]):02}_{named[2].casefold()}_{int(named[3]):02}" if named else clip


def _second(clip: str) -> str:
    """The name of the second expression in a longer clip."""
    return f"{clip}-2"
