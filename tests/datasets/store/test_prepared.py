"""The prepared store: what was written is read back, what is damaged is told in one line."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import damage_bytes, seeds
from hypothesis import given, settings
from hypothesis import strategies as st
from made_samples import STILLS, Greys, prepared_from, still

from emonas.datasets.store.prepared import Prepared, check_content, home, load
from emonas.errors import UserError


@pytest.fixture
def prepared() -> Prepared:
    return prepared_from()


def test_the_store_is_where_the_user_wants_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EMONAS_HOME", str(tmp_path / "here"))
    assert home() == tmp_path / "here"
    monkeypatch.setenv("EMONAS_HOME", "~/there")
    assert home() == Path.home() / "there"
    monkeypatch.setenv("EMONAS_HOME", "")
    assert "emonas" in home().parts


def test_reopening_gives_the_same(prepared: Prepared) -> None:
    again = load(prepared.folder)
    assert again == prepared
    np.testing.assert_array_equal(again.images, prepared.images)
    assert (again.size, again.channels) == (8, 3)


def test_arrays_stay_on_disk_and_cannot_be_changed(prepared: Prepared) -> None:
    assert isinstance(prepared.images, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        prepared.images[0] = 0


def test_a_stored_picture_is_the_frame_of_a_still(prepared: Prepared) -> None:
    frames = pickle.loads(pickle.dumps(prepared.samples[3])).frames
    assert len(frames) == 1 and frames.flaw() == ""
    assert frames.read().shape == (1, 8, 8, 3)
    assert (frames.read() == 30).all()


def test_subjects_are_known_only_if_all_are(prepared: Prepared) -> None:
    assert prepared.subjects == ("made/s0", "made/s1", "made/s2", "made/s3")
    assert prepared.subjects_known
    samples = [replace(STILLS[0], subject=None, group="ab12"), *STILLS[1:]]
    some = prepared_from(samples, overwrite=True)
    assert not some.subjects_known
    assert some.samples[0].person == "made/ab12"


def test_names_are_no_formulas_in_the_tables_and_come_back() -> None:
    names = ("=1+1", "'=1", "-a", "@x", "+2")
    samples = [still(10 * i, name, name) for i, name in enumerate(names)]
    made = prepared_from([*samples, replace(still(90, "=lost", "=lost"), dropped="=why")], overwrite=True)
    assert [(sample.subject, sample.label) for sample in load(made.folder).samples] == [(name, name) for name in names]
    for table in ("samples.csv", "dropped.csv"):
        cells = (made.folder / table).read_text("utf-8").replace("\n", ",").split(",")
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


# Control characters are escaped before a sample gets here.
_TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=8)
_NUMBERS = st.none() | st.integers(0, 99)


@settings(max_examples=25)
@given(
    rows=st.lists(st.tuples(st.none() | _TEXTS, _TEXTS, _TEXTS, _NUMBERS, _NUMBERS), min_size=2, max_size=5),
    units=st.lists(st.sampled_from(["4", "12L", "R15"]), max_size=3),
)
def test_odd_names_and_phases_survive(rows: list[tuple[Any, ...]], units: list[str]) -> None:
    samples = [
        replace(still(i, subject, label), clip=clip, onset=onset, apex=apex, action_units=tuple(units))
        for i, (subject, label, clip, onset, apex) in enumerate(rows)
    ]
    samples[0] = replace(samples[0], label=samples[1].label + "x")
    read_back = prepared_from(samples, overwrite=True).samples
    assert [replace(sample, frames=Greys(())) for sample in read_back] == [
        replace(sample, frames=Greys(())) for sample in samples
    ]


def test_a_table_saved_by_a_spreadsheet_is_read(prepared: Prepared) -> None:
    table = prepared.folder / "samples.csv"
    table.write_bytes(b"\xef\xbb\xbf" + table.read_bytes().replace(b"\n", b"\r\n"))
    assert load(prepared.folder).samples == prepared.samples


def _change_facts(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        facts = {**json.loads((folder / "prepared.json").read_text()), **changes}
        facts = {key: value for key, value in facts.items() if value is not ...}
        (folder / "prepared.json").write_text(json.dumps(facts))

    return change


def _change_table(change: Callable[[str], str]) -> Callable[[Path], None]:
    return lambda folder: (folder / "samples.csv").write_text(change((folder / "samples.csv").read_text())) and None


def _change_images(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda folder: (folder / "images.npy").write_bytes(change((folder / "images.npy").read_bytes())) and None


def _other_images(images: np.ndarray) -> Callable[[Path], None]:
    return lambda folder: np.save(folder / "images.npy", images)


def _without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _swapped(lines: list[str]) -> str:
    return "\n".join([lines[0], lines[2], lines[1], *lines[3:]]) + "\n"


_DAMAGED = "damaged: .*; run emonas-data prepare --overwrite$"


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_change_images(lambda data: data[:-1]), _DAMAGED),
        (_change_images(lambda data: data[:50]), _DAMAGED),
        (_change_images(lambda data: b""), _DAMAGED),
        (_change_images(lambda data: pickle.dumps([1])), _DAMAGED),
        (_change_images(lambda data: b"PK\x03\x04" + data), _DAMAGED),
        (_other_images(np.zeros((8, 3, 8, 8), np.float32)), "images.npy does not match samples.csv"),
        (_other_images(np.zeros((7, 3, 8, 8), np.uint8)), "images.npy does not match samples.csv"),
        (_other_images(np.zeros((8, 8, 8), np.uint8)), "images.npy does not match samples.csv"),
        (_other_images(np.array([{}] * 8)), _DAMAGED),
        (_without("images.npy"), r"damaged: images\.npy: No such file or directory; run"),
        (_without("samples.csv"), r"damaged: samples\.csv: No such file or directory; run"),
        (_without("prepared.json"), r"prepared\.json: no such file"),
        (_change_table(lambda text: text[: text.rindex("made")]), "images.npy does not match samples.csv"),
        (_change_table(lambda text: text.replace(",sad,", ",glad,")), "has the label 'glad', which is not among"),
        (_change_table(lambda text: text.replace("subject", "person", 1)), "damaged: 'subject' is missing"),
        (_change_table(lambda text: text[:-5]), r"samples\.csv: row 8 has too many or too few columns"),
        (_change_table(lambda text: text + "x" * 200_000), _DAMAGED),
        (_change_table(lambda text: text.replace(",,,\n", ",soon,,\n", 1)), "invalid literal .*'soon'"),
        (_change_table(lambda text: ""), "does not match"),
        (lambda folder: (folder / "samples.csv").write_bytes(b"\xff\xfe") and None, "codec can't decode"),
        (lambda folder: (folder / "prepared.json").write_text("{") and None, "not valid JSON"),
        (lambda folder: (folder / "prepared.json").write_text("[]") and None, "not a prepared data set of emonas"),
        (_change_facts(format="something-else"), "not a prepared data set of emonas"),
        (_change_facts(version=2), '"version" is 2, this emonas reads version 1; run emonas-data prepare --overwrite'),
        (_change_facts(fingerprint=...), 'prepared.json: damaged: "fingerprint" is missing'),
        (_change_facts(classes=["angry", "happy"]), "has the label 'sad', which is not among the classes"),
        (_change_facts(classes="angry"), r'prepared\.json: damaged: "classes" must be a list, not "angry"; run'),
        (_change_facts(notes=None), '"notes" must be a list, not null'),
        (_change_facts(options=[]), '"options" must be a JSON object'),
        (_change_facts(options={}), '"options" names no representation'),
        (_change_facts(name="../x"), '"name" is no name of a data set: "../x"'),
        (_change_facts(classes=["angry", "happy", "sad", "sad"]), '"classes" names a class twice'),
        (_change_facts(samples=7), r"samples\.csv has 8 samples, where prepared\.json counts 7"),
        (_other_images(np.zeros((8, 3, 0, 0), np.uint8)), "pictures of 3 x 0 x 0"),
        (_other_images(np.zeros((8, 3, 9, 9), np.uint8)), "pictures of 3 x 9 x 9, not of size 8"),
        (_change_images(lambda data: data + b"more"), "something behind its pictures"),
        (_change_table(lambda text: _swapped(text.splitlines())), "not the table that was prepared"),
        (_change_table(lambda text: text.replace("made,", "made,\x1b[2J", 1)), "control characters"),
    ],
)
def test_a_damaged_set_is_told_in_one_line(prepared: Prepared, damage: Callable[[Path], None], reason: str) -> None:
    damage(prepared.folder)
    with pytest.raises(UserError, match=reason) as raised:
        load(prepared.folder)
    assert str(prepared.folder) in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("older", [False, True])
def test_pictures_and_people_that_were_not_prepared_are_found_by_the_fingerprint(
    prepared: Prepared, older: bool
) -> None:
    if older:  # a set from before the digest of the pixels was written
        _change_facts(pixels=...)(prepared.folder)
    check_content(load(prepared.folder))
    whole = (prepared.folder / "images.npy").read_bytes()
    (prepared.folder / "images.npy").write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(UserError, match="pictures or samples are not those that were prepared"):
        check_content(load(prepared.folder))
    (prepared.folder / "images.npy").write_bytes(whole)
    if older:
        _change_table(lambda text: _swapped(text.splitlines()))(prepared.folder)
        with pytest.raises(UserError, match="pictures or samples are not those that were prepared"):
            check_content(load(prepared.folder))


def test_bytes_damaged_at_random_are_read_or_refused_in_one_line(prepared: Prepared) -> None:
    refused = 0
    for name in ("images.npy", "samples.csv", "prepared.json"):
        whole = (prepared.folder / name).read_bytes()
        for luck in seeds(name, 60):
            (prepared.folder / name).write_bytes(damage_bytes(luck, whole))
            try:
                check_content(load(prepared.folder))
            except UserError as error:
                refused += 1
                assert str(prepared.folder) in str(error) and len(str(error)) < 500
        (prepared.folder / name).write_bytes(whole)
    assert refused > 100


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"prepared\.json: no such file"):
        load(tmp_path)


@pytest.mark.parametrize("name", ["../out", "x/../../../../escaped", "/x", "", ".."])
def test_a_set_whose_name_would_lead_elsewhere_is_refused(prepared: Prepared, name: str) -> None:
    path = prepared.folder / "prepared.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"name": name}))
    with pytest.raises(UserError, match="is no name of a data set"):
        load(prepared.folder)
