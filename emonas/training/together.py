"""Several small networks of one architecture trained as one: parameters stacked, one pass for all of them.

Leave-one-subject-out asks for some dozens of trainings of the same small network, each too small to fill a GPU. With
the parameters w_f of the networks f = 1..F stacked, torch.func maps the method (see `method`) over them,

    loss = sum_f loss(w_f, batch_f),    so    d loss / d w_f = d loss(w_f, batch_f) / d w_f :

each network has its own batches, drop-path, running statistics, gradient norm and optimiser state, and learns what it
would learn alone, up to the order in which floats are added. The trainers themselves stay the masters: they are read
before an epoch and written after it, so that checkpoints and answers come from them as ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import vmap

from emonas.device import mixed_precision
from emonas.training.losses import EpochScore, RunningMean
from emonas.training.method import Losses, NamedBatch, WeightedNetwork
from emonas.training.plan import draw_drop_path
from emonas.training.step import WeightUpdate
from emonas.training.trainer import Trainer


def epoch_together(
    trainers: Sequence[Trainer], batches: Sequence[Iterable[NamedBatch]], epoch: int, seeds: Sequence[int]
) -> list[EpochScore]:
    """One epoch of all ``trainers`` at once, as `Trainer.epoch` does it for each; ``batches[f]`` are network f's.

    All batches have the same number of samples and all epochs the same number of batches. ``seeds`` stand for what
    would be torch's seed at the beginning of each network's epoch. A network whose loss becomes NaN spoils no other: it
    is for the caller to look at each score.
    """
    stack = _Stack(trainers, epoch)
    streams = [torch.Generator().manual_seed(seed) for seed in seeds]
    tally = RunningMean()
    for of_networks in zip(*batches, strict=True):
        tally.add(*stack.step(of_networks, streams))
    stack.write()
    return tally.scores()


class _Stack:
    """The trainers' tensors, stacked along a new first dimension, and their common optimiser."""

    def __init__(self, trainers: Sequence[Trainer], epoch: int) -> None:
        first = trainers[0]
        kinds = [[type(module) for module in trainer.network.modules()] for trainer in trainers]
        if any(of_one != kinds[0] for of_one in kinds):
            raise ValueError("networks that are trained as one have the same cells")
        if any(trainer.method != first.method for trainer in trainers):
            raise ValueError("networks that are trained as one learn by the same method")
        self.trainers, self.epoch, self.plan, self.device = trainers, epoch, first.plan, first.device
        for trainer in trainers:
            trainer.network.train()
        #: name -> that tensor of each network.
        self.weights_of = _by_name([dict(trainer.network.named_parameters()) for trainer in trainers])
        self.buffers_of = _by_name([dict(trainer.network.named_buffers()) for trainer in trainers])
        self.parameters: dict[str, Tensor] = {
            name: nn.Parameter(torch.stack([one.detach() for one in own])) for name, own in self.weights_of.items()
        }
        self.buffers = {name: torch.stack(own) for name, own in self.buffers_of.items()}
        self.constants = _stack([trainer.constants for trainer in trainers])
        self.update = WeightUpdate(list(self.parameters.values()), self._averaged, self.plan, stacked=True)
        self.update.set_epoch(epoch)
        self._read_updates()

    def step(self, batches: Sequence[NamedBatch], streams: Sequence[torch.Generator]) -> Losses:
        """One step of all; losses (F,) and correct answers (F, n)."""
        batch = {**_stack(batches), **self.constants}
        drop_path = self._draw(batch["images"].shape[1], streams)
        if drop_path is not None:
            batch["drop_path"] = drop_path
        with mixed_precision(self.device):
            losses: Losses = vmap(self._losses)({**self.parameters, **self.buffers}, batch)
        self.update.apply(losses.loss)
        return losses

    def write(self) -> None:
        """Give every trainer its slice of all that was learnt."""
        with torch.no_grad():
            for name, stacked in {**self.parameters, **self.buffers}.items():
                for i, own in enumerate(self.weights_of.get(name) or self.buffers_of[name]):
                    own.copy_(stacked[i])
        for name, stacked in self.parameters.items():
            state = self.update.optimiser.state[stacked]
            for i, (trainer, own) in enumerate(zip(self.trainers, self.weights_of[name], strict=True)):
                trainer.update.optimiser.state[own] = {
                    key: (value[i] if value.ndim else value).clone() for key, value in state.items()
                }
        for i, trainer in enumerate(self.trainers):
            trainer.update.average = [mean[i].clone() for mean in self.update.average]
            trainer.update.steps = self.update.steps
            trainer.update.set_epoch(self.epoch)

    def _read_updates(self) -> None:
        updates = [trainer.update for trainer in self.trainers]
        self.update.steps = updates[0].steps
        self.update.average = [torch.stack(means) for means in zip(*(one.average for one in updates), strict=True)]
        for name, stacked in self.parameters.items():
            states = [one.optimiser.state[own] for one, own in zip(updates, self.weights_of[name], strict=True)]
            # Moments are stacked; a count of steps is a number that all have in common.
            if states[0]:
                self.update.optimiser.state[stacked] = {key: _merged([one[key] for one in states]) for key in states[0]}

    def _losses(self, weights: dict[str, Tensor], batch: NamedBatch) -> Losses:
        first = self.trainers[0]
        return first.method.losses(WeightedNetwork(first.network, weights), batch)

    def _draw(self, samples: int, streams: Sequence[torch.Generator]) -> Tensor | None:
        paths = self.trainers[0].network.paths
        drawn = [draw_drop_path(paths, samples, self.plan, self.epoch, self.device, stream) for stream in streams]
        kept = [one for one in drawn if one is not None]
        return torch.stack(kept) if kept else None

    def _averaged(self) -> list[Tensor]:
        own = {**self.parameters, **self.buffers}
        return [own[name].detach() for name in self.trainers[0].network.state_dict() if own[name].is_floating_point()]


def _by_name(tensors: Sequence[NamedBatch]) -> dict[str, list[Tensor]]:
    return {name: [of_one[name] for of_one in tensors] for name in tensors[0]}


def _stack(tensors: Sequence[NamedBatch]) -> dict[str, Tensor]:
    return {name: torch.stack(own) for name, own in _by_name(tensors).items()}


def _merged(values: Sequence[Any]) -> Any:
    return torch.stack(list(values)) if values[0].ndim else values[0].clone()
