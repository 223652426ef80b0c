"""What a made-up trained network says of itself."""

from __future__ import annotations

from known_cells import PROVENANCE, cell_of

from emonas.evaluate.model.info import NORMALISATION, ModelInfo, SeenData
from emonas.genotype import Genotype

GENOTYPE = Genotype(cell_of("sep_conv_3x3"), cell_of("skip_connect"), 3, 2, ("a", "b", "c"), PROVENANCE)


INPUT = {"size": 12, "channels": 3, "representation": "still", "faces": "whole", "face_model": ""}


INFO = ModelInfo(
    arch="genotype",
    genotype=GENOTYPE,
    cells=3,
    channels=2,
    task="classes",
    names=("a", "b", "c"),
    input=INPUT,
    normalisation=NORMALISATION,
    trained_on=(SeenData("small", people=("small/s01",)),),
    score=None,
    versions={},
)
