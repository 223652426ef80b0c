"""MUG (Aifanti et al., 2010): posed expressions filmed from neutral over the apex back to neutral."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from emonas.datasets.clips.apex import find_most_different
from emonas.datasets.clips.frames import ImageFiles, sorted_frames
from emonas.datasets.clips.numbering import numbered_frames
from emonas.datasets.clips.sample import ReadResult
from emonas.datasets.reading.assemble import find_entries
from emonas.datasets.reading.choices import Choices
from emonas.datasets.reading.database import APEX_POLICIES, Database, emotion, same_named
from emonas.datasets.reading.entry import Entry
from emonas.datasets.reading.layout import find_inside, find_roots, not_as_distributed

_SIX = ("anger", "disgust", "fear", "happiness", "sadness", "surprise")

DATABASE = Database(
    name="mug",
    aliases=("mug-fed",),
    title="posed expressions, sequences",
    full_name="MUG, Facial Expression Database of the Multimedia Understanding Group",
    kind="macro",
    owner="Multimedia Understanding Group, Aristotle University of Thessaloniki",
    citation="Aifanti, Papachristou, Delopoulos: The MUG Facial Expression Database. WIAMIS 2010",
    request="mug.ee.auth.gr/fed: a signed licence, then an account",
    source="the folder with the subjects, such as subjects3",
    layout=(
        "subjects3/001/anger/take000/img_0000.jpg: a sequence for each take",
        "subjects3/001/session0/anger/take000/img_0000.jpg: the same with sessions",
        "subjects3/001/neutral/img_0000.jpg: neutral may have no takes",
    ),
    class_sets=(
        same_named("6", "six emotions", _SIX, ("neutral",)),
        same_named("7", "six emotions and neutral", (*_SIX, "neutral")),
    ),
    options={
        "frames": {
            "1": "the apex of each take",
            "3": "the apex and one frame on each side of it",
            "5": "the apex and two frames on each side of it",
        },
        "apex_policy": {
            "middle": "the frame in the middle of the take",
            "max-diff": APEX_POLICIES["max-diff"].replace("onset and offset", "the first and the last"),
        },
    },
    protocol="kfold",
    metric="accuracy",
    size=112,
    reader="mug:read",
    pitfalls=(
        "a take ends as it begins, with a neutral face: its last frame is not its apex, unlike in CK+ and OULU-CASIA",
        "no apex is labelled, so papers differ in what they take: say which frames, and how many of each take",
        "the owner recorded 86 people and hands out fewer (52, by hearsay); no count for each class is published",
        "takes whose names end in 'end' or hold 'nsg' are left out and counted",
        "frames of one take are nearly the same picture: only folds by subject keep them together",
    ),
)
_SUBJECT = "[0-9][0-9][0-9]"
_TAKES = f"{_SUBJECT}/*/take*"
_TAKES_OF_SESSIONS = f"{_SUBJECT}/session*/*/take*"
#: Pictures of this side are enough to find the apex in, and a whole take of them fits into memory.
_SIDE = 112


@dataclass(frozen=True)
class FrameByApex:
    """Frame ``which`` of the ``of`` frames about a take's apex, which is looked for when the frame is read."""

    paths: tuple[Path, ...]
    which: int
    of: int

    def __len__(self) -> int:
        return 1

    def read(self) -> np.ndarray:
        """(1, H, W, 3), uint8, RGB. Raises UserError when a frame of the take cannot be read."""
        return ImageFiles((self.paths[_about(_apex(self.paths), len(self.paths), self.of)[self.which]],)).read()

    def flaw(self) -> str:
        """The reader has looked at the take as a whole."""
        return ""


def read(source: Path, choices: Choices) -> ReadResult:
    """Read MUG from its folder; ``choices`` are settled. Raises UserError when the source is no MUG."""
    subjects = dict.fromkeys((*find_roots(source, _TAKES), *find_roots(source, _TAKES_OF_SESSIONS)))
    if not subjects:
        raise not_as_distributed(source, "MUG", f"takes of expressions ({_TAKES} or {_TAKES_OF_SESSIONS})")
    takes: dict[tuple[str, ...], Path] = {}
    for root in subjects:
        for take in _takes(root):
            takes.setdefault(take.relative_to(root).parts, take)
    entries = [entry for parts, take in takes.items() for entry in _entries(parts, take, choices)]
    return find_entries(DATABASE, entries, choices)


def _takes(root: Path) -> Iterator[Path]:
    """The folders of frames: takes, and the folders of expressions that hold frames themselves."""
    for folder in (*find_inside(root, f"{_SUBJECT}/*"), *find_inside(root, f"{_SUBJECT}/session*/*")):
        if folder.is_dir() and not folder.name.casefold().startswith("session"):
            takes = [path for path in find_inside(folder, "take*") if path.is_dir()]
            yield from takes
            if not takes or sorted_frames(folder):
                yield folder


def _entries(parts: Sequence[str], take: Path, choices: Choices) -> Iterator[Entry]:
    """The stills of a take; ``parts`` lead to it from the root: subject, perhaps session, expression, perhaps take."""
    has_takes = parts[-1].casefold().startswith("take")
    label, clip, subject = parts[-2 if has_takes else -1], "/".join(parts[1:]), parts[0]
    found = numbered_frames(take)
    frames, flaw = found.paths, found.flaw or ("" if found.paths else "no frames")
    if has_takes and _set_aside(parts[-1]):
        flaw = "set aside by its name: end or nsg"
    if flaw:
        yield Entry(take, clip, label, subject, flaw=flaw)
        return
    searched = choices.apex_policy == "max-diff" and emotion(label) != "neutral"
    flaw = ImageFiles(frames).flaw() if searched else ""
    about = _about(len(frames) // 2, len(frames), int(choices.frames or 1))
    for which, at in enumerate(about):
        still = f"{clip} ({which + 1} of {len(about)})" if len(about) > 1 else clip
        pixels = FrameByApex(frames, which, len(about)) if searched else None
        yield Entry(frames[at], still, label, subject, flaw=flaw, frames=pixels, remarks=found.remarks)


def _set_aside(name: str) -> bool:
    return name.casefold().endswith("end") or "nsg" in name.casefold()


def _about(apex: int, length: int, wanted: int) -> range:
    """The positions of as many frames about the apex as are wanted and there, moved inwards at the ends."""
    count = min(wanted, length)
    first = max(0, min(apex - count // 2, length - count))
    return range(first, first + count)


@lru_cache(maxsize=64)
def _apex(paths: tuple[Path, ...]) -> int:
    small = (cv2.resize(ImageFiles((path,)).read()[0], (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) for path in paths)
    return find_most_different(np.stack(list(small)), 0, len(paths) - 1, len(paths) // 2)
