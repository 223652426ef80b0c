"""What an ablation compares: the base line, and for each part the setups that differ from it in one thing.

A setup that occurs in several parts is one value, so that it is run once; setups that differ in the final network alone
share their search.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from emonas.evaluate.ablate.config import AblateConfig, PartName
from emonas.options.types import OperationName, StrategyName

#: One line above each part's table.
TITLES: dict[PartName, str] = {
    "stack": "Stack: cells in the search and in the final network",
    "cells": "Cells: their number, the same in the search and in the final network",
    "operations": "Operations: each left out of the search",
    "representation": "Representation: what becomes of a clip",
    "strategies": "Strategies: how the architecture is found",
}
REPRESENTATIONS = ("dynamic", "apex", "flow")


@dataclass(frozen=True)
class Data:
    """A prepared data set as commands are told of it, and as people are: by its name and what its pictures show."""

    argument: str
    name: str
    representation: str
    fingerprint: str


@dataclass(frozen=True)
class SearchSpec:
    """All that a search depends on beside the common budget and its seed."""

    data: Data
    strategy: StrategyName
    cells: int
    without: tuple[OperationName, ...] = ()

    @property
    def name(self) -> str:
        """The name of its folder."""
        without = ["without", *self.without] if self.without else []
        return "-".join([self.data.name, self.strategy, f"{self.cells}cells", *without])


@dataclass(frozen=True)
class Setup:
    """A search, and the number of cells that its genotype is trained in."""

    search: SearchSpec
    cells: int

    @property
    def name(self) -> str:
        """The name of its folder."""
        return f"{self.search.name}-in-{self.cells}"


@dataclass(frozen=True)
class Variant:
    """A row of a part's table, and the setup that it is compared with; None for the base line itself."""

    name: str
    setup: Setup
    against: Setup | None


@dataclass(frozen=True)
class AblationPart:
    """The rows of one part, the base line first."""

    name: PartName
    variants: tuple[Variant, ...]


def list_parts(
    config: AblateConfig, names: Sequence[PartName], base: Setup, others: Mapping[str, Data]
) -> tuple[AblationPart, ...]:
    """The parts in the order of their names; ``others``: the data in other representations, by what they show."""
    made = {
        "stack": lambda: _stack(base, config.stack_cells),
        "cells": lambda: _cells(base, config.cell_counts),
        "operations": lambda: _operations(base),
        "representation": lambda: _representations(base, others),
        "strategies": lambda: _strategies(base),
    }
    return tuple(AblationPart(name, made[name]()) for name in get_args(PartName) if name in names)


def _stack(base: Setup, counts: Sequence[int]) -> tuple[Variant, ...]:
    """A deeper final network has more parameters, too; so it is compared with one of its own depth that was searched
    at that depth. That one is compared with the base line.
    """
    cells = base.cells
    found = [Variant(f"{cells} in both", base, None)]
    for count in sorted({*(counts or (cells * 3 // 2, 2 * cells))} - {cells}):
        equal = _with_cells(base, count)
        found.append(Variant(f"{count} in both", equal, base))
        found.append(Variant(f"{cells}, then {count}", Setup(base.search, count), equal))
    return tuple(found)


def _cells(base: Setup, counts: Sequence[int]) -> tuple[Variant, ...]:
    others = [Variant(f"{count} cells", _with_cells(base, count), base) for count in sorted({*counts} - {base.cells})]
    return (Variant(f"{base.cells} cells", base, None), *others)


def _operations(base: Setup) -> tuple[Variant, ...]:
    names: tuple[OperationName, ...] = get_args(OperationName)
    others = [Variant(f"no {name}", _with_search(base, without=(name,)), base) for name in names]
    return (Variant("all seven", base, None), *others)


def _representations(base: Setup, others: Mapping[str, Data]) -> tuple[Variant, ...]:
    found = [Variant(name, _with_search(base, data=data), base) for name, data in others.items()]
    return (Variant(base.search.data.representation, base, None), *found)


def _strategies(base: Setup) -> tuple[Variant, ...]:
    names: tuple[StrategyName, ...] = get_args(StrategyName)
    own = base.search.strategy
    others = [Variant(name, _with_search(base, strategy=name), base) for name in names if name != own]
    return (Variant(own, base, None), *others)


def _with_search(base: Setup, **changes: object) -> Setup:
    return dataclasses.replace(base, search=dataclasses.replace(base.search, **changes))  # type: ignore[arg-type]


def _with_cells(base: Setup, count: int) -> Setup:
    return Setup(dataclasses.replace(base.search, cells=count), count)
