"""The start of a training from an earlier one: its weights, and the people whom these have seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from emonas.datasets.clips.sample import fingerprint
from emonas.datasets.protocols.protocol import Fold
from emonas.errors import UserError
from emonas.evaluate.results.file import read_results
from emonas.evaluate.results.record import Origin
from emonas.genotype import Provenance
from emonas.network import Baseline, Network
from emonas.training import checkpoint

#: Stands for every fold where the earlier training had one only.
_ALL = ""


#: The layers that belong to the classes and start anew where these are others.
_OF_CLASSES = ("classifier.", "auxiliary.")


@dataclass(frozen=True)
class Pretrained:
    """An earlier run of emonas-train. ``files`` and ``origins`` by fold; one entry named "" where it serves all folds.

    ``content`` is another text for other weights.

    ``origins`` are the sets and people that the weights come from, the earlier run's own start included.
    """

    run: Path
    names: tuple[str, ...]
    files: Mapping[str, Path]
    origins: Mapping[str, tuple[Provenance, ...]]
    content: str = ""

    def start(self, network: Network | Baseline, fold: str, names: tuple[str, ...]) -> None:
        """Give a fold's network its start; the classifier's too where the classes are the same in the same order.

        Raises UserError for a damaged file and for other cells.
        """
        path = self.files[fold if fold in self.files else _ALL]
        state = checkpoint.load(path)
        if not isinstance(state.get("network"), dict):
            raise UserError(f"{path}: not a trained network")
        start_from(network, state["network"], self.names == names, str(self.run))

    def seen(self, fold: str) -> tuple[Provenance, ...]:
        """The sets and people that a fold's weights come from."""
        return self.origins[fold if fold in self.origins else _ALL]


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
    fitting = {name for name in wanted if name in weights and _same_kind(weights[name], own[name])}
    missing = sorted(wanted - fitting - {name for name in own if name.startswith("auxiliary.")})
    if missing:
        raise UserError(
            f"--pretrained {source}: {missing[0]} has another shape there or is missing; train the same cells with the "
            "same --cells, --channels and kind of pictures"
        )
    if ruined := [name for name in sorted(fitting) if not checkpoint.all_finite(weights[name])]:
        raise UserError(f"--pretrained {source}: {ruined[0]} has NaN or infinite values; train it again")
    network.load_state_dict({**own, **{name: weights[name] for name in fitting}})


def _same_kind(given: Any, own: Tensor) -> bool:
    return checkpoint.is_plain(given) and (given.shape, given.dtype) == (own.shape, own.dtype)


def read_pretrained(run: Path, folds: list[str]) -> Pretrained:
    """Read a finished run for these folds: one network for all, or each fold's own. Raises UserError."""
    results = read_results(run)
    names = [row.fold for row in results.per_fold if row.seed == results.seeds[0]]
    shared = len(names) == 1
    if not shared and set(names) != set(folds):
        raise UserError(
            f"--pretrained {run}: holds {len(names)} folds, not these {len(folds)}; give a run of one fold, or of the "
            "same --protocol on the same people"
        )
    folder = run if run.is_dir() else run.parent
    files = {name: folder / f"seed{results.seeds[0]}" / Fold.folder(name) / "network.pt" for name in names}
    for path in files.values():
        if not path.exists():
            raise UserError(f"--pretrained {run}: {path} is missing")
    if results.trained_on is None:
        raise UserError(f"--pretrained {run}: its results do not say what it was trained on")
    origins = {name: tuple(_provenance(one, name) for one in results.trained_on) for name in names}
    if shared:
        files, origins = {_ALL: files[names[0]]}, {_ALL: origins[names[0]]}
    content = fingerprint(path.read_bytes() for path in files.values())
    return Pretrained(run, results.classes, files, origins, content)


def _provenance(origin: Origin, fold: str) -> Provenance:
    return Provenance(
        dataset=origin.dataset,
        strategy="",
        seed=0,
        database=origin.database,
        subjects=origin.people.get(fold, origin.people.get(_ALL, ())),
        subjects_known=origin.subjects_known,
        protocol=origin.protocol,
        fingerprint=origin.fingerprint,
    )


def trained_on(own: Origin, before: Pretrained | None) -> tuple[Origin, ...]:
    """The "trained_on" of results.json: this training's set and people by fold, then those of its start."""
    earlier = []
    for i, origin in enumerate(next(iter(before.origins.values())) if before else ()):
        assert before
        earlier.append(
            Origin(
                dataset=origin.dataset,
                database=origin.database,
                fingerprint=origin.fingerprint,
                protocol=origin.protocol,
                subjects_known=origin.subjects_known,
                people={fold: origins[i].subjects for fold, origins in before.origins.items()},
            )
        )
    return (own, *earlier)
