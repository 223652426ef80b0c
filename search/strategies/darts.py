"""The strategy "darts": the bilevel step of second order, or of first (Liu, Simonyan, Yang: DARTS, ICLR 2019).

The final network has as many cells as the search, where the paper has 8 and 20; all else is as published.
"""

from __future__ import annotations

from emonas.search.strategies.emonas import build
from emonas.search.strategy import StrategyEntry

STRATEGY = StrategyEntry(build, order=2)
