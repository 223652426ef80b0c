"""The network that is trained: found cells stacked, or a well-known one; from anew or from an earlier training."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from emonas.datasets.store.prepared import Prepared
from emonas.device import seed_everything
from emonas.errors import UserError
from emonas.evaluate.model import baselines
from emonas.evaluate.train.config import TrainConfig
from emonas.genotype import Genotype
from emonas.network import Baseline, Network

#: The layers that belong to the classes and start anew where these are others.
_OF_CLASSES = ("classifier.", "auxiliary.")


def build_network(
    genotype: Genotype | None, config: TrainConfig, prepared: Prepared, answers: int, seed: int = 0
) -> Network | Baseline:
    """The network for a prepared data set, with so many ``answers``; the same for the same seed."""
    seed_everything(seed)
    if genotype is None:
        assert config.arch
        return Baseline(baselines.build(config.arch, answers, prepared.channels, prepared.size))
    return Network(
        genotype,
        classes=answers,
        size=prepared.size,
        cells=config.cells,
        channels=config.channels,
        in_channels=prepared.channels,
        auxiliary=not config.no_auxiliary,
    )


def _heads(network: Network | Baseline) -> tuple[str, ...]:
    """How the names of those tensors begin that belong to the classes: of a well-known network, its last layer."""
    if isinstance(network, Network):
        return _OF_CLASSES
    return ([name for name, module in network.named_modules() if isinstance(module, nn.Linear)][-1],)


def start_from(network: Network | Baseline, weights: Mapping[str, Tensor], same_classes: bool, source: str) -> None:
    """Put an earlier training's weights into a network; the heads only where they are for the ``same_classes``.

    Raises UserError where the two are not the same network.
    """
    own = network.state_dict()
    heads = {name for name in own if name.startswith(_heads(network))}
    wanted = {name for name in own if same_classes or name not in heads}
    fitting = {name for name in wanted if name in weights and weights[name].shape == own[name].shape}
    missing = sorted(wanted - fitting - {name for name in own if name.startswith("auxiliary.")})
    if missing:
        raise UserError(
            f"--pretrained {source}: {missing[0]} has another shape there or is missing; train the same cells with the "
            "same --cells, --channels and kind of pictures"
        )
    network.load_state_dict({**own, **{name: weights[name] for name in fitting}})
