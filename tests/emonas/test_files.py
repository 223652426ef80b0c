"""Files that are whole or absent, and run folders that only their own command continues."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emonas.console import plain
from emonas.errors import UserError
from emonas.files import (
    guard_cell,
    open_run,
    read_json,
    replacing,
    temporary_path,
    together,
    unguard_cell,
    why_not_a_file,
    write_json,
    write_text,
)

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


def refused(action: Callable[[], Any], reason: str) -> None:
    with pytest.raises(UserError, match=reason) as raised:
        action()
    assert len(str(raised.value).splitlines()) == 1


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file that must survive."""
    path = tmp_path / "file.json"
    path.write_text("old")
    return path


def untouched(old: Path) -> bool:
    """The old file is there as it was, and nothing beside it."""
    return old.read_text() == "old" and list(old.parent.iterdir()) == [old]


def test_writing_replaces_and_makes_the_folder(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file.txt"
    write_text(path, "first")
    write_text(path, "zweite Zeile: ß 😀\n")
    assert path.read_text(encoding="utf-8") == "zweite Zeile: ß 😀\n"
    assert list(path.parent.iterdir()) == [path]


@settings(max_examples=40)
@given(data=PLAIN)
def test_json_comes_back(data: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "plain.json"
    write_json(path, data)
    assert read_json(path) == data


def test_names_that_are_not_utf8_come_back(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    write_json(tmp_path / "file.json", {"source": name})
    assert read_json(tmp_path / "file.json") == {"source": name}


def test_the_target_is_whole_until_the_new_file_is(old: Path) -> None:
    with replacing(old) as temporary:
        temporary.write_text("half")
        assert old.read_text() == "old"
        assert temporary.parent == old.parent
        temporary.write_text("new")
    assert old.read_text() == "new"
    assert list(old.parent.iterdir()) == [old]


@pytest.mark.parametrize("failure", [KeyboardInterrupt, ValueError, MemoryError])
def test_a_failure_while_writing_leaves_the_old_file(failure: type[BaseException], old: Path) -> None:
    with pytest.raises(failure), replacing(old) as temporary:
        temporary.write_text("half")
        raise failure
    assert untouched(old)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_json_lacks_are_refused(number: float, old: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(old, {"loss": [number]})
    assert untouched(old)


def full_disk(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(("owner", "function"), [(Path, "write_text"), (os, "fsync"), (Path, "replace")])
def test_a_full_disk_is_one_line_and_leaves_the_old_file(
    owner: object, function: str, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(owner, function, full_disk)
        refused(lambda: write_json(old, {"new": 1}), f"cannot write {old}: No space left on device")
    assert untouched(old)


@pytest.mark.parametrize("below", ["x.json", "folder/x.json"])
def test_a_path_below_a_file_is_refused(below: str, old: Path) -> None:
    refused(lambda: write_text(old / below, "new"), "cannot write .*(Not a directory|File exists)")
    assert untouched(old)


def test_a_name_that_is_too_long_is_refused(tmp_path: Path) -> None:
    refused(lambda: write_text(tmp_path / ("a" * 300), "new"), "File name too long")
    refused(lambda: read_json(tmp_path / ("a" * 300)), "File name too long")


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder" / "inside").mkdir(parents=True)
    refused(lambda: write_text(tmp_path / "folder", "new"), "Is a directory|Directory not empty")
    assert list(tmp_path.iterdir()) == [tmp_path / "folder"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_rights_is_refused(old: Path) -> None:
    old.parent.chmod(0o500)
    try:
        refused(lambda: write_text(old, "new"), "Permission denied")
    finally:
        old.parent.chmod(0o700)
    assert untouched(old)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not valid JSON"),
        (b'{"a": 1,\n}', "not valid JSON: .* at line 2"),
        (b"\xff\xfe\x00", "not a text file"),
        (b"[" * 100_000, "nested too deeply"),
        (b"1" * 5000, "a number is too long"),
    ],
)
def test_what_is_not_json_is_refused(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(content)
    refused(lambda: read_json(path), f"^{path}: .*{reason}")


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    refused(lambda: read_json(tmp_path / "nothing.json"), "no such file")
    refused(lambda: read_json(tmp_path), "cannot be read: Is a directory")


CONFIG = {"dataset": "synthetic-macro", "epochs": 30, "rate": 0.025, "genotype": None}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "first"


def refused_as_run(folder: Path, reason: str, config: dict[str, Any] = CONFIG) -> None:
    with pytest.raises(UserError, match=reason) as raised:
        open_run(folder, config)
    assert str(folder) in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


def test_the_same_command_continues(folder: Path) -> None:
    assert open_run(folder, CONFIG) is False
    assert read_json(folder / "config.json") == CONFIG
    assert open_run(folder, CONFIG) is True


@dataclass(frozen=True)
class Options:
    """Options as a command has them."""

    out: Path = Path("runs/first")
    widths: tuple[int, ...] = (16, 24)
    rate: float = 1 / 3


def test_options_of_every_kind_are_recognised_again(folder: Path) -> None:
    assert [open_run(folder, plain(Options())) for _ in range(2)] == [False, True]


def test_an_empty_folder_is_taken(folder: Path) -> None:
    folder.mkdir(parents=True)
    assert open_run(folder, CONFIG) is False


def test_hidden_files_do_not_matter(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / ".config.json.17.tmp").touch()
    assert open_run(folder, CONFIG) is False


def test_other_options_are_refused_and_named(folder: Path) -> None:
    open_run(folder, CONFIG)
    refused_as_run(folder, r"\(epochs 30 -> 60\)", CONFIG | {"epochs": 60})
    both = CONFIG | {"dataset": "casme2", "rate": 0.1}
    refused_as_run(folder, r"\(dataset 'synthetic-macro' -> 'casme2'; rate 0.025 -> 0.1\)", both)
    refused_as_run(folder, r"\(nodes None -> 4\)", CONFIG | {"nodes": 4})
    assert read_json(folder / "config.json") == CONFIG


def test_free_options_may_differ(folder: Path) -> None:
    open_run(folder, CONFIG)
    assert open_run(folder, CONFIG | {"epochs": 60}, free=frozenset({"epochs"})) is True


def test_an_option_of_another_name_in_earlier_versions_is_recognised(folder: Path) -> None:
    open_run(folder, CONFIG)
    now = {"learning_rate" if key == "rate" else key: value for key, value in CONFIG.items()}
    refused_as_run(folder, r"\(learning_rate None -> 0.025\)", now)
    assert open_run(folder, now, renamed={"rate": "learning_rate"}) is True


def test_a_folder_of_other_files_is_refused(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "holiday.jpg").touch()
    refused_as_run(folder, "holds other files")
    assert [entry.name for entry in folder.iterdir()] == ["holiday.jpg"]


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused_as_run(tmp_path / "file", "is a file, a folder is needed")
    refused_as_run(tmp_path / "file" / "run", "cannot write")


@pytest.mark.parametrize(("content", "reason"), [("[]", "not a run's config"), ("{", "not valid JSON"), ("", "JSON")])
def test_a_foreign_config_is_refused(content: str, reason: str, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(content)
    refused_as_run(folder, reason)


def test_a_run_folder_whose_name_is_too_long_is_refused(tmp_path: Path) -> None:
    refused_as_run(tmp_path / ("a" * 300), "cannot be used: File name too long")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may enter everywhere")
def test_a_run_folder_without_rights_is_refused(folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0)
    try:
        refused_as_run(folder, "Permission denied")
    finally:
        folder.chmod(0o700)


@given(st.text() | st.from_regex("'{0,2}[=+@\\-\t\r].*"))
def test_a_guarded_cell_is_no_formula_and_comes_back(text: str) -> None:
    guarded = guard_cell(text)
    assert not guarded.startswith(("=", "+", "-", "@", "\t", "\r")) and unguard_cell(guarded) == text


def test_numbers_are_not_guarded() -> None:
    assert [guard_cell(value) for value in (-1, -0.5, None, "a=b")] == [-1, -0.5, None, "a=b"]


def test_a_pipe_a_device_and_a_folder_are_told_from_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("x")
    assert why_not_a_file(tmp_path / "file") == ""
    for path, words in {
        tmp_path / "pipe": "a named pipe, not a file",
        Path("/dev/zero"): "a device, not a file",
        tmp_path: "Is a directory",
        tmp_path / "none": "no such file",
        tmp_path / "file" / "below": "no such file",
        tmp_path / ("x" * 300): "File name too long",
    }.items():
        assert words in why_not_a_file(path)
        refused(lambda path=path: read_json(path), words)


def test_files_that_belong_together_appear_together(tmp_path: Path) -> None:
    with together():
        write_text(tmp_path / "a.txt", "a")
        write_text(tmp_path / "deep" / "b.txt", "b")
        write_text(tmp_path / "a.txt", "again")
        assert not (tmp_path / "a.txt").exists()
    assert (tmp_path / "a.txt").read_text() == "again" and (tmp_path / "deep" / "b.txt").read_text() == "b"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "deep"]


@pytest.mark.parametrize("failure", [KeyboardInterrupt, UserError])
def test_none_of_them_appears_where_one_fails(failure: type[BaseException], old: Path) -> None:
    with pytest.raises(failure), together():
        write_text(old, "new")
        write_text(old.with_name("other.txt"), "other")
        write_text(old.parent / "deep" / "deeper" / "more.txt", "more")
        raise failure
    assert untouched(old)


def dead_process() -> int:
    """The number of a process that has ended."""
    return int(subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True).stdout)


def test_what_a_killed_process_left_is_swept_and_nothing_of_a_living_one(tmp_path: Path) -> None:
    path = tmp_path / "run" / "file.txt"
    path.parent.mkdir()
    mine = temporary_path(path).name
    dead = mine.replace(f".{os.getpid()}-", f".{dead_process()}-")
    alive = mine.replace(f".{os.getpid()}-", f".{os.getppid()}-")
    elsewhere = f"{dead.rsplit('-', 1)[0]}-00000000.tmp"
    kept = {alive, elsewhere, ".hidden.tmp", "file.12-aaaaaaaa.tmp"}
    for name in {dead, f"{dead}.mp4", *kept}:
        (path.parent / name).write_text("")
    write_text(path, "new")
    assert {one.name for one in path.parent.iterdir()} == {"file.txt", *kept}


def test_a_run_that_is_continued_is_swept_below(folder: Path) -> None:
    open_run(folder, CONFIG)
    left = folder / "seed0" / temporary_path(Path("x")).name.replace(str(os.getpid()), str(dead_process()))
    left.parent.mkdir()
    left.write_text("")
    open_run(folder, CONFIG)
    assert not left.exists()


def test_the_longest_name_of_a_file_can_be_written(tmp_path: Path) -> None:
    for name in ("x" * 255, "é" * 127):
        write_text(tmp_path / name, "new")
        assert (tmp_path / name).read_text() == "new"
