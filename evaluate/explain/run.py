"""What emonas-explain does: pictures in, figures, maps and a table of shares out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emonas.console import progress, say, show_table, warn
from emonas.errors import UserError
from emonas.evaluate.explain.attribution import Attribution, captum_attr, concatenate, explain
from emonas.evaluate.explain.config import METHOD_NAMES, ExplainConfig
from emonas.evaluate.explain.figures import Explained, draw_means, draw_samples, mean_panels
from emonas.evaluate.explain.summary import (
    HALVES_IN_WORDS,
    MAPS,
    describe_incomplete,
    means,
    save_maps,
    share_columns,
    share_row,
    spread_over,
)
from emonas.evaluate.model.info import ModelInfo
from emonas.evaluate.model.load import load
from emonas.evaluate.model.model import Model
from emonas.evaluate.model.prepared import find_real_set
from emonas.files import together
from emonas.plotting.figures import save_figure


@dataclass(frozen=True, eq=False)
class Asked:
    """Prepared pictures (N, C, size, size), uint8, what each is called, and its truth where it is known."""

    pictures: np.ndarray
    names: tuple[str, ...]
    truth: tuple[str, ...]


def run_explain(path: Path, inputs: Sequence[Path], config: ExplainConfig) -> Attribution:
    """Explain a network's answers for files or for samples of a prepared set; writes to ``config.out``.

    Raises UserError: captum is not installed, no such model, class or set, files that cannot be read.
    """
    captum_attr()
    if bool(inputs) == bool(config.dataset):
        raise UserError("give either pictures or clips, or --dataset NAME")
    model = load(path, config.device)
    if config.target is not None and config.target not in model.info.names:
        raise UserError(f"--target: no class {config.target!r}; the network answers {', '.join(model.info.names)}")
    asked = _samples(model, config) if config.dataset else _files(model, inputs, config)
    found = []
    with progress("explaining", len(asked.pictures)) as step:
        for picture, name in zip(asked.pictures, asked.names, strict=True):
            found.append(explain(model, picture[None], config.target, config.method))
            step(name)
    attribution = concatenate(found)
    with together():
        written = _write(config, model.info, asked, attribution)
    incomplete = np.flatnonzero(~attribution.complete)
    if len(incomplete):
        warn(describe_incomplete(len(incomplete), len(asked.names)))
    say(f"written: {written} figures and {MAPS} in {config.out}; maps tell what the network looks at, not what is felt")
    return attribution


def _files(model: Model, inputs: Sequence[Path], config: ExplainConfig) -> Asked:
    phases = {"onset": config.onset, "apex": config.apex, "offset": config.offset}
    pictures, sources = model.pictures(list(inputs), **phases, faces=config.faces, face_model=config.face_model)
    return Asked(pictures, tuple(Path(source).name for source in sources), ())


def _samples(model: Model, config: ExplainConfig) -> Asked:
    """Samples of people whom the network has not seen, where there are any."""
    if (config.onset, config.apex, config.offset) != (None, None, None):
        raise UserError("--onset, --apex and --offset belong to files; the samples of --dataset have their own")
    prepared = find_real_set(model.info, config.dataset)
    assert prepared
    samples = prepared.samples
    open_ones = [i for i, sample in enumerate(samples) if not model.info.knows(sample.person)]
    if not open_ones:
        warn("the network has learnt from everybody in this set; its answers there say nothing about new people")
        open_ones = [*range(len(samples))]
    chosen = [open_ones[i] for i in spread_over([samples[i].label for i in open_ones], config.samples)]
    return Asked(
        np.array(prepared.images[chosen]),
        tuple(f"{samples[i].person}/{samples[i].clip}" for i in chosen),
        tuple(samples[i].label for i in chosen),
    )


def _write(config: ExplainConfig, info: ModelInfo, asked: Asked, attribution: Attribution) -> int:
    kind = info.representation
    by = f"by {METHOD_NAMES[config.method]}"
    for i, (name, panel) in enumerate(zip(asked.names, _panels(info, asked, attribution), strict=True)):
        figure = draw_samples([panel], kind, f"What spoke for {info.names[attribution.targets[i]]}, {by}")
        save_figure(figure, config.out / f"{i + 1:03d}-{_plain(name)}.png")
    found = means(attribution.maps, attribution.targets, attribution.channels, kind)
    title = f"Mean maps of {len(asked.names)} samples, {by}"
    save_figure(draw_means(mean_panels(found, asked.pictures, info.names), kind, title), config.out / "means.png")
    save_maps(
        config.out / MAPS,
        maps=attribution.maps,
        targets=np.array([info.names[target] for target in attribution.targets]),
        delta=attribution.delta,
        probabilities=attribution.probabilities,
        answers=np.array(info.names),
        sources=np.array(asked.names),
    )
    rows = [(info.names[mean.target], mean.n, *share_row(mean)) for mean in found]
    columns = ("explained", "n", *share_columns(found, kind))
    show_table("Where it lies", columns, rows, range(1, len(columns)))
    say(HALVES_IN_WORDS)
    return len(asked.names) + 1


def _panels(info: ModelInfo, asked: Asked, attribution: Attribution) -> list[Explained]:
    panels = []
    for i, (row, target) in enumerate(zip(attribution.probabilities, attribution.targets, strict=True)):
        answer = int(row.argmax())
        lines = [f"{info.names[answer]} {row[answer]:.2f}", asked.names[i]]
        if target != answer:
            lines.insert(1, f"explained: {info.names[target]} {row[target]:.2f}")
        if asked.truth and not info.units:
            lines.append(f"truth: {asked.truth[i]}")
        panels.append(Explained(asked.pictures[i], attribution.maps[i], tuple(lines)))
    return panels


def _plain(name: str) -> str:
    """A name without its ending, as part of a file's name."""
    return re.sub(r"[^\w.-]+", "_", re.sub(r"\.\w{1,4}$", "", name))[-40:]
