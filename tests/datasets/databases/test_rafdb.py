"""RAF-DB in miniature: 12271 and 3068 pictures with the published counts, and the traps of its folders."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from data_command import Command
from distributions import counts, image_bytes, read
from made_samples import files_below

from emonas.datasets.clips.sample import ReadResult
from emonas.datasets.databases import registry
from emonas.datasets.databases.rafdb import CLASSES, PUBLISHED
from emonas.datasets.protocols.protocol import describe_protocol, folds
from emonas.datasets.reading.expected import chosen, compare
from emonas.errors import UserError

LIST = "list_patition_label.txt"
#: A few pictures of two classes in both parts.
FEW = {"train_00001": 5, "train_00002": 4, "train_00010": 4, "test_0001": 5, "test_0002": 4}


def names() -> dict[str, int]:
    """All names of a complete copy with their codes; the classes lie mixed, as they do there."""
    found = {}
    for part, digits in (("train", 5), ("test", 4)):
        codes = [code for code, count in enumerate(PUBLISHED[part], start=1) for _ in range(count)]
        for number in range(1, len(codes) + 1):
            found[f"{part}_{number:0{digits}}"] = codes[number * 7919 % len(codes)]
    return found


def write_list(folder: Path, labels: Mapping[str, int], name: str = LIST) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("".join(f"{picture}.jpg {code}\n" for picture, code in labels.items()))
    return folder / name


def write_pictures(folder: Path, pictures: Iterable[str], suffix: str = "_aligned") -> None:
    """Pictures, each one of its own: a number behind the end of a JPEG is no part of it."""
    folder.mkdir(parents=True)
    body = image_bytes(".jpg")
    for number, name in enumerate(pictures):
        # A comment segment right behind the start of the file.
        comment = b"\xff\xfe" + (6).to_bytes(2, "big") + number.to_bytes(4, "big")
        (folder / f"{name}{suffix}.jpg").write_bytes(body[:2] + comment + body[2:])


def small(folder: Path, labels: Mapping[str, int] = FEW, name: str = LIST) -> Path:
    """The basic part with both kinds of pictures."""
    write_list(folder / "EmoLabel", labels, name)
    write_pictures(folder / "Image" / "aligned", labels)
    write_pictures(folder / "Image" / "original", labels, "")
    return folder


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete copy of the faces, with attributes, and the compound part before it in the alphabet."""
    root = tmp_path_factory.mktemp("rafdb") / "RAF-DB"
    labels = names()
    write_list(root / "basic" / "EmoLabel", labels)
    write_pictures(root / "basic" / "Image" / "aligned", labels)
    (root / "basic" / "Annotation" / "manual").mkdir(parents=True)
    (root / "basic" / "Annotation" / "manual" / "train_00001_manu_attri.txt").write_text("1 2\n")
    compound = {name: 1 + number % 11 for number, name in enumerate(FEW)} | {"train_00003": 11}
    small(root / "a compound", compound)
    return root


@pytest.fixture(scope="session")
def found(whole: Path) -> ReadResult:
    """What is found in the complete copy, read once."""
    return read("rafdb", whole)


def as_published(found: ReadResult) -> bool:
    expected = chosen(registry.entry("rafdb").expected, found.choices)
    return expected is not None and not any(one.differs for one in compare(expected, found.used))


def test_all_pictures_of_the_basic_part(found: ReadResult) -> None:
    assert found.choices == {"classes": "7", "crop": "owner"}
    assert (len(found.samples), len(found.used)) == (15339, 15339)
    assert {part: sum(s.part == part for s in found.used) for part in PUBLISHED} == {"train": 12271, "test": 3068}
    assert counts(found) == dict(zip(CLASSES, map(sum, zip(*PUBLISHED.values(), strict=True)), strict=True))
    for part, published in PUBLISHED.items():
        of_part = [sum((s.part, s.label) == (part, label) for s in found.used) for label in CLASSES]
        assert tuple(of_part) == published
    assert as_published(found)
    assert found.notes == ()


def test_the_owners_split_is_the_protocol(found: ReadResult) -> None:
    made = folds(found.used, "fixed")
    assert describe_protocol("fixed", made, found.used).startswith(
        "fixed split, 12271 train / 3068 test, people unknown"
    )


def test_the_compound_part_beside_it_is_not_read(found: ReadResult) -> None:
    paths: list[Any] = [sample.frames for sample in found.used[:3]]
    assert all("basic" in frames.paths[0].parts for frames in paths)


def test_the_compound_part_alone_is_told_by_its_labels(
    capsys: pytest.CaptureFixture[str], whole: Path, tmp_path: Path
) -> None:
    shutil.copytree(whole / "a compound", tmp_path / "basic")
    said = Command(capsys).refuse("check", "rafdb", tmp_path)
    assert f"{LIST}: labels up to 11, so this is RAF-DB's compound part" in said


@pytest.mark.parametrize("name", [LIST, "list_partition_label.txt", "List_Patition_Label.TXT"])
def test_either_spelling_of_the_list(tmp_path: Path, name: str) -> None:
    found = read("rafdb", small(tmp_path, name=name))
    assert [(s.clip, s.label, s.part) for s in found.used] == [
        ("train_00001", "sadness", "train"),
        ("train_00002", "happiness", "train"),
        ("train_00010", "happiness", "train"),
        ("test_0001", "sadness", "test"),
        ("test_0002", "happiness", "test"),
    ]


def test_the_codes_are_the_owners(tmp_path: Path) -> None:
    labels = {f"train_{code:05}": code for code in range(1, 8)}
    assert [s.label for s in read("rafdb", small(tmp_path, labels)).used] == [
        *("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")
    ]


@pytest.mark.parametrize(
    ("crop", "name", "settled"),
    [
        ("auto", "train_00001_aligned.jpg", "owner"),
        ("owner", "train_00001_aligned.jpg", "owner"),
        ("full", "train_00001.jpg", "full"),
    ],
)
def test_faces_or_whole_pictures(tmp_path: Path, crop: str, name: str, settled: str) -> None:
    found = read("rafdb", small(tmp_path / "RAF" / "basic"), crop=crop)
    assert (found.choices["crop"], len(found.samples), len(found.used)) == (settled, 5, 5)
    frames: Any = found.used[0].frames
    assert frames.paths[0].name == name


def test_whole_pictures_are_taken_where_no_faces_are(tmp_path: Path) -> None:
    small(tmp_path)
    shutil.rmtree(tmp_path / "Image" / "aligned")
    assert read("rafdb", tmp_path).choices["crop"] == "full"
    with pytest.raises(UserError, match="looked for aligned faces"):
        read("rafdb", tmp_path, crop="owner")


def test_rows_and_pictures_without_a_partner_and_odd_labels_are_dropped(tmp_path: Path) -> None:
    small(tmp_path)
    write_list(tmp_path / "EmoLabel", {**FEW, "train_00099": 4, "train_00003": 0})
    with (tmp_path / "EmoLabel" / LIST).open("a") as file:
        file.write("\ntrain_00001.jpg 5\ntrain_00004.jpg happy\n")
    (tmp_path / "Image" / "aligned" / "test_0009_aligned.jpg").write_bytes(image_bytes(".jpg"))
    found = read("rafdb", tmp_path)
    assert [s.dropped for s in found.samples if s.dropped] == [
        "no frames on the disk: row 6",
        "unknown label: '0' (row 7)",
        "listed before: in row 1 (row 9)",
        "no frames on the disk: row 10",
        f"no row in {LIST}",
    ]
    assert len(found.used) == 5


def test_a_picture_that_is_cut_off_is_dropped(tmp_path: Path) -> None:
    small(tmp_path)
    picture = tmp_path / "Image" / "aligned" / "test_0001_aligned.jpg"
    picture.write_bytes(picture.read_bytes()[:-10])
    assert [s.dropped for s in read("rafdb", tmp_path).samples] == ["", "", "", "cut off: row 4", ""]


def test_copies_of_tested_pictures_are_told_and_not_trained_on(tmp_path: Path) -> None:
    faces = small(tmp_path) / "Image" / "aligned"
    shutil.copy(faces / "test_0001_aligned.jpg", faces / "train_00001_aligned.jpg")
    found = read("rafdb", tmp_path)
    assert found.notes == ("exact copies of test samples: 1 train",)
    (fold,) = folds(found.used, "fixed")
    assert (fold.train.tolist(), fold.test.tolist()) == ([1, 2], [3, 4])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"\xff\xfe\x00t", "not a text file"),
        (b"S005,1,happy\n", "not RAF-DB's list: line 1 is 'S005,1,happy'"),
        (b"train_00001.jpg 5\ntrain_00002.jpg\n", "not RAF-DB's list: line 2 is 'train_00002.jpg'"),
        (b"0_1.jpg 5\n", "not RAF-DB's list: line 1"),
        (b"train_00001.jpg 5\ntrain_00002.jpg 19\n", "labels up to 19"),
    ],
)
def test_a_list_of_another_set_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes, reason: str
) -> None:
    (small(tmp_path) / "EmoLabel" / LIST).write_bytes(content)
    assert f"{LIST}: {reason}" in Command(capsys).refuse("check", "rafdb", tmp_path)


def test_a_source_that_is_not_rafdb_is_one_line_and_nothing_is_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, home: Path
) -> None:
    command = Command(capsys)
    assert "looked for the list of labels" in command.refuse("check", "rafdb", tmp_path)
    write_pictures(tmp_path / "DATASET" / "train" / "1", ("train_00001",))
    assert "found DATASET/" in command.refuse("prepare", "rafdb", tmp_path)
    write_list(tmp_path / "basic" / "EmoLabel", FEW)
    (tmp_path / "basic" / "aligned.zip").touch()
    said = command.refuse("prepare", "rafdb", tmp_path)
    assert "looked for aligned faces" in said and "found aligned.zip, still packed" in said
    (tmp_path / "basic" / "Image" / "aligned").mkdir(parents=True)
    (tmp_path / "basic" / "Image" / "aligned" / "train_00777_aligned.jpg").write_bytes(image_bytes(".jpg"))
    assert "no usable sample was found" in command.refuse("prepare", "rafdb", tmp_path)
    assert files_below(home) in ([], ["prepared"])


def test_it_prepares(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    data = Command(capsys).json("prepare", "rafdb", small(tmp_path), "--size", "8")
    assert (data["samples"], data["protocol"], data["options"]["crop"]) == (5, "fixed", "owner")
