"""Pictures are as light and as large as their sources, and what is doubtful about that is said."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from emonas.datasets.catalogue.check import show_check
from emonas.datasets.databases import registry
from emonas.datasets.store.config import CHECK_DEFAULTS, PrepareConfig
from emonas.datasets.store.look import Look, following_size, settle_pictures
from emonas.datasets.store.plan import resolve
from emonas.datasets.store.prepare import prepare


def _set(folder: Path, side: int = 28, most: int = 255, kind: type = np.uint8) -> Path:
    """Eight stills of four people in two classes; their lightest pixel is ``most``, but in the first a tenth of it."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = ["path,subject,label"]
    for number in range(8):
        levels = np.linspace(0, most if number else most // 10, side * (side + 6)).reshape(side, side + 6)
        cv2.imwrite(str(folder / f"{number}.png"), np.roll(levels, 7 * number).astype(kind))
        rows.append(f"{number}.png,p{number % 4},{'ab'[number // 4]}")
    table = folder / "faces.csv"
    table.write_text("\n".join(rows))
    return table


def test_12_bits_of_16_fill_the_levels_and_are_recorded_for_prediction(tmp_path: Path) -> None:
    made = prepare("folder", _set(tmp_path, most=4000, kind=np.uint16), PrepareConfig(jobs=1, name="deep"), quiet=True)
    assert made.options["bits"] == 12
    assert made.images.max() == 4000 >> 4
    assert made.images[0].max() == 400 >> 4, "all pictures of a set are read alike"
    assert any("12 used bits" in note for note in made.notes)


def test_the_bits_that_a_user_gives_are_taken(tmp_path: Path) -> None:
    source = _set(tmp_path, most=4000, kind=np.uint16)
    made = prepare("folder", source, PrepareConfig(jobs=1, name="deep", bits=16), quiet=True)
    assert made.options["bits"] == 16
    assert made.images.max() == 4000 >> 8
    assert any("dark" in note for note in made.notes)


def test_small_sources_are_not_enlarged_without_a_word(tmp_path: Path) -> None:
    source = _set(tmp_path, side=30)
    made = prepare("folder", source, PrepareConfig(jobs=1, name="small"), quiet=True)
    assert made.size == made.options["size"] == 28
    assert any("30 pixels" in note and "28" in note for note in made.notes)
    larger = prepare("folder", source, PrepareConfig(jobs=1, name="large", size=64), quiet=True)
    assert larger.size == 64
    assert any("enlarging" in note for note in larger.notes)


def test_what_was_found_out_is_no_other_option_when_the_command_is_run_again(tmp_path: Path) -> None:
    source = _set(tmp_path, most=4000, kind=np.uint16)
    first = prepare("folder", source, PrepareConfig(jobs=1, name="again"), quiet=True)
    again = prepare("folder", source, PrepareConfig(jobs=1, name="again"), quiet=True)
    assert again.fingerprint == first.fingerprint


def test_an_owners_size_stays_whatever_the_sources(tmp_path: Path) -> None:
    source = _set(tmp_path)
    found = registry.read("folder", source)
    plan = resolve("casme2", tmp_path, PrepareConfig())
    settled, read = settle_pictures(plan, found)
    assert settled.pictures.size == plan.pictures.size
    assert any("enlarging" in note for note in read.notes)


def test_ordinary_pictures_need_no_notes(tmp_path: Path) -> None:
    made = prepare("folder", _set(tmp_path, side=120), PrepareConfig(jobs=1, name="usual"), quiet=True)
    assert made.size == 112
    assert not [note for note in made.notes if "bits" in note or "dark" in note or "pixels" in note]
    assert made.options["bits"] == 0


def test_a_check_says_what_preparing_will(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show_check("folder", _set(tmp_path / "deep", most=1000, kind=np.uint16), CHECK_DEFAULTS)
    told = " ".join(capsys.readouterr().err.split())
    assert "10 used bits" in told
    assert "28 pixels" in told
    show_check("folder", _set(tmp_path / "dark", most=30), CHECK_DEFAULTS)
    assert "dark" in capsys.readouterr().err


def test_the_size_follows_in_steps_and_has_its_bounds() -> None:
    assert [following_size(side, 112) for side in (0, 3, 28, 50, 111, 112, 4000)] == [112, 8, 28, 48, 108, 112, 112]
    assert not list(Look(0, 0).dark_note)
