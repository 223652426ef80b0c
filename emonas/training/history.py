"""What the epochs of a training scored, and the best of them where a rule chooses the epoch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypedDict

from torch import Tensor, nn

from emonas.training import checkpoint
from emonas.training.losses import EpochScore


class Best(TypedDict):
    """The best epoch so far, counted from 0, with its score and the weights of the network that answered."""

    epoch: int
    score: float
    network: dict[str, Tensor]


def _no_scores() -> dict[str, list[float]]:
    return {"loss": [], "accuracy": [], "inner_uar": []}


@dataclass
class History:
    """Scores by epoch; "inner_uar" is of those who choose the epoch and stays empty where it is fixed beforehand."""

    scores: dict[str, list[float]] = field(default_factory=_no_scores)
    best: Best | None = None

    def add(self, score: EpochScore) -> None:
        """Note what an epoch scored in training."""
        self.scores["loss"].append(round(score.loss, 6))
        self.scores["accuracy"].append(round(score.accuracy, 6))

    def add_validation(self, score: float, epoch: int, network: nn.Module) -> None:
        """Note what an epoch's network scored on those who choose the epoch, and keep it if it is the first best."""
        self.scores["inner_uar"].append(round(score, 6))
        if self.best is None or score > self.best["score"]:
            weights = {key: value.clone() for key, value in network.state_dict().items()}
            self.best = {"epoch": epoch, "score": score, "network": weights}

    def choose(self, network: nn.Module, epochs: int) -> int:
        """Give ``network``, trained to the last of the ``epochs``, the best weights; returns their epoch, from 1."""
        if self.best is None:
            return epochs
        network.load_state_dict(self.best["network"])
        return int(self.best["epoch"]) + 1

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"best": self.best, "history": self.scores}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` gave."""
        self.best, self.scores = state["best"], state["history"]

    def check(self, epochs: int, watched: bool, network: nn.Module) -> None:
        """Refuse what cannot have been noted in so many epochs of ``network``. Raises ValueError."""
        for name in _no_scores():
            count = epochs if watched or name != "inner_uar" else 0
            values = self.scores[name]
            if len(values) != count or not all(isinstance(value, float) for value in values):
                raise ValueError(f"it does not have the {name} of {count} epochs")
        if (self.best is not None) != watched:
            raise ValueError("the epochs were chosen by another rule")
        if self.best is not None:
            checkpoint.whole(self.best["epoch"], 0, epochs - 1, "its best epoch")
            if not isinstance(self.best["score"], float):
                raise ValueError("its best epoch has no score")
            if flaw := checkpoint.flaw_of_tensors(network.state_dict(), self.best["network"]):
                raise ValueError(f"of its best network, {flaw}")
