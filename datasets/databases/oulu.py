"""OULU-CASIA (Zhao et al., 2011): six posed expressions, before two cameras and under three kinds of light."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from emonas.datasets.clips.numbering import numbered_frames
from emonas.datasets.clips.sample import ReadResult
from emonas.datasets.reading.assemble import find_entries
from emonas.datasets.reading.choices import AUTO, Choices
from emonas.datasets.reading.database import CROPS, Database, same_named
from emonas.datasets.reading.entry import Entry
from emonas.datasets.reading.expected import Expected
from emonas.datasets.reading.layout import find_inside, root_of
from emonas.datasets.reading.peak_frames import FRAMES, NEUTRAL, peak_pictures, picture_counts

_SIX = ("anger", "disgust", "fear", "happiness", "sadness", "surprise")
#: One sequence of each person; of the owner's faces a user has counted one less than six times eighty.
_SEQUENCES = dict.fromkeys(_SIX, 80)


def _expected(classes: str, frames: str, crop: str) -> Expected:
    counts = picture_counts(_SEQUENCES, frames, neutral=classes == "7n")
    when = {"classes": classes, "frames": frames, "crop": crop}
    return Expected(sum(counts.values()), 80, counts, when=when, sure=crop == "full")


DATABASE = Database(
    name="oulu",
    aliases=("oulu-casia", "oulucasia"),
    title="posed expressions, to the peak",
    full_name="OULU-CASIA NIR&VIS facial expression database",
    kind="macro",
    owner="University of Oulu and Chinese Academy of Sciences",
    citation="Zhao, Huang, Taini, Li, Pietikäinen: Facial expression recognition from near-infrared videos. Image and "
    "Vision Computing 29(9), 607-619, 2011",
    request="University of Oulu, Center for Machine Vision: a signed agreement",
    source="the folder with B_OriginalImg or PreProcess_Img",
    layout=(
        "B_OriginalImg/OriginalImg/VL/Strong/P001/Anger/000.jpeg: whole frames, 320x240, 25 a second",
        "PreProcess_Img/VL_Acropped/Strong/P001/Anger/000.jpeg: faces as the owner has cut them out",
        "VL (visible light) or NI (near infrared); Strong, Weak or Dark; folders nested twice are no harm",
    ),
    class_sets=(
        same_named("6", "the six basic ones", _SIX, (NEUTRAL,)),
        same_named("7n", "the six, and as neutral the first frame of each sequence", (*_SIX, NEUTRAL)),
    ),
    options={
        "variant": {
            f"{camera}-{light}": f"{words}, {light} light"
            for camera, words in (("vl", "visible light camera"), ("ni", "near-infrared camera"))
            for light in ("strong", "weak", "dark")
        },
        "crop": CROPS,
        "frames": FRAMES,
    },
    protocol="kfold",
    folds=10,
    metric="accuracy",
    representation="still",
    size=112,
    reader="oulu:read",
    expected=tuple(
        _expected(classes, frames, crop) for crop in ("full", "owner") for classes in ("6", "7n") for frames in FRAMES
    ),
    pitfalls=(
        "480 sequences in each condition; one user counted 479 of the owner's faces, as one folder was empty",
        "the three last frames of a sequence are nearly the same picture: splits go by subject, never by picture",
        "papers mean visible light and strong light (vl-strong) where they say nothing",
        "papers do not say which people are in which of the ten folds",
    ),
)


def read(source: Path, choices: Choices) -> ReadResult:
    """Read OULU-CASIA from its folder; ``choices`` are settled. Raises UserError when the source is no OULU-CASIA."""
    camera, _, light = (choices.variant or "vl-strong").partition("-")
    forms = {
        "owner": ("cropped faces", f"{camera}_acropped/{light}/p[0-9]*/*/*.jp*g"),
        "full": ("whole frames", f"{camera}/{light}/p[0-9]*/*/*.jp*g"),
    }
    crop, root = root_of(source, "OULU-CASIA", forms, choices.crop or AUTO)
    folders = find_inside(root, forms[crop][1].rpartition("/")[0])
    choices = replace(choices, crop=crop)
    return find_entries(DATABASE, _entries(folders, choices), choices)


def _entries(folders: Iterator[Path], choices: Choices) -> Iterator[Entry]:
    class_set = DATABASE.class_set(choices.classes)
    for folder in folders:
        if folder.is_dir():
            found = numbered_frames(folder)
            subject = folder.parent.name.upper()
            sequence = Entry(folder, folder.name, folder.name, subject, flaw=found.flaw, remarks=found.remarks)
            yield from peak_pictures(sequence, found.paths, class_set, choices)
