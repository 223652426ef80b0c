"""--faces has one meaning, on the command line and in Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from predicting import model_file, scene, write_image, write_video

from emonas.errors import UserError
from emonas.evaluate.model.faces import make_locator, pictures_in_words
from emonas.evaluate.model.file import load_model
from emonas.evaluate.predict.config import PredictConfig
from emonas.evaluate.predict.stream import predict

#: Frames of 320 x 180 in which a face is a square of about 80 pixels.
FRAMES = {"face_share": 0.27, "face_found": 1.0, "frame_aspect": 1.78}
TWO = scene([(10, 20, 120), (170, 10, 150)])


@pytest.mark.parametrize("record", [{}, FRAMES, {"faces": "detect"}], ids=["old", "frames", "cut out"])
@pytest.mark.parametrize("picture", [scene([(60, 10, 150)]), TWO], ids=["one", "two"])
def test_one_picture_gets_one_answer_on_every_road(tmp_path: Path, record: dict[str, Any], picture: np.ndarray) -> None:
    path, model = write_image(tmp_path / "a.png", picture), load_model(model_file(tmp_path, **record), "cpu")
    rows = predict(model, path).rows
    for said in (model.predict(path), model.predict([path]), model.predict(picture)):
        assert [row.answer.label for row in rows if row.answer] == said.labels
        probabilities = [row.answer.probabilities for row in rows if row.answer]
        np.testing.assert_allclose(said.probabilities, probabilities, atol=1e-6)
        assert [row.person.box() for row in rows if row.person] == list(said.boxes)
    assert len(rows) == 1 + (picture is TWO)


def test_rows_say_which_picture_they_are_of(tmp_path: Path) -> None:
    two, one = write_image(tmp_path / "two.png", TWO), write_image(tmp_path / "one.png", scene([(60, 10, 150)]))
    said = load_model(model_file(tmp_path), "cpu").predict([two, one])
    assert said.inputs == (0, 0, 1) and said.sources == (str(two), str(two), str(one))


def test_frames_like_those_of_the_training_are_taken_whole_and_larger_ones_are_cut_to_them(tmp_path: Path) -> None:
    frame = scene([(80, 10, 150)])
    larger = np.pad(frame, ((90, 90), (160, 160), (0, 0)), mode="edge")
    model = load_model(model_file(tmp_path, **FRAMES), "cpu")
    whole, cut = model.predict(frame), model.predict(larger)
    assert whole.boxes == (None,) and cut.boxes[0]
    np.testing.assert_allclose(whole.probabilities, model.predict(frame, faces="whole").probabilities)
    shown, _ = model.pictures(larger)
    expected, _ = model.pictures(frame)
    alone, _ = model.pictures(larger, faces="detect")
    assert np.abs(shown.astype(int) - expected).mean() < np.abs(alone.astype(int) - expected).mean() / 2


def test_a_face_alone_is_refused_after_whole_frames_on_both_roads(tmp_path: Path) -> None:
    path = write_image(tmp_path / "tight.png", scene([(0, 0, 200)], size=(200, 200))[30:180, 25:175])
    model = load_model(model_file(tmp_path, **FRAMES), "cpu")
    for ask in (model.predict, lambda given: predict(model, given)):
        with pytest.raises(UserError, match=r"tight.png: a face fills \d+ % of it, but 27 % of the frames"):
            ask(path)
    assert predict(model, path, PredictConfig(faces="whole")).rows[0].answer


def test_a_picture_without_a_face_has_no_answer(tmp_path: Path) -> None:
    model = load_model(model_file(tmp_path, **FRAMES), "cpu")
    with pytest.raises(UserError, match=r"no face found; faces=.whole."):
        model.predict(scene([]))


def test_every_face_of_a_clip_is_answered_for(tmp_path: Path) -> None:
    model = load_model(model_file(tmp_path, "apex"), "cpu")
    frames = [scene([(10 + i, 20, 120), (170, 10, 150)], smile=i / 6) for i in range(6)]
    video = write_video(tmp_path / "v.avi", frames)
    said = model.predict(video, onset=0, apex=4, offset=5)
    assert said.inputs == (0, 0) and len(predict(model, video, PredictConfig(whole_clip=True)).rows) == 2


def test_a_model_says_what_its_pictures_show() -> None:
    assert pictures_in_words({"faces": "detect"}) == "faces cut out"
    assert pictures_in_words({"faces": "whole"}) == "taken whole"
    assert pictures_in_words(FRAMES) == "taken whole, faces fill 27 % of the longer side"
    assert make_locator({"faces": "whole", **FRAMES}, "whole", None).finder is None
