"""The run folder: the same command continues its run, and no other run is overwritten."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from emonas.console import plain
from emonas.errors import UserError
from emonas.files import read_json
from emonas.run_folder import open_run

CONFIG = {"dataset": "synthetic-macro", "epochs": 30, "rate": 0.025, "genotype": None}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "first"


def refused(folder: Path, reason: str, config: dict[str, Any] = CONFIG) -> None:
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
    refused(folder, r"\(epochs 30 -> 60\)", CONFIG | {"epochs": 60})
    both = CONFIG | {"dataset": "casme2", "rate": 0.1}
    refused(folder, r"\(dataset 'synthetic-macro' -> 'casme2'; rate 0.025 -> 0.1\)", both)
    refused(folder, r"\(nodes None -> 4\)", CONFIG | {"nodes": 4})
    assert read_json(folder / "config.json") == CONFIG


def test_free_options_may_differ(folder: Path) -> None:
    open_run(folder, CONFIG)
    assert open_run(folder, CONFIG | {"epochs": 60}, free=frozenset({"epochs"})) is True


def test_a_folder_of_other_files_is_refused(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "holiday.jpg").touch()
    refused(folder, "holds other files")
    assert [entry.name for entry in folder.iterdir()] == ["holiday.jpg"]


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused(tmp_path / "file", "is a file, a folder is needed")
    refused(tmp_path / "file" / "run", "cannot write")


@pytest.mark.parametrize(("content", "reason"), [("[]", "not a run's config"), ("{", "not valid JSON"), ("", "JSON")])
def test_a_foreign_config_is_refused(content: str, reason: str, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(content)
    refused(folder, reason)


def test_a_name_that_is_too_long_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / ("a" * 300), "cannot be used: File name too long")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may enter everywhere")
def test_a_folder_without_rights_is_refused(folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0)
    try:
        refused(folder, "Permission denied")
    finally:
        folder.chmod(0o700)
