"""A whole emonas-search: which people it may see, one search or one a fold, and what is said at the end."""

from __future__ import annotations

import dataclasses

import numpy as np

from emonas.console import plain, say, show_table, warn
from emonas.datasets.databases.registry import entry
from emonas.datasets.loading.batches import ImageStore
from emonas.datasets.protocols.protocol import Fold, folds, split_people
from emonas.datasets.store.prepare import find
from emonas.datasets.store.prepared import Prepared
from emonas.device import pick_device, versions
from emonas.errors import UserError
from emonas.files import open_run
from emonas.genotype import Genotype, Provenance
from emonas.operations.modules import reductions
from emonas.search.config import SearchConfig, check, resolve
from emonas.search.loop import SearchTask, keep_genotype, make_batches, make_setting, search, with_seed
from emonas.search.ranking import best_by_short_training
from emonas.search.strategy import Architecture


def run_search(config: SearchConfig) -> dict[str, Genotype]:
    """Search as ``config`` says; returns the genotypes by fold ("" for a single search). Raises UserError."""
    check(config)
    prepared = find(config.dataset)
    config = dataclasses.replace(config, folds=config.folds or entry(prepared.dataset).folds)
    device = pick_device(config.device)
    protocol = resolve_protocol(config.protocol, prepared)
    visible = visible_parts(config, prepared, protocol)
    halves = {name: split_people(prepared.samples, seen, 2, config.seed) for name, seen in visible.items()}
    smallest = min(min(len(half.train), len(half.test)) for half in halves.values())
    config = resolve(config, smallest, large=device.type == "cuda")
    assert config.out
    open_run(config.out, {**plain(config), "protocol": protocol, "fingerprint": prepared.fingerprint}, _FREE)
    if not prepared.subjects_known:
        warn(f"{prepared.name} names no people: its training part is split by picture, not by person")
    pictures = ImageStore(prepared, device)
    found = {}
    for name, half in halves.items():
        task = _task(config, prepared, protocol, name, visible[name], half)
        found[name] = search(task, config, pictures) if config.seeds == 1 else _best_of_seeds(task, config, pictures)
    _report(config, protocol, found)
    return found


_FREE = frozenset({"out", "device"})


def resolve_protocol(protocol: str, prepared: Prepared) -> str:
    """What "auto" means: the training part of a fixed split, else everybody (as the literature does)."""
    if protocol == "auto":
        return "fixed" if prepared.protocol == "fixed" else "all"
    return protocol


def visible_parts(config: SearchConfig, prepared: Prepared, protocol: str) -> dict[str, np.ndarray]:
    """For each search, the positions of the samples that it may see. Raises UserError for unknown excluded people."""
    samples = prepared.samples
    if protocol == "all":
        parts = {"": np.arange(len(samples))}
    else:
        made = folds(samples, protocol, config.folds or entry(prepared.dataset).folds, seed=0)
        parts = {("" if protocol == "fixed" else fold.name): fold.train for fold in made}
    names = {sample.subject for sample in samples} | {sample.person for sample in samples}
    unknown = [name for name in config.exclude_subjects if name not in names]
    if unknown:
        raise UserError(f"--exclude-subjects: {prepared.name} has nobody called {', '.join(unknown)}")
    excluded = set(config.exclude_subjects)
    kept = np.array([not {sample.subject, sample.person} & excluded for sample in samples])
    return {name: positions[kept[positions]] for name, positions in parts.items()}


def _best_of_seeds(task: SearchTask, config: SearchConfig, pictures: ImageStore) -> Genotype:
    """Search with each seed, rank the cells by short training, and keep the best as the task's own genotype."""
    finished = task.folder / "genotype.json"
    if finished.exists():
        return Genotype.load(finished)
    found = {}
    for seed in range(config.seed, config.seed + config.seeds):
        of_seed = with_seed(task, seed, task.folder / f"seed{seed}")
        found[f"seed {seed}"] = search(of_seed, dataclasses.replace(config, seed=seed), pictures)
    candidates = {
        name: Architecture(g.normal, g.reduction, g.cells, g.reductions or reductions(g.cells))
        for name, g in found.items()
    }
    setting = make_setting(config, len(task.classes), pictures)
    feed = make_batches(task, config, pictures)
    best = best_by_short_training(candidates, setting, feed, task.folder / "seeds.json", "Seeds")
    return keep_genotype(found[best], task.folder)


def _task(
    config: SearchConfig, prepared: Prepared, protocol: str, name: str, seen: np.ndarray, half: Fold
) -> SearchTask:
    assert config.out
    people = sorted({prepared.samples[i].person for i in seen}) if prepared.subjects_known else []
    provenance = Provenance(
        dataset=prepared.name,
        database=prepared.dataset,
        strategy=config.strategy,
        seed=config.seed,
        subjects=tuple(people),
        subjects_known=prepared.subjects_known,
        protocol=protocol,
        fingerprint=prepared.fingerprint,
        versions=versions(),
    )
    folder = config.out / Fold.folder(name) if name else config.out
    title = f"searching on {prepared.name}" + (f" without {name}" if name else "")
    return SearchTask(folder, title, half.train, half.test, provenance, prepared.classes)


def _report(config: SearchConfig, protocol: str, found: dict[str, Genotype]) -> None:
    assert config.out
    out = config.out
    for name, genotype in found.items():
        folder = out / Fold.folder(name) if name else out
        if len(found) == 1:
            show_cells(genotype)
        say(f"genotype   {folder / 'genotype.json'}")
        say(f"picture    {folder / 'cells.png'}")
    say(f"watch      tensorboard --logdir {out}")
    by_fold = f" --protocol {protocol}" + (f" --folds {config.folds}" if protocol == "kfold" else "")
    say(f"next       emonas-train --genotype {out / 'genotype.json' if '' in found else f'{out}{by_fold}'}")


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
