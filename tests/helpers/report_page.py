"""A report taken apart: its sections, texts and addresses."""

from __future__ import annotations

from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

SECTIONS = (
    "headline", "story", "scores", "seeds", "confusion", "classes", "people", "curves", "cells", "mistakes", "cost",
    "again",
)  # fmt: skip


class Page(HTMLParser):
    """A report taken apart: text by section, addresses of whatever it shows or links, tags."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.text: dict[str, str] = {"": ""}
        self.sources: list[str] = []
        self.tags: list[str] = []
        self._section = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data", "action")]
        if tag in ("section", "aside"):
            self._section = str(dict(attrs)["id"])
            self.text[self._section] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag in ("section", "aside"):
            self._section = ""

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.text[self._section] += " ".join(data.split()) + " "
