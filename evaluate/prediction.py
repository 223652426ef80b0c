"""What a trained network answers: names and probabilities, readable as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: How many samples are printed.
_MOST = 20


@dataclass(frozen=True, repr=False, eq=False)
class Prediction:
    """Answers for N samples: ``probabilities`` (N, answers), float32, columns in the order of ``names``.

    With ``units`` each action unit has a probability of its own, else each row sums to 1. ``sources`` says what each
    row is of: a file's name, or nothing for pixels.
    """

    names: tuple[str, ...]
    probabilities: np.ndarray
    units: bool = False
    sources: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.probabilities)

    @property
    def labels(self) -> list[str]:
        """The most probable class of each sample; of action units those that are rather there, as "1 2 12"."""
        return [self._label(row) for row in self.probabilities]

    @property
    def confidence(self) -> np.ndarray:
        """(N,): the largest probability of each sample."""
        return self.probabilities.max(1, initial=0)

    def as_dicts(self) -> list[dict[str, float]]:
        """For each sample, name -> probability."""
        return [dict(zip(self.names, row.tolist(), strict=True)) for row in self.probabilities]

    def _label(self, row: Sequence[float] | np.ndarray) -> str:
        if self.units:
            return " ".join(name for name, value in zip(self.names, row, strict=True) if value >= 0.5)
        return self.names[int(np.argmax(row))]

    def __repr__(self) -> str:
        """A line for each sample: where it comes from, its label, and the three largest probabilities."""
        if not len(self):
            return "no samples"
        labels = [label or "none" for label in self.labels]
        sources = list(self.sources) or [str(i) for i in range(len(self))]
        shown = min(len(self), _MOST)
        widths = [max(map(len, column[:shown])) for column in (sources, labels)]
        lines = [
            f"{sources[i]:<{widths[0]}}  {labels[i]:<{widths[1]}}  {self._best(self.probabilities[i])}"
            for i in range(shown)
        ]
        return "\n".join([*lines, f"... {len(self) - shown} more"] if shown < len(self) else lines)

    def _best(self, row: np.ndarray) -> str:
        return "  ".join(f"{self.names[i]} {row[i]:.2f}" for i in np.argsort(-row, kind="stable")[:3])
