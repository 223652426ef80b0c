"""The strategies by name."""

from __future__ import annotations

from collections.abc import Callable

from . import bilevel, darts, partial, progressive, random_search
from .strategy import Setting, Strategy

STRATEGIES: dict[str, Callable[[Setting], Strategy]] = {
    "emonas": bilevel.build,
    "darts": darts.build,
    "pdarts": progressive.build,
    "pcdarts": partial.build,
    "random": random_search.build,
}


def build(setting: Setting) -> Strategy:
    """A fresh strategy, as the options ask for. Raises UserError where they contradict each other."""
    return STRATEGIES[setting.config.strategy](setting)
