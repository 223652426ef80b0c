"""A stream that cannot be opened is one line without its password, in seconds."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest
from predicting import Camera, model_file, scene
from small import assert_one_line_and_status_2, call

from emonas.errors import UserError
from emonas.evaluate.model import addresses
from emonas.evaluate.model.addresses import is_address, legible_address, open_address
from emonas.evaluate.predict.cli import app
from emonas.evaluate.predict.config import PredictConfig
from emonas.evaluate.predict.stream import predict


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of somebody who listens and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_addresses_are_told_from_paths() -> None:
    assert all(is_address(text) for text in ("rtsp://h/x", "http://h", "ftp://h", "RTSP://h", "rtsp:/h/x"))
    assert not any(is_address(text) for text in ("a.png", "C:\\a.png", "c:/a.png", "/rtsp://h", "a b://c", "0", ""))


@pytest.mark.parametrize(
    "text",
    [
        "rtsp://me:secret@cam:554/a?password=secret",
        "rtsp://cam:554/user=me_password=secret_channel=1",
        "rtsp://me:sec@ret@cam:554/",
        "rtsp://secret@[::1",
        "rtsp:/me:secret@cam",
        "rtsp://me:secret@cam:port/",
    ],
)
def test_neither_a_name_nor_an_error_has_the_password(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "_unreachable", lambda host, port: "closed")
    with pytest.raises(UserError) as error:
        open_address(text)
    assert "sec" not in str(error.value).replace(" s", "") and "sec" not in legible_address(text)
    assert str(error.value).startswith("rtsp://")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rtsp://127.0.0.1:9/x", "cannot be opened: connection refused"),
        ("http://", "not a whole address"),
        ("http://127.0.0.1:99999999/x", "not a whole address"),
        ("ftp://host/x.mp4", "not of a video stream"),
        (f"rtsp://{'x' * 300}/x", "cannot be the name of a host"),
    ],
)
def test_what_cannot_be_opened_is_one_line(
    text: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert_one_line_and_status_2(call(app, [str(model_file(tmp_path)), text], capsys), words)


def test_a_host_that_says_nothing_is_left_in_time(silent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "_OPEN", 0.3)
    with pytest.raises(UserError, match="no video comes from this address"):
        open_address(f"rtsp://127.0.0.1:{silent}/x")
    monkeypatch.setattr(addresses, "_OPEN", 30)
    monkeypatch.setattr(addresses, "_LONGEST", 0.2)
    with pytest.raises(UserError, match="no answer within 0 s"):
        open_address(f"rtsp://127.0.0.1:{silent}/x")


def test_a_stream_is_answered_for_as_a_camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    camera = Camera(scene([(60, 10, 150)]))
    monkeypatch.setattr(addresses, "_unreachable", lambda host, port: "")
    monkeypatch.setattr(cv2, "VideoCapture", lambda *given: camera)
    said = predict(model_file(tmp_path), "rtsp://me:secret@cam/x", PredictConfig(max_frames=3))
    assert said.tally.frames == 3 and said.tally.faces == 1 and said.tally.endless
