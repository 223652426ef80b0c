"""The options of emonas-predict. Light to import."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from emonas.datasets.faces.options import Faces
from emonas.options.types import Count, DeviceName, Positive, Rate

FolderKind = Literal["auto", "film", "pictures"]


@dataclass(frozen=True, kw_only=True)
class PredictConfig:
    """Options of emonas-predict."""

    out: Path | None = None
    """Folder of the files that --csv, --jsonl, --draw and --plot write. [default: runs/predict-SOURCE]"""
    csv: bool = False
    """Write predictions.csv: a row for each face of each frame, or for each expression of a clip."""
    jsonl: bool = False
    """Write predictions.jsonl: the same rows, each a JSON object with the probability of every answer."""
    draw: bool = False
    """Write the picture, the pictures or the video with the faces, their labels and probabilities drawn in."""
    plot: bool = False
    """Write timeline.png: the probabilities over time, or the motion with the expressions found in it."""
    every: Positive = 1
    """Answer every N-th frame, by a model of still pictures."""
    detect_every: Positive = 10
    """Look for faces in every N-th frame of a video and keep them in between."""
    faces: Faces = "auto"
    """detect = cut faces out; whole = do not; auto = as in training: after whole pictures, those like them are taken
    whole, and of others as much around each face is cut out."""
    face_model: Path | None = None
    """A YuNet model (face_detection_yunet_*.onnx) that finds the faces. [default: the detector that emonas brings]"""
    folder: FolderKind = "auto"
    """What the pictures of a folder are: frames of one film, or pictures of their own. auto = a film where names are
    numbered in even steps, sizes equal and neighbours alike."""
    frames_per_second: Rate | None = None
    """Frames per second. [default: what the video says; 25 for a folder of frames]"""
    window: Rate = 0.5
    """The longest expression to look for in a clip, in seconds. It is found by its motion, as what differs from half a
    window before and after (after Moilanen et al., ICPR 2014, simplified); not validated on real data, blinks count."""
    whole_clip: bool = False
    """Take the clip as one expression from its first to its last frame, and look for none in it."""
    onset: Count | None = None
    """The frame, counted from 0, in which the one expression begins; no other frames are read. [default: the first]"""
    apex: Count | None = None
    """The frame of its apex. [default: as in training]"""
    offset: Count | None = None
    """The frame in which it ends. [default: the last]"""
    max_frames: Positive | None = None
    """End after so many frames; a camera has no end of its own, and Ctrl-C ends it as well."""
    device: DeviceName = "auto"
    """Where to compute; auto takes a GPU where there is one."""

    @property
    def one_expression(self) -> bool:
        """Whether the clip, or the part of it that is named, is one expression."""
        return self.whole_clip or any(phase is not None for phase in (self.onset, self.apex, self.offset))
