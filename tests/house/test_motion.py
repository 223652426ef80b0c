"""Dynamic image and flow carry the motion: the apex frame alone does not tell unseen people's micro-expressions."""

from __future__ import annotations

from pathlib import Path

import pytest
from known_cells import PROVENANCE, cell_of
from small import small_micro

from emonas.datasets.store.config import PrepareConfig
from emonas.evaluate.train.config import TrainConfig
from emonas.evaluate.train.run import run_training
from emonas.genotype import Genotype


def test_the_dynamic_image_and_the_flow_beat_the_apex_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Same network, same budget, same people; UAR 0.33 is chance."""
    cell = cell_of("sep_conv_5x5", nodes=2)
    Genotype(cell, cell, 4, 8, ("0", "1"), PROVENANCE).save(tmp_path / "genotype.json")
    uar = {}
    for representation in ("dynamic", "flow", "apex"):
        options = PrepareConfig(size=64, representation=representation)  # type: ignore[arg-type]
        small_micro(monkeypatch, options, subjects=24, clips=7, name=representation)
        config = TrainConfig(
            genotype=tmp_path / "genotype.json",
            dataset=representation,
            out=tmp_path / representation,
            device="cpu",
            channels=8,
            epochs=20,
            batch_size=16,
            learning_rate=0.03,
        )
        uar[representation] = run_training(config).uar
    for motion in ("dynamic", "flow"):
        assert uar[motion] > 0.6
        assert uar[motion] > uar["apex"] + 0.2
