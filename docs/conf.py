"""The site of these pages: ``python -m sphinx -W docs build/docs``.

It needs no network when it is read: no fonts, scripts or styles of others.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from sphinx.application import Sphinx

import emonas

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

project = "emonas"
author = copyright = "The emonas developers"
release = version = emonas.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "command_options", "mathml", "plain_docstrings"]
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
nitpicky = False
# Two dashes are an option's, and quotes are as typed.
smartquotes = False
# In docstrings `name` is a name of the code.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True}
add_module_names = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
toc_object_entries_show_parents = "hide"
html_math_renderer = "mathml"

html_theme = "furo"
html_title = "emonas"
html_static_path = ["static"]
html_css_files = ["emonas.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#0b6e4f",
        "color-brand-content": "#0b6e4f",
        "color-api-name": "#0b6e4f",
    },
    "dark_css_variables": {
        "color-brand-primary": "#5fd3a8",
        "color-brand-content": "#5fd3a8",
        "color-api-name": "#5fd3a8",
    },
}


def lead_to_all_databases(app: Sphinx, page: str, source: list[str]) -> None:
    """The generated pages know nothing of the site: put them below their index, by the short form of their titles."""
    if page != "databases/index":
        return
    pages = sorted(path for path in (HERE / "databases").glob("*.md") if path.stem != "index")
    entries = [f"{_short_title(path)} <{path.stem}>" for path in pages]
    source[0] += "\n".join(["\n```{toctree}", ":hidden:", "", *entries, "```"]) + "\n"


def _short_title(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    title = next(line for line in lines if line.startswith("# "))
    return title.removeprefix("# ").split(",")[0]


def list_public_names(app: Sphinx, page: str, source: list[str]) -> None:
    """The face of the package, from the table that makes it."""
    if page != "reference/python/index":
        return
    for name, module in emonas._PUBLIC.items():
        kind = "class" if isinstance(getattr(importlib.import_module(module), name), type) else "function"
        source[0] += f"\n```{{eval-rst}}\n.. auto{kind}:: {module}.{name}\n   :no-index:\n```\n"


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", lead_to_all_databases)
    app.connect("source-read", list_public_names)
