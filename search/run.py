"""A whole emonas-search: one search or one a fold, under one seed or several, and what is said at the end."""

from __future__ import annotations

from emonas.console import say, show_table, warn
from emonas.datasets.loading.batches import ImageStore
from emonas.datasets.store.prepare import find
from emonas.datasets.store.prepared import check_content
from emonas.device import pick_device
from emonas.files import open_run
from emonas.genotype import Genotype
from emonas.operations.modules import reductions
from emonas.search.config import SearchConfig, check
from emonas.search.loop import make_batches, save_found, search
from emonas.search.plan import SearchPlan, SearchTask
from emonas.search.ranking import best_by_short_training
from emonas.search.resolve import record, resolve
from emonas.search.strategy import Architecture

#: What may differ when a run goes on.
FREE = frozenset({"out", "device"})


def run_search(config: SearchConfig) -> dict[str, Genotype]:
    """Search as ``config`` says; returns the genotypes by fold ("" for a single search). Raises UserError."""
    check(config)
    prepared = find(config.dataset)
    check_content(prepared)
    plan = resolve(config, prepared, pick_device(config.device))
    open_run(plan.out, record(config, plan, prepared.fingerprint), FREE)
    if not prepared.subjects_known:
        warn(f"{prepared.name} names no people: its training part is split by picture, not by person")
    pictures = ImageStore(prepared, plan.device)
    found = {task.name: search_seeds(task, plan, pictures) for task in plan.tasks}
    _report(plan, found)
    return found


def search_seeds(task: SearchTask, plan: SearchPlan, pictures: ImageStore) -> Genotype:
    """Search with each seed of the plan; of several, the cells that do best in a short training are the task's own."""
    if plan.seeds == 1:
        return search(task, plan, pictures)
    finished = task.folder / "genotype.json"
    if finished.exists():
        return Genotype.load(finished)
    seeds = range(plan.seed, plan.seed + plan.seeds)
    found = {f"seed {seed}": search(task.with_seed(seed), plan.with_seed(seed), pictures) for seed in seeds}
    candidates = {
        name: Architecture(g.normal, g.reduction, g.cells, g.reductions or reductions(g.cells))
        for name, g in found.items()
    }
    batches = make_batches(task, plan, pictures)
    best = best_by_short_training(candidates, plan, batches, task.folder / "seeds.json", "Seeds")
    return save_found(found[best], task.folder)


def _report(plan: SearchPlan, found: dict[str, Genotype]) -> None:
    """Say where everything lies and what comes next; the cells are shown where there is one search."""
    for task in plan.tasks:
        if len(plan.tasks) == 1:
            show_cells(found[task.name])
        say(f"genotype   {task.folder / 'genotype.json'}")
        say(f"picture    {task.folder / 'cells.png'}")
    say(f"watch      tensorboard --logdir {plan.out}")
    by_fold = f" --protocol {plan.protocol}" + (f" --folds {plan.folds}" if plan.protocol == "kfold" else "")
    say(f"next       emonas-train --genotype {plan.out / 'genotype.json' if '' in found else f'{plan.out}{by_fold}'}")


def show_cells(genotype: Genotype) -> None:
    """The found cells as a table: for each node its two edges."""
    rows = []
    for node in range(max(genotype.normal.nodes, genotype.reduction.nodes)):
        row = [str(node)]
        for cell in (genotype.normal, genotype.reduction):
            row.append(", ".join(f"{edge.operation}({_state(edge.source)})" for edge in cell.incoming(node)))
        rows.append(row)
    show_table("Found cells", ("node", "normal", "reduction"), rows)


def _state(source: int) -> str:
    return ("c[k-2]", "c[k-1]")[source] if source < 2 else str(source - 2)
