"""The list of data sets, and what is refused before a file is read."""

from __future__ import annotations

import importlib
import os
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from emonas.datasets.clips.sample import ReadResult
from emonas.datasets.databases import registry
from emonas.datasets.databases.registry import DATASETS
from emonas.datasets.reading.choices import Choices
from emonas.datasets.reading.database import Database
from emonas.errors import UserError


@pytest.mark.parametrize("known", DATASETS.values(), ids=list(DATASETS))
def test_every_entry_says_what_people_need_and_leads_to_a_reader(
    known: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert known.owner and known.request and known.embedded != bool(known.source)
    assert known.protocol in {"fixed", "loso", "kfold", "au3", "auto"}
    assert re.fullmatch("[a-z0-9_-]+", known.name), "names are folders"
    assert all(re.fullmatch("[a-z0-9_+-]+", alias) for alias in known.aliases)
    asked: list[tuple[object, ...]] = []

    def reader(*source: object) -> ReadResult:
        asked.append(source)
        return ReadResult((), ())

    module, function = known.reader.split(":")
    monkeypatch.setattr(importlib.import_module(f".{module}", "emonas.datasets.databases"), function, reader)
    registry.read(known.name, None if known.embedded else tmp_path)
    assert asked == [() if known.embedded else (tmp_path, registry.resolve_choices(known.name, Choices()))]


@pytest.mark.parametrize(
    ("name", "source", "reason"),
    [
        ("faces", None, r"unknown data set 'faces'; known: synthetic-micro, synthetic-macro, .*, folder"),
        ("fer2013", None, "fer2013 needs its source: fer2013.csv"),
        ("fer2013", "missing.csv", "missing.csv: no such file or folder"),
        ("folder", "a" * 300, "no such file or folder"),
        ("synthetic-macro", ".", "takes no source"),
    ],
)
def test_a_wrong_source_is_refused_in_one_line(name: str, source: str | None, reason: str) -> None:
    with pytest.raises(UserError, match=reason) as raised:
        registry.read(name, None if source is None else Path(source))
    assert "\n" not in str(raised.value)


@pytest.mark.skipif(os.name == "nt", reason="file names are Unicode there")
def test_file_names_in_another_encoding_become_legible(tmp_path: Path) -> None:
    for part in (b"train", b"test"):
        for label in (b"gl\xfccklich", b"traurig"):
            folder = os.path.join(os.fsencode(tmp_path), part, label)  # noqa: PTH118 (bytes)
            os.makedirs(folder)  # noqa: PTH103
            image = np.full((4, 4, 3), len(part) + len(label), np.uint8)
            with open(os.path.join(folder, b"\xe4.png"), "wb") as file:  # noqa: PTH118, PTH123
                file.write(cv2.imencode(".png", image)[1].tobytes())
    found = registry.read("folder", tmp_path)
    assert found.classes == ("gl\\udcfccklich", "traurig")
    assert {sample.label for sample in found.used} == set(found.classes)
    assert found.used[0].clip.endswith("/\\udce4.png")
    assert found.used[0].frames.read().shape == (1, 4, 4, 3)
