"""FER2013 in all its forms; made here with a few rows, never the owner's images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from emonas.datasets.clips.sample import ReadResult
from emonas.datasets.databases import registry
from emonas.datasets.databases.fer2013 import CLASSES, DATABASE, PUBLISHED, pixel_bytes, read
from emonas.datasets.reading.choices import Choices
from emonas.datasets.reading.expected import chosen, compare, verdict
from emonas.errors import UserError

SIDE = 48
USAGES = ("Training", "PublicTest", "PrivateTest")


def _pixels(seed: int) -> str:
    return " ".join(map(str, np.random.default_rng(seed).integers(0, 256, SIDE**2)))


def _csv(path: Path, rows: Sequence[str], header: str = "emotion,pixels,Usage") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def _complete(path: Path) -> Path:
    """A row for each class in each part."""
    rows = [f"{label},{_pixels(10 * label + part)},{usage}" for label in range(7) for part, usage in enumerate(USAGES)]
    return _csv(path, rows)


def _reasons(found: ReadResult) -> list[str]:
    return [sample.dropped for sample in found.samples]


def test_the_owner_file(tmp_path: Path) -> None:
    found = read(_complete(tmp_path / "fer2013.csv"))
    assert found.classes == CLASSES
    assert len(found.used) == 21
    assert [sample.label for sample in found.used[::3]] == list(CLASSES)
    assert [sample.part for sample in found.used[:3]] == ["train", "validation", "test"]
    assert [sample.clip for sample in found.used[:2]] == ["row00000", "row00001"]
    assert {sample.subject for sample in found.samples} == {None}
    assert {sample.dataset for sample in found.samples} == {"fer2013"}
    image = found.used[12].frames.read()
    assert image.shape == (1, SIDE, SIDE, 3)
    np.testing.assert_array_equal(image[0, ..., 1].ravel(), np.array(_pixels(40).split(), np.uint8))


@pytest.mark.parametrize(
    ("name", "header", "row"),
    [
        ("icml_face_data.csv", "emotion, Usage, pixels", "3,PrivateTest,{}"),
        ("icml_face_data.csv", "\ufeffPIXELS;Usage ; EMOTION", "{};privatetest;3"),
        ("fer2013.csv", '"emotion","pixels","Usage"', '"3","{}","PrivateTest"'),
        ("fer2013.csv", "emotion,pixels,Usage", "3,  {}  , PrivateTest "),
    ],
)
def test_columns_by_name_in_any_order_and_spelling(tmp_path: Path, name: str, header: str, row: str) -> None:
    sample = read(_csv(tmp_path / name, [row.format(_pixels(1))], header)).used[0]
    assert (sample.label, sample.part) == ("happiness", "test")


def test_train_csv_is_all_train(tmp_path: Path) -> None:
    file = _csv(tmp_path / "train.csv", [f"{i},{_pixels(i)}" for i in (0, 6)], "emotion,pixels")
    assert [(s.label, s.part) for s in read(file).used] == [("anger", "train"), ("neutral", "train")]


def test_test_csv_beside_train_csv_is_counted_and_left_out(tmp_path: Path) -> None:
    _csv(tmp_path / "train.csv", [f"0,{_pixels(0)}"], "emotion,pixels")
    _csv(tmp_path / "test.csv", [_pixels(1), _pixels(2)], "pixels")
    found = read(tmp_path)
    assert _reasons(found) == ["", "no label", "no label"]
    assert len({sample.clip for sample in found.samples}) == 3


@pytest.mark.parametrize("of_folder", [True, False])
def test_test_csv_alone_has_no_labels(tmp_path: Path, of_folder: bool) -> None:
    file = _csv(tmp_path / "test.csv", [_pixels(1)], "pixels")
    with pytest.raises(UserError, match="no labels"):
        read(tmp_path if of_folder else file)


def test_the_most_complete_file_of_a_folder_is_read(tmp_path: Path) -> None:
    _csv(tmp_path / "train.csv", [f"0,{_pixels(0)}"], "emotion,pixels")
    assert read(tmp_path).used[0].label == "anger"
    _csv(tmp_path / "a" / "icml_face_data.csv", [f"1,Training,{_pixels(0)}"], "emotion, Usage, pixels")
    assert read(tmp_path).used[0].label == "disgust"
    _csv(tmp_path / "a" / "b" / "c" / "FER2013.csv", [f"2,{_pixels(0)},Training"])
    assert read(tmp_path).used[0].label == "fear"
    _csv(tmp_path / "a" / "fer2013.csv", [f"3,{_pixels(0)},Training"])
    assert read(tmp_path).used[0].label == "happiness"


@pytest.mark.parametrize("where", ["a/b/c/d", "__MACOSX", ".hidden"])
def test_too_deep_or_hidden_files_are_not_found(tmp_path: Path, where: str) -> None:
    _complete(tmp_path / where / "fer2013.csv")
    with pytest.raises(UserError, match=r"looked for fer2013\.csv, icml_face_data\.csv or train\.csv"):
        read(tmp_path)


def test_a_source_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file or folder"):
        registry.read("fer2013", tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("3,1 2 3,Training", "wrong number of pixels: 3 instead of 2304"),
        (f"3,{_pixels(1)} 7,Training", "wrong number of pixels: 2305 instead of 2304"),
        ("3,,Training", "wrong number of pixels: 0"),
        (f"3,x{_pixels(1)[1:]},Training", "pixel not a number: 'x"),
        (f"3,1.5 {_pixels(1)},Training", "pixel not a number: '1.5'"),
        (f"3,{_pixels(1).rpartition(' ')[0]} 256,Training", "pixel out of range: 256 is not"),
        (f"3,{_pixels(1).rpartition(' ')[0]} 99999999999999999999999,Training", "pixel out of range"),
        ("3,12\u00a034,Training", "pixel not a number: '12\\xa034'"),
        (f"3,{_pixels(1).rpartition(' ')[0]} -1,Training", "pixel out of range: -1 is not"),
        (f"7,{_pixels(1)},Training", "unknown label: '7'"),
        (f"happy,{_pixels(1)},Training", "unknown label: 'happy'"),
        (f",{_pixels(1)},Training", "unknown label: ''"),
        (f"3,{_pixels(1)},Exam", "unknown Usage: 'Exam'"),
        (f"3,{_pixels(1)}", "unknown Usage: ''"),
        ("3,12 34 5", "wrong number of pixels: 3"),
        ("3", "wrong number of pixels: 0"),
    ],
)
def test_a_flawed_row_is_dropped_with_its_reason(tmp_path: Path, row: str, reason: str) -> None:
    found = read(_csv(tmp_path / "fer2013.csv", [f"0,{_pixels(0)},Training", row]))
    assert len(found.used) == 1
    assert found.samples[1].dropped.startswith(reason)


def test_a_file_cut_off_in_a_row_loses_only_that_row(tmp_path: Path) -> None:
    file = _complete(tmp_path / "fer2013.csv")
    file.write_bytes(file.read_bytes()[:-3000])
    found = read(file)
    assert len(found.used) == 20
    assert _reasons(found)[-1].startswith("wrong number of pixels")


def test_blank_lines_are_no_rows(tmp_path: Path) -> None:
    found = read(_csv(tmp_path / "fer2013.csv", ["", f"0,{_pixels(0)},Training", ",,", ""]))
    assert [sample.clip for sample in found.samples] == ["row00000"]


def test_copies_share_a_group_and_are_counted(tmp_path: Path) -> None:
    rows = [f"0,{_pixels(1)},Training", f"4,{_pixels(1)},PrivateTest", f"0,{_pixels(2)},Training"]
    rows += [f"0,{_pixels(1)},PublicTest"]
    found = read(_csv(tmp_path / "fer2013.csv", rows))
    first, second, third, _ = found.used
    assert first.group == second.group != third.group
    assert first.person == second.person
    assert "exact copies of test samples: 1 train, 1 validation" in found.notes
    assert not any("copies" in note for note in read(_complete(tmp_path / "b" / "fer2013.csv")).notes)


def test_blank_images_are_kept_and_counted(tmp_path: Path) -> None:
    found = read(_csv(tmp_path / "fer2013.csv", [f"0,{'0 ' * 2303}0,Training", f"0,{_pixels(1)},Training"]))
    assert len(found.used) == 2
    assert "blank images (one grey value), kept as in the published counts: 1" in found.notes


def test_counts_are_compared_with_the_published_ones(tmp_path: Path) -> None:
    found = registry.read("fer2013", _complete(tmp_path / "fer2013.csv"))
    assert found.choices == {"classes": "7", "variant": "owner"}
    expected = chosen(DATABASE.expected, found.choices)
    assert expected is not None
    said = verdict(compare(expected, found.used))
    assert said.startswith("NOT as published: 21 of 35887 samples, 3 of 4953 anger")
    assert said.endswith("7 of 28709 train samples, 7 of 3589 validation samples, 7 of 3589 test samples")
    assert found.notes == ()


def test_published_counts_are_the_known_sums() -> None:
    assert {part: sum(counts) for part, counts in PUBLISHED.items()} == {
        "train": 28709,
        "validation": 3589,
        "test": 3589,
    }
    assert [sum(counts) for counts in zip(*PUBLISHED.values(), strict=True)] == [
        4953,
        547,
        5121,
        8989,
        6077,
        4002,
        6198,
    ]


#: Columns of FER+ as its file has them.
_FERPLUS = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"


def _with_votes(folder: Path, votes: Sequence[str], header: str = _FERPLUS, usage: str = "Training") -> Path:
    """FER2013 with as many angry pictures, and the votes on them; every second row lacks the picture's name."""
    _csv(folder / "fer2013.csv", [f"0,{_pixels(i)},Training" for i in range(len(votes))])
    rows = [f"{usage},{'' if i % 2 else f'fer{i:07}.png'},{row}" for i, row in enumerate(votes)]
    _csv(folder / "FERPlus" / "fer2013new.csv", rows, header)
    return folder


def _ferplus(source: Path, classes: str = "8") -> ReadResult:
    return registry.read("fer2013", source, Choices(variant="ferplus", classes=classes))


def test_votes_of_ferplus_replace_the_labels_row_by_row(tmp_path: Path) -> None:
    votes = ["4,0,0,1,3,2,0,0,0,0", "0,0,0,0,0,0,0,8,2,0", "0,1,1,1,0,0,7,0,0,0", "5,5,0,0,0,0,0,0,0,0",
             "0,0,0,0,0,0,0,0,0,10", "1,2,3,0,0,0,0,0,4,0", "0,,0,0,0,0,0,0,0,0", "0,0,0,0,0,0,0,0,0,0"]  # fmt: skip
    found = _ferplus(_with_votes(tmp_path, votes))
    assert [sample.label for sample in found.used] == ["neutral", "contempt", "fear"]
    assert _reasons(found)[3:] == [
        "no emotion with the most votes",
        "voted to be no emotion: nf",
        "voted to be no emotion: unknown",
        "votes not numbers",
        "no emotion with the most votes",
    ]
    assert found.classes == (*CLASSES, "contempt")
    assert _ferplus(tmp_path, "7").samples[1].dropped == "outside the class set: contempt"
    assert {sample.label for sample in registry.read("fer2013", tmp_path).used} == {"anger"}


def test_a_flawed_row_keeps_its_place_beside_the_votes(tmp_path: Path) -> None:
    _with_votes(tmp_path, ["4,0,0,0,0,0,0,0,0,0", "0,4,0,0,0,0,0,0,0,0"])
    _csv(tmp_path / "fer2013.csv", ["0,1 2 3,Training", f"0,{_pixels(1)},Training"])
    found = _ferplus(tmp_path)
    assert _reasons(found) == ["wrong number of pixels: 3 instead of 2304", ""]
    assert found.used[0].label == "happiness"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"usage": "PublicTest"}, r"fer2013new\.csv: its 2 rows do not belong to the 2 of fer2013\.csv"),
        ({"header": _FERPLUS.replace("NF", "ND")}, r"fer2013new\.csv: not the votes of FER\+: no column 'nf'"),
    ],
)
def test_votes_that_do_not_belong_to_the_rows_are_refused(tmp_path: Path, more: dict[str, str], reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        _ferplus(_with_votes(tmp_path, ["4,0,0,0,0,0,0,0,0,0"] * 2, **more))


def test_votes_on_more_rows_than_there_are_are_refused(tmp_path: Path) -> None:
    _with_votes(tmp_path, ["4,0,0,0,0,0,0,0,0,0"] * 3)
    _csv(tmp_path / "fer2013.csv", [f"0,{_pixels(0)},Training"])
    with pytest.raises(UserError, match="its 3 rows do not belong to the 1 of"):
        _ferplus(tmp_path)


def test_contempt_and_votes_need_ferplus(tmp_path: Path) -> None:
    source = _complete(tmp_path / "fer2013.csv")
    with pytest.raises(UserError, match=r"--classes 8 has contempt, .*: add --variant ferplus"):
        registry.read("fer2013", source, Choices(classes="8"))
    with pytest.raises(UserError, match=r"looked for fer2013new\.csv"):
        _ferplus(source)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"\xef\xbb\xbf", "empty file"),
        (b"\n\n", "no column names"),
        (b"emotion,pixels,Usage\n", "no rows below the header"),
        (f"3,{_pixels(1)},Training\n".encode(), "not FER2013: no column 'pixels'"),
        (b"Usage,Image name,neutral,happiness\n", "not FER2013: no column 'pixels'"),
        (b"emotion,Usage\n3,Training\n", "not FER2013: no column 'pixels'"),
        (b"emotion,pixels,Usage,emotion\n", "two columns are named 'emotion'"),
        (b"\x1f\x8b\x08\0\0\0\xff\xfe", "not a UTF-8 text file"),
        (b"emotion,pixels,Usage\n3,1 2 3\0\0\0", "not a text file"),
        (b'emotion,pixels,Usage\n3,"' + b"1 " * 99999, "not a CSV file"),
        (b"emotion,pixels,Usage\n3,1 2 3,Training\n", "not one of 1 rows can be used"),
    ],
)
def test_a_file_that_is_not_fer2013_says_so_in_one_line(tmp_path: Path, content: bytes, reason: str) -> None:
    file = tmp_path / "fer2013.csv"
    file.write_bytes(content)
    with pytest.raises(UserError, match=reason) as raised:
        read(file)
    message = str(raised.value)
    assert str(file) in message
    assert "\n" not in message
    assert len(message) < len(str(file)) + 160


def test_pixels_are_taken_over_exactly() -> None:
    values = [(7 * i) % 256 for i in range(SIDE**2)]
    assert pixel_bytes(" ".join(map(str, values))) == bytes(values)
    assert pixel_bytes("\t".join(f"{value:03}" for value in values)) == bytes(values)


@pytest.mark.parametrize(("name", "title"), [("fer2013", "FER2013"), ("rafdb", "RAF-DB")])
def test_a_copy_in_class_folders_shows_the_way(tmp_path: Path, name: str, title: str) -> None:
    for part in ("train", "test"):
        for label in ("1", "2"):
            (tmp_path / "a copy" / "DATASET" / part / label).mkdir(parents=True)
            (tmp_path / "a copy" / "DATASET" / part / label / "1.png").touch()
    with pytest.raises(UserError, match=f"copies of {title} .* emonas-data prepare folder '.*/a copy/DATASET'$"):
        registry.read(name, tmp_path)
