"""Pictures out of sequences that begin neutral and end at the peak of an expression, as CK+ and OULU-CASIA record them.

All pictures of a sequence have its subject, so that no protocol parts them, and its name in their clip names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from emonas.datasets.reading.choices import Choices
from emonas.datasets.reading.database import ClassSet, emotion
from emonas.datasets.reading.entry import Entry

#: What the option "frames" takes, the default first.
FRAMES = {
    "peak": "the last frame of each sequence, which shows the peak",
    "last3": "the last three frames of each sequence, as most papers take them",
}
#: The class that the first frames make up in class sets that have it.
NEUTRAL = "neutral"
_TAKEN = {"peak": 1, "last3": 3}


def peak_pictures(sequence: Entry, frames: Sequence[Path], class_set: ClassSet, choices: Choices) -> Iterator[Entry]:
    """The chosen pictures of a sequence, each a still; the sequence itself where it is flawed or has no frames.

    ``sequence`` carries the raw label and the action units, which hold for the peak only; ``frames`` go from the
    first one to the peak. The first frame is never taken for the expression where there is another one; it becomes
    a neutral picture where the class set has that class and keeps the sequence's own label.
    """
    if sequence.flaw or not frames:
        yield replace(sequence, flaw=sequence.flaw or "no frames")
        return
    kept = class_set.mapping.get(emotion(sequence.label)) is not None
    if NEUTRAL in class_set.classes and kept and len(frames) > 1:
        yield _still(sequence, frames[0], NEUTRAL)
    for path in frames[1:][-_TAKEN[choices.frames or "peak"] :] or frames:
        yield _still(sequence, path, sequence.label, sequence.action_units if path == frames[-1] else ())


def picture_counts(sequences: Mapping[str, int], frames: str, neutral: bool) -> dict[str, int]:
    """How many pictures of each class come out of that many sequences; neutral is one of each sequence."""
    shown = {label: count * _TAKEN[frames] for label, count in sequences.items()}
    return {**shown, NEUTRAL: sum(sequences.values())} if neutral else shown


def _still(sequence: Entry, path: Path, label: str, units: tuple[str, ...] = ()) -> Entry:
    number = path.stem.rpartition("_")[2]
    return replace(sequence, path=path, clip=f"{sequence.clip}_{number}", label=label, action_units=units)
