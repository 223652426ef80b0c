"""The options of emonas-explain."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from emonas.datasets.faces.options import Faces
from emonas.options.types import Count, DeviceName, Positive

MethodName = Literal["ig", "occlusion", "gradcam"]
METHOD_NAMES: dict[MethodName, str] = {"ig": "integrated gradients", "occlusion": "occlusion", "gradcam": "Grad-CAM"}


@dataclass(frozen=True, kw_only=True)
class ExplainConfig:
    """Options of emonas-explain."""

    out: Path = Path("explanations")
    """Folder for the figures and the maps."""
    method: MethodName = "ig"
    """ig = integrated gradients, fine and checked by their sum; occlusion = what is lost where a square is covered;
    gradcam = the last cell's map, quick and coarse."""
    target: str | None = None
    """Class (or action unit) to explain. [default: what the network answers]"""
    dataset: str | None = None
    """Prepared data set whose people the network has not seen, in place of files."""
    samples: Positive = 24
    """How many samples of --dataset, spread over its classes."""
    onset: Count | None = None
    """First frame of the motion, counted from 0, in a single clip; so are the next two."""
    apex: Count | None = None
    """Frame of the strongest motion."""
    offset: Count | None = None
    """Last frame of the motion."""
    faces: Faces = "auto"
    """detect = cut the face out of whole frames; whole = take pictures as they are; auto = as in preparing."""
    face_model: Path | None = None
    """Face detector's model, where the training's faces were found by one."""
    device: DeviceName = "auto"
    """Where to compute; auto takes a GPU where there is one."""
