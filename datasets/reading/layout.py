"""Where a database lies below the folder that a user names: by what is in it, whatever it is called."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from emonas.datasets.clips.flaws import os_error_text
from emonas.datasets.clips.frames import frame_number, is_debris
from emonas.datasets.reading.choices import AUTO
from emonas.datasets.reading.identity import path_key
from emonas.errors import UserError

#: How many levels below the named folder a root may lie; unpacking often nests folders of the same name.
MAX_DEPTH = 3
_PACKED = (".zip", ".rar", ".7z", ".tar", ".gz", ".tgz", ".001")
_MOST_NAMED = 5


def find_inside(folder: Path, pattern: str) -> Iterator[Path]:
    """What lies below a folder by a pattern such as "sub*/ep*/img*.jpg"; upper and lower case are one.

    In the order of the names' numbers and then of the names; an operating system's debris is skipped. Raises
    UserError where a folder cannot be listed.
    """
    first, _, rest = pattern.casefold().partition("/")
    for path, is_folder in _visible(folder):
        if fnmatchcase(path.name.casefold(), first):
            if not rest:
                yield path
            elif is_folder:
                yield from find_inside(path, rest)


def find_roots(source: Path, pattern: str) -> list[Path]:
    """All folders, the source itself or at most three levels below it, that hold the pattern; the highest first.

    Nothing below a found root is searched. Raises UserError where a folder cannot be listed.
    """
    found: list[Path] = []
    level = [source] if source.is_dir() else []
    for _ in range(MAX_DEPTH + 1):
        holding = [folder for folder in level if next(find_inside(folder, pattern), None) is not None]
        found += holding
        level = [path for folder in level if folder not in holding for path in _folders(folder)]
    return found


def find_files(source: Path, *patterns: str) -> list[Path]:
    """All files by one of some name patterns, in the source or at most three levels below it.

    The order of the patterns comes before that of the levels, the highest first. Raises UserError.
    """
    found: list[Path] = []
    level = [source] if source.is_dir() else []
    for _ in range(MAX_DEPTH + 1):
        found += [path for folder in level for path, is_folder in _visible(folder) if not is_folder]
        level = [path for folder in level for path in _folders(folder)]
    return [path for pattern in patterns for path in found if fnmatchcase(path.name.casefold(), pattern.casefold())]


class Places:
    """Files by their paths as a table writes them, whatever form its letters have; folders are listed once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._listed: dict[Path, dict[str, list[str]]] = {}

    def spelled(self, path: str) -> str:
        """The path below the folder as the disk spells it; as it is where nothing, or more than one thing, is meant."""
        if not path or os.path.lexists(self._folder / path):
            return path
        found = self._folder
        parts = []
        for part in PurePosixPath(path).parts:
            parts.append(part if part in ("..", "/") else self._name(found, part))
            found = found / parts[-1]
        return str(PurePosixPath(*parts)) if os.path.lexists(found) else path

    def _name(self, folder: Path, part: str) -> str:
        if folder not in self._listed:
            names: dict[str, list[str]] = {}
            with suppress(OSError):
                for name in os.listdir(folder):  # noqa: PTH208 (names, not paths)
                    names.setdefault(path_key(name), []).append(name)
            self._listed[folder] = names
        there = self._listed[folder].get(path_key(part), [])
        return part if part in there or len(there) != 1 else there[0]


def not_as_distributed(source: Path, title: str, wanted: str, among: str = "") -> UserError:
    """The error that says what was looked for and what was found instead. ``wanted`` names it with its pattern."""
    return UserError(
        f"{source}: not {title} as its owner distributes it, or not all of it: looked for {wanted} in it and up to "
        f"three folders down, found {among or describe_contents(source)}"
    )


def describe_contents(source: Path) -> str:
    """What lies in a folder, in a few words."""
    if not source.is_dir():
        return "a file: name the folder that holds it"
    there = _visible(source)
    if not there:
        return "an empty folder"
    if packed := [path.name for path, is_folder in there if not is_folder and path.suffix.lower() in _PACKED]:
        return f"{_some(packed)}, still packed: unpack it"
    open_to_us = _folders(source)
    rights = {path: "/" if path in open_to_us else "/ (no rights to read it)" for path, is_folder in there if is_folder}
    return _some([path.name + rights.get(path, "") for path, _ in there])


def root_of(source: Path, title: str, forms: Mapping[str, tuple[str, str]], choice: str) -> tuple[str, Path]:
    """The form in which a database is present, and its root.

    ``forms`` leads from a choice's values to what it is in words and its pattern; "auto" takes the first one
    present. Where several roots hold a form, the one whose path says "updated" is taken, else the highest. Raises
    UserError, saying what was looked for, where there is none.
    """
    wanted = forms if choice == AUTO else {choice: forms[choice]}
    for name, (_, pattern) in wanted.items():
        if found := find_roots(source, pattern):
            return name, min(found, key=lambda path: "updated" not in str(path.relative_to(source)).casefold())
    raise not_as_distributed(source, title, " or ".join(f"{words} ({pattern})" for words, pattern in wanted.values()))


def _visible(folder: Path) -> list[tuple[Path, bool]]:
    """What a folder holds, and whether it is a folder itself, without asking the disk for each file."""
    try:
        with os.scandir(folder) as entries:
            paths = [(Path(entry.path), entry.is_dir()) for entry in entries if not is_debris(entry.name)]
    except OSError as error:
        raise UserError(f"{folder}: {os_error_text(error)}") from None
    return sorted(paths, key=_order)


def _folders(folder: Path) -> list[Path]:
    """The folders in a folder that may be listed: beside the data may lie a system's own."""
    return [path for path, is_folder in _visible(folder) if is_folder and os.access(path, os.R_OK | os.X_OK)]


def _order(listed: tuple[Path, bool]) -> tuple[int, str]:
    number = frame_number(listed[0])
    return (-1 if number is None else number, listed[0].name)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
