"""check and prepare look with the same eyes: what check promises is what prepare keeps."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from data_command import Command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emonas.datasets.databases import registry
from emonas.datasets.store.prepared import load
from emonas.errors import UserError

FLAWS = ("whole", "cut off", "damaged inside", "empty", "missing", "other size", "no motion")


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setenv("COLUMNS", "120")
    return Command(capsys)


def _clip(folder: Path, flaw: str, seed: int) -> str:
    """A folder of four frames with a flaw, and the rest of its row in the table."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for number in range(1, 5):
        side = 24 if flaw == "other size" and number == 3 else 20
        data = cv2.imencode(".png", rng.integers(0, 255, (side, side, 3), np.uint8))[1].tobytes()
        if number == 3 and flaw == "cut off":
            data = data[: len(data) // 2]
        if number == 3 and flaw == "damaged inside":
            data = data[:60] + bytes(len(data) - 120) + data[-60:]
        if number == 3 and flaw == "empty":
            data = b""
        (folder / f"{number}.png").write_bytes(data)
    return {"no motion": "2,2,2", "missing": "1,9,9"}.get(flaw, "1,3,4")


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(FLAWS), min_size=3, max_size=6), st.sampled_from(["auto", "apex", "clip", "flow"]))
def test_check_says_what_prepare_keeps(
    command: Command, tmp_path_factory: pytest.TempPathFactory, flaws: list[str], representation: str
) -> None:
    root = tmp_path_factory.mktemp("set")
    rows = ["path,subject,label,onset,apex,offset"]
    for i, flaw in enumerate(("whole", "whole", *flaws)):
        rows.append(f"{i},s{i % 3},{'ab'[i % 2]},{_clip(root / str(i), flaw, i)}")
    (root / "clips.csv").write_text("\n".join(rows) + "\n")
    options = ("--representation", representation, "--size", "16", "--jobs", "1")
    promised = command.json("check", "folder", root / "clips.csv", *options)
    kept = command.json("prepare", "folder", root / "clips.csv", *options, "--name", "mine", "--overwrite")
    assert (promised["samples"], promised["dropped"]) == (kept["samples"], kept["dropped"])
    assert promised["counts"] == kept["counts"] and promised["notes"] == kept["notes"]


def _split_with_copies(root: Path) -> Path:
    """Drawn faces in train and test; a mirrored test picture stands in train, too."""
    faces = {sample.person: sample.frames.read()[0] for sample in registry.read("synthetic-macro", None).used[:300]}
    rows = ["path,label,part"]
    pictures = list(faces.values())[:8]
    pictures.append(np.ascontiguousarray(pictures[6][:, ::-1]))
    for i, picture in enumerate(pictures):
        cv2.imwrite(str(root / f"{i}.png"), picture)
        rows.append(f"{i}.png,{'ab'[i % 2]},{'test' if i in (6, 7) else 'train'}")
    (root / "list.csv").write_text("\n".join(rows) + "\n")
    return root / "list.csv"


def test_near_copies_of_tested_pictures_are_told_and_left_out_on_request(
    command: Command, tmp_path: Path, home: Path
) -> None:
    source = _split_with_copies(tmp_path)
    made = command.json("prepare", "folder", source, "--name", "all", "--size", "16")
    assert made["samples"] == 9 and any("1 near copy of tested pictures" in note for note in made["notes"])
    (pair,) = load(home / "prepared" / "all").near_copies
    assert (pair.first, pair.second) == (6, 8)
    left = command.json("prepare", "folder", source, "--name", "fewer", "--size", "16", "--drop-near-copies")
    assert left["samples"] == 8 and left["dropped"] == {"near copy": 1}
    assert load(home / "prepared" / "fewer").near_copies == ()
    status, _, err = command("prepare", "folder", source, "--name", "fewer", "--size", "16")
    assert status == 2 and "drop_near_copies True -> False" in err


def test_a_table_of_near_copies_that_names_other_rows_is_refused(command: Command, tmp_path: Path, home: Path) -> None:
    command.json("prepare", "folder", _split_with_copies(tmp_path), "--name", "all", "--size", "16")
    table = home / "prepared" / "all" / "near_copies.csv"
    table.write_text(table.read_text().replace("7,9,", "7,99,"))
    with pytest.raises(UserError, match=r"names rows that samples\.csv does not have"):
        load(table.parent)


def test_dropped_rows_are_listed_before_a_set_is_refused(command: Command, tmp_path: Path) -> None:
    _clip(tmp_path / "1", "whole", 1)
    _clip(tmp_path / "2", "empty", 2)
    (tmp_path / "clips.csv").write_text("path,subject,label\n1,s1,happy\n2,s2,sad\n")
    status, out, err = command("check", "folder", tmp_path / "clips.csv")
    assert status == 2 and "Dropped: 1" in out and "empty file" in out
    assert "one class 'happy' (1 dropped" in err and err.count("\n") == 1


def test_a_quick_check_looks_at_files_only(command: Command, tmp_path: Path) -> None:
    for name, flaw in (("1", "whole"), ("2", "damaged inside"), ("3", "whole")):
        _clip(tmp_path / name, flaw, int(name))
    (tmp_path / "clips.csv").write_text("path,subject,label\n1,s1,happy\n2,s2,sad\n3,s3,sad\n")
    quick = command.json("check", "folder", tmp_path / "clips.csv", "--quick")
    assert (quick["samples"], command.json("check", "folder", tmp_path / "clips.csv")["samples"]) == (3, 2)
