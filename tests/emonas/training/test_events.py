"""TensorBoard's events are written, and a full disk is one error and no thread's traceback."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from tensorboard.summary.writer.record_writer import RecordWriter

from emonas.errors import UserError
from emonas.training.events import open_events, telling


def test_a_disk_that_fills_is_told_once_and_by_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    writer = open_events(tmp_path, 0)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(RecordWriter, "write", full)
    with pytest.raises(UserError, match=f"events in {tmp_path}: No space left"), telling(tmp_path):
        for step in range(100):
            writer.add_scalar("loss", 1.0, step)
            writer.flush()
    assert "Traceback" not in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write TensorBoard's events"):
        open_events(tmp_path / "file", 0)
