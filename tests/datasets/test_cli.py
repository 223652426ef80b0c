"""The command emonas-data as its users see it: what is said, what programs can read, what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import pytest
from data_command import Command, fits
from made_samples import STILLS, files_below, serve

from emonas.datasets.clips.representation import PictureOptions
from emonas.datasets.databases.registry import DATASETS
from emonas.datasets.store.prepare import find
from emonas.datasets.store.prepared import load
from emonas.datasets.synthetic import sets as synthetic
from emonas.datasets.synthetic.draw import draw_face, random_identity


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


def _table(folder: Path, labels: tuple[str, ...] = ("happy", "sad", "surprised"), people: int = 4) -> Path:
    """Twelve stills of four people, and one that is missing."""
    lines = ["path,subject,label"]
    for i in range(12):
        image = np.random.default_rng(i).integers(0, 256, (20, 16, 3), dtype=np.uint8)
        (folder / f"{i}.png").write_bytes(cv2.imencode(".png", image)[1].tobytes())
        lines.append(f"{i}.png,s{i % people},{labels[i % len(labels)]}")
    (folder / "list.csv").write_text("\n".join([*lines, "none.png,s0,happy"]) + "\n")
    return folder / "list.csv"


def test_the_list_names_owners_and_what_is_prepared(command: Command, tmp_path: Path) -> None:
    out = command.succeed("list")
    fits(out)
    for word in ("synthetic-micro", "embedded", "fer2013", "35887", "describe NAME", "None is prepared yet"):
        assert word in out
    command.succeed("prepare", "folder", _table(tmp_path), "--name", "mine", "--size", "16")
    out = command.succeed("list")
    fits(out)
    assert out.splitlines()[-1].split() == ["mine", "12", "4", "3", "still", "16x16"]


def test_the_list_for_programs(command: Command, tmp_path: Path, home: Path) -> None:
    command.succeed("prepare", "folder", _table(tmp_path), "--name", "mine")
    command.succeed("prepare", "folder", _table(tmp_path), "--name", "broken")
    (home / "prepared" / "broken" / "images.npy").write_bytes(b"")
    data = command.json("list")
    assert [entry["name"] for entry in data["datasets"]] == list(DATASETS)
    known = {"title", "kind", "owner", "request", "embedded", "source", "protocol", "size", "aliases", "classes"}
    assert known < set(data["datasets"][2])
    broken, mine = data["prepared"]
    assert broken["name"] == "broken" and "damaged" in broken["damaged"]
    assert (mine["name"], mine["samples"], mine["subjects"]) == ("mine", 12, 4)
    assert mine["folder"] == str(home / "prepared" / "mine")


def test_a_damaged_set_is_listed_as_such(command: Command, tmp_path: Path, home: Path) -> None:
    command.succeed("prepare", "folder", _table(tmp_path), "--name", "broken")
    (home / "prepared" / "broken" / "samples.csv").unlink()
    status, out, err = command("list")
    assert status == 0
    assert out.splitlines()[-1].split() == ["broken", "damaged"]
    assert err.startswith("note: ") and err.endswith("run emonas-data prepare --overwrite\n") and err.count("\n") == 1


def test_check_counts_classes_and_drops_and_writes_nothing(command: Command, tmp_path: Path, home: Path) -> None:
    source = _table(tmp_path)
    before = files_below(tmp_path)
    out = command.succeed("check", "folder", source)
    fits(out)
    lines = [line.split() for line in out.splitlines()]
    assert out.startswith("folder: 12 samples, 4 people\n")
    for expected in (["happy", "4"], ["all", "12"], ["1", "no", "such", "file"], ["none.png", "no", "such", "file"]):
        assert expected in lines
    assert "protocol   leave one subject out, 4 folds, predictions pooled" in out
    assert files_below(home) == [] and files_below(tmp_path) == before


_SMALL = "the shorter side of the sources has 16 pixels, so pictures of 16 are made; --size takes others"


def test_check_for_programs(command: Command, tmp_path: Path) -> None:
    source = _table(tmp_path)
    assert command.json("check", "folder", source) == {
        "dataset": "folder",
        "source": str(source),
        "options": {"apex_policy": "middle"},
        "samples": 12,
        "subjects": 4,
        "counts": {"happy": 4, "sad": 4, "surprised": 4},
        "dropped": {"no such file": 1},
        "expected": [],
        "as_expected": None,
        "protocol": "loso",
        "protocol_in_words": "leave one subject out, 4 folds, predictions pooled",
        "notes": [_SMALL],
    }


def test_check_of_an_embedded_set(command: Command) -> None:
    out = command.succeed("check", "synthetic-micro")
    fits(out)
    assert out.splitlines()[1].split() == ["class", "samples", "train", "test"]
    assert "no person in both parts" in out
    data = command.json("check", "synthetic-macro")
    assert (data["source"], data["protocol"], data["subjects"]) == (None, "fixed", 40)


def test_check_shows_a_source_that_no_protocolfits(command: Command, tmp_path: Path) -> None:
    source = _table(tmp_path, people=1)
    assert "protocol   none: leaving one subject out needs at least two" in command.succeed("check", "folder", source)
    assert command.json("check", "folder", source)["protocol"] is None


def test_check_refuses_a_source_without_a_usable_sample(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, [sample.drop("no label") for sample in STILLS])
    status, out, err = command("check", "synthetic-macro")
    assert status == 2 and "Dropped: 8" in out and "clip70" in out
    assert err == "emonas-data: synthetic-macro: no usable sample was found (8 dropped, the first: no label)\n"
    assert command("check", "synthetic-macro", "--json")[:2] == (2, "")


def test_prepare_says_what_it_made(command: Command, tmp_path: Path, home: Path) -> None:
    out = command.succeed("prepare", "folder", _table(tmp_path), "--size", "16", "--name", "mine")
    fits(out)
    assert out.splitlines()[-6:] == [
        "mine: 12 pictures (still, 16x16) of 4 people",
        "classes    happy, sad, surprised",
        "dropped    1: no such file (1); each one is listed in dropped.csv",
        f"in         {home / 'prepared' / 'mine'}",
        "look at    contact_sheet.png there: are the faces and the motion right?",
        "next       emonas-search --dataset mine",
    ]
    assert load(home / "prepared" / "mine").images.shape == (12, 3, 16, 16)


def test_prepare_for_programs_says_nothing_else(command: Command, tmp_path: Path, home: Path) -> None:
    source = _table(tmp_path)
    data = command.json("prepare", "folder", source)
    assert data == {
        "name": "folder",
        "folder": str(home / "prepared" / "folder"),
        "dataset": "folder",
        "samples": 12,
        "subjects": 4,
        "classes": ["happy", "sad", "surprised"],
        "protocol": "loso",
        "options": {
            **asdict(PictureOptions(size=16, representation="still")),
            "faces": "whole",
            "face_model": "",
            "drop_near_copies": False,
            **{name: data["options"][name] for name in ("face_share", "face_found", "frame_aspect")},
        },
        "counts": {"happy": 4, "sad": 4, "surprised": 4},
        "dropped": {"no such file": 1},
        "notes": [_SMALL],
        "fingerprint": data["fingerprint"],
    }
    assert command.json("prepare", "folder", source) == data


def test_the_options_reach_the_pictures(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, synthetic.read_micro(subjects=3, clips=3, size=16).samples)
    options = {"size": 16, "representation": "dynamic", "coefficients": "learnet", "span": "onset-offset"}
    words = [word for key, value in options.items() for word in (f"--{key}", value)]
    expected = {**asdict(PictureOptions(size=16)), **options, "apex_policy": "middle"}
    prepared = command.json("prepare", "synthetic-micro", *words)["options"]
    assert {key: prepared[key] for key in expected} == expected
    assert command.json("prepare", "synthetic-micro", "--name", "b")["options"]["size"] == 64


def test_the_options_of_faces_reach_the_pictures(command: Command, tmp_path: Path) -> None:
    face, lines = draw_face(random_identity(np.random.default_rng(1)), {}, 160), ["path,subject,label"]
    for i in range(4):
        picture = np.full((240, 320, 3), 200, np.uint8)
        if i != 3:
            picture[40:200, 80 + 20 * i : 240 + 20 * i] = face
        (tmp_path / f"{i}.png").write_bytes(cv2.imencode(".png", picture[..., ::-1])[1].tobytes())
        lines.append(f"{i}.png,s{i},{'ab'[i % 2]}")
    (tmp_path / "list.csv").write_text("\n".join(lines))
    whole = command.json("prepare", "folder", tmp_path / "list.csv", "--size", "32", "--jobs", "1")
    assert (whole["samples"], whole["options"]["faces"]) == (4, "whole")
    out = command.succeed(
        "prepare", "folder", tmp_path / "list.csv", "--faces", "detect", "--size", "32", "--overwrite"
    )
    assert "3 pictures (still, 32x32, faces cut out)" in out and "no face found (1)" in out
    status, _, err = command("prepare", "folder", tmp_path / "list.csv", "--size", "32", "--faces", "whole")
    assert status == 2 and "faces detect -> whole" in err
    assert "was prepared before" in command("prepare", "folder", tmp_path / "list.csv", "--size", "32")[2]


def test_what_was_drawn_on_first_use_is_what_prepare_makes(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    source = serve(monkeypatch, synthetic.read_micro(subjects=3, clips=3, size=16).samples)
    drawn = find("synthetic-micro")
    assert command.capsys.readouterr().out.startswith("drawing synthetic-micro once")
    assert command.json("prepare", "synthetic-micro")["fingerprint"] == drawn.fingerprint
    assert source.read == 1


def test_names_that_look_like_markup_are_shown_as_they_are(command: Command, tmp_path: Path) -> None:
    source = _table(tmp_path, ("[bold]a", "[/b]", ":smile:"))
    assert "[bold]a" in command.succeed("check", "folder", source)
    assert "classes    :smile:, [/b], [bold]a" in command.succeed("prepare", "folder", source)


_MALFORMED = {
    "no data set": ("check",),
    "unknown data set": ("check", "ck+"),
    "unknown data set to prepare": ("prepare", "ck+"),
    "no source": ("prepare", "fer2013"),
    "a source too many": ("prepare", "synthetic-macro", "{}/list.csv"),
    "missing": ("check", "folder", "{}/missing.csv"),
    "name too long": ("check", "folder", "a" * 300),
    "empty file": ("check", "folder", "{}/empty.csv"),
    "not a table": ("prepare", "folder", "{}/0.png"),
    "another table": ("check", "fer2013", "{}/list.csv"),
    "wrong folder": ("check", "fer2013", "{}"),
    "folder without parts": ("prepare", "folder", "{}/empty"),
    "one class": ("prepare", "folder", "{}/alike.csv"),
    "size 0": ("prepare", "synthetic-macro", "--size", "0"),
    "size abc": ("prepare", "synthetic-macro", "--size", "abc"),
    "size 1.5": ("prepare", "synthetic-macro", "--size", "1.5"),
    "size 5000": ("prepare", "synthetic-macro", "--size", "5000"),
    "no size": ("prepare", "synthetic-macro", "--size"),
    "unknown option": ("prepare", "synthetic-macro", "--side", "32"),
    "unknown representation": ("prepare", "synthetic-macro", "--representation", "flows"),
    "flow of stills": ("prepare", "folder", "{}/list.csv", "--representation", "flow"),
    "interpolation of an apex": ("prepare", "synthetic-micro", "--representation", "apex", "--interpolation", "graph"),
    "magnified stills": ("prepare", "synthetic-macro", "--magnify", "10"),
    "a clip of one frame": ("prepare", "synthetic-micro", "--representation", "clip", "--length", "1"),
    "clip representation": ("prepare", "folder", "{}/list.csv", "--representation", "dynamic"),
    "still of clips": ("prepare", "synthetic-micro", "--representation", "still"),
    "no processes": ("prepare", "synthetic-macro", "--jobs", "0"),
    "a model for whole pictures": ("prepare", "folder", "{}/list.csv", "--face-model", "{}/0.png"),
    "no such model": ("prepare", "folder", "{}/list.csv", "--faces", "detect", "--face-model", "{}/none.onnx"),
    "not a model": ("prepare", "folder", "{}/list.csv", "--faces", "detect", "--face-model", "{}/list.csv"),
    "name with a slash": ("prepare", "synthetic-macro", "--name", "../x"),
    "taken name": ("prepare", "folder", "{}/list.csv", "--name", "fer2013"),
    "one argument too many": ("list", "everything"),
    "unknown command": ("prepair", "synthetic-macro"),
}


@pytest.mark.parametrize("arguments", _MALFORMED.values(), ids=list(_MALFORMED))
def test_malformed_input_is_one_line_and_status_2(
    command: Command, tmp_path: Path, home: Path, arguments: tuple[str, ...]
) -> None:
    source = _table(tmp_path)
    (tmp_path / "alike.csv").write_text("path,subject,label\n1.png,a,x\n2.png,b,x\n")
    (tmp_path / "empty.csv").touch()
    (tmp_path / "empty").mkdir()
    status, out, err = command(*(argument.format(source.parent) for argument in arguments))
    assert status == 2
    assert out == ""
    assert err.startswith("emonas-data: ") and err.count("\n") == 1
    assert files_below(home) in ([], ["prepared"])


def test_unreadable_pictures_leave_a_reason(command: Command, tmp_path: Path, home: Path) -> None:
    source = _table(tmp_path)
    data = bytearray((tmp_path / "3.png").read_bytes())
    data[60:64] = b"\0\0\0\0"
    (tmp_path / "3.png").write_bytes(data)
    assert command.json("prepare", "folder", source)["dropped"] == {"no such file": 1, "cannot be read": 1}
    assert "3.png: cannot be decoded" in (home / "prepared" / "folder" / "dropped.csv").read_text()
    for i in range(12):
        (tmp_path / f"{i}.png").write_bytes(data)
    status, _, err = command("prepare", "folder", source, "--overwrite")
    assert status == 2 and "no usable sample was found (13 dropped, the first: " in err and err.count("\n") == 1
    assert load(home / "prepared" / "folder").dropped == {"no such file": 1, "cannot be read": 1}


def test_the_list_comes_without_torch() -> None:
    code = (
        "import sys; sys.argv = ['emonas-data', 'list', '--json']\n"
        "from emonas.datasets.cli import main\n"
        "try: main()\n"
        "finally: assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["prepared"] == []
