"""The pages in docs/databases: they say what the registry knows, in Markdown that keeps its form."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from emonas.datasets.catalogue.describe import sections
from emonas.datasets.databases.registry import DATASETS

MAKER = Path(__file__).parents[2] / "docs" / "make_databases.py"


@pytest.fixture(scope="module")
def maker() -> dict[str, Any]:
    return runpy.run_path(str(MAKER))


def test_the_pages_are_those_that_the_registry_gives(maker: dict[str, Any]) -> None:
    there = {path.name: path.read_text(encoding="utf-8") for path in maker["FOLDER"].iterdir()}
    made = maker["pages"]()
    wrong = sorted(name for name in there.keys() | made.keys() if there.get(name) != made.get(name))
    assert not wrong, f"{', '.join(wrong)}: run python docs/make_databases.py"


def test_every_database_has_a_page_that_the_index_leads_to(maker: dict[str, Any]) -> None:
    made = maker["pages"]()
    assert made.keys() == {"index.md", *(f"{name}.md" for name in DATASETS)}
    assert re.findall(r"^\| \[.*?\]\((.*?)\)", made["index.md"], re.MULTILINE) == [f"{name}.md" for name in DATASETS]


@pytest.mark.parametrize("name", DATASETS)
def test_every_word_of_the_terminal_is_on_the_page(maker: dict[str, Any], name: str) -> None:
    words = re.sub(r"[\\`]|(?<=\])\(http.*?\)", "", maker["page"](DATASETS[name])).replace("[", "").replace("]", "")
    cells = [cell for section in sections(DATASETS[name]) for row in section.rows for cell in row]
    assert [cell for cell in cells if re.sub(r"[\[\]]", "", cell) not in words] == []


@pytest.mark.parametrize("name", [*DATASETS, "index"])
def test_tables_have_as_many_cells_in_each_row(maker: dict[str, Any], name: str) -> None:
    widths: list[int] = []
    for line in maker["pages"]()[f"{name}.md"].splitlines():
        widths = [*widths, len(re.findall(r"(?<!\\)\|", line))] if line.startswith("|") else []
        assert len(set(widths)) <= 1, line


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a|b*c_d [e] <f> ~g `h` \\", "a\\|b\\*c_d \\[e\\] \\<f> \\~g \\`h\\` \\\\"),
        ("mug.ee.auth.gr/fed: sign it", "[mug.ee.auth.gr/fed](http://mug.ee.auth.gr/fed): sign it"),
        ("fer2013.csv, videos 1.4", "fer2013.csv, videos 1.4"),
    ],
)
def test_plain_words_mean_nothing_to_markdown_and_addresses_are_links(
    maker: dict[str, Any], text: str, written: str
) -> None:
    assert maker["_linked"](text) == written


def test_pages_of_databases_that_are_no_more_go(
    maker: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(maker["main"].__globals__, "FOLDER", tmp_path)
    (tmp_path / "gone.md").write_text("old", encoding="utf-8")
    maker["main"]()
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == maker["pages"]()
