"""Where frames come from: each has the time at which it is shown, and a clip is without what is no frame of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from predicting import retime, write_image, write_video

from emonas.errors import UserError
from emonas.evaluate.predict.sources import Clock, open_source

_GREY = np.full((32, 32, 3), 90, np.uint8)


def _film(path: Path, steps: Sequence[int]) -> Path:
    """A video of 25 frames a second, each shown for so many times as long."""
    return retime(write_video(path, [_GREY] * len(steps), code="mp4v"), steps)


def _times(path: Path, rate: float | None = None) -> list[float]:
    return [frame.seconds for frame in open_source(path, rate).frames()]


def test_an_even_video_is_told_by_the_rate_that_it_claims(tmp_path: Path) -> None:
    video = write_video(tmp_path / "v.avi", [_GREY] * 20, rate=20)
    assert open_source(video).rate == 20
    np.testing.assert_allclose(_times(video), np.arange(20) / 20, atol=1e-6)


def test_of_a_varying_rate_every_frame_has_its_own_time(tmp_path: Path) -> None:
    steps = [1] * 10 + [3] * 10 + [1] * 5
    video = _film(tmp_path / "v.mp4", steps)
    np.testing.assert_allclose(_times(video), np.cumsum([0, *steps[:-1]]) / 25, atol=1e-3)
    source = open_source(video)
    assert source.rate_known and source.rate == pytest.approx(24 / (sum(steps[:-1]) / 25), rel=1e-3)


def test_a_rate_that_is_given_is_taken_for_all_frames(tmp_path: Path) -> None:
    video = _film(tmp_path / "v.mp4", [1, 5, 1, 2])
    assert _times(video, 10) == [0.0, 0.1, 0.2, 0.3]


def test_frames_that_are_passed_over_move_no_times(tmp_path: Path) -> None:
    source = open_source(_film(tmp_path / "v.mp4", [1, 4, 1, 4, 1]))
    seen = {frame.number: frame.seconds for frame in source.frames(lambda number: number % 2 == 0)}
    assert seen == pytest.approx({0: 0.0, 2: 0.2, 4: 0.4}, abs=1e-3)


@pytest.mark.parametrize(
    ("stamps", "times"),
    [
        ([0, 40, 80, 0], [0, 40, 80, 120]),
        ([0, 40, 80, 80, 160], [0, 40, 80, 90, 160]),
        ([0, 400, 800, 0, 1600], [0, 400, 800, 840, 1600]),
        ([0, 400, 800, 0, 40, 80], [0, 400, 800, 840, 880, 920]),
        ([500, 540, 580], [500, 540, 580]),
    ],
    ids=["none at the end", "one twice", "one lost", "two files in one", "begun later"],
)
def test_stamps_that_stay_or_go_back(stamps: list[int], times: list[int]) -> None:
    clock = Clock(25)
    assert [round(1000 * clock.tick(stamp / 1000)) for stamp in stamps] == times


@given(st.lists(st.floats(-10, 1e6), max_size=40))
def test_no_frame_is_shown_before_the_one_before_it(stamps: list[float]) -> None:
    clock = Clock(25)
    times = [clock.tick(stamp) for stamp in stamps]
    assert times == sorted(times) and all(time >= 0 for time in times)


def test_a_folder_taken_as_a_clip_is_without_copies_and_one_of_two_series_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("f1_224.png", "f2_224.png", "f10_224.png", "f2_224 - Copy.png"):
        write_image(tmp_path / "clip" / name, _GREY)
    source = open_source(tmp_path / "clip")
    assert source.count == 4
    clip = source.as_clip()
    assert clip.count == 3
    assert [frame.name for frame in clip.frames()] == ["f1_224.png", "f2_224.png", "f10_224.png"]
    assert "f2_224 - Copy.png" in capsys.readouterr().err
    for name in ("g1_224.png", "g2_224.png", "g3_224.png"):
        write_image(tmp_path / "clip" / name, _GREY)
    with pytest.raises(UserError, match="several series of frames in one folder"):
        open_source(tmp_path / "clip").as_clip()
