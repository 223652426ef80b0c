"""emonas-predict: every source has its answer, and what cannot be read is told."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from predicting import NAMES, Camera, longer, model_file, retime, scene, write_image, write_video
from small import assert_one_line_and_status_2, call

from emonas.datasets.faces.crop import crop_face
from emonas.datasets.faces.framing import UNKNOWN
from emonas.datasets.faces.lbp import LbpFinder
from emonas.datasets.synthetic.sets import DrawnFrames, read_micro
from emonas.errors import UserError
from emonas.evaluate.model.faces import FaceLocator
from emonas.evaluate.model.file import load_model
from emonas.evaluate.predict import draw as predict_draw
from emonas.evaluate.predict import readers as predict_clips
from emonas.evaluate.predict.cli import app
from emonas.evaluate.predict.config import PredictConfig
from emonas.evaluate.predict.rows import Answer, ExpressionRow, FaceRow, Progress
from emonas.evaluate.predict.sources import Frame
from emonas.evaluate.predict.spotting import Motion, Spotted
from emonas.evaluate.predict.stream import Predicted, predict
from emonas.evaluate.predict.timeline import Steps
from emonas.evaluate.predict.tracking import Track, Tracker

ONE, TWO = [(60, 10, 150)], [(10, 20, 120), (170, 10, 150)]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return model_file(tmp_path)


def faces(said: Predicted) -> list[FaceRow]:
    return [row for row in said.rows if isinstance(row, FaceRow)]


def expressions(said: Predicted) -> list[ExpressionRow]:
    return [row for row in said.rows if isinstance(row, ExpressionRow)]


def people(said: Predicted) -> list[list[int]]:
    """The numbers of the faces in each frame."""
    frames: dict[int, list[int]] = {}
    for row in faces(said):
        frames.setdefault(row.frame, []).extend([row.person.number] if row.person else [])
    return list(frames.values())


def test_the_face_of_a_picture_is_answered_for_as_the_model_itself_does(model: Path, tmp_path: Path) -> None:
    picture = scene(ONE)
    (row,) = faces(predict(model, write_image(tmp_path / "a.png", picture)))
    (face,) = LbpFinder().find(picture)
    expected = load_model(model, "cpu").predict(crop_face(picture[None], face)[0])
    assert row.answer and row.person and row.answer.label == expected.labels[0]
    np.testing.assert_allclose(row.answer.probabilities, expected.probabilities[0], atol=1e-6)
    left, top, side = row.person.box() or (0, 0, 0)
    assert left >= 50 and top >= 0 and 90 < side < 170


def test_several_faces_are_rows_of_their_own_and_none_is_a_row_that_says_so(model: Path, tmp_path: Path) -> None:
    write_image(tmp_path / "in" / "f1.png", scene(TWO))
    write_image(tmp_path / "in" / "f2.png", scene([]))
    write_image(tmp_path / "in" / "f10.png", scene(ONE))
    said = predict(model, tmp_path / "in")
    assert [(row.file, row.person and row.person.number, row.note) for row in faces(said)] == [
        ("f1.png", 1, ""),
        ("f1.png", 2, ""),
        ("f2.png", None, "no face"),
        ("f10.png", 1, ""),
    ]
    assert (said.tally.frames, said.tally.faceless) == (3, 1)


def test_pictures_that_are_faces_already_are_taken_whole(model: Path, tmp_path: Path) -> None:
    for side in (64, 160):
        picture = scene([(0, 0, side)], size=(side, side))[side // 8 : -side // 8, side // 8 : -side // 8]
        path = write_image(tmp_path / f"{side}.png", picture)
        (row,) = faces(predict(model, path))
        assert row.person and row.person.face is None
        assert row.answer and row.answer == faces(predict(model, path, PredictConfig(faces="whole")))[0].answer
    (cut,) = faces(predict(model, tmp_path / "160.png", PredictConfig(faces="detect")))
    assert cut.person and cut.person.face
    # Too small and close for any detector.
    (small,) = faces(predict(model, write_image(tmp_path / "48.png", np.full((48, 48, 3), 120, np.uint8))))
    assert small.person and small.answer


def test_a_video_keeps_its_people_apart_while_they_move(model: Path, tmp_path: Path) -> None:
    frames = [scene([(2 * i, 20, 120), (170 - i, 10, 150)]) for i in range(12)]
    said = predict(model, write_video(tmp_path / "v.avi", frames), PredictConfig(detect_every=3))
    assert people(said) == [[1, 2]] * 12
    boxes = [row.person.box() for row in faces(said) if row.person and row.person.number == 1]
    # Held between looks, moved at each.
    assert [boxes[i] == boxes[i + 1] for i in range(5)] == [True, True, False, True, True]
    assert faces(said)[-1].seconds == pytest.approx(11 / 25)


def test_who_comes_later_gets_a_new_number_and_who_is_lost_for_a_moment_keeps_the_old(
    model: Path, tmp_path: Path
) -> None:
    left, right = TWO
    frames = [scene([left]), scene([]), scene([left]), scene([left, right]), scene([right]), scene([left])]
    said = predict(model, write_video(tmp_path / "v.avi", frames), PredictConfig(detect_every=1))
    assert people(said) == [[1], [], [1], [1, 2], [2], [1]]


def test_every_nth_frame_is_answered_for_and_max_frames_ends(model: Path, tmp_path: Path) -> None:
    video = write_video(tmp_path / "v.avi", [scene(ONE)] * 20)
    said = predict(model, video, PredictConfig(every=4, max_frames=13))
    assert [row.frame for row in faces(said)] == [0, 4, 8, 12]
    assert said.tally.notes == []


def test_a_broken_frame_is_skipped_counted_and_told(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (1, 2, 3):
        write_image(tmp_path / "in" / f"f{number}.png", scene(ONE))
    broken = tmp_path / "in" / "f2.png"
    broken.write_bytes(broken.read_bytes()[:900])
    done = call(app, [str(model), str(tmp_path / "in")], capsys)
    assert done.returncode == 0
    assert "1 frames skipped, which cannot be read: f2.png: cut off" in done.stderr
    assert "f1.png" in done.stdout and "f3.png" in done.stdout and "2 pictures, 2 faces" in done.stdout


def test_a_video_that_is_cut_off_is_answered_for_as_far_as_it_goes(model: Path, tmp_path: Path) -> None:
    video = write_video(tmp_path / "v.avi", [scene(ONE)] * 40)
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    said = predict(model, video)
    assert 10 <= said.tally.frames <= 22
    assert any("cut off" in note for note in said.tally.notes) or said.tally.skipped


def test_a_camera_ends_at_max_frames_and_is_given_back(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera = Camera(scene(ONE))
    monkeypatch.setattr(cv2, "VideoCapture", camera)
    said = predict(model, "0", PredictConfig(max_frames=7))
    assert [row.frame for row in faces(said)] == list(range(7))
    assert faces(said)[-1].seconds == pytest.approx(0.6)
    assert camera.released == 2  # after looking at it, and at the end


def test_ctrl_c_ends_a_camera_with_what_was_done(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def press(number: int) -> None:
        if number == 9:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(cv2, "VideoCapture", Camera(scene(ONE), at=press))
    out = tmp_path / "out"
    done = call(app, [str(model), "0", "--csv", "--out", str(out)], capsys)
    assert done.returncode == 0, done.stderr
    assert "ended by Ctrl-C after 9 frames" in done.stdout
    assert len((out / "predictions.csv").read_text().splitlines()) == 10
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_camera_that_is_not_there_is_one_line(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert_one_line_and_status_2(call(app, [str(model), "97"], capsys), "no camera 97")


def _text(folder: Path, name: str) -> Path:
    (folder / name).write_text("hello\n" * 100)
    return folder / name


def _folder(folder: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"


def _pipe(folder: Path, name: str) -> Path:
    os.mkfifo(folder / name)
    return folder / name


def _all_broken(folder: Path) -> Path:
    (folder / "broken").mkdir()
    return _text(folder / "broken", "a.png").parent


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda folder: folder / "nothing.png", "no such file"),
        (_folder, "no pictures in this folder"),
        (lambda folder: _text(folder, "a.txt"), "neither a picture nor a video"),
        (lambda folder: _text(folder, "a.jpg"), "not an image"),
        (lambda folder: _text(folder, "a.mp4"), "not a video or cut off"),
        (_all_broken, "nothing in it can be read: a.png: not an image"),
        (lambda folder: Path("²"), "no such file"),
        (lambda folder: Path("9" * 30), "no camera has such a number"),
        (lambda folder: folder / ("x" * 300), "File name too long"),
        (lambda folder: Path("/dev/zero"), "a device, not a file"),
        (lambda folder: _pipe(folder, "a.mp4"), "a named pipe, not a file"),
    ],
)
def test_what_cannot_be_read_is_one_line(
    make: Callable[[Path], Path], word: str, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert_one_line_and_status_2(call(app, [str(model), str(make(tmp_path))], capsys), word)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_missing_rights_are_one_line(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_image(tmp_path / "a.png", scene(ONE))
    path.chmod(0)
    assert_one_line_and_status_2(call(app, [str(model), str(path)], capsys), "cannot be read: Permission denied")


def test_an_out_that_cannot_be_written_is_one_line(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_image(tmp_path / "a.png", scene(ONE))
    for option in ("--csv", "--jsonl", "--draw", "--plot"):
        done = call(app, [str(model), str(path), option, "--out", str(path)], capsys)
        assert_one_line_and_status_2(done, "cannot write")


@pytest.mark.parametrize(
    ("representation", "options", "word"),
    [
        ("still", ["--whole-clip"], "--whole-clip is for models of clips"),
        ("dynamic", ["--every", "2"], "--every is for models of still pictures"),
        ("dynamic", ["--window", "0.1"], "2 frames in 0.1 s are too few"),
        ("still", ["--face-model", "/nowhere/yunet.onnx"], "/nowhere/yunet.onnx"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(
    representation: str, options: list[str], word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video = write_video(tmp_path / "v.avi", [scene(ONE)] * 20)
    done = call(app, [str(model_file(tmp_path, representation)), str(video), *options], capsys)
    assert_one_line_and_status_2(done, word)


def test_one_picture_is_no_clip(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.png", scene(ONE))
    with pytest.raises(UserError, match="one picture, but this model takes clips"):
        predict(model_file(tmp_path, "flow"), path)


def test_the_files_hold_every_row(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video = write_video(tmp_path / "v.avi", [scene(TWO)] * 6 + [scene([])] * 4)
    out = tmp_path / "out"
    options = ["--csv", "--jsonl", "--draw", "--plot", "--detect-every", "2", "--out", str(out)]
    done = call(app, [str(model), str(video), *options], capsys)
    assert done.returncode == 0, done.stderr
    with (out / "predictions.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    lines = [json.loads(line) for line in (out / "predictions.jsonl").read_text().splitlines()]
    assert len(table) == len(lines) == 16
    assert [row["note"] for row in table] == [""] * 12 + ["no face"] * 4
    for row, line in zip(table[:12], lines[:12], strict=True):
        assert (int(row["frame"]), int(row["face"])) == (line["frame"], line["face"])
        assert [int(row[side]) for side in ("left", "top", "side")] == line["box"]
        assert list(line["probabilities"]) == list(NAMES)
        assert sum(float(row[f"p {name}"]) for name in NAMES) == pytest.approx(1, abs=1e-3)
        assert line["label"] == max(line["probabilities"], key=line["probabilities"].get)
    assert lines[-1]["probabilities"] is None
    drawn = cv2.VideoCapture(str(out / "annotated.mp4"), cv2.CAP_FFMPEG)
    assert sum(1 for _ in iter(drawn.grab, False)) == 10
    assert cv2.imread(str(out / "timeline.png")).shape[1] == 1800
    assert sorted(path.name for path in out.iterdir()) == [
        "annotated.mp4", "predictions.csv", "predictions.jsonl", "timeline.png",
    ]  # fmt: skip
    for name in ("annotated.mp4", "predictions.csv", "predictions.jsonl", "timeline.png"):
        assert str(out / name) in done.stdout
    assert "no face" in done.stdout and "10 frames, 2 faces; no face in 4" in done.stdout


def test_the_files_of_a_prediction_appear_all_or_none(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(self: object, path: Path, title: str) -> None:
        raise UserError(f"cannot write {path}")

    monkeypatch.setattr("emonas.evaluate.predict.timeline.Timeline.write", fail)
    video, out = write_video(tmp_path / "v.avi", [scene(ONE)] * 4), tmp_path / "out"
    options = ["--csv", "--jsonl", "--draw", "--plot", "--out", str(out)]
    assert_one_line_and_status_2(call(app, [str(model), str(video), *options], capsys), "cannot write")
    assert not out.exists()


def test_a_video_that_a_full_disk_has_cut_off_is_told(tmp_path: Path) -> None:
    video = write_video(tmp_path / "v.mp4", [scene(ONE)] * 9, code="mp4v")
    predict_draw._check_whole(video, video)
    video.write_bytes(video.read_bytes()[:2000])
    with pytest.raises(UserError, match="is the disk full"):
        predict_draw._check_whole(video, video)


def test_without_a_wish_no_file_is_written(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert call(app, [str(model), str(write_image(tmp_path / "a.png", scene(ONE)))], capsys).returncode == 0
    assert list((tmp_path / "here").iterdir()) == []
    call(app, [str(model), str(tmp_path / "a.png"), "--csv"], capsys)
    assert (tmp_path / "here" / "runs" / "predict-a" / "predictions.csv").is_file()


def test_what_is_said_fits_a_terminal(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    write_image(tmp_path / "in" / f"{'a long name ' * 6}.png", scene(TWO))
    write_image(tmp_path / "in" / "b.png", scene([]))
    done = call(app, [str(model), "in"], capsys)
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert re.search(r"…\S?.*long name \.png +1 ", done.stdout), done.stdout


@pytest.fixture(scope="module")
def long_clip() -> tuple[np.ndarray, tuple[int, int]]:
    """A drawn person's expression in a long rest, (T, 96, 96, 3), and its first and last frame."""
    sample = read_micro(3, subjects=3, clips=3, size=96).samples[0]
    assert isinstance(sample.frames, DrawnFrames) and sample.onset and sample.offset
    return longer(sample.frames, 70, 70, 0).read(), (70 + sample.onset, 70 + sample.offset)


def clip_folder(folder: Path, frames: np.ndarray) -> Path:
    for number, frame in enumerate(frames):
        write_image(folder / f"img{number + 1}.png", frame)
    return folder


@pytest.mark.parametrize("representation", ["dynamic", "dynamic-pair", "flow", "apex", "clip"])
def test_an_expression_in_a_long_clip_is_found_and_answered_for_as_a_clip_of_its_own(
    representation: str, long_clip: tuple[np.ndarray, tuple[int, int]], tmp_path: Path
) -> None:
    frames, (onset, offset) = long_clip
    model = model_file(tmp_path, representation)
    config = PredictConfig(frames_per_second=60)
    (row,) = expressions(predict(model, clip_folder(tmp_path / "clip", frames), config))
    assert row.apex and abs(row.onset - onset) <= 8 and abs(row.offset - offset) <= 8
    cut = frames[row.onset : row.offset + 1]
    expected = load_model(model, "cpu").predict(cut, onset=0, apex=row.apex - row.onset, offset=len(cut) - 1)
    assert row.answer and row.answer.label == expected.labels[0]
    np.testing.assert_allclose(row.answer.probabilities, expected.probabilities[0], atol=1e-6)


def test_a_whole_clip_is_one_expression_and_so_is_one_that_fits_the_window(
    long_clip: tuple[np.ndarray, tuple[int, int]], tmp_path: Path
) -> None:
    frames, (onset, offset) = long_clip
    model = model_file(tmp_path, "dynamic")
    folder = clip_folder(tmp_path / "clip", frames[onset : offset + 1])
    last = offset - onset
    expected = load_model(model, "cpu").predict(frames[onset : offset + 1])
    for config in (PredictConfig(whole_clip=True), PredictConfig(frames_per_second=100)):
        said = predict(model, folder, config)
        (row,) = expressions(said)
        assert (row.onset, row.apex, row.offset, row.strength) == (0, None, last, None)
        assert row.answer
        np.testing.assert_allclose(row.answer.probabilities, expected.probabilities[0], atol=1e-6)
    assert any("taken as one expression" in note for note in said.tally.notes)


@pytest.mark.parametrize("ending", ["mp4", "folder"])
def test_a_part_of_a_recording_is_one_expression_as_python_answers_for_it(
    long_clip: tuple[np.ndarray, tuple[int, int]], tmp_path: Path, ending: str
) -> None:
    frames, (onset, offset) = long_clip
    model = model_file(tmp_path, "dynamic")
    whole = tmp_path / f"clip.{ending}"
    source = clip_folder(whole, frames) if ending == "folder" else write_video(whole, list(frames), code="mp4v")
    apex = (onset + offset) // 2 + 2
    said = predict(model, source, PredictConfig(onset=onset, apex=apex, offset=offset))
    (row,) = expressions(said)
    assert (row.onset, row.apex, row.offset) == (onset, apex, offset)
    assert said.tally.frames == offset - onset + 1 and not said.tally.skipped
    expected = load_model(model, "cpu").predict(source, onset=onset, apex=apex, offset=offset)
    assert row.answer
    np.testing.assert_allclose(row.answer.probabilities, expected.probabilities[0], atol=1e-6)


@pytest.mark.parametrize(("onset", "apex", "offset"), [(5, 3, 8), (0, None, 12), (9, None, 2)])
def test_phases_that_cannot_be_are_one_line(tmp_path: Path, onset: int, apex: int | None, offset: int) -> None:
    folder = clip_folder(tmp_path / "clip", np.zeros((10, 16, 16, 3), np.uint8))
    config = PredictConfig(onset=onset, apex=apex, offset=offset)
    with pytest.raises(UserError, match=r"do not follow each other in 10 frames, counted from 0"):
        predict(model_file(tmp_path, "dynamic"), folder, config)


def test_a_clip_read_in_pieces_has_each_expression_once_and_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Read up to frame 139, 219 and 299, told up to 119, 199 and 299: some expressions lie across such ends, and their
    # apexes are seen later when more is known.
    events = [(20, 25, 31), (112, 119, 126), (131, 136, 146), (195, 204, 212), (250, 255, 262)]

    def known(levels: list[np.ndarray], window: int) -> Spotted:
        first, last = int(levels[0][0]), int(levels[-1][0])
        motions = [
            Motion(onset - first, min(apex + 2 * (last > 140), last) - first, min(offset, last) - first, 2.0)
            for onset, apex, offset in events
            if first <= onset and apex <= last
        ]
        return Spotted(tuple(motions), np.arange(first, last + 1))

    monkeypatch.setattr(predict_clips, "spot", known)
    monkeypatch.setattr(
        predict_clips, "motion_features", lambda cut: np.array([int(cut[0, 0, 0]) + 256 * int(cut[0, 0, 1])])
    )
    monkeypatch.setattr(predict_clips, "_SECONDS", 0.0)
    monkeypatch.setattr(predict_clips, "_WINDOWS", 7)
    images = np.random.default_rng(0).integers(0, 256, (300, 8, 8, 3), dtype=np.uint8)
    images[:, 0, 0, 0], images[:, 0, 0, 1] = np.arange(300) % 256, np.arange(300) // 256
    reader = predict_clips.ClipReader(load_model(model_file(tmp_path, "dynamic"), "cpu"), 40.0, 20)
    frames = (Frame(number, "", image, seconds=number / 40) for number, image in enumerate(images))
    parts = list(reader.parts(frames, Tracker(FaceLocator(None), 10), Progress()))
    rows = [row for part in parts for row in part.rows if isinstance(row, ExpressionRow)]
    assert [(row.onset, row.offset) for row in rows] == [(onset, offset) for onset, _, offset in events]
    assert len(parts) > 2
    told = [part.curve for part in parts if part.curve is not None]
    np.testing.assert_array_equal(np.concatenate(told), np.arange(300))
    assert [part.first for part in parts] == [int(curve[0]) for curve in told]


def test_the_expressions_of_a_clip_are_drawn_where_they_are(
    long_clip: tuple[np.ndarray, tuple[int, int]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames, _ = long_clip
    walled = np.pad(frames, ((0, 0), (40, 40), (90, 90), (0, 0)), constant_values=190)
    video = write_video(tmp_path / "v.avi", list(walled), rate=60)
    out = tmp_path / "out"
    options = ["--draw", "--plot", "--jsonl", "--out", str(out)]
    done = call(app, [str(model_file(tmp_path, "dynamic")), str(video), *options], capsys)
    assert done.returncode == 0, done.stderr
    assert "not validated on real data" in done.stdout and "1.2" in done.stdout
    (line,) = [json.loads(line) for line in (out / "predictions.jsonl").read_text().splitlines()]
    assert line["onset_seconds"] == pytest.approx(line["onset"] / 60, abs=1e-3)
    drawn = cv2.VideoCapture(str(out / "annotated.mp4"), cv2.CAP_FFMPEG)
    marked = [
        number
        for number, plain in enumerate(walled)
        if np.abs(cv2.cvtColor(drawn.read()[1], cv2.COLOR_BGR2RGB).astype(int) - plain).max() > 90
    ]
    assert marked == list(range(line["onset"], line["offset"] + 1))


def test_an_expression_is_found_at_its_time_whatever_the_rate_does(
    long_clip: tuple[np.ndarray, tuple[int, int]], tmp_path: Path
) -> None:
    frames, (onset, offset) = long_clip
    # At rest the camera gives every third frame only, and claims the rate in between.
    kept = [at for at in range(len(frames)) if onset <= at <= offset or at % 3 == 0]
    video = write_video(tmp_path / "v.mp4", [frames[at] for at in kept], rate=60, code="mp4v")
    retime(video, [after - before for before, after in zip(kept, [*kept[1:], len(frames)], strict=True)])
    (row,) = expressions(predict(model_file(tmp_path, "dynamic"), video))
    assert row.seconds[0] == pytest.approx(onset / 60, abs=0.15) and row.seconds[2] == pytest.approx(
        offset / 60, abs=0.15
    )
    assert row.as_dict()["offset_seconds"] == pytest.approx(kept[row.offset] / 60, abs=2e-3)


def test_a_clip_in_which_nothing_moves_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video = write_video(tmp_path / "v.avi", [scene(ONE)] * 40)
    done = call(app, [str(model_file(tmp_path, "dynamic")), str(video)], capsys)
    assert done.returncode == 0
    assert "no expression found" in done.stdout
    nobody = write_video(tmp_path / "n.avi", [scene([])] * 40)
    done = call(app, [str(model_file(tmp_path, "dynamic")), str(nobody), "--whole-clip"], capsys)
    assert done.returncode == 0
    assert done.stdout.startswith("40 frames, no face")


def test_action_units_are_all_that_are_rather_there(tmp_path: Path) -> None:
    (row,) = faces(predict(model_file(tmp_path, task="units"), write_image(tmp_path / "a.png", scene(ONE))))
    assert row.answer
    there = [name for name, value in zip(NAMES, row.answer.probabilities, strict=True) if value >= 0.5]
    assert row.answer.label == " ".join(there)


def test_a_look_settles_whether_a_videos_frames_are_faces_already() -> None:
    class Growing:
        calls = 0

        def find(self, image: np.ndarray) -> list[Any]:
            from emonas.datasets.faces.face import Face

            self.calls += 1
            return [Face(80, 80, 100 + 20 * self.calls)]

    finder = Growing()
    tracker = Tracker(FaceLocator(finder, UNKNOWN), 1)
    blank = np.zeros((180, 180, 3), np.uint8)
    assert all(tracker.see(number, blank)[0].face is None for number in range(3)) is (finder.calls == 1)
    small = Tracker(FaceLocator(type("Far", (Growing,), {"calls": -4})(), UNKNOWN), 1)
    sides = [person.face and person.face.side for number in range(6) for person in small.see(number, blank)]
    assert sides == [40, 60, 80, 100, 120, 140]


def test_labels_stand_beside_each_other_and_inside_the_picture() -> None:
    from emonas.datasets.faces.face import Face

    answer = Answer("happiness", 0.97, (0.97, 0.03))
    crowd = [(Track(number, Face(60 + 8 * number, 40, 50)), answer) for number in (1, 2, 3)]
    blank = np.zeros((120, 160, 3), np.uint8)
    drawn = predict_draw.annotate(blank, crowd)
    assert not blank.any() and drawn.shape == blank.shape
    for colour in predict_draw._COLOURS[:3]:
        # A label's ground is many pixels of its colour; one beneath another would lack them.
        assert (drawn == colour).all(-1).sum() > 500


def test_the_timeline_of_hours_takes_the_memory_of_minutes() -> None:
    steps = Steps(2)
    for number in range(10_000):
        steps.add(number, (1.0, number / 10_000), number)
    frames, values = steps.curve()
    assert len(frames) <= 1024 < 2 * len(frames)
    np.testing.assert_allclose(values[:, 0], 1)
    np.testing.assert_allclose(values[:, 1], (frames + steps.width / 2) / 10_000, atol=0.01)
    gap = Steps(1, largest=True)
    gap.add(0, [3.0], 0)
    gap.add(2, [5.0], 2)
    assert np.isnan(gap.curve()[1][1, 0]) and gap.curve()[1][2, 0] == 5


def test_the_command_is_installed_and_says_what_it_does() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("emonas-predict"), "--help"], capture_output=True, text=True, timeout=60
    )
    words = " ".join(done.stdout.replace("│", " ").split())
    for word in ("Moilanen", "not validated on real data", "--detect-every", "camera", "blinks count"):
        assert word in words
