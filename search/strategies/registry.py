"""The strategies by the names that users type."""

from __future__ import annotations

from emonas.options.types import StrategyName
from emonas.search.plan import SearchPlan
from emonas.search.strategies import darts, emonas, pcdarts, pdarts, random
from emonas.search.strategy import Strategy, StrategyEntry

STRATEGIES: dict[StrategyName, StrategyEntry] = {
    "emonas": emonas.STRATEGY,
    "darts": darts.STRATEGY,
    "pdarts": pdarts.STRATEGY,
    "pcdarts": pcdarts.STRATEGY,
    "random": random.STRATEGY,
}


def build(plan: SearchPlan) -> Strategy:
    """A fresh strategy, as the plan asks for. Raises UserError where the plan cannot be carried out."""
    return STRATEGIES[plan.strategy].build(plan)
