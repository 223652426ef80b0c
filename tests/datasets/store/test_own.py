"""A user's own set keeps its people's names wherever it is moved, and its pictures are known again where it changes."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from emonas.datasets.clips.sample import ReadResult
from emonas.datasets.databases import registry
from emonas.datasets.store.own import name_by_content, picture_marks

ROWS = ("a.png,anna,x", "b.png,anna,y", "c.png,ben,x", "d.png,ben,y")


def own(folder: Path, *rows: str, name: str = "faces.csv", first: int = 0) -> ReadResult:
    """A set of one picture a row, each of another grey, in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, row in enumerate(rows):
        cv2.imwrite(str(folder / row.split(",")[0]), np.full((8, 8), first + 20 * i, np.uint8))
    (folder / name).write_text("\n".join(("path,subject,label", *rows)) + "\n", "utf-8")
    return name_by_content(registry.read("folder", folder / name))


def people(found: ReadResult) -> set[str]:
    return {sample.person for sample in found.used}


def test_a_moved_copied_or_renamed_table_has_the_same_people(tmp_path: Path) -> None:
    found = own(tmp_path / "one", *ROWS)
    shutil.copytree(tmp_path / "one", tmp_path / "copy" / "deeper")
    assert people(name_by_content(registry.read("folder", tmp_path / "copy" / "deeper" / "faces.csv"))) == people(found)
    assert people(own(tmp_path / "other", *reversed(ROWS), name="list.csv", first=60)) != people(found)
    shuffled = own(tmp_path / "one", *ROWS, name="again.csv")
    assert people(shuffled) == people(found)


def test_people_of_other_pictures_are_others_whatever_they_are_called(tmp_path: Path) -> None:
    one, other = own(tmp_path / "one", *ROWS), own(tmp_path / "other", *ROWS, first=5)
    assert not people(one) & people(other)


def test_other_names_for_the_same_pictures_are_no_longer_comparable_but_the_pictures_are(tmp_path: Path) -> None:
    one = own(tmp_path / "one", *ROWS)
    renamed = own(tmp_path / "other", *(row.replace("anna", "p1") for row in ROWS))
    assert not people(one) & people(renamed)
    assert picture_marks(one.used, range(4)) == picture_marks(renamed.used, range(4)) != ()


def test_everybody_has_a_picture_among_those_kept_of_a_large_set(tmp_path: Path) -> None:
    sample = own(tmp_path, *ROWS).used[0]
    many = [replace(sample, subject=f"p{i % 100}", group=f"{i * 7919 % 5000:016x}") for i in range(5000)]
    kept = set(picture_marks(many, range(5000)))
    assert len(kept) == 256 and {one.subject for one in many if one.group in kept} == {one.subject for one in many}


def test_a_clip_is_known_by_its_frames_and_a_video_by_its_ends(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        for clip in ("k", "l"):
            (tmp_path / folder / clip).mkdir(parents=True)
            for i in range(3):
                grey = np.full((8, 8), 40 * i + len(clip) + ord(clip), np.uint8)
                cv2.imwrite(str(tmp_path / folder / clip / f"{i}.png"), grey)
    tables = [tmp_path / folder / "t.csv" for folder in ("one", "two")]
    for table in tables:
        table.write_text("path,subject,label\nk,anna,x\nl,ben,y\n")
    first, second = (name_by_content(registry.read("folder", table)) for table in tables)
    assert people(first) == people(second) and all(sample.group for sample in first.used)


def test_what_is_no_users_own_has_the_owners_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert all(sample.dataset.startswith("own-") for sample in own(tmp_path, *ROWS).samples)
