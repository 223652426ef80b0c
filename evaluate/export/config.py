"""The options of emonas-export."""

from __future__ import annotations

from dataclasses import dataclass

from emonas.options.types import Positive


@dataclass(frozen=True, kw_only=True)
class ExportConfig:
    """Options of emonas-export."""

    check: Positive = 100
    """How many random pictures, and how many of the prepared set where it is there, must get PyTorch's answers."""
    int8: bool = False
    """Make a second model with whole-number weights and activations, beside the first, and say what that costs."""
    dataset: str | None = None
    """Prepared data set that gives the real pictures. [default: the one that the network was trained on]"""
