"""One holder at a time, by whatever way the one before has ended."""

from __future__ import annotations

import errno
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from filelock import FileLock

from emonas.datasets.store.lock import lock

_posix = pytest.mark.skipif(sys.platform == "win32", reason="an open file is not removed there, nor a signal sent")


def _fail() -> None:
    raise AssertionError("nobody else holds it")


def test_a_second_holder_waits_until_the_first_has_let_go(tmp_path: Path) -> None:
    order: list[str] = []
    waits = threading.Event()

    def second() -> None:
        with lock(tmp_path / "x", waits.set):
            order.append("second")

    with lock(tmp_path / "x", _fail):
        thread = threading.Thread(target=second)
        thread.start()
        assert waits.wait(10)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


def test_other_folders_are_held_by_others(tmp_path: Path) -> None:
    with lock(tmp_path / "x", _fail), lock(tmp_path / "y", _fail):
        pass


@_posix
def test_who_waits_for_a_folder_that_is_removed_holds_the_new_one(tmp_path: Path) -> None:
    waits, holds, done = threading.Event(), threading.Event(), threading.Event()

    def second() -> None:
        with lock(tmp_path / "x", waits.set):
            holds.set()
            done.wait(10)

    with lock(tmp_path / "x", _fail):
        thread = threading.Thread(target=second)
        thread.start()
        assert waits.wait(10)
        (tmp_path / "x" / "lock").unlink()
        (tmp_path / "x").rmdir()
    assert holds.wait(10)
    third = threading.Event()
    watcher = threading.Thread(target=lambda: lock(tmp_path / "x", third.set).__enter__())
    watcher.start()
    assert third.wait(10), "the new folder is held, not the removed one"
    done.set()
    thread.join(10)
    watcher.join(10)


@_posix
def test_a_killed_holder_has_let_go(tmp_path: Path) -> None:
    code = (
        "import os, sys, signal; from pathlib import Path; from emonas.datasets.store.lock import lock\n"
        f"with lock(Path({str(tmp_path / 'x')!r}), None): os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == -9
    with lock(tmp_path / "x", _fail):
        assert (tmp_path / "x").is_dir()


def test_a_folder_that_cannot_be_made_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError), lock(tmp_path / "file" / "x", _fail):
        pass


def test_a_disk_without_locks_holds_nothing_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(held: FileLock, **options: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(FileLock, "acquire", refuse)
    with lock(tmp_path / "x", _fail), lock(tmp_path / "x", _fail):
        assert (tmp_path / "x").is_dir()
