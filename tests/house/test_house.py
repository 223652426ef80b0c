"""The house rules: who may import whom, how full a folder is, what starts light, and what the wheel holds.

The one exception needs no code here: the package's face hands on names of all floors by a table, not by imports.
"""

from __future__ import annotations

import ast
import configparser
import importlib.util
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import emonas

ROOT = Path(__file__).parents[2]

#: folder -> its import name and the project's packages that its files may import.
GROUND = "emonas"
ALLOWED = {
    "emonas": ("emonas", {"emonas"}),
    "datasets": ("emonas.datasets", {"emonas", "emonas.datasets"}),
    "search": ("emonas.search", {"emonas", "emonas.datasets", "emonas.search"}),
    "evaluate": ("emonas.evaluate", {"emonas", "emonas.datasets", "emonas.evaluate"}),
}
UPPER = {package for package, _ in ALLOWED.values()} - {GROUND}
FILES = [path for folder in ALLOWED for path in sorted((ROOT / folder).glob("**/*.py"))]
FOLDERS = sorted({path.parent for path in FILES})
#: Folders of equals, in which each entry is one more of a kind.
LISTS_OF_EQUALS = {"databases", "strategies", "methods"}
MOST_ENTRIES = 14
COMMANDS = (
    "emonas.datasets.cli",
    "emonas.search.cli",
    "emonas.evaluate.train.cli",
    "emonas.evaluate.ablate.cli",
    "emonas.evaluate.compare.cli",
    "emonas.evaluate.explain.cli",
    "emonas.evaluate.export.cli",
    "emonas.evaluate.predict.cli",
    "emonas.evaluate.profile.cli",
    "emonas.evaluate.report.cli",
)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def module_of(path: Path) -> str:
    """The import name of a file or folder of the project: datasets/clips/flow.py is emonas.datasets.clips.flow."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    name = ".".join(parts if parts[0] == GROUND else (GROUND, *parts))
    return name.removesuffix(".__init__")


MODULES = {module_of(path): path for path in FILES}


def imported(tree: ast.Module, package: str) -> Iterator[str]:
    """The full names of all that a module of ``package`` imports, at its top or inside a function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            yield from (f"{base}.{alias.name}" for alias in node.names)


@cache
def names_in(path: Path) -> tuple[str, ...]:
    """What a file of the project imports."""
    return tuple(imported(ast.parse(path.read_text(encoding="utf-8")), module_of(path.parent)))


def floor_of(module: str) -> str | None:
    """The project's package that a module lies in; None for other people's."""
    if module.split(".")[0] != GROUND:
        return None
    return next((package for package in UPPER if f"{module}.".startswith(f"{package}.")), GROUND)


def entries(folder: Path) -> list[Path]:
    """The files and the sub-folders that a newcomer sees in a folder."""
    files = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
    return sorted([*files, *(path for path in FOLDERS if path.parent == folder)])


def within(folder: Path) -> dict[str, set[str]]:
    """Which entry of a folder imports which of its siblings; an entry stands for all that lies below it."""
    base = module_of(folder) + "."
    graph: dict[str, set[str]] = {}
    for entry in entries(folder):
        own = [entry] if entry.is_file() else [path for path in FILES if entry in path.parents]
        names = {
            name.removeprefix(base).split(".")[0] for path in own for name in names_in(path) if name.startswith(base)
        }
        graph[entry.stem] = {path.stem for path in entries(folder) if path.stem in names} - {entry.stem}
    return graph


def circle(graph: Mapping[str, set[str]]) -> list[str]:
    """The names along one circle; none where there is no circle."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_the_walker_sees_every_kind_of_import() -> None:
    code = "import emonas.search.run\ndef f():\n  from ..datasets import sample\nfrom . import x\nfrom emonas import y"
    found = list(imported(ast.parse(code), "emonas.evaluate"))
    assert sorted(found) == ["emonas.datasets.sample", "emonas.evaluate.x", "emonas.search.run", "emonas.y"]
    assert floor_of("emonas.search.run") == floor_of("emonas.search") == "emonas.search"
    assert [floor_of(name) for name in ("emonas.searching", "emonas", "torch.nn")] == ["emonas", "emonas", None]
    assert "prepared" in within(ROOT / "datasets" / "store")["prepare"]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_floor_imports_a_higher_one_and_search_and_evaluate_never_meet(path: Path) -> None:
    _, allowed = ALLOWED[path.relative_to(ROOT).parts[0]]
    names = {name: floor_of(name) for name in names_in(path)}
    forbidden = [name for name, floor in names.items() if floor is not None and floor not in allowed]
    assert not forbidden, f"{name_of(path)} imports {', '.join(forbidden)}"
    stars = [name for name in names if name.endswith(".*")]
    assert not stars, f"{name_of(path)} imports {', '.join(stars)}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_file_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_no_entries_of_a_folder_import_each_other_in_a_circle(folder: Path) -> None:
    found = circle(within(folder))
    assert not found, f"{name_of(folder)}: {' <- '.join(found)}"


def test_a_circle_is_seen() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})) == {"a", "b", "c"}


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_a_folder_is_seen_at_a_glance(folder: Path) -> None:
    found = [entry.name for entry in entries(folder)]
    assert len(found) <= MOST_ENTRIES or folder.name in LISTS_OF_EQUALS, f"{len(found)}: {', '.join(found)}"


def test_only_one_name_is_installed_at_the_top_and_every_folder_is_listed() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    options = setup["options"]
    packages = options["packages"].split()
    assert {package.split(".")[0] for package in packages} == {GROUND}
    assert packages == sorted(module_of(folder) for folder in FOLDERS)
    assert all((folder / "__init__.py").is_file() for folder in FOLDERS)
    mapped = dict(line.split(" = ") for line in options["package_dir"].strip().splitlines())
    assert mapped == {package: folder for folder, (package, _) in ALLOWED.items()}


def test_the_wheel_holds_every_module_and_data_file_and_nothing_else(tmp_path: Path) -> None:
    """A folder that setup.cfg forgets is silently missing from a wheel, though an editable install has it."""
    source = tmp_path / "source"
    for folder in ALLOWED:
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path))
    done = subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(source)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    files = [path for folder in ALLOWED for path in (ROOT / folder).rglob("*") if path.is_file()]
    wanted = [path for path in files if "__pycache__" not in path.parts]
    assert {path.suffix for path in wanted} >= {".py", ".pyi", ".jinja", ".css", ".typed"}
    assert held == {
        str(path.relative_to(ROOT)) if path.is_relative_to(ROOT / GROUND) else f"{GROUND}/{path.relative_to(ROOT)}"
        for path in wanted
    }


def test_public_names_resolve() -> None:
    assert "Genotype" in emonas.__all__
    for name in emonas.__all__:
        assert getattr(emonas, name) is not None
    assert set(emonas.__all__) <= set(dir(emonas))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = emonas.nothing


def test_the_types_of_the_public_names_are_those_of_their_modules() -> None:
    tree = ast.parse((ROOT / GROUND / "__init__.pyi").read_text(encoding="utf-8"))
    typed = {alias.name: node.module for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert typed == emonas._PUBLIC


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=60)


def test_importing_emonas_is_light() -> None:
    code = "import emonas, sys; print(*{'torch', 'numpy', 'rich', 'matplotlib', 'cv2'} & set(sys.modules))"
    assert python("-c", code).stdout == "\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_light(command: str) -> None:
    done = python("-X", "importtime", "-m", command, "--help")
    assert done.returncode == 0
    assert "--help" in done.stdout
    loaded = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert "emonas.console" in loaded
    assert not loaded & {"torch", "cv2", "scipy", "sklearn", "matplotlib", "tensorboard"}
