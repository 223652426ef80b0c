"""The run folder: everything that one command wrote. The same command again continues it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .errors import UserError
from .files import read_json, write_json


def open_run(folder: Path, config: dict[str, Any], free: frozenset[str] = frozenset()) -> bool:
    """Make the folder with its config.json, or check that an existing one was made by the same command.

    ``free`` names options that may differ. Returns True where there is something to continue. Raises UserError when
    the folder holds another run, or files that are not a run's.
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
    earlier = read_json(path)
    if not isinstance(earlier, dict):
        raise UserError(f"{path}: not a run's config; choose another --out")
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
