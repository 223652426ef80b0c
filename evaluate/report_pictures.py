"""The samples that a network was most sure of and wrong about, as small pictures for a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from emonas.datasets.prepared import Prepared
from emonas.datasets.representation import as_picture

from .report_figures import data_uri
from .tables import answers

MOST = 12
#: Larger pictures are shrunk to this height in pixels: twice the height at which they are shown.
HEIGHT = 224


@dataclass(frozen=True)
class Mistake:
    """A wrong answer with its picture as the text of an ``<img src>``, which is ``wide`` times as wide as high."""

    source: str
    wide: float
    truth: str
    prediction: str
    confidence: float
    person: str
    clip: str
    seed: int


def worst_mistakes(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The wrong answers with the highest confidence, one a sample, as rows of ``tables.answers``."""
    wrong = [row for row in answers(results) if not row["right"] and row["confidence"] is not None]
    wrong.sort(key=lambda row: -row["confidence"])
    of_sample: dict[int, dict[str, Any]] = {}
    for row in wrong:
        of_sample.setdefault(row["position"], row)
    return list(of_sample.values())[:MOST]


def pictured(rows: list[dict[str, Any]], prepared: Prepared) -> list[Mistake] | None:
    """The wrong answers with their pictures; None where the prepared set is another one than was tested."""
    if not all(_same_sample(row, prepared) for row in rows):
        return None
    representation = prepared.options["representation"]
    return [_mistake(row, as_picture(prepared.images[row["position"]], representation)) for row in rows]


def _same_sample(row: Mapping[str, Any], prepared: Prepared) -> bool:
    position = row["position"]
    if not 0 <= position < len(prepared.samples):
        return False
    sample = prepared.samples[position]
    return bool(sample.person == row["person"] and sample.label == row["truth"])


def _mistake(row: Mapping[str, Any], picture: np.ndarray) -> Mistake:
    told = {key: row[key] for key in ("truth", "prediction", "confidence", "person", "clip", "seed")}
    return Mistake(source=_png(picture), wide=picture.shape[1] / picture.shape[0], **told)


def _png(picture: np.ndarray) -> str:
    """A picture (H, W, 3), uint8, RGB as a data URI of PNG."""
    if picture.shape[0] > HEIGHT:
        width = round(picture.shape[1] * HEIGHT / picture.shape[0])
        picture = cv2.resize(picture, (width, HEIGHT), interpolation=cv2.INTER_AREA)
    _, content = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return data_uri("image/png", content.tobytes())
