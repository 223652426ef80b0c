"""Which of several architectures is best: stacked, trained briefly on the weights' people, judged on the others.

No tested person is among either, so that the choice leaks nothing. It is a ranking, not a result: the scores are those
of a short training, and the best of several is better than it would be on new people.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import torch.nn.functional as F
from sklearn.metrics import recall_score

from emonas.console import progress, show_table
from emonas.cost import count_parameters
from emonas.device import epoch_seed, seed_everything
from emonas.errors import UserError
from emonas.files import read_json, write_json
from emonas.genotype import Genotype, Provenance
from emonas.network import Network
from emonas.records import Count, Share
from emonas.search.batches import SearchBatches
from emonas.search.controller import Controller
from emonas.search.plan import SearchPlan
from emonas.search.strategy import Architecture
from emonas.training.losses import EpochScore
from emonas.training.memory import StackSize, require_memory
from emonas.training.method import name_tensors
from emonas.training.plan import TrainingPlan
from emonas.training.recipe import Recipe
from emonas.training.trainer import Trainer, predict


@dataclass(frozen=True)
class Ranked:
    """What a short training gave: UAR on the alphas' people, and the parameters of the stacked network."""

    uar: Share
    parameters: Count


def short_training(
    architecture: Architecture, plan: SearchPlan, batches: SearchBatches, steps: int | None = None
) -> tuple[Ranked, EpochScore]:
    """Train an architecture for the plan's few epochs and judge it; the same for the same seed.

    ``steps`` stops an epoch early, to measure time. Raises UserError on NaN.
    """
    seed_everything(plan.seed)
    network = stack_network(architecture, plan)
    trainer = Trainer(network, TrainingPlan(plan.rank_epochs, Recipe(drop_path=0.0)), plan.device)
    for epoch in range(plan.rank_epochs if steps is None else 1):
        seed_everything(epoch_seed(plan.seed, epoch))
        trainer.epoch(name_tensors(itertools.islice(batches.weights(epoch), steps)), epoch)
    pictures, labels = batches.validation()
    probabilities = predict(trainer.network, pictures, plan.device)
    uar = float(recall_score(labels, probabilities.argmax(1), average="macro", zero_division=0.0))
    accuracy = float((probabilities.argmax(1) == labels).float().mean())
    loss = float(F.nll_loss(probabilities.clamp_min(1e-12).log(), labels))
    return Ranked(uar, count_parameters(network)), EpochScore(loss, accuracy)


def stack_network(architecture: Architecture, plan: SearchPlan) -> Network:
    """The network of an architecture, with the channels of the search and no auxiliary head.

    Raises UserError where it cannot fit into the memory.
    """
    genotype = Genotype(
        architecture.normal,
        architecture.reduction,
        architecture.cells,
        plan.channels,
        plan.classes,
        Provenance("", plan.strategy, plan.seed, subjects=()),
        reductions=architecture.reductions,
    )
    size = StackSize.of(genotype, genotype.cells, plan.channels, plan.size, plan.in_channels)
    what = f"a network of {genotype.cells} cells with {plan.channels} channels"
    require_memory(size.least_bytes(plan.batch_size, copies=3), plan.device, what)
    return Network(genotype, len(plan.classes), plan.size, in_channels=plan.in_channels, auxiliary=False)


#: The largest skip budget that "auto" tries.
MOST_SKIPS = 4


def best_by_short_training(
    candidates: Mapping[str, Architecture], plan: SearchPlan, batches: SearchBatches, table: Path, title: str
) -> str:
    """The name of the candidate with the highest UAR after a short training.

    All scores are written to ``table``, one by one, so that a killed ranking goes on. Equal cells are trained once.
    Raises UserError for a damaged table.
    """
    scores = _read(table)
    with progress(title, len(candidates), 0) as step:
        for name, architecture in candidates.items():
            if name not in scores:
                same = [other for other in scores if candidates.get(other) == architecture]
                scores[name] = scores[same[0]] if same else short_training(architecture, plan, batches)[0]
                write_json(table, {key: asdict(ranked) for key, ranked in scores.items()})
            step(f"{name}: UAR {scores[name].uar:.3f}")
    best = max(candidates, key=lambda name: scores[name].uar)
    rows = []
    for name in candidates:
        parameters = f"{scores[name].parameters:,}".replace(",", " ")
        rows.append((name, f"{scores[name].uar:.3f}", parameters, "taken" if name == best else ""))
    show_table(title, ("", "UAR, short training", "parameters", ""), rows)
    return best


def _read(table: Path) -> dict[str, Ranked]:
    if not table.exists():
        return {}
    try:
        return msgspec.convert(read_json(table), dict[str, Ranked])
    except msgspec.ValidationError:
        raise UserError(f"{table}: damaged; delete it to rank again") from None


def within_budget(
    controller: Controller, found: Architecture, plan: SearchPlan, batches: SearchBatches, table: Path
) -> Architecture:
    """The searched number of skip connections: the cells under each budget, ranked by short training."""
    candidates = {}
    for budget in range(MOST_SKIPS + 1):
        cells = controller.cells({"normal": budget, "reduction": budget})
        candidates[f"at most {budget} skips"] = Architecture(**cells, cells=found.cells, reductions=found.reductions)
    candidates["no limit"] = found
    return candidates[best_by_short_training(candidates, plan, batches, table, "How many skip connections")]
