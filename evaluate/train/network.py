"""The network that is trained: found cells stacked, or a well-known one."""

from __future__ import annotations

from dataclasses import dataclass

from emonas.datasets.store.prepared import Prepared
from emonas.device import seed_everything
from emonas.evaluate.model import baselines
from emonas.evaluate.model.baselines import BaselineName
from emonas.genotype import Genotype
from emonas.network import Baseline, Network


@dataclass(frozen=True)
class StackedCells:
    """Found cells, so many of them, with so many channels in the first."""

    genotype: Genotype
    cells: int
    channels: int
    auxiliary: bool = True


@dataclass(frozen=True)
class KnownNetwork:
    """A well-known network."""

    arch: BaselineName


NetworkPlan = StackedCells | KnownNetwork


def default_channels(searched: int) -> int:
    """1.5 times the search's, in eights."""
    return -(-searched * 3 // 16) * 8


def build_network(plan: NetworkPlan, prepared: Prepared, answers: int, seed: int = 0) -> Network | Baseline:
    """The network for a prepared data set, with so many ``answers``; the same for the same seed."""
    seed_everything(seed)
    if isinstance(plan, KnownNetwork):
        return Baseline(baselines.build(plan.arch, answers, prepared.channels, prepared.size))
    return Network(
        plan.genotype,
        classes=answers,
        size=prepared.size,
        cells=plan.cells,
        channels=plan.channels,
        in_channels=prepared.channels,
        auxiliary=plan.auxiliary,
    )
