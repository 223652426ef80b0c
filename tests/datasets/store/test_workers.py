"""Pictures made by several processes, killed and continued: always the same bytes, and nothing is made twice."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import cv2
import logged_frames
import numpy as np
import pytest
from logged_frames import Deadly, Logged, _content, _read, _running, long_clips
from made_samples import broken, files_below, prepared_from, still

from emonas.datasets.clips.frames import ImageFiles
from emonas.datasets.clips.representation import PictureOptions
from emonas.datasets.clips.sample import Sample
from emonas.datasets.store import attempt as attempt_module
from emonas.datasets.store.workers import make_all, split_into_batches, unfinished
from emonas.errors import UserError

_OPTIONS = PictureOptions(size=8, representation="apex")


def test_any_number_of_processes_writes_the_same_bytes(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    samples = long_clips()
    samples[2] = broken(samples[2])
    made = {}
    for jobs in (1, 2, 3):
        monkeypatch.setenv("READ_LOG", str(tmp_path / f"{jobs}"))
        made[jobs] = _content(prepared_from(samples, representation="apex", jobs=jobs, overwrite=True).folder)
    assert made[1] == made[2] == made[3]
    # This process reads the clips that the contact sheet shows with their frames.
    workers = {jobs: {process for process, _ in _read(tmp_path / f"{jobs}")} - {os.getpid()} for jobs in made}
    assert not workers[1] and 1 <= len(workers[2]) <= 2 and 1 <= len(workers[3]) <= 3


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_killed_run_is_continued_to_the_same_bytes(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], jobs: int
) -> None:
    wanted = _content(prepared_from(long_clips(), representation="apex", name="other").folder)
    store = home / "prepared"
    code = f"import logged_frames; logged_frames.make_long_clips({jobs})"
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(logged_frames.__file__).parent),
        "SLOWLY": "1",
        "READ_LOG": str(tmp_path / "1"),
    }
    killed = subprocess.Popen([sys.executable, "-c", code], env=environment)
    deadline = time.monotonic() + 60
    while len(list(store.glob(".*/*.batch"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    killed.kill()
    killed.wait()
    workers = {process for process, _ in _read(tmp_path / "1")}
    while _running(workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _running(workers), "workers end with the process that started them"
    assert [path.name for path in store.iterdir() if not path.name.startswith(".")] == ["other"]
    done = len(list(store.glob(".*/*.batch")))
    assert 2 <= done < 6
    monkeypatch.setenv("READ_LOG", str(tmp_path / "2"))
    again = prepared_from(long_clips(), representation="apex")
    first_clips = 2  # which the contact sheet shows with their frames
    assert len(_read(tmp_path / "2")) == 6 - done + first_clips
    assert f"{done} of 6 pictures of synthetic-macro are there from a run that was ended" in capsys.readouterr().err
    got = _content(again.folder)
    assert {name: data for name, data in got.items() if name.endswith((".npy", ".csv"))} == {
        name: data for name, data in wanted.items() if name.endswith((".npy", ".csv"))
    }
    assert sorted(got) == sorted(wanted)
    assert sorted(path.name for path in store.iterdir()) == ["other", "synthetic-macro"]


def test_a_worker_that_dies_is_one_line_and_loses_nothing(home: Path) -> None:
    samples = long_clips()
    samples[5] = replace(samples[5], frames=Deadly(samples[5].frames.values, first=os.getpid()))
    lost = r"process was lost 3 times, at last by SIGKILL.*fewer --jobs; what is made is kept"
    with pytest.raises(UserError, match=lost) as raised:
        prepared_from(samples, representation="apex", jobs=2)
    assert "\n" not in str(raised.value)
    assert not (home / "prepared" / "synthetic-macro").exists()
    assert len(prepared_from(samples, representation="apex", jobs=1).samples) == 6
    assert files_below(home / "prepared")[0] == "synthetic-macro"


def test_an_interruption_waits_for_no_batch_that_was_not_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(more: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setenv("SLOWLY", "1")
    batches = split_into_batches(long_clips(8), _OPTIONS, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        make_all(batches, 2, interrupt)
    assert 1 <= 8 - len(unfinished(batches)) <= 4


def test_what_a_worker_cannot_write_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot write .*\.batch: ") as raised:
        make_all(split_into_batches(long_clips(3), _OPTIONS, tmp_path / "file"), 2, lambda more: None)
    assert "\n" not in str(raised.value)


def test_every_sample_stands_in_one_batch_in_order_and_progress_counts_them(tmp_path: Path) -> None:
    samples = [*(still(i) for i in range(200)), *long_clips(2), *(still(i) for i in range(200))]
    batches = split_into_batches(samples, _OPTIONS, tmp_path)
    assert [sample for batch in batches for sample in batch.samples] == samples
    assert [len(batch.samples) for batch in batches] == [201, 1, 200]
    steps: list[int] = []
    make_all(batches, 1, steps.append)
    assert steps == [201, 1, 200] and unfinished(batches) == []
    assert split_into_batches([], _OPTIONS, tmp_path) == []


def test_a_batch_is_found_again_only_where_all_that_it_comes_from_is_the_same(tmp_path: Path) -> None:
    def image(grey: int, time_ns: int, name: str = "a.png") -> ImageFiles:
        path = tmp_path / name
        path.write_bytes(cv2.imencode(".png", np.full((4, 4, 3), grey, np.uint8))[1].tobytes())
        os.utime(path, ns=(time_ns, time_ns))
        return ImageFiles((path,))

    def file(sample: Sample, options: PictureOptions = _OPTIONS) -> Path:
        (batch,) = split_into_batches([sample], options, tmp_path)
        return batch.path

    sample = still(1, frames=image(1, 10**18))
    first = file(sample)
    assert file(still(1, frames=image(1, 10**18))) == first
    others = [
        file(still(1, frames=image(2, 2 * 10**18))),
        file(sample, replace(_OPTIONS, size=9)),
        file(sample, replace(_OPTIONS, apex_policy="max-diff")),
        file(replace(sample, apex=0)),
        file(still(1, frames=image(1, 10**18, "b.png"))),
        file(still(1, frames=ImageFiles((tmp_path / "none.png",)))),
        file(still(1)),
        file(still(1, frames=Logged((1,)))),
    ]
    assert len({first, *others}) == 1 + len(others)


def test_a_batch_file_that_is_not_whole_is_made_anew(tmp_path: Path) -> None:
    batches = split_into_batches(long_clips(3), _OPTIONS, tmp_path)
    make_all(batches, 1, lambda more: None)
    whole = batches[1].path.read_bytes()
    for damaged in (b"", whole[:-1], whole[:20], b"\0" * len(whole), whole[:-1] + b"\1"):
        batches[1].path.write_bytes(damaged)
        assert unfinished(batches) == [batches[1]]
    make_all(unfinished(batches), 1, lambda more: None)
    assert batches[1].path.read_bytes() == whole and unfinished(batches) == []


def test_the_number_of_threads_is_put_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    threads: list[int] = []

    def counted(sample: Sample, options: PictureOptions, frames: np.ndarray) -> np.ndarray:
        threads.append(cv2.getNumThreads())
        return np.zeros((3, 8, 8), np.uint8)

    before = cv2.getNumThreads()
    monkeypatch.setattr(attempt_module, "make_picture", counted)
    cv2.setNumThreads(2)
    try:
        make_all(split_into_batches([still(1)], _OPTIONS, tmp_path), 1, lambda more: None)
        assert (threads, cv2.getNumThreads()) == ([1], 2)
    finally:
        cv2.setNumThreads(before)


def test_a_clip_that_does_not_fit_into_memory_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def too_much(sample: Sample, options: PictureOptions, frames: np.ndarray) -> np.ndarray:
        raise MemoryError

    monkeypatch.setattr(attempt_module, "make_picture", too_much)
    with pytest.raises(UserError, match="clip1: not enough memory: try fewer --jobs; what is made is kept"):
        make_all(split_into_batches([still(1)], _OPTIONS, tmp_path), 1, lambda more: None)
    assert files_below(tmp_path) == []


def test_workers_start_without_torch_and_matplotlib() -> None:
    code = "import sys, emonas.datasets.store.workers; print({'torch', 'matplotlib', 'skimage'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "set()\n", done.stderr
