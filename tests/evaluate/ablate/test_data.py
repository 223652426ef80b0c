"""One database as dynamic image, apex frame and flow: found, or prepared as the first was."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from small import small_macro, small_micro

from emonas.datasets.databases import registry
from emonas.datasets.store import plan
from emonas.datasets.store.config import PrepareConfig
from emonas.datasets.store.prepare import find, prepare
from emonas.datasets.store.prepared import Prepared
from emonas.datasets.synthetic.sets import read_micro
from emonas.errors import UserError
from emonas.evaluate.ablate.data import describe_data, other_representations


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "cores", lambda: 1)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Prepared:
    """A few drawn clips, which are the embedded set for the length of a test."""
    found = read_micro(0, subjects=3, clips=3, size=16)
    monkeypatch.setattr(registry, "read", lambda dataset, source, choices: found)
    config = PrepareConfig(size=16, interpolation="linear", length=6, name="micro", jobs=1)
    return prepare("synthetic-micro", None, config, quiet=True)


def test_a_drawn_set_is_prepared_in_the_other_representations(drawn: Prepared) -> None:
    found = other_representations(drawn, None, quiet=True)
    assert {key: (data.name, data.argument) for key, data in found.items()} == {
        "apex": ("micro-apex", "micro-apex"),
        "flow": ("micro-flow", "micro-flow"),
    }
    for key, data in found.items():
        made = find(data.argument)
        assert (made.options["representation"], made.size) == (key, 16)
        assert [s.clip for s in made.samples] == [s.clip for s in drawn.samples]
        assert not np.array_equal(made.images, drawn.images)
        assert made.fingerprint == data.fingerprint


def test_the_same_holds_for_a_set_of_apex_frames(drawn: Prepared) -> None:
    apex = prepare("synthetic-micro", None, PrepareConfig(size=16, representation="apex", name="own"), quiet=True)
    assert sorted(other_representations(apex, None, quiet=True)) == ["dynamic", "flow"]


def test_what_is_there_is_not_prepared_again(drawn: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    first = other_representations(drawn, None, quiet=True)
    monkeypatch.setattr(registry, "read", lambda *arguments: pytest.fail("it was read again"))
    assert other_representations(drawn, None, quiet=True) == first


def test_another_set_under_the_name_is_refused(drawn: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    small_micro(monkeypatch, PrepareConfig(size=16), 3, 3, "micro-apex")
    with pytest.raises(UserError, match="micro-apex is not micro as apex"):
        other_representations(drawn, None, quiet=True)


def test_stills_have_no_other_representation(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="holds still images"):
        other_representations(small_macro(monkeypatch, subjects=3), None, quiet=True)


def own_clips(folder: Path) -> Path:
    """A CSV of the user's own: four clips of two people."""
    draw = np.random.default_rng(0)
    lines = ["path,subject,label"]
    for i in range(4):
        (folder / f"clip{i}").mkdir(parents=True)
        for frame in range(4):
            cv2.imwrite(str(folder / f"clip{i}" / f"{frame}.png"), draw.integers(0, 255, (16, 16, 3), np.uint8))
        lines.append(f"clip{i},person{i // 2},{'ab'[i % 2]}")
    (folder / "clips.csv").write_text("\n".join(lines))
    return folder / "clips.csv"


def test_a_real_set_is_read_from_where_it_was_or_from_where_the_user_says(tmp_path: Path) -> None:
    source = own_clips(tmp_path / "here")
    mine = prepare("folder", source, PrepareConfig(size=16, name="mine"), quiet=True)
    assert sorted(other_representations(mine, None, quiet=True)) == ["apex", "flow"]
    again = prepare("folder", source, PrepareConfig(size=16, name="moved"), quiet=True)
    source.rename(source.with_name("elsewhere.csv"))
    with pytest.raises(UserError) as refused:
        other_representations(again, None, quiet=True)
    assert "--source PATH" in str(refused.value)
    assert "emonas-data prepare folder PATH --representation apex --name moved-apex" in str(refused.value)
    assert sorted(other_representations(again, source.with_name("elsewhere.csv"), quiet=True)) == ["apex", "flow"]


def test_a_set_is_told_to_commands_by_its_name_or_its_whole_path(
    drawn: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(drawn.folder.parent)
    assert describe_data(drawn, "micro").argument == "micro"
    assert describe_data(drawn, "./micro").argument == str(drawn.folder.resolve())
    assert describe_data(drawn, "micro").representation == "dynamic"
