"""Whether drawn values are uniform."""

from __future__ import annotations

from collections import Counter


def within(found: Counter, values: int, draws: int) -> bool:
    """Whether all values came about equally often: five standard deviations for each."""
    share = 1 / values
    spread = (share * (1 - share) / draws) ** 0.5
    return len(found) == values and all(abs(count / draws - share) <= 5 * spread for count in found.values())
