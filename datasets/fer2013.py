"""FER2013 (Carrier and Courville, 2013) in the three CSV forms in which it is distributed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from emonas.errors import UserError

from .choices import NO_CHOICES, Choices
from .classes import same_named
from .copies import copies_note, fingerprint
from .database import Database
from .expected import Expected
from .frames import ImageFiles, PixelGrid, is_debris
from .sample import PARTS, Found, Sample
from .table import columns, rows, shortened

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
    ),
    class_sets=(same_named("7", "all labels", CLASSES),),
    expected=(
        Expected(
            sum(map(sum, PUBLISHED.values())),
            counts={label: sum(part[i] for part in PUBLISHED.values()) for i, label in enumerate(CLASSES)},
            parts={part: sum(counts) for part, counts in PUBLISHED.items()},
        ),
    ),
    pitfalls=(
        "PublicTest is for validation, PrivateTest for the test: numbers on both together compare with no paper",
        "nobody is named, so the same person may stand in train and test",
        "some pictures stand in several parts; copies of tested pictures are left out of training",
    ),
)
#: Files that a folder may hold, the most complete one first.
FILES = ("fer2013.csv", "icml_face_data.csv", "train.csv")

_PARTS = {"training": "train", "publictest": "validation", "privatetest": "test"}
_SIDE = 48
_DIGITS_AND_BLANKS = b"0123456789 \t\r\n"


def read(source: Path, choices: Choices = NO_CHOICES) -> Found:
    """Read fer2013.csv, icml_face_data.csv or train.csv, named itself or found up to three folders down.

    Training, PublicTest and PrivateTest are the parts train, validation and test; rows of train.csv are all train.
    The clip "row00012" is the thirteenth row below the header. Nobody is named: ``group`` is a fingerprint of the
    pixels, so that copies stay together. A flawed row is dropped with its reason; blank images stay, because the
    published counts hold them. Raises UserError when the source is no FER2013.
    """
    files = [source] if source.is_file() else _files(source)
    for file in files:
        _check_columns(file, alone=len(files) == 1)
    samples = tuple(sample for file in files for sample in _samples(file))
    used = [sample for sample in samples if not sample.dropped]
    if not samples:
        raise UserError(f"{files[0]}: no rows below the header")
    if not used:
        raise UserError(f"{files[0]}: not one of {len(samples)} rows can be used; the first: {samples[0].dropped}")
    return Found(samples, CLASSES, (*_count_notes(used), *_blank_note(used), *copies_note(used)))


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
        return f"pixel out of range: {shortened(token, 20)} is not in 0 to 255"
    return f"pixel not a number: {shortened(token, 20)!r}"


def _files(folder: Path) -> list[Path]:
    """The file to read; train.csv brings the test.csv beside it along, whose rows are then counted as dropped."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such file or folder")
    found = list(_csv_files(folder))
    for name in (*FILES, "test.csv"):
        for file in found:
            if file.name.lower() == name:
                beside = [other for other in found if other.parent == file.parent and other.name.lower() == "test.csv"]
                return [file, *beside] if name == "train.csv" else [file]
    raise UserError(f"{folder}: no {', '.join(FILES[:-1])} or {FILES[-1]} in it or up to three folders down")


def _csv_files(folder: Path) -> Iterator[Path]:
    for depth in range(4):
        for path in sorted(folder.glob("*/" * depth + "*.[cC][sS][vV]")):
            if path.is_file() and not any(is_debris(part) for part in path.relative_to(folder).parts):
                yield path


def _check_columns(file: Path, alone: bool) -> None:
    names = columns(file)
    if "pixels" in names and "emotion" not in names and alone:
        raise UserError(f"{file}: has pixels but no labels (no column 'emotion'); give {', '.join(FILES)}")
    missing = [name for name in ("pixels", "emotion") if name not in names and (alone or name == "pixels")]
    if missing:
        raise UserError(f"{file}: not FER2013: no column {missing[0]!r} among: {shortened(', '.join(names))}")


def _samples(file: Path) -> Iterator[Sample]:
    is_test = file.name.lower() == "test.csv"
    for index, row in enumerate(rows(file)):
        yield _sample(f"{'test-' if is_test else ''}row{index:05}", row.cells, "test" if is_test else "train")


def _sample(clip: str, cells: dict[str, str], part_of_file: str) -> Sample:
    emotion = cells.get("emotion", "")
    label = CLASSES[int(emotion)] if re.fullmatch("[0-6]", emotion) else ""
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
        return sample.drop(f"unknown label: {shortened(emotion, 20)!r}")
    return sample if part else sample.drop(f"unknown Usage: {shortened(usage or '', 20)!r}")


def _count_notes(used: Sequence[Sample]) -> Iterator[str]:
    found = Counter((sample.part, sample.label) for sample in used)
    counts = {part: tuple(found[part, label] for label in CLASSES) for part in PARTS}
    sizes = [(sum(counts[part]), sum(PUBLISHED[part]), part) for part in PARTS]
    other = [f"{here} of {published} {part}" for here, published, part in sizes if here != published]
    if other:
        kind = "a subset" if all(here <= published for here, published, _ in sizes) else "not as published"
        yield f"{', '.join(other)} images: {kind}"
    for here, published, part in sizes:
        if here == published and counts[part] != PUBLISHED[part]:
            pairs = zip(CLASSES, counts[part], PUBLISHED[part], strict=True)
            differing = (f"{label} {count} instead of {known}" for label, count, known in pairs if count != known)
            yield f"{part} classes are not as published: {', '.join(differing)}"


def _blank_note(used: Sequence[Sample]) -> tuple[str, ...]:
    grids = [sample.frames.pixels for sample in used if isinstance(sample.frames, PixelGrid)]
    blank = sum(pixels == pixels[:1] * len(pixels) for pixels in grids)
    return (f"blank images (one grey value), kept as in the published counts: {blank}",) if blank else ()
