"""A user's own folder: the parts of a split, in them the classes, in them images, videos or folders of frames."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from emonas.datasets.clips.flaws import os_error_text
from emonas.datasets.clips.frames import VIDEO_SUFFIXES, is_debris, is_image
from emonas.datasets.databases.folder_csv import PART_NAMES
from emonas.datasets.reading.entry import Entry
from emonas.errors import UserError

#: So many levels below the source the parts may lie: archive/DATASET/train.
_DEEPEST = 2


def read_class_folders(source: Path) -> tuple[list[Entry], tuple[str, ...]]:
    """The entries below source/PART/CLASS, and notes on what else lies there.

    Parts may lie one or two levels down, as unpacking leaves them, where nothing but one folder holds them. Raises
    UserError when there is no train or no test folder: class folders name nobody, so a split is all that keeps people
    apart.
    """
    root = _root(source)
    folders = [path for path in _visible(root) if path.is_dir()]
    parts = [(PART_NAMES[folder.name.lower()], folder) for folder in folders if folder.name.lower() in PART_NAMES]
    if not {part for part, _ in parts} >= {"train", "test"}:
        raise UserError(f"{root}: {_no_split(root, [folder.name for folder in folders])}")
    entries: list[Entry] = []
    strays: list[Path] = []
    for part, folder in parts:
        for class_folder in _visible(folder):
            inside = _visible(class_folder) if class_folder.is_dir() else []
            strays += [class_folder] if class_folder.is_file() else [path for path in inside if not _is_sample(path)]
            entries += [_entry(root, part, path) for path in inside if _is_sample(path)]
    others = [folder.name for folder in folders if folder.name.lower() not in PART_NAMES]
    deeper = (f"train and test are those of {root}",) if root != source else ()
    return entries, (*deeper, *_others_note(others), *_strays_note(strays))


def refuse_class_folders(source: Path, title: str) -> None:
    """Raise a UserError that names the way to read them where a source is a copy of a database in class folders."""
    holding = [root for root in _part_roots(source) if _has_classes(root)] if source.is_dir() else []
    if holding:
        raise UserError(
            f"{source}: class folders, as copies of {title} have them, and not what its owner distributes; "
            f"to read them: emonas-data prepare folder {shlex.quote(str(holding[0]))}"
        )


def _entry(root: Path, part: str, path: Path) -> Entry:
    return Entry(path, path.relative_to(root).as_posix(), path.parent.name, part=part)


def _is_sample(path: Path) -> bool:
    return path.is_dir() or is_image(path) or path.suffix.lower() in VIDEO_SUFFIXES


def _root(source: Path) -> Path:
    """The folder that holds the parts. Raises UserError where several below the source do."""
    roots = _part_roots(source)
    if len(roots) > 1:
        named = ", ".join(root.name for root in roots[:5])
        raise UserError(f"{source}: {len(roots)} folders in it have train and test folders ({named}): name one of them")
    return roots[0] if roots else source


def _part_roots(source: Path) -> list[Path]:
    """The source where it holds a part itself; else the folders at the first level down that hold train and test."""
    level = [source]
    for depth in range(_DEEPEST + 1):
        parts = {folder: {PART_NAMES.get(path.name.lower()) for path in _folders(folder)} - {None} for folder in level}
        roots = [folder for folder in level if parts[folder] and (not depth or parts[folder] >= {"train", "test"})]
        if roots:
            return roots
        level = [path for folder in level for path in _folders(folder)]
    return []


def _folders(folder: Path) -> list[Path]:
    return [path for path in _visible(folder) if path.is_dir() and os.access(path, os.R_OK | os.X_OK)]


def _has_classes(root: Path) -> bool:
    """Whether the parts hold at least two folders with samples."""
    parts = [folder for folder in _folders(root) if folder.name.lower() in PART_NAMES]
    classes = {path.name for part in parts for path in _folders(part) if any(map(_is_sample, _visible(path)))}
    return len(classes) > 1


def _visible(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not is_debris(path.name))
    except OSError as error:
        raise UserError(f"{folder}: {os_error_text(error)}") from None


def _no_split(root: Path, names: Sequence[str]) -> str:
    tables = [path.name for path in _visible(root) if path.suffix.lower() == ".csv"]
    if tables:
        return f"no train and test folders in it; to read {tables[0]}, name that file itself"
    if not names:
        return "no folders in it: it should hold train/CLASS and test/CLASS, or name a CSV file"
    if parts := {PART_NAMES[name.lower()] for name in names if name.lower() in PART_NAMES}:
        lacking = "test" if "train" in parts else "train"
        return f"no {lacking} folder beside {', '.join(names)}: call the one that shall be the {lacking} part so"
    return (
        "class folders do not tell people apart: sort them into train/ and test/ folders, or list the files in a "
        "CSV with the columns path, subject, label"
    )


def _others_note(names: Sequence[str]) -> Iterator[str]:
    if names:
        yield f"folders left out, neither train, validation nor test: {', '.join(names)}"


def _strays_note(strays: Sequence[Path]) -> Iterator[str]:
    if strays:
        endings = Counter(path.suffix.lower() or path.name for path in strays).most_common(5)
        yield f"{len(strays)} files left out, no images or videos in class folders: " + ", ".join(
            f"{count} {ending}" for ending, count in endings
        )
