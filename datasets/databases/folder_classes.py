"""A user's own folder: the parts of a split, in them the classes, in them images, videos or folders of frames."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from emonas.datasets.clips.flaws import os_error_text
from emonas.datasets.clips.frames import VIDEO_SUFFIXES, is_debris, is_image
from emonas.datasets.databases.folder_csv import PART_NAMES
from emonas.datasets.reading.entry import Entry
from emonas.errors import UserError


def read_class_folders(source: Path) -> tuple[list[Entry], tuple[str, ...]]:
    """The entries below source/PART/CLASS, and notes on what else lies there.

    Only a single folder of the same name, as unpacking leaves it, is looked into for the root. Raises UserError
    when there is no train or no test folder: class folders name nobody, so a split is all that keeps people apart.
    """
    root = _without_duplicate(source)
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
    return entries, (*_others_note(others), *_strays_note(strays))


def _entry(root: Path, part: str, path: Path) -> Entry:
    return Entry(path, path.relative_to(root).as_posix(), path.parent.name, part=part)


def _is_sample(path: Path) -> bool:
    return path.is_dir() or is_image(path) or path.suffix.lower() in VIDEO_SUFFIXES


def _without_duplicate(source: Path) -> Path:
    inside = _visible(source)
    alone = len(inside) == 1 and inside[0].is_dir()
    return inside[0] if alone and inside[0].name.lower() == source.resolve().name.lower() else source


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
        return f"no {'test' if 'train' in parts else 'train'} folder beside {', '.join(names)}"
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
