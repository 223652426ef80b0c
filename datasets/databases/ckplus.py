"""CK+ (Lucey et al., 2010): posed expressions from neutral to the peak, some with an emotion, all with action units."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from emonas.datasets.clips.flaws import os_error_text
from emonas.datasets.clips.frames import frame_number
from emonas.datasets.clips.numbering import numbered_frames
from emonas.datasets.clips.sample import ReadResult
from emonas.datasets.reading.assemble import Key, by_key, find_entries, key
from emonas.datasets.reading.choices import Choices
from emonas.datasets.reading.database import Database, same_named
from emonas.datasets.reading.entry import Entry
from emonas.datasets.reading.expected import Expected
from emonas.datasets.reading.layout import find_inside, find_roots, root_of
from emonas.datasets.reading.peak_frames import FRAMES, NEUTRAL, peak_pictures, picture_counts

#: The codes of the emotion files are the positions.
EMOTIONS = (NEUTRAL, "anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")
_SIX = ("anger", "disgust", "fear", "happiness", "sadness", "surprise")
#: Labelled sequences of each emotion.
_SEQUENCES = {"anger": 45, "disgust": 59, "fear": 25, "happiness": 69, "sadness": 28, "surprise": 83}
_ALL = {**_SEQUENCES, "contempt": 18}


def _expected(classes: str, frames: str) -> Expected:
    counts = picture_counts(_ALL if classes == "7" else _SEQUENCES, frames, neutral=classes == "7n")
    people = 118 if classes == "7" else None
    return Expected(sum(counts.values()), people, counts, when={"classes": classes, "frames": frames},
                    unsure=("people",))  # fmt: skip


DATABASE = Database(
    name="ckplus",
    aliases=("ck+", "ck-plus", "cohn-kanade"),
    title="posed expressions, to the peak",
    full_name="CK+, the Extended Cohn-Kanade Dataset",
    kind="macro",
    owner="University of Pittsburgh and Carnegie Mellon University",
    citation="Lucey, Cohn, Kanade, Saragih, Ambadar, Matthews: The Extended Cohn-Kanade Dataset (CK+). CVPR Workshops "
    "2010; Kanade, Cohn, Tian: Comprehensive database for facial expression analysis. FG 2000",
    request="jeffcohn.net/Resources: a signed agreement",
    source="the folder with cohn-kanade-images, Emotion and, for action units, FACS",
    layout=(
        "cohn-kanade-images/S005/001/S005_001_00000011.png: a sequence of whole frames, from neutral to the peak",
        "Emotion/S005/001/S005_001_00000011_emotion.txt: the emotion's number, named after the peak's frame",
        "FACS/S005/001/S005_001_00000011_facs.txt: a line for each action unit and its intensity",
    ),
    class_sets=(
        same_named("6", "the six basic ones", _SIX, ("contempt", NEUTRAL)),
        same_named("7", "the six basic ones and contempt", (*_SIX, "contempt"), (NEUTRAL,)),
        same_named(
            "7n", "the six, and as neutral the first frame of each of their sequences", (*_SIX, NEUTRAL), ("contempt",)
        ),
    ),
    options={"frames": FRAMES, "crop": {"full": "whole frames, since the owner cuts no faces out"}},
    protocol="kfold",
    folds=10,
    metric="accuracy",
    representation="still",
    size=112,
    reader="ckplus:read",
    expected=tuple(_expected(classes, frames) for classes in ("6", "7", "7n") for frames in FRAMES),
    pitfalls=(
        "593 sequences of 123 people, of which 327 have an emotion; the others are dropped",
        "two sets of seven classes go by the name of 7 in papers: with contempt (7) and with neutral (7n)",
        "the three last frames of a sequence are nearly the same picture: splits go by subject, never by picture",
        "papers do not say which people are in which of the ten folds",
        "an intensity of 0 says that an action unit is there and was not graded",
    ),
)

_FORMS = {
    "images": ("the sequences", "s[0-9]*/[0-9]*/s*_*.png"),
    "emotions": ("the emotion files", "s[0-9]*/[0-9]*/s*_emotion.txt"),
}
_FACS = "s[0-9]*/[0-9]*/s*_facs.txt"


def read(source: Path, choices: Choices) -> ReadResult:
    """Read CK+ from its folder; ``choices`` are settled. Raises UserError when the source is no CK+."""
    images, labels = (root_of(source, "CK+", _FORMS, form)[1] for form in _FORMS)
    units = next(iter(find_roots(source, _FACS)), None)
    notes = () if units else ("no FACS files (FACS/S005/001/*_facs.txt), so no picture has action units",)
    return find_entries(DATABASE, _entries(images, labels, units, choices), choices, notes=notes)


def _entries(images: Path, labels: Path, units: Path | None, choices: Choices) -> Iterator[Entry]:
    """The pictures of all sequences, also of those of which only the emotion file is there."""
    class_set = DATABASE.class_set(choices.classes)
    folders = by_key(find_inside(images, "s[0-9]*/[0-9]*"))
    emotions = _by_sequence(labels, _FORMS["emotions"][1])
    coded = _by_sequence(units, _FACS) if units else {}
    for own in {**folders, **emotions}:
        sequence = _sequence(own, emotions.get(own), coded.get(own))
        frames: tuple[Path, ...] = ()
        if own in folders and not sequence.flaw:
            found, peak = numbered_frames(folders[own]), frame_number(emotions[own])
            frames = found.paths[: found.numbers.index(peak) + 1] if peak in found.numbers else ()
            flaw = found.flaw or (f"peak not in the sequence: frame {peak}" if found.paths and not frames else "")
            sequence = replace(sequence, flaw=flaw, remarks=found.remarks)
        yield from peak_pictures(sequence, frames, class_set, choices)


def _by_sequence(root: Path, pattern: str) -> dict[Key, Path]:
    return {key(path.parents[1].name, path.parent.name): path for path in find_inside(root, pattern)}


def _sequence(own: Key, emotion: Path | None, facs: Path | None) -> Entry:
    """A sequence with what its two files say of it."""
    subject = f"S{own[0]:03}"
    entry = Entry(Path(), f"{subject}_{own[1]:0>3}", "", subject)
    if emotion is None:
        return replace(entry, flaw="no emotion label")
    try:
        codes = [code for row in _numbers(emotion) for code in row]
        units = tuple(str(row[0]) for row in _numbers(facs)) if facs else ()
    except OSError as error:
        return replace(entry, flaw=os_error_text(error))
    except ValueError as error:
        return replace(entry, flaw=str(error))
    if len(codes) != 1 or codes[0] not in range(len(EMOTIONS)):
        return replace(entry, flaw=f"unknown emotion: {codes} in {emotion.name}")
    return replace(entry, label=EMOTIONS[codes[0]], action_units=units)


def _numbers(path: Path) -> list[list[int]]:
    """The whole numbers, such as 3.0000000e+00, in the lines of a text file. Raises ValueError and OSError."""
    try:
        lines = [line.split() for line in path.read_text("utf-8").splitlines()]
        return [[int(float(word)) for word in words] for words in lines if words]
    except (ValueError, OverflowError):
        raise ValueError(f"not a file of numbers: {path.name}") from None
