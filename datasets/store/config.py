"""The options of emonas-data prepare. Light to import."""

from __future__ import annotations

from dataclasses import dataclass

from emonas.datasets.clips.options import PictureConfig
from emonas.datasets.faces.options import FaceOptions
from emonas.datasets.reading.choices import Choices
from emonas.options.types import Positive


@dataclass(frozen=True, kw_only=True)
class PrepareConfig(PictureConfig, FaceOptions, Choices):
    """Options of emonas-data prepare: how the database is read, faces are found and pictures are made, and where to."""

    name: str | None = None
    """Name to find it by afterwards. [default: the data set's name]"""
    jobs: Positive | None = None
    """Number of processes. [default: one for each core]"""
    overwrite: bool = False
    """Replace what is prepared under this name."""
    json: bool = False
    """Print JSON."""


DEFAULTS = PrepareConfig()
