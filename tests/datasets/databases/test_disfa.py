"""DISFA in miniature: 27 people, short videos with labels for every frame, and every odd thing in the real folders."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from data_command import Command
from distributions import counts, people, read, write_video
from made_samples import files_below

from emonas.datasets.clips.sample import ReadResult
from emonas.datasets.clips.video_still import VideoStill
from emonas.datasets.databases.disfa import DATABASE, UNITS
from emonas.datasets.protocols.protocol import AU_FOLDS, folds
from emonas.datasets.reading.facs import RULES
from emonas.errors import UserError

SUBJECTS = (*range(1, 14), 16, 17, 18, 21, *range(23, 33))
LEFT, RIGHT = "Videos_LeftCamera/LeftVideoSN{:03}_comp.avi", "Video_RightCamera/RightVideoSN{:03}_Comp.avi"
#: Runs of frames, and the units with their intensities in them.
Runs = Sequence[tuple[int, Mapping[int, int]]]
SMILE, FRIGHT = {6: 3, 12: 4}, {1: 2, 2: 2, 4: 3, 5: 2, 20: 2, 26: 2}
#: 120 frames: every emotion once, with rest, a faint smile and units that fit no rule.
EVERYTHING: Runs = (
    (20, {}),
    (10, SMILE),
    (5, {12: 1}),
    (15, {1: 2, 4: 2, 15: 2}),
    (20, {}),
    (10, {1: 3, 2: 3, 5: 2, 26: 4}),
    (5, FRIGHT),
    (10, {9: 5}),
    (10, {4: 5}),
    (15, {}),
)


def write_labels(folder: Path, number: int, runs: Runs, units: Sequence[int] = UNITS, extra: int = 0) -> Path:
    """The files of a subject's units; ``extra`` lines more in that of unit 26, which comes last."""
    subject = folder / f"SN{number:03}"
    subject.mkdir(parents=True, exist_ok=True)
    for unit in units:
        values = [shown.get(unit, 0) for length, shown in runs for _ in range(length)]
        values += [0] * (extra if unit == 26 else 0)
        lines = [f"{frame},{value}" for frame, value in enumerate(values, start=1)]
        (subject / f"SN{number:03}_au{unit}.txt").write_text("\r\n".join(lines) + "\r\n")
    return subject


def length(runs: Runs) -> int:
    return sum(frames for frames, _ in runs)


def small(root: Path, runs: Mapping[int, Runs], more: int = 0, camera: str = LEFT) -> Path:
    """Some subjects with a video each, whose greys tell the frames apart, of ``more`` frames than labels."""
    for number, one in runs.items():
        write_labels(root / "ActionUnit_Labels", number, one)
        write_video(root / camera.format(number), [40 + 4 * (at % 50) for at in range(length(one) + more)])
    return root


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """27 subjects with everything: labels, both videos, landmarks counted from 0, one of them with a file too many."""
    root = tmp_path_factory.mktemp("disfa") / "DISFA"
    video = write_video(root / "one.avi", [40 + 4 * (at % 50) for at in range(length(EVERYTHING))])
    for number in SUBJECTS:
        write_labels(root / "ActionUnit_Labels" / "ActionUnit_Labels", number, EVERYTHING)
        for camera in (LEFT, RIGHT):
            (root / camera.format(number)).parent.mkdir(exist_ok=True)
            shutil.copy(video, root / camera.format(number))
    for number in (1, 2):
        folder = root / "Landmark_Points" / f"SN{number:03}" / "tmp_frame_lm"
        folder.mkdir(parents=True)
        for at in range(length(EVERYTHING) + (number == 2)):
            (folder / (f"SN001_{at:04}_lm.mat" if number == 1 else f"l{at:05}_lm.mat")).touch()
    video.unlink()
    return root


def clips(found: ReadResult, subject: str = "SN001") -> list[tuple[str, str]]:
    return [(s.clip, s.label) for s in found.used if s.subject == subject]


def note(found: ReadResult, beginning: str) -> str:
    return next((one for one in found.notes if one.startswith(beginning)), "")


def test_one_still_of_each_event_by_rule(whole: Path) -> None:
    found = read("disfa", whole)
    assert found.choices == {"classes": "5", "frames": "peak", "variant": "left"}
    assert (len(found.used), people(found)) == (27 * 5, 27)
    assert counts(found) == dict.fromkeys(RULES, 27)
    assert clips(found) == [
        ("frame 0026", "happiness"),
        ("frame 0043", "sadness"),
        ("frame 0076", "surprise"),
        ("frame 0083", "fear"),
        ("frame 0091", "disgust"),
    ]
    assert all(len(s.frames) == 1 and s.onset is None and not s.dropped for s in found.samples)


def test_a_still_is_its_own_frame_and_carries_its_units(whole: Path) -> None:
    smile, sad, *_ = (s for s in read("disfa", whole).used if s.subject == "SN001")
    assert (smile.action_units, sad.action_units) == (("6", "12"), ("1", "4", "15"))
    for sample, at in ((sad, 42), (smile, 25), (sad, 42)):
        assert sample.frames.read().mean() == pytest.approx(40 + 4 * at, abs=1.5)


def test_it_says_that_the_labels_are_derived_and_that_anger_cannot_be(whole: Path) -> None:
    found = read("disfa", whole)
    assert found.notes[0] == (
        "labels are derived from action units by rule; frames of each kind: happiness 270, sadness 405, "
        "surprise 270, fear 135, disgust 270, neutral 1485, faint 135, other 270"
    )
    text = " ".join(DATABASE.pitfalls)
    assert "nobody labelled emotions" in text and "anger cannot be derived" in text
    assert not any("anger" in one.classes for one in DATABASE.class_sets)


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        ("6", {**dict.fromkeys(RULES, 1), "neutral": 3}),
        ("5-faint", dict.fromkeys(RULES, 1)),
        ("6-faint", {**dict.fromkeys(RULES, 1), "neutral": 3}),
        ("units", {"active": 3, "rest": 4}),
    ],
)
def test_the_rule_is_chosen_by_the_class_set(tmp_path: Path, classes: str, expected: dict[str, int]) -> None:
    assert counts(read("disfa", small(tmp_path, {1: EVERYTHING}), classes=classes)) == expected


def test_faint_units_count_where_that_is_chosen(tmp_path: Path) -> None:
    small(tmp_path, {1: ((5, {}), (9, {6: 1, 12: 1}), (5, {}), (9, {9: 2, 4: 1}))})
    assert [label for _, label in clips(read("disfa", tmp_path))] == ["disgust"]
    found = read("disfa", tmp_path, classes="5-faint")
    assert [label for _, label in clips(found)] == ["happiness", "disgust"]
    assert [s.action_units for s in found.used] == [(), ("9",)], "those from intensity 2 on"


def test_units_alone_make_the_set_for_detecting_them(tmp_path: Path) -> None:
    found = read("disfa", small(tmp_path, {1: EVERYTHING}), classes="units", frames="all")
    assert len(found.used) == length(EVERYTHING)
    assert counts(found) == {"active": 60, "rest": 60}
    assert all(bool(s.action_units) == (s.label == "active") for s in found.used)


@pytest.mark.parametrize(
    ("frames", "clips_of_it"),
    [
        ("peak", ["frame 0021"]),
        ("second", ["frame 0001", "frame 0021", "frame 0041"]),
        ("all", [f"frame {at:04}" for at in range(1, 46)]),
    ],
)
def test_which_frames_become_samples_is_chosen(tmp_path: Path, frames: str, clips_of_it: list[str]) -> None:
    small(tmp_path, {1: ((20, SMILE), (1, {6: 5, 12: 5}), (24, SMILE), (9, {9: 2}))})
    found = read("disfa", tmp_path, frames=frames)
    assert [clip for clip, label in clips(found) if label == "happiness"] == clips_of_it


def test_runs_less_than_a_second_apart_are_one_event(tmp_path: Path) -> None:
    gap = {4: 2}
    runs: Runs = ((5, SMILE), (19, gap), (5, SMILE), (20, gap), (5, SMILE), (3, {9: 2}), (5, SMILE))
    found = read("disfa", small(tmp_path, {1: runs}))
    assert [label for _, label in clips(found)] == ["happiness", "happiness", "disgust", "happiness"]


def test_a_rule_gives_way_to_a_larger_one_and_two_others_give_none(tmp_path: Path) -> None:
    runs: Runs = ((5, FRIGHT), (30, {}), (5, {1: 2, 2: 2, 5: 2, 26: 2}), (30, {}), (5, {**SMILE, 9: 3}))
    found = read("disfa", small(tmp_path, {1: runs}))
    assert [label for _, label in clips(found)] == ["fear", "surprise"]
    assert "other 5" in found.notes[0]


@pytest.mark.parametrize(("variant", "folder"), [("auto", "left"), ("left", "left"), ("right", "right")])
def test_either_camera_whatever_its_folder_is_called(whole: Path, variant: str, folder: str) -> None:
    found = read("disfa", whole, variant=variant)
    assert found.choices["variant"] == folder
    frames = found.used[0].frames
    assert isinstance(frames, VideoStill)
    assert frames.path.name.casefold() == f"{folder}videosn001_comp.avi"


@pytest.mark.parametrize(
    "camera", ["Video_LeftCamera/LeftVideoSN{:03}_Comp.avi", "videos_leftcamera/leftvideosn{:03}_comp.AVI"]
)
def test_other_spellings_of_folders(tmp_path: Path, camera: str) -> None:
    assert len(read("disfa", small(tmp_path, {1: EVERYTHING}, camera=camera)).used) == 5


def test_the_right_camera_is_read_where_there_is_no_left_one(tmp_path: Path) -> None:
    small(tmp_path, {1: EVERYTHING}, camera=RIGHT)
    assert read("disfa", tmp_path).choices["variant"] == "right"
    with pytest.raises(UserError, match="looked for videos of the left camera"):
        read("disfa", tmp_path, variant="left")


@pytest.mark.parametrize("more", [1, -1, -40])
def test_a_video_of_another_length_is_aligned_and_told(tmp_path: Path, more: int) -> None:
    small(tmp_path, {1: EVERYTHING, 2: EVERYTHING[:3]}, more)
    found = read("disfa", tmp_path, frames="all", classes="units")
    lines, shorter = length(EVERYTHING), length(EVERYTHING[:3])
    taken = Counter(s.subject for s in found.used)
    assert taken["SN001"] == lines + min(0, more)
    if more > -40:
        assert note(found, "labels and frames differ in number, what both have is taken") == (
            "labels and frames differ in number, what both have is taken: "
            f"SN001: {lines} labels, {lines + more} frames; SN002: {shorter} labels, {shorter + more} frames"
        )
    assert found.used[-1].frames.read().shape == (1, 32, 32, 3)


def test_label_files_of_different_lengths_are_aligned_and_told(tmp_path: Path) -> None:
    small(tmp_path, {1: EVERYTHING}, 1)
    write_labels(tmp_path / "ActionUnit_Labels", 1, EVERYTHING, extra=1)
    found = read("disfa", tmp_path)
    assert len(found.used) == 5
    assert note(found, "labels and frames").endswith("SN001: 120 or 121 labels, 121 frames")


def test_landmark_files_count_from_0_and_one_too_many_is_told(whole: Path) -> None:
    assert note(read("disfa", whole), "files of landmarks") == (
        "files of landmarks and labels differ in number: SN002: 121 for 120"
    )


def test_stills_from_where_landmarks_are_known_to_be_wrong_are_told(tmp_path: Path) -> None:
    runs: Runs = ((397, {}), (23, SMILE), (40, {}), (10, {9: 2}))
    found = read("disfa", small(tmp_path, {1: runs, 3: runs}))
    assert [clip for clip, _ in clips(found)] == ["frame 0409", "frame 0466"]
    assert note(found, "stills from where").endswith("so look at their faces: 1")


def _unit_missing(root: Path) -> None:
    (root / "ActionUnit_Labels" / "SN001" / "SN001_au9.txt").unlink()


def _no_video(root: Path) -> None:
    (root / LEFT.format(1)).unlink()


def _cut_off(root: Path) -> None:
    path = root / LEFT.format(1)
    path.write_bytes(path.read_bytes()[:200])


def _no_labels(root: Path) -> None:
    shutil.rmtree(root / "ActionUnit_Labels" / "SN001")


def _lines(*lines: str) -> Callable[[Path], None]:
    return lambda root: (root / "ActionUnit_Labels" / "SN001" / "SN001_au9.txt").write_text("\n".join(lines)) and None


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_unit_missing, "labels lacking: action units 9"),
        (_no_video, "no video"),
        (_cut_off, "video cannot be read: not a video or cut off"),
        (_no_labels, "no labels of action units"),
        (_lines("1,0", "3,0"), "labels not as they should be: line 2 of AU 9 is '3,0', not frame 2"),
        (_lines("0,0", "1,0"), "labels not as they should be: line 1 of AU 9 is '0,0', not frame 1"),
        (_lines("1,0", "2,7"), "labels not as they should be: line 2 of AU 9 is '2,7'"),
        (_lines("\0"), "labels cannot be read: "),
        (_lines(""), "labels cannot be read: "),
    ],
)
def test_a_subject_with_damage_is_dropped_with_the_reason(
    tmp_path: Path, damage: Callable[[Path], None], reason: str
) -> None:
    damage(small(tmp_path, {1: EVERYTHING, 2: EVERYTHING}))
    found = read("disfa", tmp_path)
    (dropped,) = (s for s in found.samples if s.dropped)
    assert (dropped.subject, people(found)) == ("SN001", 1)
    assert dropped.dropped.startswith(reason)


def test_its_protocol_is_the_published_three_folds(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = read("disfa", whole)
    made = folds(found.used, "au3")
    tested = [{str(found.used[i].subject) for i in fold.test} for fold in made]
    assert tested == list(reversed(AU_FOLDS["DISFA"]))
    data = Command(capsys).json("check", "disfa", whole)
    assert (data["protocol"], data["subjects"]) == ("au3", 27)
    assert data["protocol_in_words"].startswith("the 3 published subject folds")


def test_a_source_that_is_not_disfa_is_one_line_and_nothing_is_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, home: Path
) -> None:
    command = Command(capsys)
    assert "looked for labels of action units" in command.refuse("check", "disfa", tmp_path)
    (tmp_path / "ActionUnit_Labels.zip").touch()
    assert "ActionUnit_Labels.zip, still packed" in command.refuse("check", "disfa", tmp_path)
    write_labels(tmp_path / "ActionUnit_Labels", 1, EVERYTHING)
    (tmp_path / "Videos_LeftCamera").mkdir()
    (tmp_path / "ActionUnit_Labels.zip").unlink()
    assert "looked for videos of the left camera" in command.refuse("prepare", "disfa", tmp_path)
    write_video(tmp_path / LEFT.format(2), (1, 2, 3))
    assert "no usable sample was found (2 dropped, the first: no video)" in command.refuse("prepare", "disfa", tmp_path)
    assert files_below(home) in ([], ["prepared"])


def test_it_prepares(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    small(tmp_path, {1: EVERYTHING, 2: EVERYTHING})
    data = Command(capsys).json("prepare", "disfa", tmp_path, "--size", "8")
    assert (data["samples"], data["protocol"], data["options"]["representation"]) == (10, "au3", "still")


def test_stills_of_a_video_are_read_in_one_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from emonas.datasets.clips import video_still

    opened: list[str] = []
    capture = video_still.cv2.VideoCapture
    monkeypatch.setattr(
        video_still.cv2,
        "VideoCapture",
        lambda path, api: opened.append(path) or capture(path, api),  # type: ignore[func-returns-value]
    )
    video = write_video(tmp_path / "a.avi", range(10, 250, 8))
    stills = [VideoStill(video, at) for at in range(30)]
    levels = [still.read().mean() for still in stills]
    assert levels == pytest.approx(list(range(10, 250, 8)), abs=2)
    assert len(opened) == 1
    assert stills[3].read().mean() == pytest.approx(34, abs=2)
    assert len(opened) == 2


def test_a_still_that_is_not_there_is_told(tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.avi", (10, 20, 30))
    with pytest.raises(UserError, match="no frame 3 in it"):
        VideoStill(video, 3).read()
    assert VideoStill(video, 1).read().mean() == pytest.approx(20, abs=2)
    video.unlink()
    assert VideoStill(video, 1).flaw() == "no such file"
    with pytest.raises(UserError, match="no such file"):
        VideoStill(video, 2).read()
