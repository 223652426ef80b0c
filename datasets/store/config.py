"""The options of emonas-data prepare. Light to import."""

from __future__ import annotations

from dataclasses import dataclass

from emonas.datasets.clips.options import PictureConfig
from emonas.datasets.faces.options import FaceOptions
from emonas.datasets.reading.choices import Choices
from emonas.options.types import Positive


@dataclass(frozen=True, kw_only=True)
class MakeConfig(PictureConfig, FaceOptions, Choices):
    """How a database is read, faces are found and pictures are made: what check and prepare have in common."""

    drop_near_copies: bool = False
    """Leave out training pictures that are nearly a tested one, or another person's: saved again, resized, mirrored,
    slightly cropped or brightened. They are counted in any case."""
    jobs: Positive | None = None
    """Number of processes. [default: one for each core]"""
    json: bool = False
    """Print JSON."""


@dataclass(frozen=True, kw_only=True)
class PrepareConfig(MakeConfig):
    """Options of emonas-data prepare."""

    name: str | None = None
    """Name to find it by afterwards. [default: the data set's name]"""
    overwrite: bool = False
    """Replace what is prepared under this name."""


@dataclass(frozen=True, kw_only=True)
class CheckConfig(MakeConfig):
    """Options of emonas-data check: those of prepare, since what is kept depends on them."""

    quick: bool = False
    """Look at the files' first and last bytes only, instead of making every picture as prepare does."""


DEFAULTS = PrepareConfig()
CHECK_DEFAULTS = CheckConfig()
