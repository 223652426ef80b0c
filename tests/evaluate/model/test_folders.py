"""A folder of frames is a film, one of portraits is many people, and what else lies in it is named."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from predicting import model_file, scene, write_image, write_video
from small import assert_one_line_and_status_2, call

from emonas.datasets.synthetic.draw import draw_face, random_identity
from emonas.errors import UserError
from emonas.evaluate.model.file import load_model
from emonas.evaluate.model.folders import left_out, list_pictures, why_no_film
from emonas.evaluate.predict.cli import app
from emonas.evaluate.predict.config import PredictConfig
from emonas.evaluate.predict.stream import predict


def portraits(folder: Path) -> Path:
    for number in range(4):
        face = draw_face(random_identity(np.random.default_rng(number)), {}, 160)
        write_image(folder / f"{number}.png", face)
    return folder


def film(folder: Path, frames: int = 4) -> Path:
    for number in range(frames):
        write_image(folder / f"img{number}.png", scene([(60 + 2 * number, 10, 150)], smile=number / 6))
    return folder


def test_frames_of_a_person_who_moves_are_a_film(tmp_path: Path) -> None:
    assert why_no_film(list_pictures(film(tmp_path))) == ""


def test_portraits_are_no_film_for_a_reason_that_is_told(tmp_path: Path) -> None:
    assert why_no_film(list_pictures(portraits(tmp_path / "people"))) == "neighbours not alike"
    named = film(tmp_path / "named")
    (named / "img2.png").rename(named / "anna.png")
    assert "not numbered" in why_no_film(list_pictures(named))
    sized = film(tmp_path / "sized")
    write_image(sized / "img1.png", scene([], size=(20, 30)))
    assert why_no_film(list_pictures(sized)) == "sizes differ"
    assert why_no_film(list_pictures(film(tmp_path / "one", 1))) == "one alone"


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=30, unique=True))
def test_uneven_numbers_are_no_films(numbers: list[int]) -> None:
    steps = np.diff(sorted(numbers))
    if max(np.bincount(steps - steps.min(), minlength=1) if np.ptp(steps) < 10**5 else [0]) < 0.9 * len(steps):
        assert "not numbered" in why_no_film([Path(f"f{number}.png") for number in sorted(numbers)])


def test_what_lies_beside_the_pictures_is_counted_by_kind(tmp_path: Path) -> None:
    film(tmp_path)
    write_video(tmp_path / "v.mp4", [scene([])] * 2, code="mp4v")
    for name in ("a.psd", "b.PSD", ".hidden"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "more").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    assert left_out(tmp_path) == "2 .psd files, 1 subfolder, 1 pipe or device, 1 .mp4 video"


def test_without_pictures_the_refusal_says_what_there_is_instead(tmp_path: Path) -> None:
    (tmp_path / "happy").mkdir()
    for ask in (load_model(model_file(tmp_path / "happy"), "cpu").predict, list_pictures):
        with pytest.raises(UserError, match="no pictures in this folder, but 1 subfolder"):
            ask(tmp_path)


def test_one_line_says_what_a_folder_is_taken_as(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, people = str(model_file(tmp_path)), portraits(tmp_path / "people")
    (people / "clip.mov").write_bytes(b"x")
    done = call(app, [model, str(people)], capsys)
    assert "taken as 4 pictures, no film: neighbours not alike (see --folder)" in done.stdout
    assert "left out: 1 .mov video" in done.stdout
    assert "4 pictures, 4 faces" in done.stdout
    done = call(app, [model, str(film(tmp_path / "film"))], capsys)
    assert "taken as one film" in done.stdout and "4 frames, 1 face" in done.stdout


def test_the_user_may_say_what_a_folder_is(tmp_path: Path) -> None:
    model, frames = load_model(model_file(tmp_path), "cpu"), film(tmp_path / "film")
    assert predict(model, frames).tally.faces == 1
    assert predict(model, frames, PredictConfig(folder="pictures")).tally.faces == 4
    assert predict(model, portraits(tmp_path / "people"), PredictConfig(folder="film")).tally.faces < 4


def test_portraits_are_no_clip(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, people = str(model_file(tmp_path, "dynamic")), str(portraits(tmp_path / "people"))
    assert_one_line_and_status_2(call(app, [model, people], capsys), "but this model takes clips")
    assert call(app, [model, people, "--folder", "film"], capsys).returncode == 0
