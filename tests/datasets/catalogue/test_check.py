"""emonas-data check, describe and prepare on an owner's database: counts beside the published ones, options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from data_command import Command, fits
from distributions import image_bytes, write_frames, write_xlsx

from emonas.datasets.store.prepared import load

HEADER = ("Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Estimated Emotion")


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setenv("COLUMNS", "80")
    return Command(capsys)


@pytest.fixture
def casme2(tmp_path: Path) -> Path:
    """Six clips of three subjects, a fear, and a row without frames."""
    rows: list[tuple[Any, ...]] = [HEADER]
    for subject in (1, 2, 3):
        for clip, label in (("EP1", "happiness"), ("EP2", "disgust")):
            write_frames(tmp_path / "Cropped" / f"sub{subject:02}" / clip, range(1, 6), "reg_img{}.jpg")
            rows.append((subject, clip, 1, 3 if subject < 3 else "/", 5, label))
    write_frames(tmp_path / "Cropped" / "sub01" / "EP3", range(1, 6), "reg_img{}.jpg")
    rows += [(1, "EP3", 1, 3, 5, "fear"), (2, "EP9", 1, 3, 5, "disgust")]
    write_xlsx(tmp_path / "CASME2-coding-20140508.xlsx", {"Sheet1": rows})
    return tmp_path


def test_check_shows_found_beside_expected_and_says_what_differs(command: Command, casme2: Path, home: Path) -> None:
    out = command.succeed("check", "casme2", casme2)
    fits(out)
    lines = [line.split() for line in out.splitlines()]
    assert lines[:3] == [
        ["casme2:", "6", "samples,", "3", "people"],
        ["class", "samples", "expected"],
        ["happiness", "3", "32", "differs"],
    ]
    assert ["all", "6", "246", "differs"] in lines and ["people", "3", "26", "differs"] in lines
    assert ["sub02", "EP9", "no", "frames", "on", "the", "disk:", "row", "9"] in lines
    text = " ".join(out.split())
    assert "counts NOT as published: 6 of 246 samples, 3 of 26 people, 0 of 99 other" in text
    assert "options --classes 5, --variant 2014, --crop owner, --apex-policy middle" in text
    assert "classes happiness; disgust; repression; surprise; other; dropped: sadness, fear" in text
    assert list(home.iterdir()) == []


def test_check_for_programs_has_the_expected_counts(command: Command, casme2: Path) -> None:
    data = command.json("check", "CASMEII", casme2, "--classes", "3", "--apex-policy", "drop")
    assert (data["dataset"], data["samples"], data["as_expected"]) == ("casme2", 4, False)
    assert data["options"] == {"classes": "3", "apex_policy": "drop", "variant": "2014", "crop": "owner"}
    assert data["expected"][0] == {"kind": "samples", "name": "", "found": 4, "expected": 145, "sure": True}
    assert data["dropped"]["no apex"] == 2


def test_prepare_records_the_options_and_never_mixes_them(command: Command, casme2: Path, home: Path) -> None:
    data = command.json("prepare", "casme-ii", casme2, "--size", "16")
    assert (data["name"], data["samples"]) == ("casme2", 6)
    settled = {"classes": "5", "variant": "2014", "crop": "owner", "apex_policy": "middle"}
    assert settled.items() < data["options"].items()
    assert load(home / "prepared" / "casme2").options == data["options"]
    assert command.json("prepare", "casme2", casme2, "--size", "16", "--variant", "2014") == data
    status, out, err = command("prepare", "casme2", casme2, "--size", "16", "--classes", "7", "--apex-policy", "drop")
    assert (status, out) == (2, "")
    assert "with other options (apex_policy middle -> drop; classes 5 -> 7)" in err and err.count("\n") == 1


def test_the_apex_policy_reaches_reading_and_pictures(command: Command, casme2: Path) -> None:
    flash = casme2 / "Cropped" / "sub03" / "EP1" / "reg_img2.jpg"
    flash.write_bytes(image_bytes(".jpg", 200))
    more = ("--size", "16", "--representation", "apex")
    kept = {
        policy: command.json("prepare", "casme2", casme2, "--name", policy, "--apex-policy", policy, *more)
        for policy in ("middle", "max-diff", "drop")
    }
    assert [data["samples"] for data in kept.values()] == [6, 6, 4]
    assert [data["options"]["apex_policy"] for data in kept.values()] == list(kept)
    assert len({data["fingerprint"] for data in kept.values()}) == 3


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("check", "casme2", "{}", "--variant", "2015"), "--variant 2015: casme2 knows auto, 2014, 2019"),
        (("prepare", "casme2", "{}", "--classes", "4"), "--classes 4: casme2 knows 5, 7, 3"),
        (("check", "casme2", "{}", "--frames", "3"), "casme2 has no option --frames; it takes --classes, --variant,"),
        (("check", "synthetic-micro", "--classes", "3"), "synthetic-micro has no option --classes"),
        (("check", "casme2", "{}/Cropped"), "looked for the coding file"),
        (("describe", "nothing"), "unknown data set 'nothing'"),
    ],
)
def test_wrong_options_and_sources_are_one_line_and_status_2(
    command: Command, casme2: Path, home: Path, arguments: tuple[str, ...], reason: str
) -> None:
    status, out, err = command(*(argument.format(casme2) for argument in arguments))
    assert (status, out) == (2, "")
    assert reason in err and err.count("\n") == 1
    assert list(home.iterdir()) == []


def test_a_description_for_people_and_for_programs(command: Command) -> None:
    out = command.succeed("describe", "casme2")
    fits(out)
    assert out.startswith("casme2     CASME II")
    data = command.json("describe", "casme2")
    assert data["class_sets"][2]["mapping"]["repression"] == "negative"
    assert data["expected"][0]["samples"] == 246
