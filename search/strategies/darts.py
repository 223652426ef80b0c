"""The strategy "darts": the bilevel step of first or second order (Liu, Simonyan, Yang: DARTS, ICLR 2019)."""

from __future__ import annotations

from emonas.search.strategies import bilevel
from emonas.search.strategy import Setting


def build(setting: Setting) -> bilevel.Bilevel:
    """DARTS as published, --order 2 unless told otherwise; the final network has as many cells as the search."""
    return bilevel.build(setting, order=setting.config.order or 2)
