"""Formulas as MathML, which browsers set by themselves: no script, no fonts, no network."""

from __future__ import annotations

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)


def inline(translator: HTML5Translator, node: nodes.math) -> None:
    """A formula within a line."""
    translator.body.append(_converted(node))
    raise nodes.SkipNode


def display(translator: HTML5Translator, node: nodes.math_block) -> None:
    """A formula on a line of its own; where it is too wide for the page it can be scrolled."""
    translator.body.append(f'<div class="formula" tabindex="0">{_converted(node, "block")}</div>\n')
    raise nodes.SkipNode


def _converted(node: nodes.math | nodes.math_block, display: str = "inline") -> str:
    formula: str = convert(node.astext(), display=display)
    if "\\" in formula:
        logger.warning("a command that MathML is not made of: %s", node.astext(), location=node)
    return formula


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_html_math_renderer("mathml", inline_renderers=(inline, None), block_renderers=(display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
