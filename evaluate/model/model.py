"""A trained network in use: pictures in whatever form go in, names and probabilities come out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from emonas.datasets.faces.options import Faces
from emonas.datasets.loading.batches import normalise
from emonas.errors import UserError
from emonas.evaluate.model.faces import make_locator, pictures_in_words
from emonas.evaluate.model.info import ModelInfo
from emonas.evaluate.model.inputs import Phase, Seen, make_samples, picture_options, prepare_pictures
from emonas.training.trainer import predict

#: Pictures that go through the network at once, as in judging.
_BATCH = 256


@dataclass(frozen=True, repr=False, eq=False)
class Model:
    """A trained network on a device, and what it says of itself."""

    info: ModelInfo
    network: nn.Module
    device: torch.device

    def predict(
        self,
        x: Any,
        *,
        onset: Phase = None,
        apex: Phase = None,
        offset: Phase = None,
        faces: Faces = "auto",
        face_model: str | Path | None = None,
    ) -> Prediction:
        """Answers for pictures, or for clips where the network was trained on what becomes of clips.

        ``x`` for pictures: an image file, a folder of them, an array (H, W, 3) or (N, H, W, 3), a tensor (3, H, W) or
        (N, 3, H, W), both uint8 RGB, or a list of these. For clips: a folder of frames, a video, an array
        (T, H, W, 3), a tensor (T, 3, H, W), or a list of these; a list of image files is one clip. ``onset``, ``apex``
        and ``offset`` are zero-based positions in its frames (for several clips, lists); without them the clip is whole
        and its apex is found as in preparing the training data.

        ``faces``: "detect" cuts faces out of whole frames, "whole" takes pictures as they are, "auto" does what was
        done in preparing: after faces that were cut out it cuts out, after whole pictures it takes those that are like
        them whole and cuts as much around a face out of others. A picture of several people has a row for each, the
        largest first. Raises UserError for what cannot be read, where no face or motion is found, and where a picture
        shows less around a face than the training's did.
        """
        seen = self._seen(x, onset, apex, offset, faces, face_model)
        probabilities = self.probabilities(np.stack([one.picture for one in seen]))
        return Prediction(
            self.info.names,
            probabilities,
            self.info.units,
            tuple(one.source for one in seen) if any(one.source for one in seen) else (),
            tuple(one.at for one in seen),
            tuple(one.box for one in seen),
        )

    def pictures(
        self,
        x: Any,
        *,
        onset: Phase = None,
        apex: Phase = None,
        offset: Phase = None,
        faces: Faces = "auto",
        face_model: str | Path | None = None,
    ) -> tuple[np.ndarray, tuple[str, ...]]:
        """What `predict` makes of its input: (N, C, size, size), uint8, and where each comes from. Raises UserError."""
        seen = self._seen(x, onset, apex, offset, faces, face_model)
        return np.stack([one.picture for one in seen]), tuple(one.source for one in seen)

    def _seen(
        self, x: Any, onset: Phase, apex: Phase, offset: Phase, faces: Faces, face_model: str | Path | None
    ) -> list[Seen]:
        clips = self.info.representation != "still"
        locator = make_locator(self.info.input, faces, face_model)
        options = picture_options(self.info.input)
        seen: list[Seen] = []
        for at, (source, sample) in enumerate(make_samples(x, clips, onset, apex, offset)):
            try:
                seen += prepare_pictures(sample, at, options, locator)
            except UserError as error:
                message = str(error)
                raise UserError(message if not source or source in message else f"{source}: {message}") from None
        return seen

    def probabilities(self, pictures: np.ndarray) -> np.ndarray:
        """Probabilities (N, answers), float32, of prepared pictures (N, C, size, size), uint8. Raises UserError."""
        wanted = (self.info.in_channels, self.info.size, self.info.size)
        if pictures.dtype != np.uint8 or pictures.shape[1:] != wanted:
            raise UserError(
                f"the network takes prepared pictures, uint8 {('N', *wanted)}; these are "
                f"{pictures.dtype} {pictures.shape}"
            )
        if not len(pictures):
            return np.empty((0, len(self.info.names)), np.float32)
        return predict(self.network, self._batches(pictures), self.device, self.info.units).numpy()

    def _batches(self, pictures: np.ndarray) -> Iterator[Tensor]:
        for start in range(0, len(pictures), _BATCH):
            batch = torch.from_numpy(np.array(pictures[start : start + _BATCH])).to(self.device)
            yield normalise(batch).contiguous(memory_format=torch.channels_last)

    def __repr__(self) -> str:
        """What it is, what it takes, what it answers and what it is worth."""
        info = self.info
        kind = "found cells" if info.arch == "genotype" else info.arch
        stack = f", {info.cells} cells, {info.channels} channels" if info.cells else ""
        sets = ", ".join(dict.fromkeys(origin.dataset for origin in info.trained_on))
        return "\n".join(
            (
                f"network     {kind}{stack}, on {self.device}",
                f"pictures    {info.representation}, {info.in_channels} x {info.size} x {info.size}, "
                f"{pictures_in_words(info.input)}",
                f"answers     {', '.join(info.names)}",
                f"trained on  {sets}",
                f"worth       {info.worth}",
            )
        )


#: How many samples are printed.
_MOST = 20


@dataclass(frozen=True, repr=False, eq=False)
class Prediction:
    """Answers for N samples: ``probabilities`` (N, answers), float32, columns in the order of ``names``.

    With ``units`` each action unit has a probability of its own, else each row sums to 1. ``sources`` says what each
    row is of: a file's name, or nothing for pixels; ``inputs`` which of the pictures or clips that were given, from 0;
    ``boxes`` left, top and side of the face in pixels, None for a whole picture.
    """

    names: tuple[str, ...]
    probabilities: np.ndarray
    units: bool = False
    sources: tuple[str, ...] = ()
    inputs: tuple[int, ...] = ()
    boxes: tuple[tuple[int, int, int] | None, ...] = ()

    def __len__(self) -> int:
        return len(self.probabilities)

    @property
    def labels(self) -> list[str]:
        """The most probable class of each sample; of action units those that are rather there, as "1 2 12"."""
        return [self._label(row) for row in self.probabilities]

    @property
    def confidence(self) -> np.ndarray:
        """(N,): the largest probability of each sample."""
        return self.probabilities.max(1, initial=0)

    def as_dicts(self) -> list[dict[str, float]]:
        """For each sample, name -> probability."""
        return [dict(zip(self.names, row.tolist(), strict=True)) for row in self.probabilities]

    def _label(self, row: Sequence[float] | np.ndarray) -> str:
        if self.units:
            return " ".join(name for name, value in zip(self.names, row, strict=True) if value >= 0.5)
        return self.names[int(np.argmax(row))]

    def __repr__(self) -> str:
        """A line for each sample: where it comes from, its label, and the three largest probabilities."""
        if not len(self):
            return "no samples"
        labels = [label or "none" for label in self.labels]
        sources = list(self.sources) or [str(i) for i in range(len(self))]
        shown = min(len(self), _MOST)
        widths = [max(map(len, column[:shown])) for column in (sources, labels)]
        lines = [
            f"{sources[i]:<{widths[0]}}  {labels[i]:<{widths[1]}}  {self._best(self.probabilities[i])}"
            for i in range(shown)
        ]
        return "\n".join([*lines, f"... {len(self) - shown} more"] if shown < len(self) else lines)

    def _best(self, row: np.ndarray) -> str:
        return "  ".join(f"{self.names[i]} {row[i]:.2f}" for i in np.argsort(-row, kind="stable")[:3])
