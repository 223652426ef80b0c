"""A training that takes a second: a made-up genotype on a small prepared set."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

from known_cells import random_genotype

from emonas.datasets.store.prepared import Prepared
from emonas.evaluate.train.config import TrainConfig
from emonas.genotype import Provenance


def genotype_file(tmp_path: Path, prepared: Prepared, subjects: tuple[str, ...] = (), **changes: object) -> Path:
    origin = Provenance(
        prepared.name,
        "emonas",
        0,
        database=prepared.dataset,
        subjects=subjects,
        protocol="fixed",
        fingerprint=prepared.fingerprint,
    )
    found = replace(random_genotype(random.Random(1), cells=3, channels=2), provenance=origin, **changes)
    found.save(tmp_path / "g.json")
    return tmp_path / "g.json"


def quick(tmp_path: Path, genotype: Path, **options: object) -> TrainConfig:
    plain = {"genotype": genotype, "out": tmp_path / "run", "device": "cpu", "epochs": 2, "batch_size": 8}
    return TrainConfig(**{**plain, "channels": 2, **options})  # type: ignore[arg-type]
