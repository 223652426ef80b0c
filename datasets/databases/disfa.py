"""DISFA (Mavadati et al., 2013): spontaneous expressions with the intensities of 12 action units in every frame.

Nobody has labelled emotions here. What stands for them are rules about action units, which a class set names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from emonas.datasets.clips.flaws import file_flaw
from emonas.datasets.clips.frames import frame_count
from emonas.datasets.clips.sample import ReadResult
from emonas.datasets.clips.video_still import VideoStill
from emonas.datasets.reading.assemble import find_entries, number_in
from emonas.datasets.reading.choices import AUTO, Choices
from emonas.datasets.reading.database import ClassSet, Database, same_named
from emonas.datasets.reading.entry import Entry
from emonas.datasets.reading.facs import FAINT, NEUTRAL, OTHER, RULES, emotions_of_units, find_events, frames_taken
from emonas.datasets.reading.layout import find_inside, find_roots, root_of
from emonas.datasets.reading.tables import grid
from emonas.errors import UserError

UNITS = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
#: From this intensity on a unit counts as there, as in the papers on detecting them.
PRESENT = 2
#: Frames in which the owner's landmarks are known to be wrong, counted from 1.
_BAD_LANDMARKS = {
    1: ((398, 420), (3190, 3243)),
    2: ((800, 826),),
    4: ((4541, 4555),),
    6: ((1349, 1405),),
    9: ((1736, 1808), (1851, 1885)),
    11: ((4529, 4533), (4830, 4845)),
    21: ((574, 616), (985, 1164), (1190, 1205), (1305, 1338), (1665, 1710), (1862, 2477), (2554, 4657), (4710, 4722)),
    23: ((1021, 1049), (3378, 3557), (3584, 3668), (4547, 4621), (4741, 4772), (4825, 4845)),
    25: ((4596, 4662), (4816, 4835)),
    27: ((3461, 3494), (4738, 4785)),
    28: ((1875, 1885), (4571, 4690)),
    29: ((4090, 4543),),
    30: ((939, 962), (1406, 1422), (2100, 2132), (2893, 2955)),
}
_EMOTIONS = tuple(RULES)
_LEFT_OUT = (FAINT, OTHER)

DATABASE = Database(
    name="disfa",
    title="12 action units in each frame",
    full_name="DISFA, Denver Intensity of Spontaneous Facial Action",
    kind="macro",
    owner="University of Denver",
    citation="Mavadati, Mahoor, Bartlett, Trinh, Cohn: DISFA. IEEE Transactions on Affective Computing 4(2), 2013",
    request="mohammadmahoor.com/disfa-contact-form: a signed agreement",
    source="the folder with ActionUnit_Labels and the videos of a camera",
    layout=(
        "ActionUnit_Labels/SN001/SN001_au1.txt: frame, intensity from 0 to 5; a file for each of 12 units",
        "Videos_LeftCamera/LeftVideoSN001_comp.avi: 1024x768, 20 frames a second",
        "Video_RightCamera/RightVideoSN001_Comp.avi: the same moments from the right",
        "Landmark_Points/SN001/tmp_frame_lm/SN001_0000_lm.mat: not read",
    ),
    class_sets=(
        same_named("5", "derived by rule, not labelled; units from intensity 2 on", _EMOTIONS, (NEUTRAL, *_LEFT_OUT)),
        same_named("6", "as 5, and neutral where no unit is there at all", (*_EMOTIONS, NEUTRAL), _LEFT_OUT),
        same_named("5-faint", "as 5, but units from intensity 1 on", _EMOTIONS, (NEUTRAL, *_LEFT_OUT)),
        same_named("6-faint", "as 6, but units from intensity 1 on", (*_EMOTIONS, NEUTRAL), _LEFT_OUT),
        ClassSet(
            "units",
            "no emotion: whether any unit is there from intensity 2 on; for the detection of action units",
            {**dict.fromkeys((*_EMOTIONS, OTHER), "active"), NEUTRAL: "rest", FAINT: "rest"},
        ),
    ),
    options={
        "frames": {
            "peak": "the strongest frame of each event; an event is a run of frames of one class, with gaps of less "
            "than a second",
            "second": "one frame a second of each event",
            "all": "all frames that have a class",
        },
        "variant": {
            AUTO: "the left camera where it is present",
            "left": "videos of the left camera",
            "right": "videos of the right camera",
        },
    },
    protocol="au3",
    metric="F1 of each action unit over the frames of a fold, then the mean; no published one for emotions",
    size=112,
    reader="disfa:read",
    pitfalls=(
        "nobody labelled emotions: "
        + "; ".join(f"{name} = {'+'.join(map(str, sorted(units)))}" for name, units in RULES.items())
        + "; where two hold, the one that includes the other counts, and if neither does, none",
        "a frame is faint where all its units are below the intensity that counts, other where no rule holds",
        "anger cannot be derived: its action units 7, 22, 23 and 24 are not coded",
        "such labels are ours: results on them cannot be set beside any paper's, and EmoNAS's own rule is not known",
        "27 people, 4844 or 4845 frames each; papers on action units use 1, 2, 4, 6, 9, 12, 25 and 26",
        "a sample's action units are those from intensity 2 on; 1, 2, 5, 9, 15, 17 and 20 are rare",
        "a video may have a frame more or less than its labels: what both have is taken, and it is told",
        "labels count frames from 1, the files of landmarks from 0: SN001_0000_lm.mat belongs to line 1",
        "the owner's landmarks are wrong in known ranges of 13 people, most of all SN021 and SN023",
        "DISFA+ is another, posed set",
    ),
)
_LABELS = {"labels": ("labels of action units", "sn[0-9]*/sn[0-9]*_au[0-9]*.txt")}
_CAMERAS = {
    "left": ("videos of the left camera", "video*/leftvideosn*.avi"),
    "right": ("videos of the right camera", "video*/rightvideosn*.avi"),
}
_LANDMARKS = "sn[0-9]*/tmp_frame_lm/*lm.mat"
_RATE = 20  # frames a second
_MOST_NAMED = 5


@dataclass(frozen=True)
class _Person:
    """What one subject's files say: ``intensities`` is (frames, units), as long as the shortest of them.

    ``labels`` is the number of frames with labels, ``note`` what does not fit together.
    """

    number: int
    video: Path
    intensities: np.ndarray
    labels: int
    note: str

    @property
    def subject(self) -> str:
        """As the owner writes it."""
        return f"SN{self.number:03}"


def read(source: Path, choices: Choices) -> ReadResult:
    """Read DISFA from its folder; ``choices`` are settled. Raises UserError when the source is no DISFA."""
    _, labels = root_of(source, "DISFA", _LABELS, AUTO)
    camera, root = root_of(source, "DISFA", _CAMERAS, choices.variant or AUTO)
    choices = replace(choices, variant=camera)
    folders = {number_in(path.name): path for path in find_inside(labels, "sn[0-9]*") if path.is_dir()}
    videos = {number_in(path.stem): path for path in find_inside(root, _CAMERAS[camera][1])}
    entries: list[Entry] = []
    people: list[_Person] = []
    counts: Counter[str] = Counter()
    for number in sorted(number for number in {*folders, *videos} if number is not None):
        try:
            person = _person(number, folders.get(number), videos.get(number))
        except (UserError, ValueError) as error:
            entries.append(Entry(Path(), "", "", f"SN{number:03}", flaw=_reason(error)))
            continue
        people.append(person)
        least = 1 if str(choices.classes).endswith("faint") else PRESENT
        raw = emotions_of_units(UNITS, person.intensities, least)
        counts.update(raw)
        entries += _stills(person, raw, choices)
    notes = (
        _counts_note(counts),
        *_some("labels and frames differ in number, what both have is taken", [p.note for p in people if p.note]),
        *_some("files of landmarks and labels differ in number", _other_landmarks(source, people)),
        *_bad_landmark_note(entries),
    )
    return find_entries(DATABASE, entries, choices, notes=notes, classified=True)


def _reason(error: Exception) -> str:
    """Reasons are counted by the text before their colon, which must not be a file's name."""
    return str(error) if isinstance(error, ValueError) else f"labels cannot be read: {error}"


def _person(number: int, folder: Path | None, video: Path | None) -> _Person:
    """Labels and video of a subject, brought to one length. Raises ValueError and UserError."""
    if folder is None:
        raise ValueError("no labels of action units")
    columns = [_column(path, unit) for unit, path in _label_files(folder).items()]
    if video is None:
        raise ValueError("no video")
    frames = frame_count(video)
    if not frames:
        raise ValueError(f"video cannot be read: {file_flaw(video) or 'not a video or cut off'}")
    lengths = sorted({len(column) for column in columns})
    shortest = min(*lengths, frames)
    intensities = np.stack([column[:shortest] for column in columns], axis=1)
    lines = " or ".join(map(str, lengths))
    note = "" if lengths == [frames] else f"SN{number:03}: {lines} labels, {frames} frames"
    return _Person(number, video, intensities, lengths[-1], note)


def _label_files(folder: Path) -> dict[int, Path]:
    there = {number_in(path.stem): path for path in find_inside(folder, "sn[0-9]*_au[0-9]*.txt")}
    if lacking := [str(unit) for unit in UNITS if unit not in there]:
        raise ValueError(f"labels lacking: action units {', '.join(lacking)}")
    return {unit: there[unit] for unit in UNITS}


def _column(path: Path, unit: int) -> np.ndarray:
    """The intensities of a unit in frames 1, 2, 3 and so on. Raises ValueError and UserError."""
    rows = [(line, cells) for line, cells in grid(path) if any(cells)]
    for number, (line, cells) in enumerate(rows, start=1):
        if len(cells) != 2 or cells[0] != str(number) or cells[1] not in {"0", "1", "2", "3", "4", "5"}:
            said = f"line {line} of AU {unit} is {','.join(cells)[:20]!r}"
            raise ValueError(f"labels not as they should be: {said}, not frame {number} and an intensity from 0 to 5")
    return np.array([int(cells[1]) for _, cells in rows], np.int64)


def _stills(person: _Person, raw: Sequence[str], choices: Choices) -> Iterator[Entry]:
    mapping = DATABASE.class_set(choices.classes).mapping
    classes = [mapping[label] for label in raw]
    for label, event in find_events(classes, _RATE):
        for at in frames_taken(event, person.intensities.sum(1), choices.frames or "peak", _RATE):
            units = [str(unit) for unit, one in zip(UNITS, person.intensities[at], strict=True) if one >= PRESENT]
            yield Entry(
                path=person.video,
                clip=f"frame {at + 1:04}",
                label=label,
                subject=person.subject,
                action_units=tuple(units),
                frames=VideoStill(person.video, at),
            )


def _other_landmarks(source: Path, people: Sequence[_Person]) -> list[str]:
    """Whose landmark files, if there are any, are more or fewer than the frames with labels."""
    root = next(iter(find_roots(source, _LANDMARKS)), None)
    if root is None:
        return []
    files = Counter(number_in(path.parents[1].name) for path in find_inside(root, _LANDMARKS))
    pairs = [(person.subject, files[person.number], person.labels) for person in people]
    return [f"{subject}: {there} for {labels}" for subject, there, labels in pairs if there not in (0, labels)]


def _some(what: str, cases: Sequence[str]) -> tuple[str, ...]:
    return (f"{what}: {'; '.join(cases[:_MOST_NAMED])}{'; ...' * (len(cases) > _MOST_NAMED)}",) if cases else ()


def _bad_landmark_note(entries: Sequence[Entry]) -> Iterator[str]:
    bad = sum(
        first <= (number_in(entry.clip) or 0) <= last
        for entry in entries
        for first, last in _BAD_LANDMARKS.get(number_in(entry.subject or "") or 0, ())
    )
    if bad:
        yield f"stills from where the owner's landmarks are known to be wrong, so look at their faces: {bad}"


def _counts_note(counts: Counter[str]) -> str:
    shown = ", ".join(f"{name} {counts[name]}" for name in (*_EMOTIONS, NEUTRAL, FAINT, OTHER))
    return f"labels are derived from action units by rule; frames of each kind: {shown}"
