"""MEGC2019 in miniature: three complete sources side by side, with and without a table in the organisers' form."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import owner_casme2
import owner_samm
import owner_smic
import pytest
from data_command import Command, fits
from distributions import counts, people, read, write_frames
from made_samples import files_below

from emonas.datasets.clips.sample import ReadResult
from emonas.datasets.databases import megc2019
from emonas.datasets.databases.megc2019 import DATABASE
from emonas.datasets.protocols.protocol import folds
from emonas.datasets.reading.expected import chosen, compare
from emonas.datasets.store import prepare as preparing
from emonas.datasets.store.attempt import Attempt, Judged
from emonas.datasets.store.config import PrepareConfig
from emonas.datasets.store.prepare import prepare
from emonas.datasets.store.prepared import load
from emonas.errors import UserError

#: By source: negative, positive, surprise.
PUBLISHED = {"casme2": (88, 32, 25), "smic": (70, 51, 43), "samm": (92, 26, 15)}
CLASSES = ("negative", "positive", "surprise")
LEFT_OUT = {"sub04/EP12_01f", "sub05/EP09_05f", "sub24/EP07_01", "sub24/EP07_04f", "sub24/EP10_03"}


@pytest.fixture(scope="session")
def casme2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return owner_casme2.build(tmp_path_factory.mktemp("casme2") / "CASME2")


@pytest.fixture(scope="session")
def whole(casme2: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The three downloads, under names of the user's own."""
    root = tmp_path_factory.mktemp("composite")
    owner_smic.build(root / "c")
    owner_samm.build(root / "b")
    (root / "a").symlink_to(casme2, target_is_directory=True)
    return root


@pytest.fixture
def copy(whole: Path, casme2: Path, tmp_path: Path) -> Path:
    """A copy in which anything may be changed."""
    tree = tmp_path / "MEGC"
    for name in ("b", "c"):
        shutil.copytree(whole / name, tree / name, copy_function=_linked)
    (tree / "a").mkdir()
    shutil.copytree(casme2 / "Cropped-updated", tree / "a" / "Cropped-updated", copy_function=_linked)
    shutil.copy(casme2 / "CASME2-coding-20140508.xlsx", tree / "a")
    return tree


def _linked(source: str, target: str) -> None:
    """Pictures are never changed, so links are enough."""
    if source.endswith(".xlsx"):
        shutil.copy(source, target)
    else:
        Path(target).hardlink_to(source)


def rows() -> list[str]:
    """The table of our miniature in the organisers' form: SAMM's subjects have lost their zeros there."""
    number = {"disgust": 0, "repression": 0, "happiness": 1, "surprise": 2}
    lines = [
        f"casme2,sub{clip.subject:02},{clip.name},{number[label]}"
        for clip in owner_casme2.with_quirks(owner_casme2._clips())
        if (label := clip.label.lower()) in number and f"sub{clip.subject:02}/{clip.name}" not in LEFT_OUT
    ]
    lines += [f"smic,s{clip.subject:02},{clip.padded},{CLASSES.index(clip.label)}" for clip in owner_smic.clips("hs")]
    lines += [
        f"samm,{clip.subject},{clip.name},{ {'Happiness': 1, 'Surprise': 2}.get(clip.label, 0) }"
        for clip in owner_samm.clips()
        if not clip.label.startswith("Other")
    ]
    return lines


def write_table(folder: Path, lines: Iterable[str], name: str = "combined_3class_gt.csv") -> Path:
    (folder / name).write_text("".join(f"{line}\r\n" for line in lines), newline="")
    return folder / name


def by_source(found: ReadResult) -> dict[str, tuple[int, ...]]:
    counted = Counter((sample.dataset, sample.label) for sample in found.used)
    return {source: tuple(counted[source, label] for label in CLASSES) for source in PUBLISHED}


def as_published(found: ReadResult) -> bool:
    expected = chosen(DATABASE.expected, found.choices)
    return expected is not None and not any(one.differs for one in compare(expected, found.used))


def test_the_composite_is_rebuilt_from_its_three_sources(whole: Path) -> None:
    found = read("megc2019", whole)
    assert found.choices == {"classes": "3", "variant": "rebuilt", "crop": "full", "apex_policy": "middle"}
    assert (len(found.used), people(found)) == (442, 68)
    assert counts(found) == {"negative": 250, "positive": 109, "surprise": 83}
    assert by_source(found) == PUBLISHED
    assert as_published(found)
    assert found.notes == ("frames: casme2 full, smic full, samm full",)


def test_the_composite_by_a_table(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = write_table(copy, rows())
    found = read("megc2019", copy)
    assert found.choices["variant"] == "table"
    assert by_source(found) == PUBLISHED and people(found) == 68
    assert as_published(found)
    assert found.notes[-1] == "combined_3class_gt.csv is not the organisers' table as they distribute it: " \
                              "it has another sha256"  # fmt: skip
    monkeypatch.setattr(megc2019, "TABLE_SHA256", hashlib.sha256(table.read_bytes()).hexdigest())
    assert read("megc2019", copy).notes == ("frames: casme2 owner, smic full, samm full",)
    rebuilt = read("megc2019", copy, variant="rebuilt")
    assert {(s.person, s.clip, s.label) for s in rebuilt.used} == {(s.person, s.clip, s.label) for s in found.used}


def test_the_organisers_checksum_is_that_of_the_facts() -> None:
    assert megc2019.TABLE_SHA256 == "adf1de4a088d4c3b3bd01cc8d061e836264d0e05140266eb15d8dc1050f484a7"


def test_the_five_exclusions_hold_with_the_newer_coding_file(copy: Path) -> None:
    clips = owner_casme2.with_quirks(owner_casme2.newer(owner_casme2._clips()))
    owner_casme2._sheet(copy / "a" / "CASME2-coding-20140508.xlsx", clips)
    found = read("megc2019", copy)
    assert by_source(found) == PUBLISHED
    left_out = {f"{s.subject}/{s.clip}" for s in found.samples if s.dropped.startswith("not in MEGC2019's table")}
    assert left_out == LEFT_OUT


def test_people_are_keyed_by_source_and_subject(whole: Path) -> None:
    used = read("megc2019", whole).used
    assert {"casme2/sub06", "smic/s06", "samm/006"} < {sample.person for sample in used}
    parts = folds(used, "loso")
    assert (len(parts), sum(len(fold.test) for fold in parts)) == (68, 442)
    assert all(len(fold.train) + len(fold.test) == 442 for fold in parts)
    assert {len({used[i].dataset for i in fold.train}) for fold in parts} == {3}


def test_the_sources_survive_the_preparation(whole: Path) -> None:
    made = prepare("megc2019", whole, PrepareConfig(size=8, faces="whole", jobs=1), quiet=True)
    prepared = load(made.folder)
    assert Counter(s.dataset for s in prepared.samples) == {name: sum(of) for name, of in PUBLISHED.items()}
    assert prepared.classes == CLASSES and len(prepared.subjects) == 68


def test_a_sample_lost_on_the_way_leaves_no_composite(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader counts 442; a clip in which no face is found is only lost when pictures are made."""
    judge = preparing.judge

    def without_the_last(dataset: str, found: ReadResult, attempts: Sequence[Attempt], *options: bool) -> Judged:
        return judge(dataset, found, [*attempts[:-1], Attempt("no face found")], *options)

    monkeypatch.setattr(preparing, "judge", without_the_last)
    with pytest.raises(UserError, match=r"counts as a whole only, and 1 samples are lost \(\w+/.*: no face found"):
        prepare("megc2019", whole, PrepareConfig(size=8, faces="whole", jobs=1), quiet=True)


def test_all_three_in_one_folder(whole: Path, tmp_path: Path) -> None:
    for path in (*(whole / "a").iterdir(), *(whole / "b").iterdir(), *(whole / "c").iterdir()):
        if not path.name.startswith((".", "~", "__")):
            (tmp_path / path.name).symlink_to(path.resolve(), target_is_directory=path.is_dir())
    assert len(read("megc2019", tmp_path).used) == 442


def test_each_source_may_lie_as_deep_in_its_folder_as_alone(copy: Path) -> None:
    (copy / "a").rename(copy / "x")
    (copy / "a").mkdir()
    (copy / "x").rename(copy / "a" / "CASME2")
    assert len(read("megc2019", copy).used) == 442


def test_whole_frames_or_faces_from_all_three_where_they_are_wanted(copy: Path) -> None:
    with pytest.raises(UserError, match=r"CASME II as its owner distributes it.*looked for whole frames"):
        read("megc2019", copy, crop="full")
    with pytest.raises(UserError, match=r"SAMM as its owner distributes it.*looked for faces"):
        read("megc2019", copy, crop="owner")
    (copy / "b" / "SAMM").rename(copy / "b" / "SAMM_CROP")
    found = read("megc2019", copy, crop="owner")
    assert (len(found.used), found.choices["crop"]) == (442, "owner")
    assert found.notes == ("frames: casme2 owner, smic owner, samm owner",)


def test_a_table_is_known_by_what_is_in_it(copy: Path) -> None:
    shutil.copy(write_table(copy, rows()), copy / "b" / "samples of mine.csv")
    (copy / "combined_3class_gt.csv").unlink()
    (copy / "other.csv").write_text("path,subject,label\n")
    (copy / "empty.csv").touch()
    found = read("megc2019", copy, variant="table")
    assert "samples of mine.csv is not the organisers' table" in found.notes[-1]


def test_a_table_is_asked_for_where_it_is_wanted(whole: Path) -> None:
    with pytest.raises(UserError, match=r"looked for the organisers' table \(combined_3class_gt\.csv\)"):
        read("megc2019", whole, variant="table")


def test_the_table_decides_and_says_where_the_owners_differ(copy: Path) -> None:
    lines = [line.replace("EP12_01f", "x") for line in rows()]
    changed = next(line for line in lines if line.startswith("samm,11,") and line.endswith(",0"))
    write_table(copy, [line[:-1] + "2" if line == changed else line for line in lines])
    found = read("megc2019", copy)
    name = "/".join(changed.split(",")[:3])
    assert found.notes[-1] == f"combined_3class_gt.csv and the owners disagree about the class of {name}"
    assert by_source(found)["samm"] == (91, 26, 16)
    assert not as_published(found)


def test_a_defective_table_is_refused_unless_the_right_one_is_there(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [line for line in rows() if "032_3_1" not in line]
    write_table(copy, [",,,", *lines[:300], ",,,", *lines[300:], ",,,"], "combined_3class_gt-2.csv")
    with pytest.raises(UserError, match=r"gt-2\.csv: defective: 441 samples of 68 people, MEGC2019 has 442 of 68"):
        read("megc2019", copy)
    assert len(read("megc2019", copy, variant="rebuilt").used) == 442
    good = write_table(copy, rows())
    monkeypatch.setattr(megc2019, "TABLE_SHA256", hashlib.sha256(good.read_bytes()).hexdigest())
    assert len(read("megc2019", copy).used) == 442


@pytest.mark.parametrize("line", ["samm,6,006_4_20,3", "samm,6,006_4_20,negative", "mmew,6,006_4_20,0"])
def test_a_line_that_is_no_sample(copy: Path, line: str) -> None:
    write_table(copy, [*rows()[:5], line])
    with pytest.raises(UserError, match=f"line 6 is not source, subject, clip, class: {line}"):
        read("megc2019", copy)


@pytest.mark.parametrize("table", [True, False])
def test_a_missing_sample_is_refused_by_name(copy: Path, table: bool) -> None:
    if table:
        write_table(copy, rows())
    shutil.rmtree(copy / "b" / "SAMM" / "032" / "032_3_1")
    with pytest.raises(UserError) as raised:
        read("megc2019", copy)
    row = 14 + [clip.name for clip in owner_samm.clips()].index("032_3_1") + 1
    assert str(raised.value) == (
        f"{copy}: not MEGC2019's 442 samples of 68 people but 441 of 68: samm has 132 of 133 samples, 28 of 28 people; "
        f"missing: samm/032/032_3_1 (no frames on the disk: row {row})"
    )


@pytest.mark.parametrize("table", [True, False])
def test_of_many_missing_samples_the_first_are_named_and_all_counted(copy: Path, table: bool) -> None:
    if table:
        write_table(copy, rows())
    shutil.rmtree(copy / "b" / "SAMM" / "011")
    with pytest.raises(UserError, match=r"samm has 113 of 133 samples, 27 of 28 people; missing: samm/011/.* and 15 "):
        read("megc2019", copy)


_UNNAMED = r"; 1 missing that only a table of samples \(combined_3class_gt\.csv\) can name$"


def test_a_clip_that_is_not_there_at_all_is_named_by_the_table(copy: Path) -> None:
    (clip,) = (copy / "c" / "SMIC_all_raw").rglob("s19_po_01")
    shutil.rmtree(clip)
    with pytest.raises(UserError, match=f"smic has 163 of 164 samples, 16 of 16 people{_UNNAMED}"):
        read("megc2019", copy)
    write_table(copy, rows())
    with pytest.raises(UserError, match=r"16 of 16 people; missing: smic/s19/s19_po_01$"):
        read("megc2019", copy)


def test_a_row_that_is_not_there_at_all_is_named_by_the_table(copy: Path) -> None:
    clips = [clip for clip in owner_samm.clips() if clip.name != "032_3_1"]
    owner_samm.sheet(copy / "b" / "SAMM_Micro_FACS_Codes_v2.xlsx", clips, preamble=True)
    with pytest.raises(UserError, match=f"samm has 132 of 133 samples, 28 of 28 people{_UNNAMED}"):
        read("megc2019", copy)
    write_table(copy, rows())
    named = r"; missing: samm/032/032_3_1 \(no row in SAMM_Micro_FACS_Codes_v2\.xlsx\)$"
    with pytest.raises(UserError, match=f"28 of 28 people{named}"):
        read("megc2019", copy)


def test_the_check_shows_the_sources(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = Command(capsys).succeed("check", "megc", whole, "--quick")
    fits(out)
    lines = [line.split() for line in out.splitlines()]
    assert ["class", "samples", "casme2", "samm", "smic", "expected"] in lines
    assert ["negative", "250", "88", "92", "70", "250"] in lines
    assert "as published" in out and "68 folds" in out


def _without_samm(folder: Path) -> None:
    shutil.rmtree(folder / "b")


def _empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def _wrong(folder: Path) -> None:
    _empty(folder)
    write_frames(folder / "SN001" / "frames", (1, 2))


def _half(folder: Path) -> None:
    shutil.rmtree(folder / "c")
    (folder / "c").mkdir()
    (folder / "c" / "SMIC_all_cropped.zip").touch()


def _cut_off(folder: Path) -> None:
    table = folder / "a" / "CASME2-coding-20140508.xlsx"
    table.write_bytes(table.read_bytes()[:2000])


def _swapped(folder: Path) -> None:
    shutil.copy(folder / "a" / "CASME2-coding-20140508.xlsx", folder / "b" / "SAMM_Micro_FACS_Codes_v2.xlsx")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_empty, "not CASME II as its owner distributes it"),
        (_wrong, "not CASME II as its owner distributes it"),
        (_without_samm, "not SAMM as its owner distributes it"),
        (_half, "not SMIC as its owner distributes it"),
        (_cut_off, "CASME2-coding-20140508.xlsx: damaged or not a workbook"),
        (_swapped, "SAMM_Micro_FACS_Codes_v2.xlsx: no sheet with the columns subject, filename, onset frame"),
    ],
)
def test_a_source_that_is_not_the_composite_is_one_line(
    copy: Path, home: Path, capsys: pytest.CaptureFixture[str], damage: object, words: str
) -> None:
    assert callable(damage)
    damage(copy)
    for what in ("check", "prepare"):
        status, out, err = Command(capsys)(what, "megc2019", copy)
        assert (status, out) == (2, "")
        assert words in err and err.count("\n") == 1
    assert files_below(home) == []


def test_a_file_is_not_the_folder_of_the_three(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="found a file: name the folder that holds it"):
        read("megc2019", write_table(tmp_path, rows()))
