"""The pages: they build without a warning and need no network, and what they say can be typed is what commands take."""

from __future__ import annotations

import ast
import configparser
import importlib
import importlib.util
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from cyclopts import App

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
CODE = [
    path for folder in ("emonas", "datasets", "search", "evaluate") for path in sorted((ROOT / folder).rglob("*.py"))
]
NEEDED = ("sphinx", "furo", "myst_parser", "latex2mathml")
LACKING = [name for name in NEEDED if importlib.util.find_spec(name) is None]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def scripts() -> dict[str, str]:
    """Each command's name and the module that holds its ``app``."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = setup["options.entry_points"]["console_scripts"].strip().splitlines()
    return {name: place.split(":")[0] for name, place in (line.split(" = ") for line in lines)}


# ---- what can be typed


def command_lines(path: Path) -> Iterator[str]:
    """The lines of a page's blocks that begin with a command of ours; lines that end on a backslash go on."""
    for block in re.findall(
        r"^```(?:sh|console)\n(.*?)^```", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    ):
        for line in block.replace("\\\n", " ").splitlines():
            if line.split()[:1] and line.split()[0] in scripts():
                yield line


TYPED = [(name_of(path), line) for path in PAGES for line in command_lines(path)]


def test_there_are_lines_to_check() -> None:
    assert len(TYPED) > 60
    assert {line.split()[0] for _, line in TYPED} == set(scripts())


@pytest.mark.parametrize(("page", "line"), TYPED, ids=lambda value: value)
def test_every_command_line_in_the_pages_is_taken_by_its_command(page: str, line: str) -> None:
    """Options, choices and numbers are checked as the command itself does; nothing is run."""
    command, *arguments = shlex.split(line, comments=True)
    if ">" in arguments:
        arguments = arguments[: arguments.index(">")]
    app: App = importlib.import_module(scripts()[command]).app
    app.parse_args(arguments, exit_on_error=False, print_error=False)


def test_every_command_has_its_page_in_the_reference() -> None:
    folder = DOCS / "reference" / "commands"
    for name, module in scripts().items():
        text = (folder / f"{name}.md").read_text(encoding="utf-8")
        assert text.startswith(f"# {name}\n"), name
        assert f"```{{command-options}} {module}\n" in text, name
    index = (folder / "index.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| \[(.*?)\]", index, re.MULTILINE)) >= set(scripts())


# ---- links and docstrings


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_links_between_pages_lead_to_files(path: Path) -> None:
    text = re.sub(r"^```.*?^```|`[^`\n]*`", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    targets = [target.split("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]
    lost = [target for target in targets if target and not (path.parent / target).exists()]
    assert not lost, f"{name_of(path)} links to {', '.join(lost)}"


def public(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    """The functions and classes of a module, and the methods of these classes, whose names are for others."""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                for method in node.body:
                    # What PyTorch calls says in its class what it computes.
                    if isinstance(method, ast.FunctionDef) and not method.name.startswith("_") | (
                        method.name == "forward"
                    ):
                        yield method


@pytest.mark.parametrize("path", CODE, ids=name_of)
def test_everything_public_says_what_it_is(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    silent = [f"{node.name} (line {node.lineno})" for node in public(tree) if not ast.get_docstring(node)]
    assert not silent, f"{name_of(path)}: no docstring: {', '.join(silent)}"


# ---- the site


class Links(HTMLParser):
    """A page's anchors, the pages it links to, and what the browser loads to show it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {key: value or "" for key, value in attrs}
        self.anchors.add(values.get("id", ""))
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag == "link" and values.get("rel") in ("stylesheet", "preload", "icon"):
            self.loaded.append(values["href"])
        if tag in ("script", "img", "iframe") and "src" in values:
            self.loaded.append(values["src"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if LACKING:
        pytest.skip(f'needs pip install "emonas[docs]": {", ".join(LACKING)} missing')
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "sphinx",
            "-W",
            "--keep-going",
            "-q",
            "-d",
            str(folder / "work"),
            str(DOCS),
            str(folder),
        ],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_the_site_builds_without_a_warning(site: Path) -> None:
    text = (site / "reference" / "commands" / "emonas-train.html").read_text(encoding="utf-8")
    assert "--epoch-rule" in text and "test-best" in text
    assert "<math" in (site / "ideas" / "bilevel.html").read_text(encoding="utf-8")
    assert (site / "databases" / "casme2.html").exists()


def test_every_link_within_the_site_leads_somewhere(site: Path) -> None:
    pages = {path: Links(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    lost = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchors = pages[target].anchors if target in pages else {""}
            if not target.exists() or unquote(parts.fragment) not in anchors | {""}:
                lost.append(f"{path.relative_to(site)} -> {link}")
    assert len(pages) > 50
    assert not lost, lost[:10]


def test_the_site_needs_no_network(site: Path) -> None:
    for path in site.rglob("*.html"):
        for address in Links(path.read_text(encoding="utf-8")).loaded:
            assert not urlsplit(address).netloc, f"{path.name} loads {address}"
    for style in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(https?:)?//|@import\s+[\"']http", style.read_text(encoding="utf-8")), (
            style.name
        )
