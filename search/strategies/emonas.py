"""The strategy "emonas": the bilevel step of first order, at the depth of the final network (Verma et al., 2023)."""

from __future__ import annotations

from emonas.operations.modules import reductions
from emonas.search.controller import Controller
from emonas.search.plan import SearchPlan
from emonas.search.strategies.bilevel import Bilevel, make_bilevel
from emonas.search.strategy import StrategyEntry, make_supernet

#: A network with fewer cells has no place for both kinds.
LEAST_DEPTH = 3


def build(plan: SearchPlan) -> Bilevel:
    """As many cells as the final network has; where their number is searched, an exit at each depth with both kinds."""
    least = max(LEAST_DEPTH, reductions(plan.cells)[0] + 1)
    exits = tuple(range(least, plan.cells)) if plan.search_cells else ()
    return make_bilevel(Controller(make_supernet(plan, exits=exits)), plan)


STRATEGY = StrategyEntry(build)
