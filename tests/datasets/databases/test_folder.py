"""The user's own data: what is taken, what is dropped and why, and what is refused in one line."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emonas.datasets.clips.sample import ReadResult, Sample
from emonas.datasets.databases.folder import read
from emonas.datasets.store.tables import check_usable
from emonas.errors import UserError


def _image(path: Path, value: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", np.full((6, 5, 3), value, np.uint8))[1].tobytes())
    return path


def _clip(folder: Path, numbers: Sequence[int], pattern: str = "img{}.png") -> Path:
    for number in numbers:
        _image(folder / pattern.format(number), number % 256)
    return folder


def _table(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _stills(folder: Path, *lines: str) -> Path:
    """A CSV of stills; the images that it names are made."""
    for value, line in enumerate(lines[1:]):
        _image(folder / line.split(",")[0], value)
    return _table(folder / "list.csv", *lines)


def _clips(folder: Path, *phases: str, header: str = "onset,apex,offset", first: int = 11) -> ReadResult:
    """Clips of 20 frames, numbered from ``first`` on, one for each text with the phases, and a sound one."""
    lines = [f"path,subject,label,{header}"]
    for index, text in enumerate(phases):
        _clip(folder / f"c{index}", range(first, first + 20))
        lines.append(f"c{index},s{index},happy,{text}")
    _clip(folder / "sound", range(3))
    return read(_table(folder / "list.csv", *lines, f"sound,other,sad{',' * len(header.split(','))}"))


def _phases(sample: Sample) -> tuple[int | None, int | None, int | None]:
    return sample.onset, sample.apex, sample.offset


def _refused(source: Path, reason: str) -> None:
    """By the reader, or by what holds for all samples."""
    with pytest.raises(UserError, match=reason) as raised:
        found = read(source)
        check_usable(found.used, [sample for sample in found.samples if sample.dropped], str(source))
    assert "\n" not in str(raised.value)
    assert str(source) in str(raised.value)


def test_stills_with_subjects(tmp_path: Path) -> None:
    found = read(_stills(tmp_path, "path,subject,label", "a/1.png, p1 ,sad", "2.png,q,happy", "3.png,p1,angry"))
    assert found.classes == ("angry", "happy", "sad")
    assert [sample.subject for sample in found.used] == ["p1", "q", "p1"]
    assert [sample.clip for sample in found.used] == ["a/1.png", "2.png", "3.png"]
    assert {_phases(sample) for sample in found.used} == {(None, None, None)}
    assert {sample.dataset for sample in found.used} == {"folder"}
    assert found.used[1].frames.read()[0, 0, 0].tolist() == [1, 1, 1]
    assert found.notes == ()


def test_the_name_of_the_data_set_is_the_users(tmp_path: Path) -> None:
    source = _stills(tmp_path, "path,subject,label", "1.png,a,x", "2.png,a,y")
    assert read(source, name="mine").samples[0].person == "mine/a"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("header", ["path subject label", "Label PATH Subject", "emotion video participant"])
def test_separators_encodings_and_column_names(tmp_path: Path, separator: str, encoding: str, header: str) -> None:
    columns = header.split()
    lines = [separator.join(columns)]
    for index, label in enumerate(["glücklich", "sad"]):
        _image(tmp_path / f"é{index}.png")
        cells = {"subject": "Ann", "participant": "Ann", "label": label, "emotion": label}
        lines.append(separator.join(cells.get(column.lower(), f"é{index}.png") for column in columns))
    (tmp_path / "list.csv").write_bytes("\r\n".join(lines).encode(encoding))
    found = read(tmp_path / "list.csv")
    assert found.classes == ("glücklich", "sad")
    assert [sample.subject for sample in found.used] == ["Ann", "Ann"]


def test_columns_under_another_name_are_told(tmp_path: Path) -> None:
    found = read(_stills(tmp_path, "image,id,class", "1.png,a,x", "2.png,b,y", "3.png,a,y"))
    assert found.notes == (
        "columns are understood like this: 'image' as the path, 'class' as the label, 'id' as the subject",
    )


def test_a_subject_column_that_numbers_rows_is_told(tmp_path: Path) -> None:
    found = read(_stills(tmp_path, "path,id,label", "1.png,1,x", "2.png,2,y", "3.png,3,y"))
    assert any("if column 'id' numbers rows" in note for note in found.notes)


def test_the_plain_name_wins_and_two_other_names_are_refused(tmp_path: Path) -> None:
    found = read(_stills(tmp_path, "path,subject,label,clip", "1.png,a,x,first", "2.png,a,y,second"))
    assert len(found.used) == 2
    _refused(_stills(tmp_path, "image,subject,label,clip", "1.png,a,x,first"), "columns image and clip may all mean")


@pytest.mark.parametrize("path", ["a\\b.png", "a/./b.png", "../{}/a/b.png"])
def test_paths_are_relative_to_the_table(tmp_path: Path, path: str) -> None:
    _image(tmp_path / "a" / "b.png")
    _image(tmp_path / "c.png")
    lines = ("path,subject,label", f"{path.format(tmp_path.name)},s,x", f"{tmp_path}/c.png,s,y")
    assert len(read(_table(tmp_path / "list.csv", *lines)).used) == 2


def test_frame_numbers_are_those_of_the_file_names(tmp_path: Path) -> None:
    found = _clips(tmp_path, "13,20,28", ",20.0,", "11,,30", "13.0,13,13")
    assert [_phases(sample) for sample in found.used] == [
        (2, 9, 17),
        (0, 9, 19),
        (0, None, 19),
        (2, 2, 2),
        (0, None, 2),
    ]
    assert len(found.used[0].frames) == 20
    assert found.used[0].frames.read()[9, 0, 0, 0] == 20


@pytest.mark.parametrize("apex", ["", "/", "\\", "0", "NaN", "nan", "0.0", "N/A"])
def test_an_unknown_apex(tmp_path: Path, apex: str) -> None:
    assert _phases(_clips(tmp_path, f"12,{apex},14").used[0]) == (1, None, 3)


def test_frame_zero_is_an_onset_but_never_an_apex(tmp_path: Path) -> None:
    assert _phases(_clips(tmp_path, "0,0,4", first=0).used[0]) == (0, None, 4)


@pytest.mark.parametrize("names", [("first.png", "second.png", "third.png"), ("a1.png", "b1.png", "c1.png")])
def test_frames_without_numbers_of_their_own_are_counted_from_zero(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        _image(tmp_path / "c" / name)
    _clip(tmp_path / "d", range(2))
    found = read(_table(tmp_path / "l.csv", "path,subject,label,onset,apex,offset", "c,s,x,0,1,2", "d,t,y,,,"))
    assert _phases(found.used[0]) == (0, 1, 2)


@pytest.mark.parametrize(
    ("phases", "reason"),
    [
        ("20,15,25", "phases out of order: onset 20, apex 15, offset 25"),
        ("12,28,25", "phases out of order: onset 12, apex 28, offset 25"),
        ("25,,12", "phases out of order: onset 25, apex unknown, offset 12"),
        ("12,20,31", "offset not in the clip: 31 is not among frames 11 to 30"),
        ("1,20,30", "onset not in the clip: 1 is not"),
        ("0,20,30", "onset not in the clip: 0 is not"),
        ("12,5,30", "apex not in the clip: 5 is not"),
        ("12,soon,30", "apex not a frame number: 'soon'"),
        ("12,15.5,30", "apex not a frame number: '15.5'"),
        ("-12,15,30", "onset not a frame number: '-12'"),
    ],
)
def test_wrong_phases_drop_the_sample(tmp_path: Path, phases: str, reason: str) -> None:
    found = _clips(tmp_path, phases, "12,20,30")
    assert found.samples[0].dropped.startswith(reason)
    assert len(found.used) == 2


@settings(deadline=None, max_examples=40)
@given(
    numbers=st.lists(st.integers(0, 500), min_size=1, max_size=30, unique=True),
    picks=st.tuples(*[st.integers(0, 29)] * 3),
)
def test_every_listed_frame_is_found_at_its_number(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[int], picks: tuple[int, ...]
) -> None:
    folder = tmp_path_factory.mktemp("clips")
    blank = _image(folder / "blank.png")
    for number in numbers:
        (folder / "c").mkdir(exist_ok=True)
        shutil.copy(blank, folder / "c" / f"take2_f{number}.png")
    _clip(folder / "d", range(2))
    in_order = sorted(numbers)
    onset, apex, offset = sorted(pick % len(numbers) for pick in picks)
    row = f"c,s,x,{in_order[onset]},{in_order[apex]},{in_order[offset]}"
    sample = read(_table(folder / "l.csv", "path,subject,label,onset,apex,offset", row, "d,t,y,,,")).samples[0]
    assert _phases(sample) == (onset, apex if in_order[apex] else None, offset)


def test_videos_are_clips_counted_from_zero(tmp_path: Path) -> None:
    for name in ("a.avi", "b.avi"):
        writer = cv2.VideoWriter(str(tmp_path / name), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"mp4v"), 25.0, (32, 32))
        if not writer.isOpened():
            pytest.skip("this OpenCV cannot write videos")
        for value in range(6):
            writer.write(np.full((32, 32, 3), 40 * value, np.uint8))
        writer.release()
    (tmp_path / "broken.avi").write_bytes(b"no video")
    lines = ("a.avi,s,x,1,3,5", "b.avi,s,y,,,", "broken.avi,s,y,,,", "c.avi,s,y,,,", "a.avi,s,x,0,3,6")
    found = read(_table(tmp_path / "list.csv", "video,subject,label,onset,apex,offset", *lines))
    assert [_phases(sample) for sample in found.used] == [(1, 3, 5), (0, None, 5)]
    why = ["not a video or cut off", "no such file", "offset not in the clip: 6 is not among frames 0 to 5"]
    assert [s.dropped for s in found.samples[2:]] == why


def test_expressions_of_one_recording_are_samples_of_their_own(tmp_path: Path) -> None:
    _clip(tmp_path / "rec", range(30))
    _clip(tmp_path / "whole", range(3))
    rows = ("rec,s,x,0,4,8", "rec,s,y,9,13,17", "rec,s,x,00,4.0,8", "rec,s,y,9,14,17", "rec,s,x,,,", "whole,t,y,,,")
    found = read(_table(tmp_path / "l.csv", "path,subject,label,onset,apex,offset", *rows))
    assert [s.clip for s in found.used] == ["rec#0-8", "rec#9-13-17", "rec#9-14-17", "rec", "whole"]
    assert [_phases(s) for s in found.used[:3]] == [(0, 4, 8), (9, 13, 17), (9, 14, 17)]
    assert [s.dropped for s in found.samples if s.dropped] == ["path listed before with these phases"]


def test_a_still_that_is_listed_twice_is_a_repeat_whatever_its_phases(tmp_path: Path) -> None:
    _image(tmp_path / "a.png")
    _image(tmp_path / "b.png")
    lines = ("path,subject,label,onset", "a.png,s,x,1", "a.png,s,x,2", "b.png,s,y,")
    found = read(_table(tmp_path / "list.csv", *lines))
    assert [s.dropped for s in found.samples] == ["", "path listed before", ""]


def test_what_is_left_aside_and_what_is_counted_is_said_with_its_folder(tmp_path: Path) -> None:
    _image(_clip(tmp_path / "a", range(1, 6)) / "img3 (1).png")
    for name in ("x.png", "y.png"):
        _image(tmp_path / "b" / name)
    found = read(_table(tmp_path / "list.csv", "path,subject,label", "a,s,x", "b,t,y"))
    assert [note for note in found.notes if "in 1 clip (s/a: img3 (1).png)" in note]
    assert [note for note in found.notes if "counted from 0" in note and "(t/b: x.png to y.png)" in note]


def test_flawed_rows_are_dropped_with_their_reason(tmp_path: Path) -> None:
    for name in ("1.png", "2.png", "3.png", "5.png"):
        _image(tmp_path / name)
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "cut.png").write_bytes((tmp_path / "1.png").read_bytes()[:-9])
    (tmp_path / "nothing").mkdir()
    rows = {
        "1.png,a,x,train": "",
        "2.png,b,y,test": "",
        "3.png,a,,train": "no label",
        ",a,x,train": "no path",
        "5.png,,x,train": "no subject",
        "5.png,a,x,": "no part",
        "5.png,a,x,exam": "unknown part: 'exam'",
        "none.png,a,x,train": "no such file",
        f"{'n' * 300}.png,a,x,train": "cannot be read: File name too long",
        "empty.png,a,x,train": "empty file",
        "text.png,a,x,train": "not an image",
        "cut.png,a,x,train": "cut off",
        "nothing,a,x,train": "no frames",
        "./1.png,a,x,train": "path listed before",
        "2.png,b,x,test": "path listed before, first labelled 'y'",
        "3.png,a,x": "no part",
        "3.png,a,x,training": "",
    }
    found = read(_table(tmp_path / "list.csv", "path,subject,label,part", *rows))
    assert [sample.dropped for sample in found.samples] == list(rows.values())
    assert [sample.part for sample in found.used] == ["train", "test", "train"]


def test_parts_by_their_usual_names(tmp_path: Path) -> None:
    names = ("train", "Training", "TEST", "testing", "val", "valid", "validation", "dev")
    lines = [f"{index}.png,s{index % 8},{index % 2},{name}" for index, name in enumerate(names)]
    found = read(_stills(tmp_path, "path,person,label,split", *lines))
    assert [s.part for s in found.used] == ["train"] * 2 + ["test"] * 2 + ["validation"] * 4


def test_without_subjects_a_split_is_enough_and_a_note_warns(tmp_path: Path) -> None:
    found = read(_stills(tmp_path, "path,label,part", "1.png,x,train", "2.png,y,train", "3.png,x,test", "4.png,y,test"))
    assert {sample.subject for sample in found.used} == {None}
    assert any("nobody is named" in note and "inflates the results" in note for note in found.notes)


def test_copies_stay_together_where_nobody_is_named(tmp_path: Path) -> None:
    for path in ("a/1.png", "b/1.png", "c/1.png"):
        _image(tmp_path / path, 7)
    _image(tmp_path / "d/1.png", 8)
    lines = ("a,x,train", "b,x,test", "c,y,test", "d,y,train")
    found = read(_table(tmp_path / "list.csv", "path,label,part", *lines))
    people = [sample.person for sample in found.used]
    assert people[0] == people[1] == people[2] != people[3]
    assert "exact copies of test samples: 1 train" in found.notes


def test_an_empty_subject_column_names_nobody(tmp_path: Path) -> None:
    lines = ("path,subject,label,part", "1.png,,x,train", "2.png,,y,test")
    assert [sample.subject for sample in read(_stills(tmp_path, *lines)).used] == [None, None]


@pytest.mark.parametrize(
    "lines",
    [
        ("path,label", "1.png,x", "2.png,y"),
        ("path,label,part", "1.png,x,", "2.png,y,"),
        ("path,label,subject,part", "1.png,x,,", "2.png,y,,"),
    ],
)
def test_neither_subjects_nor_parts_says_what_to_add(tmp_path: Path, lines: tuple[str, ...]) -> None:
    _refused(_stills(tmp_path, *lines), "add a column 'subject' .* or a column 'part' with 'train' and 'test'")


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (("path,label,part", "1.png,x,train", "2.png,y,train"), "the split has no usable test sample"),
        (("path,label,part", "1.png,x,train", "2.png,y,val"), "the split has no usable test sample"),
        (("path,label,part", "1.png,x,test", "2.png,y,test"), "the split has no usable train sample"),
        (("path,subject,label,part", "1.png,a,x,test", "2.png,a,y,test"), "the split has no usable train sample"),
        (
            ("path,subject,label,part", "1.png,b,x,test", "2.png,b,y,train", "3.png,a,x,test", "4.png,a,x,train"),
            r"subjects stand in test and also in train or validation \(2\): a, b",
        ),
        (
            ("path,subject,label,part", "1.png,b,x,test", "2.png,b,y,val", "3.png,a,x,train"),
            r"subjects stand in test and also in train or validation \(1\): b",
        ),
        (("path,subject,label", "1.png,a,x", "2.png,b,x"), "all samples have the one class 'x'"),
        (("path,subject,label", "1.png,a,Happy", "2.png,b,happy"), "all samples have the one class 'Happy'"),
        (
            ("path,subject,label", "1.png,a,", "2.png,b,", "3.png,,x"),
            "no usable sample was found .3 dropped, the fir.*: no label",
        ),
        (
            ("path,subject,label,part", "1.png,Jos\u00e9,x,train", "2.png,b,y,train", "3.png,JOSE\u0301,x,test"),
            "also in train or validation \\(1\\): Jos\u00e9; people written in several ways, .*",
        ),
        (("path,subject", "1.png,a"), "no column 'label' among: path, subject"),
        (("subject,label", "1.png,a"), "no column 'path' among: subject, label"),
        (("path,subject,label",), "no rows below the header"),
        (("path,subject,label,label", "1.png,a,x,y"), "two columns are named 'label'"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused(tmp_path: Path, lines: tuple[str, ...], reason: str) -> None:
    _refused(_stills(tmp_path, *lines), reason)


def test_subjects_with_a_train_part_only_are_left_to_other_protocols(tmp_path: Path) -> None:
    found = read(_stills(tmp_path, "path,subject,label,part", "1.png,a,x,train", "2.png,b,y,train", "3.png,b,y,train"))
    assert len(found.used) == 3


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"PK\x03\x04\x14\0\x06\0\xff\xfe", "not a UTF-8 text file"),
        ("path,subject,label\né,a,x".encode("latin-1"), "not a UTF-8 text file"),
        (b"path,subject,label\na.png,a\0,x", "not a text file"),
    ],
)
def test_a_file_that_is_no_table_says_so(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "list.csv").write_bytes(content)
    _refused(tmp_path / "list.csv", reason)
    _refused(tmp_path / "none.csv", "no such file")


def test_stills_and_clips_do_not_mix(tmp_path: Path) -> None:
    _clip(tmp_path / "c", range(3))
    _image(tmp_path / "1.png")
    source = _table(tmp_path / "list.csv", "path,subject,label", "1.png,a,x", "c,b,y")
    _refused(source, r"stills and clips are mixed \(1\.png is a still, c a clip\)")


def test_a_folder_with_one_frame_is_a_clip(tmp_path: Path) -> None:
    _clip(tmp_path / "c", [4])
    _clip(tmp_path / "d", range(3))
    found = read(_table(tmp_path / "list.csv", "path,subject,label", "c,a,x", "d,b,y"))
    assert [_phases(sample) for sample in found.used] == [(0, None, 0), (0, None, 2)]


def _split(root: Path, *parts: str) -> Path:
    for index, part in enumerate(parts):
        for label in ("sad", "happy"):
            _image(root / part / label / "1.png", 10 * index + len(label))
    return root


def test_class_folders_of_stills(tmp_path: Path) -> None:
    found = read(_split(tmp_path / "mine", "train", "Test", "val"))
    assert found.classes == ("happy", "sad")
    assert sorted((s.clip, s.label, s.part) for s in found.used) == [
        ("Test/happy/1.png", "happy", "test"),
        ("Test/sad/1.png", "sad", "test"),
        ("train/happy/1.png", "happy", "train"),
        ("train/sad/1.png", "sad", "train"),
        ("val/happy/1.png", "happy", "validation"),
        ("val/sad/1.png", "sad", "validation"),
    ]
    assert any("nobody is named" in note for note in found.notes)


def test_class_folders_of_clips(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for label in ("sad", "happy"):
            _clip(tmp_path / part / label / "clip1", [1, 2, 10])
    found = read(tmp_path)
    assert {_phases(sample) for sample in found.used} == {(0, None, 2)}
    assert found.used[0].frames.read()[:, 0, 0, 0].tolist() == [1, 2, 10]


def test_what_is_left_out_of_a_folder_is_told(tmp_path: Path) -> None:
    _split(tmp_path, "train", "test", "old")
    (tmp_path / "README.txt").touch()
    for name in ("train/sad/a.PSD", "train/sad/b.psd", "test/list.txt", "test/sad/.DS_Store", "test/sad/Thumbs.db"):
        (tmp_path / name).touch()
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "test" / "happy" / "empty").mkdir()
    found = read(tmp_path)
    assert "folders left out, neither train, validation nor test: old" in found.notes
    assert "3 files left out, no images or videos in class folders: 2 .psd, 1 .txt" in found.notes
    assert [(s.clip, s.dropped) for s in found.samples if s.dropped] == [("test/happy/empty", "no frames")]


def test_one_person_and_one_class_in_several_spellings_are_one(tmp_path: Path) -> None:
    rows = ("1.png,001,Happy", "2.png,1,sad", "3.png,1.0,happy", "4.png,sub04,SAD", "5.png,sub4,sad")
    found = read(_stills(tmp_path, "path,subject,label", *rows))
    assert [sample.subject for sample in found.used] == ["1", "1", "1", "sub4", "sub4"]
    assert found.classes == ("Happy", "sad")
    assert "people written in several ways, each taken as one: '001' = '1'; 'sub04' = 'sub4'" in found.notes
    assert not any("a subject of its own" in note for note in found.notes)
    assert "classes written in several ways, each taken as one: 'Happy' = 'happy'; 'SAD' = 'sad'" in found.notes


def test_a_class_folder_in_two_unicode_forms_is_one_class(tmp_path: Path) -> None:
    for i, folder in enumerate(("train/tr\u00e4ge", "train/wach", "test/tra\u0308ge", "test/wach")):
        _image(tmp_path / folder / "1.png", 40 * i)
    found = read(tmp_path)
    assert found.classes == ("träge", "wach") and not any("no test sample" in note for note in found.notes)


def test_a_path_is_found_whatever_form_its_letters_have(tmp_path: Path) -> None:
    source = _stills(tmp_path, "path,subject,label", "Pics/Jose\u0301.png,a,x", "b.png,b,y")
    source.write_text("path,subject,label\npics/jos\u00e9.PNG,a,x\nb.png,b,y\nPics/JOSE\u0301.png,c,y\n", "utf-8")
    found = read(source)
    assert [sample.clip for sample in found.used] == ["Pics/Jose\u0301.png", "b.png"]
    assert [sample.dropped for sample in found.samples if sample.dropped] == ["path listed before, first labelled 'x'"]


def test_a_class_missing_in_a_part_is_told(tmp_path: Path) -> None:
    _split(tmp_path, "train", "test")
    _image(tmp_path / "test" / "angry" / "1.png", 99)
    assert "no train sample of: angry" in read(tmp_path).notes


def test_parts_may_lie_one_or_two_levels_down_in_one_folder(tmp_path: Path) -> None:
    _split(tmp_path / "mine" / "archive", "train", "test")
    (tmp_path / "mine" / ".DS_Store").touch()
    (tmp_path / "mine" / "labels.csv").touch()
    for source in (tmp_path / "mine", tmp_path):
        found = read(source)
        assert [sample.clip for sample in found.used] == [s.clip for s in read(tmp_path / "mine" / "archive").used]
        assert f"train and test are those of {tmp_path / 'mine' / 'archive'}" in found.notes
    _split(tmp_path / "mine" / "other", "train", "test")
    _refused(tmp_path / "mine", r"2 folders in it have train and test folders \(archive, other\): name one of them")


@pytest.mark.parametrize(
    ("folders", "reason"),
    [
        (("happy", "sad"), "class folders do not tell people apart: sort them into train/ and test/ .* CSV .* subject"),
        (("train/happy", "val/happy"), "no test folder beside train, val"),
        (("test/happy",), "no train folder beside test"),
        ((), "no folders in it"),
        (("train/happy", "test"), "all samples have the one class"),
    ],
)
def test_a_folder_without_a_split_is_refused(tmp_path: Path, folders: tuple[str, ...], reason: str) -> None:
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
        if "/" in folder or "happy" in folder:
            _image(tmp_path / folder / "1.png")
    _refused(tmp_path, reason)


def test_a_split_without_a_single_file_is_refused(tmp_path: Path) -> None:
    for folder in ("train/x", "test/x"):
        (tmp_path / folder).mkdir(parents=True)
    _refused(tmp_path, "no usable sample was found")


def test_a_folder_with_a_list_points_to_the_list(tmp_path: Path) -> None:
    _stills(tmp_path, "path,subject,label", "faces/1.png,a,x", "faces/2.png,b,y")
    _refused(tmp_path, r"to read list\.csv, name that file itself")
