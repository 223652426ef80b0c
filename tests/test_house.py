"""The house rules: who may import whom, what starts light, and that every file says what it is for.

The one exception needs no code here: the package's face hands on names of all floors by a table, not by imports.
"""

from __future__ import annotations

import ast
import configparser
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import emonas

ROOT = Path(__file__).parents[1]

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
COMMANDS = (
    "emonas.datasets.cli",
    "emonas.search.cli",
    "emonas.evaluate.cli",
    "emonas.evaluate.ablate_cli",
    "emonas.evaluate.compare_cli",
    "emonas.evaluate.explain_cli",
    "emonas.evaluate.export_cli",
    "emonas.evaluate.predict_cli",
    "emonas.evaluate.profile_cli",
    "emonas.evaluate.report_cli",
)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imported(tree: ast.Module, package: str) -> Iterator[str]:
    """The full names of all that a module of ``package`` imports, at its top or inside a function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            yield from (f"{base}.{alias.name}" for alias in node.names)


def floor_of(module: str) -> str | None:
    """The project's package that a module lies in; None for other people's."""
    if module.split(".")[0] != GROUND:
        return None
    return next((package for package in UPPER if f"{module}.".startswith(f"{package}.")), GROUND)


def test_the_walker_sees_every_kind_of_import() -> None:
    code = "import emonas.search.run\ndef f():\n  from ..datasets import sample\nfrom . import x\nfrom emonas import y"
    found = list(imported(ast.parse(code), "emonas.evaluate"))
    assert sorted(found) == ["emonas.datasets.sample", "emonas.evaluate.x", "emonas.search.run", "emonas.y"]
    assert floor_of("emonas.search.run") == floor_of("emonas.search") == "emonas.search"
    assert [floor_of(name) for name in ("emonas.searching", "emonas", "torch.nn")] == ["emonas", "emonas", None]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_floor_imports_a_higher_one_and_search_and_evaluate_never_meet(path: Path) -> None:
    package, allowed = ALLOWED[path.relative_to(ROOT).parts[0]]
    names = {name: floor_of(name) for name in imported(ast.parse(path.read_text(encoding="utf-8")), package)}
    forbidden = [name for name, floor in names.items() if floor is not None and floor not in allowed]
    assert not forbidden, f"{name_of(path)} imports {', '.join(forbidden)}"
    stars = [name for name in names if name.endswith(".*")]
    assert not stars, f"{name_of(path)} imports {', '.join(stars)}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_file_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_folders_are_flat() -> None:
    assert [name_of(path) for path in FILES if len(path.relative_to(ROOT).parts) != 2] == []


def test_only_one_name_is_installed_at_the_top() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    options = setup["options"]
    packages = options["packages"].split()
    assert {package.split(".")[0] for package in packages} == {GROUND}
    assert sorted(packages) == sorted(package for package, _ in ALLOWED.values())
    mapped = dict(line.split(" = ") for line in options["package_dir"].strip().splitlines())
    assert mapped == {package: folder for folder, (package, _) in ALLOWED.items()}


def test_public_names_resolve() -> None:
    assert "Genotype" in emonas.__all__
    for name in emonas.__all__:
        assert getattr(emonas, name) is not None
    assert set(emonas.__all__) <= set(dir(emonas))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = emonas.nothing


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
