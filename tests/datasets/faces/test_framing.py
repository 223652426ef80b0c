"""How much of its pictures a face fills is seen in preparing, and is what prediction shows a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from made_samples import Greys, still
from predicting import scene, write_image

from emonas.datasets.clips.frames import ImageFiles
from emonas.datasets.faces.face import CLOSE, Face
from emonas.datasets.faces.framing import (
    CUT_OUT,
    LOOKED_AT,
    UNKNOWN,
    Framing,
    UnfitPictureError,
    look_at_framing,
    measure_framing,
    read_framing,
)
from emonas.datasets.faces.options import FaceOptions
from emonas.datasets.store.config import PrepareConfig
from emonas.datasets.store.prepare import prepare

LOOSE = Framing(0.4, 1.0, 1.5)


@dataclass
class Told:
    """A finder that sees faces of these sides in the middle, and counts."""

    sides: tuple[float, ...]
    seen: list[int] = field(default_factory=list)

    def find(self, image: np.ndarray) -> Sequence[Face]:
        self.seen.append(int(image[0, 0, 0]))
        return [Face(image.shape[1] / 2, image.shape[0] / 2, side) for side in self.sides]


def blank(width: int, height: int) -> np.ndarray:
    return np.zeros((height, width, 3), np.uint8)


def face(side: float, width: int = 300, height: int = 200) -> Face:
    return Face(width / 2, height / 2, side)


def test_some_pictures_are_looked_at_always_the_same_ones_and_the_largest_face_counts() -> None:
    samples = [still(grey, frames=Greys((grey,), 200, 300)) for grey in range(100)]
    finder = Told((60.0, 120.0))
    assert measure_framing(samples, finder) == Framing(0.4, 1.0, 1.5)
    assert len(finder.seen) == LOOKED_AT and finder.seen[0] == 0 and finder.seen[-1] == 99
    again = Told((120.0,))
    measure_framing(samples, again)
    assert again.seen == finder.seen


def test_what_cannot_be_read_is_not_looked_at_and_nothing_says_nothing() -> None:
    broken = still(1, frames=Greys((1,), broken="cut off"))
    assert measure_framing([broken], Told((1.0,))) is None
    assert measure_framing([broken, still(2, frames=Greys((2,), 10, 20))], Told(())) == Framing(0.0, 0.0, 2.0)
    assert look_at_framing([broken], FaceOptions(faces="detect")) == CUT_OUT


def test_of_a_clip_the_onset_frame_alone_is_read(tmp_path: Path) -> None:
    good = write_image(tmp_path / "2.png", np.full((20, 30, 3), 77, np.uint8))
    clip = still(1, frames=ImageFiles((tmp_path / "none.png", good)), onset=1)
    finder = Told((12.0,))
    assert measure_framing([clip], finder) == Framing(0.4, 1.0, 1.5) and finder.seen == [77]


def test_a_note_says_where_faces_are_far_away() -> None:
    assert LOOSE.note.startswith("faces fill 40 % of these frames") and "--faces detect" in LOOSE.note
    assert not CUT_OUT.note and not UNKNOWN.note and not Framing(0.4, 0.1, 1.5).note


def test_whole_frames_are_prepared_with_the_note_and_the_share(tmp_path: Path) -> None:
    lines = ["path,subject,label"]
    for i in range(4):
        write_image(tmp_path / f"{i}.png", scene([(80 + 5 * i, 20, 140)], size=(240, 320)))
        lines.append(f"{i}.png,p{i // 2},{'ab'[i % 2]}")
    (tmp_path / "own.csv").write_text("\n".join(lines))
    whole = prepare("folder", tmp_path / "own.csv", PrepareConfig(size=16, jobs=1, name="whole"), quiet=True)
    assert 0.2 < whole.options["face_share"] < 0.5 and whole.options["frame_aspect"] == 1.333
    assert any("--faces detect" in note for note in whole.notes)
    cut = PrepareConfig(size=16, jobs=1, name="cut", faces="detect")
    detected = prepare("folder", tmp_path / "own.csv", cut, quiet=True)
    assert read_framing(detected.options) == CUT_OUT and not any("--faces" in note for note in detected.notes)
    # What was found out is no option that could be another one the next time.
    prepare("folder", tmp_path / "own.csv", PrepareConfig(size=16, jobs=1, name="whole"), quiet=True)


def test_a_picture_like_those_of_the_training_is_taken_whole_and_no_other() -> None:
    assert LOOSE.takes_whole(blank(300, 200), [face(120)])
    assert LOOSE.takes_whole(blank(300, 200), [face(140), face(40)])
    assert not LOOSE.takes_whole(blank(300, 200), [face(120), face(110)])
    assert not LOOSE.takes_whole(blank(300, 200), [face(60)])
    assert not LOOSE.takes_whole(blank(200, 300), [face(120)])
    assert not LOOSE.takes_whole(blank(300, 200), [])
    # Where the finder missed some of the training's faces, it may miss this one.
    assert Framing(0.4, 0.7, 1.5).takes_whole(blank(300, 200), [])


def test_of_other_pictures_as_much_around_a_face_is_shown() -> None:
    assert LOOSE.view.width == pytest.approx(2.5) and LOOSE.view.height == pytest.approx(2.5 / 1.5)
    tall = Framing(0.4, 1.0, 0.5).view
    assert (tall.width, tall.height) == (pytest.approx(1.25), pytest.approx(2.5))
    assert UNKNOWN.view == CLOSE
    LOOSE.check_room(blank(900, 600), face(100, 900, 600))
    with pytest.raises(UnfitPictureError, match=r"a face fills 90 % of it, but 40 % of the frames"):
        LOOSE.check_room(blank(200, 200), face(180, 200, 200))


def test_a_record_that_says_nothing_of_it_is_from_before() -> None:
    assert read_framing({"faces": "whole"}) == UNKNOWN
    assert read_framing(LOOSE.record()) == LOOSE
    for wrong in ({"face_share": "much"}, {"face_found": 7}, {"frame_aspect": 0}, {"face_share": float("nan")}):
        assert read_framing(LOOSE.record() | wrong) == UNKNOWN
