"""The strategies by name."""

from __future__ import annotations

from collections.abc import Callable

from emonas.search.strategies import bilevel, darts, pcdarts, pdarts, random_search
from emonas.search.strategy import Setting, Strategy

STRATEGIES: dict[str, Callable[[Setting], Strategy]] = {
    "emonas": bilevel.build,
    "darts": darts.build,
    "pdarts": pdarts.build,
    "pcdarts": pcdarts.build,
    "random": random_search.build,
}


def build(setting: Setting) -> Strategy:
    """A fresh strategy, as the options ask for. Raises UserError where they contradict each other."""
    return STRATEGIES[setting.config.strategy](setting)
