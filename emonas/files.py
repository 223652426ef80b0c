"""Files that are whole or absent: written to a temporary name beside the target, then renamed."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import platform
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from emonas.errors import UserError


def why_not_a_file(path: Path) -> str:
    """Why a path is no file that can be read to its end: missing, a folder, a pipe, a device; empty if it is one.

    A pipe may be waited for without end, and a device has none.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return "no such file"
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    if stat.S_ISREG(mode):
        return ""
    if stat.S_ISDIR(mode):
        return f"cannot be read: {os.strerror(errno.EISDIR)}"
    what = "a named pipe" if stat.S_ISFIFO(mode) else "a socket" if stat.S_ISSOCK(mode) else "a device"
    return f"{what}, not a file: write its content into one"


#: A temporary file: of what, of which process and of which machine, since a process number means nothing elsewhere.
_TEMPORARY = re.compile(r"\.(?P<name>.+)\.(?P<pid>\d+)-(?P<machine>[0-9a-f]{8})\.tmp(\.\w+)?")
_MACHINE = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
_LONGEST_NAME = 255
_swept: set[Path] = set()


def temporary_path(path: Path) -> Path:
    """Where this process writes what will be ``path``, in the same folder."""
    ending = f".{os.getpid()}-{_MACHINE}.tmp"
    name = os.fsdecode(os.fsencode(path.name)[: _LONGEST_NAME - len(ending) - 8])
    # A name that is shortened must still be this file's own.
    short = name if name == path.name else f"{name}{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:6]}"
    # A name that no file can have is refused, not shortened.
    return path.with_name(f".{short if len(os.fsencode(path.name)) <= _LONGEST_NAME else path.name}{ending}")


def sweep(folder: Path, below: bool = False) -> None:
    """Remove the temporary files that killed processes of this machine have left in a folder, or below it too."""
    with suppress(OSError):
        for path in folder.rglob(".*.tmp*") if below else folder.glob(".*.tmp*"):
            found = _TEMPORARY.fullmatch(path.name)
            if found and found["machine"] == _MACHINE and not _is_alive(int(found["pid"])):
                with suppress(OSError):
                    path.unlink()


def _is_alive(process: int) -> bool:
    if process == os.getpid():
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


@dataclass
class _Set:
    """Files that wait to appear together, final path -> temporary one, and the folders that were made for them."""

    files: dict[Path, Path] = field(default_factory=dict)
    folders: list[Path] = field(default_factory=list)


_together: ContextVar[_Set | None] = ContextVar("_together", default=None)


@contextmanager
def together() -> Iterator[None]:
    """Files that are written inside appear all at its end, or none of them where an error ends it."""
    if _together.get() is not None:
        yield
        return
    waiting = _Set()
    token = _together.set(waiting)
    try:
        yield
        for path in list(waiting.files):
            _put_in_place(waiting.files[path], path)
            del waiting.files[path]
        waiting.folders.clear()
    finally:
        _together.reset(token)
        _forget(waiting.files.values(), waiting.folders)


def _forget(files: Iterable[Path], folders: Iterable[Path]) -> None:
    """Remove what was begun, and the folders made for it, from the deepest on, where nothing else lies in them."""
    for path in files:
        with suppress(OSError):
            path.unlink()
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def _put_in_place(temporary: Path, path: Path) -> None:
    try:
        temporary.replace(path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path in the same folder; on success it is flushed to disk and renamed to ``path``.

    A kill at any moment leaves either the old file or the new one, and a temporary one that the next writer in the
    folder removes. Inside `together` the renaming waits for the other files. Raises UserError when the disk is full or
    the folder may not be written.
    """
    temporary, waiting = temporary_path(path), _together.get()
    made: list[Path] = []
    try:
        made = [folder for folder in path.parents if not folder.exists()]
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.parent not in _swept:
            _swept.add(path.parent)
            sweep(path.parent)
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        if waiting is None:
            temporary.replace(path)
        else:
            waiting.files[path] = temporary
            waiting.folders += made
    except BaseException as error:
        _forget([temporary], made)
        if isinstance(error, OSError):
            raise UserError(f"cannot write {path}: {error.strerror or error}") from error
        raise


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, whole or not at all. A file name's bytes that are no UTF-8 are escaped, as JSON does it."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


#: How a cell begins that a spreadsheet program may take for a formula, and how we write it so that it does not.
_FORMULA = re.compile("'*[=+\\-@\t\r\n＝＋－＠]")


def guard_cell(value: Any) -> Any:
    """A value for a cell of a CSV file; a text that a spreadsheet would compute has an apostrophe in front."""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def unguard_cell(text: str) -> str:
    """The text that ``guard_cell`` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def write_json(path: Path, data: Any) -> None:
    """Write plain data as indented JSON, whole or not at all. NaN and infinity are refused: JSON has none."""
    write_text(path, json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Parse a JSON file; a missing, unreadable or malformed one is a UserError of one line."""
    if reason := why_not_a_file(path):
        raise UserError(f"{path}: {reason}")
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not a text file") from None
    return parse_json(text, str(path))


def parse_json(text: str, name: str) -> Any:
    """Parse JSON; ``name`` is how messages call the file. Raises UserError, also where an object has a key twice."""
    try:
        return json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise UserError(f"{name}: not valid JSON: {error.msg} at line {error.lineno}") from None
    except _KeyTwiceError as error:
        raise UserError(f"{name}: not valid JSON: the key {error} stands twice in one object") from None
    except ValueError:
        raise UserError(f"{name}: not valid JSON: a number is too long") from None
    except RecursionError:
        raise UserError(f"{name}: not valid JSON: nested too deeply") from None


class _KeyTwiceError(ValueError):
    """Of two values with one key nobody can say which was meant."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _KeyTwiceError(json.dumps(next(key for key in keys if keys.count(key) > 1))[:40])
    return made


def open_run(
    folder: Path,
    config: dict[str, Any],
    free: frozenset[str] = frozenset(),
    renamed: Mapping[str, str] = MappingProxyType({}),
) -> bool:
    """Make the folder with its config.json, or check that an existing one was made by the same command.

    ``free`` names options that may differ, ``renamed`` what earlier versions called otherwise: old -> new. Returns True
    where there is something to continue. Raises UserError when the folder holds another run, or files that are not a
    run's.
    """
    path = folder / "config.json"
    try:
        if not path.exists():
            if folder.is_file():
                raise UserError(f"--out {folder}: is a file, a folder is needed")
            if folder.is_dir() and any(not entry.name.startswith(".") for entry in folder.iterdir()):
                raise UserError(f"--out {folder}: holds other files; choose an empty or new folder")
            write_json(path, config)
            return False
    except OSError as error:
        raise UserError(f"--out {folder}: cannot be used: {error.strerror}") from None
    sweep(folder, below=True)
    earlier = read_json(path)
    if not isinstance(earlier, dict):
        raise UserError(f"{path}: not a run's config; choose another --out")
    earlier = {renamed.get(key, key): value for key, value in earlier.items()}
    differences = [
        f"{key} {earlier.get(key)!r} -> {config[key]!r}"
        for key in config
        if key not in free and earlier.get(key) != config[key]
    ]
    if differences:
        raise UserError(
            f"{folder} holds a run with other options ({'; '.join(differences)}); choose another --out or delete it"
        )
    return True
