"""FER2013 (Carrier and Courville, 2013) in the three CSV forms in which it is distributed, and its labels by FER+."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from emonas.datasets.clips.frames import ImageFiles, PixelGrid
from emonas.datasets.clips.sample import ReadResult, Sample, copies_note, fingerprint
from emonas.datasets.databases.folder_classes import refuse_class_folders
from emonas.datasets.reading.choices import NO_CHOICES, Choices
from emonas.datasets.reading.database import ClassSet, Database, same_named
from emonas.datasets.reading.expected import Expected
from emonas.datasets.reading.layout import find_files, not_as_distributed
from emonas.datasets.reading.tables import columns, parse_whole, rows, shorten
from emonas.errors import UserError

#: The owner's codes 0 to 6; angry, happy and sad are named by their nouns.
CLASSES = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
#: Images of each class in each part as published; their sums are 28709, 3589 and 3589.
PUBLISHED = {
    "train": (3995, 436, 4097, 7215, 4830, 3171, 4965),
    "validation": (467, 56, 496, 895, 653, 415, 607),
    "test": (491, 55, 528, 879, 594, 416, 626),
}
DATABASE = Database(
    name="fer2013",
    aliases=("fer-2013", "fer"),
    title="faces from web searches",
    full_name="FER2013, Facial Expression Recognition 2013",
    kind="macro",
    owner="P.-L. Carrier and A. Courville (Goodfellow et al., ICONIP 2013)",
    citation="Goodfellow et al.: Challenges in Representation Learning. Neural Networks 64, 2015 (ICONIP 2013)",
    request="Kaggle, competition challenges-in-representation-learning-facial-expression-recognition-challenge",
    protocol="fixed",
    metric="accuracy on the part PrivateTest",
    size=48,
    reader="fer2013:read",
    source="fer2013.csv, icml_face_data.csv or train.csv, or a folder that holds one",
    layout=(
        "fer2013.csv: emotion,pixels,Usage; 48x48 grey values a row",
        "icml_face_data.csv: the same columns in another order",
        "train.csv: emotion,pixels; only the training part has labels",
        "fer2013new.csv beside it: ten votes a row, from github.com/microsoft/FERPlus",
    ),
    class_sets=(
        same_named("7", "all labels of the owner", CLASSES, ("contempt",)),
        same_named("8", "the owner's and contempt, which only FER+ has", (*CLASSES, "contempt")),
    ),
    options={
        "variant": {
            "owner": "the owner's labels",
            "ferplus": "the emotion with the most of FER+'s ten votes; ties, no face and unknown are dropped",
        },
    },
    expected=(
        Expected(
            sum(map(sum, PUBLISHED.values())),
            counts={label: sum(part[i] for part in PUBLISHED.values()) for i, label in enumerate(CLASSES)},
            parts={part: sum(counts) for part, counts in PUBLISHED.items()},
            when={"variant": "owner"},
        ),
    ),
    pitfalls=(
        "PublicTest is for validation, PrivateTest for the test: numbers on both together compare with no paper",
        "nobody is named, so the same person may stand in train and test",
        "some pictures stand in several parts; exact copies of tested pictures are left out of training",
        "numbers on the labels of FER+ and on the owner's do not compare",
    ),
)
#: Files that a folder may hold, the most complete one first.
FILES = ("fer2013.csv", "icml_face_data.csv", "train.csv")

_PARTS = {"training": "train", "publictest": "validation", "privatetest": "test"}
_FERPLUS = "fer2013new.csv"
_NO_EMOTION = ("unknown", "nf")
_VOTED = (*CLASSES, "contempt", *_NO_EMOTION)
_SIDE = 48
_DIGITS_AND_BLANKS = b"0123456789 \t\r\n"


def read(source: Path, choices: Choices = NO_CHOICES) -> ReadResult:
    """Read fer2013.csv, icml_face_data.csv or train.csv, named itself or found up to three folders down.

    Training, PublicTest and PrivateTest are the parts train, validation and test; rows of train.csv are all train.
    The clip "row00012" is the thirteenth row below the header. Nobody is named: ``group`` is a fingerprint of the
    pixels, so that copies stay together. A flawed row is dropped with its reason; blank images stay, because the
    published counts hold them. Raises UserError when the source is no FER2013.
    """
    tables = [source] if source.is_file() else _tables(source)
    for table in tables:
        _check_columns(table, alone=len(tables) == 1)
    samples = tuple(sample for table in tables for sample in _samples(table))
    if not samples:
        raise UserError(f"{tables[0]}: no rows below the header")
    class_set = DATABASE.class_set(choices.classes)
    if choices.variant == "ferplus":
        samples = tuple(_relabelled(samples, _votes(source, tables[0], samples), class_set))
    elif "contempt" in class_set.classes:
        raise UserError(f"--classes {class_set.name} has contempt, which only FER+ has: add --variant ferplus")
    used = [sample for sample in samples if not sample.dropped]
    if not used:
        raise UserError(f"{tables[0]}: not one of {len(samples)} rows can be used; the first: {samples[0].dropped}")
    return ReadResult(samples, class_set.classes, (*_blank_note(used), *copies_note(used)))


def pixel_bytes(text: str) -> bytes:
    """48x48 grey values in row order, from text; ValueError tells what is wrong with it."""
    if text.encode().translate(None, _DIGITS_AND_BLANKS):
        raise ValueError(_bad_pixel(text))
    values = np.fromstring(text, np.int64, sep=" ")
    if len(values) != _SIDE**2:
        raise ValueError(f"wrong number of pixels: {len(values)} instead of {_SIDE**2}")
    if values.max() > 255:
        raise ValueError(f"pixel out of range: {values.max()} is not in 0 to 255")
    return values.astype(np.uint8).tobytes()


def _bad_pixel(text: str) -> str:
    found = re.search(r"[^ \t\r\n]*[^0-9 \t\r\n][^ \t\r\n]*", text)
    token = found[0] if found else ""
    if re.fullmatch("-[0-9]+", token):
        return f"pixel out of range: {shorten(token, 20)} is not in 0 to 255"
    return f"pixel not a number: {shorten(token, 20)!r}"


def _tables(folder: Path) -> list[Path]:
    """The file to read; train.csv brings the test.csv beside it along, whose rows are then counted as dropped."""
    found = find_files(folder, *FILES, "test.csv")
    if not found:
        refuse_class_folders(folder, "FER2013")
        raise not_as_distributed(folder, "FER2013", f"{', '.join(FILES[:-1])} or {FILES[-1]}")
    beside = [file for file in found[1:] if file.parent == found[0].parent and file.name.casefold() == "test.csv"]
    return [found[0], *beside] if found[0].name.casefold() == "train.csv" else [found[0]]


def _check_columns(file: Path, alone: bool) -> None:
    names = columns(file)
    if "pixels" in names and "emotion" not in names and alone:
        raise UserError(f"{file}: has pixels but no labels (no column 'emotion'); give {', '.join(FILES)}")
    missing = [name for name in ("pixels", "emotion") if name not in names and (alone or name == "pixels")]
    if missing:
        raise UserError(f"{file}: not FER2013: no column {missing[0]!r} among: {shorten(', '.join(names))}")


def _samples(file: Path) -> Iterator[Sample]:
    is_test = file.name.lower() == "test.csv"
    for index, row in enumerate(rows(file)):
        yield _sample(f"{'test-' if is_test else ''}row{index:05}", row.cells, "test" if is_test else "train")


def _sample(clip: str, cells: dict[str, str], part_of_file: str) -> Sample:
    emotion = cells.get("emotion", "")
    code = parse_whole(emotion)
    label = CLASSES[code] if code is not None and code < len(CLASSES) else ""
    usage = cells.get("usage")
    part = part_of_file if usage is None else _PARTS.get(usage.lower())
    sample = Sample("fer2013", None, clip, label, ImageFiles(()), part=part)
    if "emotion" not in cells:
        return sample.drop("no label")
    try:
        pixels = pixel_bytes(cells["pixels"])
    except ValueError as error:
        return sample.drop(str(error))
    sample = replace(sample, frames=PixelGrid(pixels, _SIDE, _SIDE), group=fingerprint([pixels]))
    if not label:
        return sample.drop(f"unknown label: {shorten(emotion, 20)!r}")
    return sample if part else sample.drop(f"unknown Usage: {shorten(usage or '', 20)!r}")


def _votes(source: Path, table: Path, samples: Sequence[Sample]) -> list[dict[str, str]]:
    """The rows of FER+, which belong to those of FER2013 in the same order. Raises UserError where they do not."""
    folder = source if source.is_dir() else source.parent
    found = find_files(folder, _FERPLUS)
    if not found:
        raise not_as_distributed(folder, "FER+", _FERPLUS)
    lacking = [name for name in ("usage", *_VOTED) if name not in columns(found[0])]
    if lacking:
        raise UserError(f"{found[0]}: not the votes of FER+: no column {lacking[0]!r}")
    votes = [row.cells for row in rows(found[0])]
    if [_PARTS.get(cells["usage"].lower()) for cells in votes] != [sample.part for sample in samples]:
        raise UserError(f"{found[0]}: its {len(votes)} rows do not belong to the {len(samples)} of {table.name}")
    return votes


def _relabelled(samples: Sequence[Sample], votes: Sequence[Mapping[str, str]], class_set: ClassSet) -> Iterator[Sample]:
    for sample, cells in zip(samples, votes, strict=True):
        if isinstance(sample.frames, PixelGrid):
            label, reason = _voted(cells)
            label, outside = (label, reason) if reason else class_set.place(None, sample.clip, label)
            yield replace(sample, label=label, dropped=outside)
        else:
            yield sample


def _voted(cells: Mapping[str, str]) -> tuple[str, str]:
    """The emotion with the most votes and an empty text, or an empty text and why there is none."""
    votes = {name: parse_whole(cells[name]) for name in _VOTED}
    counts = {name: count for name, count in votes.items() if count is not None}
    if len(counts) < len(votes):
        return "", "votes not numbers"
    most = [name for name, count in counts.items() if count == max(counts.values())]
    if len(most) > 1:
        return "", "no emotion with the most votes"
    return ("", f"voted to be no emotion: {most[0]}") if most[0] in _NO_EMOTION else (most[0], "")


def _blank_note(used: Sequence[Sample]) -> tuple[str, ...]:
    grids = [sample.frames.pixels for sample in used if isinstance(sample.frames, PixelGrid)]
    blank = sum(pixels == pixels[:1] * len(pixels) for pixels in grids)
    return (f"blank images (one grey value), kept as in the published counts: {blank}",) if blank else ()
