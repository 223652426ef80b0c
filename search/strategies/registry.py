"""The strategies by the names that users type: each in the module of its name, which holds its STRATEGY."""

from __future__ import annotations

from importlib import import_module
from typing import get_args

from emonas.options.types import StrategyName
from emonas.search.plan import SearchPlan
from emonas.search.strategy import Strategy, StrategyEntry

STRATEGIES: dict[StrategyName, StrategyEntry] = {
    name: import_module(f"emonas.search.strategies.{name}").STRATEGY for name in get_args(StrategyName)
}


def build(plan: SearchPlan) -> Strategy:
    """A fresh strategy, as the plan asks for. Raises UserError where the plan cannot be carried out."""
    return STRATEGIES[plan.strategy].build(plan)
