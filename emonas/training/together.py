"""Several small networks of one architecture trained as one: parameters stacked, one pass for all of them.

Leave-one-subject-out asks for some dozens of trainings of the same small network, each too small to fill a GPU. With
the parameters w_f of the networks f = 1..F stacked, torch.func maps one forward pass over them,

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
from torch.func import functional_call, vmap

from emonas.device import mixed_precision
from emonas.network import Baseline, Network
from emonas.training.losses import Batch, EpochScore, correct, network_loss
from emonas.training.plan import draw_drop_path, learning_rate_at, make_optimiser, set_rate
from emonas.training.trainer import Trainer, update_ema


class _Heads(nn.Module):
    """A network whose call gives the logits of both heads, since a functional call is of ``forward`` alone."""

    network: Network | Baseline

    def __init__(self, network: Network | Baseline) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor, kept: Tensor | None) -> tuple[Tensor, Tensor | None]:
        return self.network.logits_and_auxiliary(images, kept)


def epoch_together(
    trainers: Sequence[Trainer], batches: Sequence[Iterable[Batch]], epoch: int, seeds: Sequence[int]
) -> list[EpochScore]:
    """One epoch of all ``trainers`` at once, as `Trainer.epoch` does it for each; ``batches[f]`` are network f's.

    All batches have the same number of samples and all epochs the same number of batches. ``seeds`` stand for what
    would be torch's seed at the beginning of each network's epoch. A network whose loss becomes NaN spoils no other: it
    is for the caller to look at each score.
    """
    stack = _Stack(trainers, epoch)
    streams = [torch.Generator().manual_seed(seed) for seed in seeds]
    losses: Tensor | float = 0.0
    right: Tensor | float = 0.0
    samples = 0
    for of_networks in zip(*batches, strict=True):
        images, targets = (torch.stack(part) for part in zip(*of_networks, strict=True))
        loss, answers = stack.step(images, targets, streams)
        losses, right, samples = losses + loss * images.shape[1], right + answers, samples + images.shape[1]
    stack.write()
    return [
        EpochScore(float(loss) / samples, float(count) / samples)
        for loss, count in zip(torch.as_tensor(losses), torch.as_tensor(right), strict=True)
    ]


class _Stack:
    """The trainers' tensors, stacked along a new first dimension, and their common optimiser."""

    def __init__(self, trainers: Sequence[Trainer], epoch: int) -> None:
        first = trainers[0]
        kinds = [[type(module) for module in trainer.network.modules()] for trainer in trainers]
        if any(of_one != kinds[0] for of_one in kinds):
            raise ValueError("networks that are trained as one have the same cells")
        self.trainers, self.epoch, self.plan, self.device = trainers, epoch, first.plan, first.device
        self.logits_and_auxiliary = _Heads(first.network)
        for trainer in trainers:
            trainer.network.train()
        wrapped = [_Heads(trainer.network) for trainer in trainers]
        #: name -> that tensor of each network.
        self.weights_of = _by_name([dict(one.named_parameters()) for one in wrapped])
        self.buffers_of = _by_name([dict(one.named_buffers()) for one in wrapped])
        self.parameters: dict[str, Tensor] = {
            name: nn.Parameter(torch.stack([one.detach() for one in own])) for name, own in self.weights_of.items()
        }
        self.buffers = {name: torch.stack(own) for name, own in self.buffers_of.items()}
        self.steps = first.steps
        self.average = [torch.stack(means) for means in zip(*(one.average for one in trainers), strict=True)]
        self.class_weights = None
        if first.class_weights is not None:
            self.class_weights = torch.stack([_weights(trainer) for trainer in trainers])
        self.optimiser = make_optimiser(self.parameters.values(), self.plan)
        set_rate(self.optimiser, learning_rate_at(self.plan, epoch))
        self._read_optimisers()

    def step(self, images: Tensor, targets: Tensor, streams: Sequence[torch.Generator]) -> tuple[Tensor, Tensor]:
        """One step of all; losses and right answers (F,). ``images``: (F, N, C, H, W)."""
        kept = self._draw(images.shape[1], streams)
        along = (0, 0, 0, 0, None if kept is None else 0, None if self.class_weights is None else 0)
        with mixed_precision(self.device):
            mapped = vmap(self._loss, in_dims=along)
            losses, right = mapped(self.parameters, self.buffers, images, targets, kept, self.class_weights)
        self.optimiser.zero_grad()
        torch.autograd.backward(losses.sum())
        self._clip()
        self.optimiser.step()
        update_ema(self.average, self._averaged_tensors(), self.plan.average, self.steps)
        self.steps += 1
        return losses.detach(), right

    def write(self) -> None:
        """Give every trainer its slice of all that was learnt."""
        with torch.no_grad():
            for name, stacked in {**self.parameters, **self.buffers}.items():
                for i, own in enumerate(self.weights_of.get(name) or self.buffers_of[name]):
                    own.copy_(stacked[i])
        for name, stacked in self.parameters.items():
            state = self.optimiser.state[stacked]
            for i, (trainer, own) in enumerate(zip(self.trainers, self.weights_of[name], strict=True)):
                trainer.optimiser.state[own] = {
                    key: (value[i] if value.ndim else value).clone() for key, value in state.items()
                }
        for i, trainer in enumerate(self.trainers):
            trainer.average = [mean[i].clone() for mean in self.average]
            trainer.steps = self.steps
            set_rate(trainer.optimiser, learning_rate_at(self.plan, self.epoch))

    def _read_optimisers(self) -> None:
        for name, stacked in self.parameters.items():
            own = zip(self.trainers, self.weights_of[name], strict=True)
            states = [trainer.optimiser.state[parameter] for trainer, parameter in own]
            # Moments are stacked; a count of steps is a number that all have in common.
            if states[0]:
                self.optimiser.state[stacked] = {key: _merged([one[key] for one in states]) for key in states[0]}

    def _loss(
        self,
        parameters: dict[str, Tensor],
        buffers: dict[str, Tensor],
        images: Tensor,
        targets: Tensor,
        kept: Tensor | None,
        weights: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        heads = functional_call(self.logits_and_auxiliary, (parameters, buffers), (images, kept))
        loss = network_loss(heads, targets, self.plan, weights)
        return loss, correct(heads[0].detach(), targets, self.plan.many_labels).sum()

    def _draw(self, samples: int, streams: Sequence[torch.Generator]) -> Tensor | None:
        paths = self.trainers[0].network.paths
        drawn = [draw_drop_path(paths, samples, self.plan, self.epoch, self.device, stream) for stream in streams]
        kept = [one for one in drawn if one is not None]
        return torch.stack(kept) if kept else None

    def _clip(self) -> None:
        """Each network's gradient is cut to the plan's norm, as clip_grad_norm_ does it for one."""
        gradients = [p.grad for p in self.parameters.values() if p.grad is not None]
        norms = torch.stack([gradient.flatten(1).norm(dim=1) for gradient in gradients]).norm(dim=0)
        scale = (self.plan.clip / (norms + 1e-6)).clamp(max=1.0)
        for gradient in gradients:
            gradient.mul_(scale.view(-1, *[1] * (gradient.ndim - 1)))

    def _averaged_tensors(self) -> list[Tensor]:
        own = {**self.parameters, **self.buffers}
        names = [f"network.{name}" for name in self.trainers[0].network.state_dict()]
        return [own[name].detach() for name in names if own[name].is_floating_point()]


def _by_name(tensors: Sequence[dict[str, Tensor]]) -> dict[str, list[Tensor]]:
    return {name: [of_one[name] for of_one in tensors] for name in tensors[0]}


def _merged(values: Sequence[Any]) -> Any:
    return torch.stack(list(values)) if values[0].ndim else values[0].clone()


def _weights(trainer: Trainer) -> Tensor:
    assert trainer.class_weights is not None
    return trainer.class_weights
