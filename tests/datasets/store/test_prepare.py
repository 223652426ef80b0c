"""Preparing: the arrays match the table, nothing is lost, and what fails leaves nothing behind."""

from __future__ import annotations

import csv
import errno
import json
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_samples import STILLS, Greys, broken, files_below, prepared_from, serve, still

from emonas.datasets.clips.representation import PictureOptions, make_picture
from emonas.datasets.clips.sample import Sample
from emonas.datasets.store import attempt as attempt_module
from emonas.datasets.store import prepare as module
from emonas.datasets.store.config import PrepareConfig
from emonas.datasets.store.prepare import find, prepare, prepared_names
from emonas.datasets.store.prepared import Prepared
from emonas.datasets.synthetic import sets as synthetic
from emonas.errors import UserError
from emonas.files import read_json

_SMALL = PrepareConfig(size=8, coefficients="exact", span="onset-offset", jobs=1)


def _make(name: str | None = None, overwrite: bool = False, **options: Any) -> Prepared:
    return prepare("synthetic-macro", None, replace(_SMALL, name=name, overwrite=overwrite, **options), quiet=True)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _content(home: Path) -> dict[str, bytes]:
    return {path.relative_to(home).as_posix(): path.read_bytes() for path in home.rglob("*") if path.is_file()}


def test_arrays_match_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, reversed(STILLS))
    prepared = _make()
    rows = _rows(prepared.folder / "samples.csv")
    assert [row["clip"] for row in rows] == [f"clip{grey}" for grey in range(70, -1, -10)]
    assert prepared.images.shape == (8, 3, 8, 8) and prepared.images.dtype == np.uint8
    for row, image, sample, label in zip(rows, prepared.images, prepared.samples, prepared.labels, strict=True):
        assert (image == int(row["clip"].removeprefix("clip"))).all()
        assert (sample.clip, sample.label, sample.subject) == (row["clip"], row["label"], row["subject"])
        assert prepared.classes[label] == row["label"]


@pytest.mark.parametrize(
    ("found", "representation"),
    [
        (synthetic.read_macro(subjects=3, stills=1, size=16), "still"),
        (synthetic.read_micro(subjects=3, clips=3, size=16), "dynamic"),
    ],
    ids=["stills", "clips"],
)
def test_drawn_faces_are_prepared_as_their_kind_needs_it(found: Any, representation: Any) -> None:
    prepared = prepared_from(found.samples, size=12)
    options = PictureOptions(size=12, representation=representation)
    assert prepared.options == {**asdict(options), "faces": "whole", "face_model": "", "drop_near_copies": False}
    for image, sample, stored in zip(prepared.images, found.samples, prepared.samples, strict=True):
        np.testing.assert_array_equal(image, make_picture(sample, options))
        assert replace(stored, frames=sample.frames) == sample


def test_prepared_json_says_what_was_made(home: Path) -> None:
    prepared = prepared_from([*STILLS, still(99).drop("no label"), broken(still(98))])
    facts = read_json(home / "prepared" / "synthetic-macro" / "prepared.json")
    expected = {
        "format": "emonas-prepared",
        "version": 1,
        "name": "synthetic-macro",
        "dataset": "synthetic-macro",
        "source": "",
        "classes": ["angry", "happy", "sad"],
        "counts": {"angry": 3, "happy": 3, "sad": 2},
        "samples": 8,
        "subjects": 4,
        "dropped": {"no label": 1, "cannot be read": 1},
        "protocol": "fixed",
        "notes": [],
    }
    assert {key: facts[key] for key in expected} == expected
    assert facts["fingerprint"] == prepared.fingerprint


@pytest.mark.parametrize("representation", ["auto", "still"])
def test_the_same_options_are_reused_without_reading(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], representation: Any
) -> None:
    source = serve(monkeypatch)
    first = _make()
    assert capsys.readouterr() == ("", "")
    again = _make(representation=representation)
    assert source.read == 1
    assert (again.samples, again.fingerprint) == (first.samples, first.fingerprint)
    assert "was prepared before and is kept; --overwrite reads it anew" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value", "change"),
    [
        ("size", 16, "size 8 -> 16"),
        ("representation", "apex", "representation dynamic -> apex"),
        ("coefficients", "linear", "coefficients exact -> linear"),
        ("span", "onset-apex", "span onset-offset -> onset-apex"),
    ],
)
def test_other_options_are_refused_by_name(
    home: Path, monkeypatch: pytest.MonkeyPatch, option: str, value: Any, change: str
) -> None:
    source = serve(monkeypatch, [replace(sample, frames=Greys((1, 2, 3))) for sample in STILLS])
    _make()
    before = _content(home)
    with pytest.raises(UserError, match=f"already prepared with other options .{change}.; use --overwrite .* --name"):
        _make(**{option: value})
    assert _content(home) == before
    assert _make(overwrite=True, **{option: value}).options[option] == value
    assert source.read == 2
    assert _make("other").options[option] != value
    assert prepared_names() == ["other", "synthetic-macro"]


def test_a_set_from_before_an_option_came_into_being_has_its_default(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prepared_from()
    file = home / "prepared" / "synthetic-macro" / "prepared.json"
    facts = json.loads(file.read_text())
    for option in ("apex_policy", "faces", "face_model"):
        del facts["options"][option]
    file.write_text(json.dumps(facts))
    assert prepared_from().name == "synthetic-macro"
    assert "is kept" in capsys.readouterr().err


def test_another_source_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    serve(monkeypatch)
    for name in ("old.csv", "new.csv"):
        (tmp_path / name).touch()
    prepare("folder", tmp_path / "old.csv", _SMALL, quiet=True)
    prepare("folder", tmp_path / "." / "old.csv", _SMALL, quiet=True)
    with pytest.raises(UserError, match=r"source .*old\.csv -> .*new\.csv"):
        prepare("folder", tmp_path / "new.csv", _SMALL, quiet=True)
    with pytest.raises(UserError, match="dataset folder -> fer2013"):
        prepare("folder", tmp_path / "new.csv", replace(_SMALL, name="mine"), quiet=True)
        prepare("fer2013", tmp_path / "new.csv", replace(_SMALL, name="mine"), quiet=True)


def test_overwriting_reads_the_source_anew(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = serve(monkeypatch)
    first = _make()
    source.samples = STILLS[2:]
    assert len(_make(overwrite=True).samples) == 6
    assert len(first.images) == 8, "who still reads the earlier arrays is not disturbed"
    assert files_below(home) == ["prepared", "prepared/synthetic-macro"] + [
        f"prepared/synthetic-macro/{name}"
        for name in ("contact_sheet.png", "dropped.csv", "images.npy", "prepared.json", "samples.csv")
    ]


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "a\\b", "/x", ".hidden", "-x", "a b", "n" * 101, "x\n"])
def test_a_name_cannot_lead_out_of_the_store(home: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    source = serve(monkeypatch)
    with pytest.raises(UserError, match=r"--name .*: only letters, digits") as raised:
        _make(name, overwrite=True)
    assert "\n" not in str(raised.value)
    assert source.read == 0 and files_below(home) == []


def test_a_name_cannot_hide_another_data_set(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch)
    with pytest.raises(UserError, match="--name fer2013: another data set is called so"):
        _make("fer2013")
    assert _make("Jürgens_data.v2-1").name == "Jürgens_data.v2-1"


@pytest.mark.parametrize("lost", [(0,), (7,), (2, 3, 5)])
def test_samples_that_cannot_be_read_are_dropped_counted_and_told(lost: tuple[int, ...]) -> None:
    samples = [broken(sample) if i in lost else sample for i, sample in enumerate(STILLS)]
    samples.insert(4, still(99, label="").drop("no label"))
    prepared = prepared_from(samples)
    kept = [sample for i, sample in enumerate(STILLS) if i not in lost]
    assert [sample.clip for sample in prepared.samples] == [sample.clip for sample in kept]
    assert [image[0, 0, 0] for image in prepared.images] == [int(sample.clip[4:]) for sample in kept]
    assert prepared.dropped == {"no label": 1, "cannot be read": len(lost)}
    cut_off = [(STILLS[i].clip, "cannot be read: /photos/1.png: cut off") for i in lost]
    before = sum(i < 4 for i in lost)
    assert [(row["clip"], row["reason"]) for row in _rows(prepared.folder / "dropped.csv")] == [
        *cut_off[:before],
        ("clip99", "no label"),
        *cut_off[before:],
    ]
    plain = np.load(prepared.folder / "images.npy")
    assert plain.shape == (len(kept), 3, 8, 8)
    size = (prepared.folder / "images.npy").stat().st_size
    assert size - plain.nbytes in range(0, 4096, 64), "an npy header is a multiple of 64 bytes, the rest are pictures"


def test_many_lost_samples_shorten_the_header_correctly() -> None:
    samples = [still(i % 250, f"s{i}", "ab"[i % 2]) for i in range(1200)]
    prepared = prepared_from([broken(sample) if i >= 4 else sample for i, sample in enumerate(samples)])
    assert np.load(prepared.folder / "images.npy")[:, 0, 0, 0].tolist() == [0, 1, 2, 3]


def test_a_class_that_lost_all_its_samples_disappears() -> None:
    prepared = prepared_from([broken(sample) if sample.label == "happy" else sample for sample in STILLS])
    assert prepared.classes == ("angry", "sad")
    assert set(prepared.labels) == {0, 1}


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        ([], "synthetic-macro: no usable sample was found$"),
        ([still(1).drop("no label")], r"no usable sample was found \(1 dropped, the first: no label\)"),
        ([broken(s) for s in STILLS], r"no usable .* \(8 dropped, the first: cannot be read: /photos/1.png: cut off\)"),
        ([still(1), still(2, "s2")], "all samples have the one class 'happy'; at least two are needed"),
        ([still(1), broken(still(2, label="sad"))], r"the one class 'happy' \(1 dropped, the first: cannot be read"),
    ],
    ids=["none", "all dropped", "all unreadable", "one class", "one class left"],
)
def test_what_cannot_be_used_is_refused_and_leaves_nothing(home: Path, samples: list[Sample], reason: str) -> None:
    with pytest.raises(UserError, match=reason) as raised:
        prepared_from(samples)
    assert "\n" not in str(raised.value)
    assert files_below(home) in ([], ["prepared"])


def _full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def fsync(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)


def _no_renaming_into_place(monkeypatch: pytest.MonkeyPatch) -> None:
    original = Path.rename

    def rename(path: Path, target: Path) -> Path:
        if path.name == "new":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return original(path, target)

    monkeypatch.setattr(Path, "rename", rename)


def _ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> np.ndarray:
        raise KeyboardInterrupt

    monkeypatch.setattr(attempt_module, "make_picture", interrupted)


_ACCIDENTS = pytest.mark.parametrize(
    ("accident", "error", "message"),
    [
        (_full_disk, UserError, "cannot write .*: No space left on device"),
        (_no_renaming_into_place, UserError, "cannot write .*synthetic-macro: Input/output error"),
        (_ctrl_c, KeyboardInterrupt, "^$"),
    ],
)


def _hidden(home: Path) -> set[str]:
    """The kinds of files that lie in the store unseen."""
    store = home / "prepared"
    return {path.suffix or path.name for path in store.glob(".*/**/*")}


@_ACCIDENTS
def test_an_accident_leaves_nothing_behind_but_finished_batches(
    home: Path, accident: Callable[[pytest.MonkeyPatch], None], error: type, message: str
) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch, pytest.raises(error, match=message):
        accident(monkeypatch)
        prepared_from()
    assert prepared_names() == []
    assert _hidden(home) == ({".batch", "lock"} if accident is _no_renaming_into_place else set())
    assert len(prepared_from().samples) == 8
    assert _hidden(home) == set()


@_ACCIDENTS
def test_an_accident_while_overwriting_keeps_the_earlier_set(
    home: Path, accident: Callable[[pytest.MonkeyPatch], None], error: type, message: str
) -> None:
    folder = prepared_from().folder
    before = _content(folder)
    with pytest.MonkeyPatch.context() as monkeypatch, pytest.raises(error, match=message):
        accident(monkeypatch)
        prepared_from(STILLS[2:], overwrite=True)
    assert _content(folder) == before
    assert len(find("synthetic-macro").samples) == 8


def test_a_kill_between_two_renamings_loses_no_set(home: Path) -> None:
    folder = prepared_from().folder
    before = _content(folder)
    (folder.parent / ".synthetic-macro.growing").mkdir()
    folder.rename(folder.parent / ".synthetic-macro.growing" / "old")
    assert _content(prepared_from(STILLS[2:]).folder) == before
    assert _hidden(home) == set()


def test_what_a_run_killed_after_the_exchange_has_left_is_in_nobodys_way(home: Path) -> None:
    folder = prepared_from().folder
    for name in ("old", "new"):
        (folder.parent / ".synthetic-macro.growing" / name / "x").mkdir(parents=True)
    assert len(prepared_from(STILLS[2:], overwrite=True).samples) == 6
    assert _hidden(home) == set()


def test_a_store_that_cannot_be_written_is_one_line(home: Path) -> None:
    (home / "prepared").write_text("a file in the way")
    with pytest.raises(UserError, match=r"^cannot write .*: File exists$|^cannot write .*: Not a directory$"):
        prepared_from()


def test_two_at_once_make_one_set(
    home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    source, joined, started = serve(monkeypatch), module.join, threading.Event()

    def slow_join(*arguments: Any) -> Any:
        started.set()
        # The second one reads its source and then waits for the first.
        deadline = time.monotonic() + 20
        while source.read < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.2)
        return joined(*arguments)

    monkeypatch.setattr(module, "join", slow_join)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(_make)
        assert started.wait(20)
        monkeypatch.setattr(module, "join", None)
        second = pool.submit(_make)
        assert first.result().fingerprint == second.result().fingerprint
    assert "another process is preparing synthetic-macro; waiting for it" in capfd.readouterr().err
    assert [path.name for path in (home / "prepared").iterdir()] == ["synthetic-macro"]


def test_the_fingerprint_follows_pictures_and_labels_alone() -> None:
    first = prepared_from().fingerprint
    assert prepared_from(overwrite=True).fingerprint == first
    assert prepared_from(name="other").fingerprint == first
    others = [
        [*STILLS[:-1], replace(STILLS[-1], frames=Greys((71,)))],
        [*STILLS[:-1], replace(STILLS[-1], label="angry")],
        [*STILLS[:-1], replace(STILLS[-1], subject="s9")],
        [*STILLS[1:], STILLS[0]],
        STILLS[1:],
    ]
    assert len({first, *(prepared_from(samples, overwrite=True).fingerprint for samples in others)}) == 6
    assert prepared_from(size=16, overwrite=True).fingerprint != first


def test_an_embedded_set_is_drawn_when_it_is_first_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    source = serve(monkeypatch)
    said: list[str] = []
    first = find("synthetic-macro", said.append)
    assert first.size == 48
    assert find("synthetic-macro", said.append).fingerprint == first.fingerprint
    assert source.read == 1
    assert said == ["drawing synthetic-macro once (drawn faces, 7 expressions)"]


def test_a_folder_without_its_json_is_no_prepared_set(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch)
    (home / "prepared" / "synthetic-macro").mkdir(parents=True)
    assert len(find("synthetic-macro", lambda line: None).samples) == 8


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("fer2013", r"not prepared\. Owner: .*Courville.* Ask for it: Kaggle.* run: emonas-data prepare fer2013 PATH"),
        ("folder", r"not prepared\. Owner: you\. Ask for it: a CSV .* run: emonas-data prepare folder PATH"),
        ("fer", "^fer2013 is not prepared"),
        ("faces", "no data set 'faces'; known: .*fer2013, folder, .*mine, .*synthetic-macro, synthetic-micro$"),
        ("", "no data set ''; known: .*fer2013"),
        ("..", r"no data set '\.\.'; known: .*fer2013"),
        ("n" * 300, "no data set 'nnn"),
        ("./nowhere", "nowhere: not a prepared data set of emonas"),
    ],
)
def test_what_is_not_prepared_is_told_with_what_to_do(name: str, reason: str) -> None:
    prepared_from(name="mine")
    with pytest.raises(UserError, match=reason) as raised:
        find(name)
    assert "\n" not in str(raised.value)


def test_a_prepared_set_is_found_by_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = prepared_from(name="mine").folder
    folder.rename(tmp_path / "moved")
    assert find(str(tmp_path / "moved")).name == "mine"
    monkeypatch.chdir(tmp_path)
    assert (find("./moved").images[1] == 10).all()
    assert prepared_names() == []
