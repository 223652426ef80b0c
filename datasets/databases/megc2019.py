"""The composite of MEGC2019 (See et al., 2019): CASME II, SMIC (HS) and SAMM in three classes, 442 clips of 68 people.

Each sample keeps its source as its ``dataset``, so that people are told apart by source and subject and results can be
split by source.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from emonas.datasets.clips.flaws import os_error_text
from emonas.datasets.clips.sample import ReadResult, Sample
from emonas.datasets.databases import registry
from emonas.datasets.databases.samm import MEGC
from emonas.datasets.reading.assemble import Key, key
from emonas.datasets.reading.choices import AUTO, Choices
from emonas.datasets.reading.database import APEX_POLICIES, ClassSet, Database
from emonas.datasets.reading.expected import Expected
from emonas.datasets.reading.layout import find_files, find_inside, not_as_distributed
from emonas.datasets.reading.tables import grid
from emonas.errors import UserError

#: The sources in the order of the organisers' table: the class set with all labels, samples and people.
SOURCES = {"casme2": ("7", 145, 24), "smic": ("3", 164, 16), "samm": ("8", 133, 28)}
#: combined_3class_gt.csv as the organisers distribute it.
TABLE_SHA256 = "adf1de4a088d4c3b3bd01cc8d061e836264d0e05140266eb15d8dc1050f484a7"
_SAMPLES, _PEOPLE = 442, 68
#: The classes by their numbers in the table.
_CLASSES = ("negative", "positive", "surprise")
_THREE = ClassSet("3", "the classes of the challenge", {"repression": "negative", "negative": "negative", **MEGC,
                                                        "positive": "positive"})  # fmt: skip
_NOT_LISTED = "not in MEGC2019's table"
#: Reasons for dropping that are no loss: the rules of the composite.
_BY_RULE = (_NOT_LISTED, "outside the class set", "listed before", "no row in ")
_MOST_NAMED = 5

DATABASE = Database(
    name="megc2019",
    aliases=("megc", "megc2019-cde"),
    title="three micro sets in one",
    full_name="MEGC2019 composite (CDE): CASME II, SMIC (HS) and SAMM",
    kind="micro",
    owner="the organisers of the Facial Micro-Expression Grand Challenge 2019; the owners of the three sources",
    citation="See, Yap, Li, Hong, Wang: MEGC 2019, The Second Facial Micro-Expressions Grand Challenge. "
    "Automatic Face and Gesture Recognition (FG), 2019",
    request="the three owners (emonas-data describe casme2, smic, samm); the table: github.com/"
    "Facial-Micro-ExpressionGC/MEGC2019",
    source="a folder that holds the downloads of CASME II, SMIC and SAMM",
    layout=(
        "a folder for each of the three sources, whatever it is called, as described for casme2, smic and samm",
        "combined_3class_gt.csv, if you like: the organisers' table of samples and classes",
    ),
    class_sets=(_THREE,),
    options={
        "variant": {
            AUTO: "by a table of samples where one is there, else rebuilt",
            "table": "the samples and classes of a table in the organisers' form",
            "rebuilt": "the sources' own labels joined, without the five clips that the organisers leave out",
        },
        "crop": {
            AUTO: "whole frames where they are present, so that faces are cut out alike, else the owners' faces",
            "full": "whole frames from all three",
            "owner": "faces that are cut out already, from all three, as described for each",
        },
        "apex_policy": {policy: words for policy, words in APEX_POLICIES.items() if policy != "drop"},
    },
    protocol="loso",
    metric="UF1 and UAR, pooled over all folds: of all samples and of each source's",
    representation="dynamic",
    complete_only=True,
    size=112,
    reader="megc2019:read",
    expected=(
        Expected(
            _SAMPLES,
            _PEOPLE,
            {"negative": 250, "positive": 109, "surprise": 83},
            parts={name: samples for name, (_, samples, _) in SOURCES.items()},
        ),
    ),
    pitfalls=(
        "a copy from which a sample is missing is refused: scores on fewer samples cannot be compared",
        "people are keyed by source and subject: bare numbers are used by all three",
        "F1 is not averaged over subjects: many show one class only",
        "CASME II without sub04/EP12_01f, sub05/EP09_05f and, in its file of 2019, sub24/EP07_01, EP07_04f, EP10_03",
        "combined_3class_gt-2.csv lacks a sample and is refused",
        "SMIC-E lacks three of SMIC's clips, so that SMIC itself is needed",
        "published scores that chose, for each subject, the epoch with the best test result are no measure",
    ),
)


def read(source: Path, choices: Choices) -> ReadResult:
    """Read the composite from the folder of its three sources; ``choices`` are settled.

    Raises UserError when a source is not there, and when the samples are not the 442 of 68 people.
    """
    table = _table(source, choices.variant or AUTO)
    listed = _listed(table) if table else None
    parts = {name: _part(source, name, choices.crop or AUTO, by_table=table is not None) for name in SOURCES}
    samples = tuple(
        _by_table(name, sample, listed) if listed else sample for name, part in parts.items() for sample in part.samples
    )
    _refuse_incomplete(source, samples, listed)
    notes = [f"{name}: {note}" for name, part in parts.items() for note in part.notes]
    notes.append("frames: " + ", ".join(f"{name} {part.choices['crop']}" for name, part in parts.items()))
    if table and listed:
        notes += _table_notes(table, parts, listed)
    crop = "owner" if all(part.choices["crop"] == "owner" for part in parts.values()) else "full"
    choices = replace(choices, variant="table" if table else "rebuilt", crop=crop)
    return ReadResult(samples, _CLASSES, tuple(notes), choices.given())


def _part(source: Path, name: str, crop: str, *, by_table: bool) -> ReadResult:
    """One source: in a folder of its own, whatever it is called, or together with the others. Raises UserError."""
    choices = Choices(classes=SOURCES[name][0] if by_table else "3", crop=crop)
    folders = [path for path in find_inside(source, "*") if path.is_dir()] if source.is_dir() else []
    for kind in ("full", AUTO) if crop == AUTO else (crop,):
        for folder in (*folders, source):
            try:
                return registry.read(name, folder, replace(choices, crop=kind))
            except UserError as error:  # another source's folder, or whole frames where only faces are
                reason = error
    raise reason


#: What a table lists: source, subject and clip, each with its class and as the table writes it.
Listed = Mapping[tuple[str, Key], tuple[str, str]]


def _table(source: Path, variant: str) -> Path | None:
    """The organisers' table, or another in its form; None where there is none, or none is wanted."""
    if variant == "rebuilt":
        return None
    tables = [path for path in find_files(source, "*.csv") if _is_table(path)]
    if not tables and variant == "table":
        raise not_as_distributed(source, "MEGC2019", "the organisers' table (combined_3class_gt.csv)")
    return next((path for path in tables if _official(path)), next(iter(tables), None))


def _is_table(path: Path) -> bool:
    """Whether a file's first line that says something is that of a table: source, subject, clip, class."""
    try:
        with path.open("rb") as file:
            lines = file.read(4096).decode("utf-8-sig", "replace").splitlines()
    except OSError as error:
        raise UserError(f"{path}: {os_error_text(error)}") from None
    cells = next((line.split(",") for line in lines if line.strip(", ")), [])
    return len(cells) == 4 and cells[0].strip().casefold() in SOURCES


def _official(table: Path) -> bool:
    return hashlib.sha256(table.read_bytes()).hexdigest() == TABLE_SHA256


def _listed(table: Path) -> Listed:
    """The rows of a table, blank ones skipped. Raises UserError where they are not 442 samples of 68 people."""
    listed: dict[tuple[str, Key], tuple[str, str]] = {}
    for line, cells in grid(table):
        if not any(cells):
            continue
        source, subject, clip, number = (*cells, "", "", "")[:4]
        if source.casefold() not in SOURCES or number not in ("0", "1", "2"):
            raise UserError(f"{table}: line {line} is not source, subject, clip, class: {','.join(cells)}")
        listed[source.casefold(), key(subject, clip)] = _CLASSES[int(number)], f"{source}/{subject}/{clip}"
    people = len({(source, subject) for source, (subject, _) in listed})
    if (len(listed), people) != (_SAMPLES, _PEOPLE):
        raise UserError(
            f"{table}: defective: {len(listed)} samples of {people} people, MEGC2019 has {_SAMPLES} of {_PEOPLE}; "
            "take combined_3class_gt.csv, or --variant rebuilt"
        )
    return listed


def _by_table(source: str, sample: Sample, listed: Listed) -> Sample:
    """A sample with the class that the table gives it, dropped if it gives none."""
    found = listed.get((source, key(sample.subject, sample.clip)))
    if found is None:
        return sample if sample.dropped else sample.drop(_NOT_LISTED)
    return replace(sample, label=found[0])


def _table_notes(table: Path, parts: Mapping[str, ReadResult], listed: Listed) -> Iterator[str]:
    if not _official(table):
        yield f"{table.name} is not the organisers' table as they distribute it: it has another sha256"
    labels = {(name, key(s.subject, s.clip)): s.label for name, part in parts.items() for s in part.used}
    others = [words for one, (label, words) in listed.items() if _THREE.mapping.get(labels[one]) != label]
    if others:
        yield f"{table.name} and the owners disagree about the class of {_some(others)}"


def _refuse_incomplete(source: Path, samples: Sequence[Sample], listed: Listed | None) -> None:
    """Raise UserError, with the samples that are missing as far as they can be named, for anything but the 442."""
    used = [sample for sample in samples if not sample.dropped]
    parts = {name: [s for s in used if s.dataset == name] for name in SOURCES}
    wrong = [
        f"{name} has {len(part)} of {wanted} samples, {_people(part)} of {people} people"
        for name, (_, wanted, people) in SOURCES.items()
        if (len(part := parts[name]), _people(part)) != (wanted, people)
    ]
    if not wrong:
        return
    dropped = {(s.dataset, key(s.subject, s.clip)): s for s in reversed(samples) if s.dropped}
    if listed:
        there = {(sample.dataset, key(sample.subject, sample.clip)) for sample in used}
        lost = [_named(dropped.get(one), words) for one, (_, words) in listed.items() if one not in there]
    else:
        lost = [_named(s) for s in reversed(dropped.values()) if not s.dropped.startswith(_BY_RULE)]
    named = f"; missing: {_some(lost)}" if lost else ""
    unnamed = _SAMPLES - len(used) - len(lost)
    if unnamed > 0:
        named += f"; {unnamed} missing that only a table of samples (combined_3class_gt.csv) can name"
    raise UserError(
        f"{source}: not MEGC2019's {_SAMPLES} samples of {_PEOPLE} people but {len(used)} of {_people(used)}: "
        f"{'; '.join(wrong)}{named}"
    )


def _named(sample: Sample | None, words: str = "") -> str:
    return words if sample is None else f"{sample.person}/{sample.clip} ({sample.dropped})"


def _people(samples: Iterable[Sample]) -> int:
    return len({sample.person for sample in samples})


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
