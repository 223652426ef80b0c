"""Many explanations in short: a mean map for each answer, and how much lies in which half of the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emonas.evaluate.explain.attribution import TOLERANCE
from emonas.files import replacing

#: The file of the maps, wherever they are written.
MAPS = "explanations.npz"
#: What the groups of channels of a representation tell apart.
MOTIONS = {
    "flow": ("right or left", "down or up", "strain"),
    "dynamic-pair": ("to the apex", "from the apex"),
}
HALVES = ("upper half", "lower half", "left half", "right half")
HALVES_IN_WORDS = (
    "Shares of the absolute attribution; an even map gives each half 50 %. Halves are the picture's, not the "
    "face's: no landmarks are looked for, and the picture's left is the person's right where it is not mirrored."
)


@dataclass(frozen=True, eq=False)
class Mean:
    """What ``n`` samples explained for one ``target`` have in common.

    ``map``: (H, W), the mean of their maps, each scaled to an absolute sum of 1, so that all samples count the same.
    ``halves``: mean shares of the absolute attribution in HALVES; ``motions``: in the groups of MOTIONS, if any.
    """

    target: int
    samples: np.ndarray
    map: np.ndarray
    halves: tuple[float, ...]
    motions: tuple[float, ...]

    @property
    def n(self) -> int:
        """How many samples."""
        return len(self.samples)


def means(maps: np.ndarray, targets: np.ndarray, channels: np.ndarray | None, representation: str) -> list[Mean]:
    """A mean for each target that occurs, of maps (N, H, W) and the channels' absolute sums (N, C)."""
    found = []
    sizes = np.abs(maps).sum((1, 2), keepdims=True)
    even = np.divide(maps, sizes, out=np.zeros_like(maps), where=sizes > 0)
    for target in np.unique(targets):
        here = np.flatnonzero(targets == target)
        motions = _motions(channels[here], representation) if channels is not None else ()
        found.append(Mean(int(target), here, even[here].mean(0), _halves(even[here]), motions))
    return found


def _halves(maps: np.ndarray) -> tuple[float, ...]:
    """Mean shares of HALVES; a middle row or column counts half to each side."""
    upper, left = (_share_of_first(np.abs(maps).sum(axis)) for axis in (2, 1))
    return upper, 1 - upper, left, 1 - left


def _share_of_first(lines: np.ndarray) -> float:
    side = lines.shape[1]
    first = np.clip(side / 2 - np.arange(side), 0, 1)
    total = lines.sum(1)
    # A map of nothing lies nowhere, so as much on one side as on the other.
    return float(np.divide(lines @ first, total, out=np.full(len(lines), 0.5), where=total > 0).mean())


def _motions(channels: np.ndarray, representation: str) -> tuple[float, ...]:
    names = MOTIONS.get(representation, ())
    if not names:
        return ()
    groups = channels.reshape(len(channels), len(names), -1).sum(2)
    total = groups.sum(1, keepdims=True)
    shares = np.divide(groups, total, out=np.full(groups.shape, 1 / len(names)), where=total > 0)
    return tuple(float(share) for share in shares.mean(0))


def share_columns(found: Sequence[Mean], representation: str) -> tuple[str, ...]:
    """What the numbers of `share_row` are called."""
    return (*HALVES, *(MOTIONS[representation] if found and found[0].motions else ()))


def share_row(mean: Mean) -> tuple[str, ...]:
    """The shares of one mean as people read them."""
    return tuple(f"{100 * share:.0f} %" for share in (*mean.halves, *mean.motions))


def spread_over(labels: Sequence[object], count: int) -> list[int]:
    """Places of at most ``count`` samples, as evenly over the labels and over each label's places as there are any."""
    by_label: dict[object, list[int]] = {}
    for place, label in enumerate(labels):
        by_label.setdefault(label, []).append(place)
    wanted = dict.fromkeys(by_label, 0)
    for _ in range(min(count, len(labels))):
        open_ones = [label for label in by_label if wanted[label] < len(by_label[label])]
        wanted[min(open_ones, key=lambda label: wanted[label])] += 1
    chosen = [
        places[(2 * i + 1) * len(places) // (2 * wanted[label])]
        for label, places in by_label.items()
        for i in range(wanted[label])
    ]
    return sorted(chosen)


def describe_incomplete(count: int, n: int) -> str:
    """What must be said of maps whose sums are off."""
    return (
        f"{count} of {n} maps do not add up to the change of the evidence within {100 * TOLERANCE:.0f} %; read them "
        "with care, or use another method"
    )


def save_maps(path: Path, **arrays: np.ndarray) -> None:
    """Write arrays as .npz, whole or not at all."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


MEANS, SAMPLES = "explained-means.png", "explained-samples.png"
