"""What TensorBoard shows of a search: losses, alphas, entropy, skips and the cells as they stand."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from emonas.genotype import Genotype
from emonas.plotting.figures import draw_alphas, draw_genotype, figure_pixels
from emonas.search.controller import Controller
from emonas.training.events import open_events, telling
from emonas.training.losses import EpochScore


class TensorBoardLog:
    """Writes one search's events; ``start`` hides what a killed run wrote of epochs that are run again."""

    def __init__(self, folder: Path, start: int) -> None:
        self.folder, self.writer = folder, open_events(folder, start)

    def epoch(
        self,
        epoch: int,
        scores: dict[str, EpochScore],
        controller: Controller | None,
        genotype: Genotype,
        eigenvalue: float | None = None,
    ) -> None:
        """Everything that is known after an epoch. Raises UserError where it cannot be written."""
        with telling(self.folder):
            self._epoch(epoch, scores, controller, genotype, eigenvalue)

    def _epoch(
        self,
        epoch: int,
        scores: dict[str, EpochScore],
        controller: Controller | None,
        genotype: Genotype,
        eigenvalue: float | None,
    ) -> None:
        for part, score in scores.items():
            self.writer.add_scalar(f"loss/{part}", score.loss, epoch)
            self.writer.add_scalar(f"accuracy/{part}", score.accuracy, epoch)
        if controller is not None:
            self._alphas(epoch, controller)
        if eigenvalue is not None:
            self.writer.add_scalar("hessian/dominant_eigenvalue", eigenvalue, epoch)
        self.writer.add_scalar("skip_connections/normal", genotype.normal.skips, epoch)
        self.writer.add_scalar("skip_connections/reduction", genotype.reduction.skips, epoch)
        self.writer.add_image("cells", figure_pixels(draw_genotype(genotype)), epoch, dataformats="HWC")
        self.writer.flush()

    def _alphas(self, epoch: int, controller: Controller) -> None:
        alphas = {kind: alpha.detach().float().cpu().numpy() for kind, alpha in controller.alpha.items()}
        for kind, entropy in controller.entropy().items():
            self.writer.add_scalar(f"alpha_entropy/{kind}", entropy, epoch)
            self.writer.add_histogram(f"alphas/{kind}", alphas[kind], epoch)
        present = {kind: np.where(controller.supernet.active[kind].numpy(), alphas[kind], -np.inf) for kind in alphas}
        self.writer.add_image("alphas", figure_pixels(draw_alphas(present)), epoch, dataformats="HWC")
        if controller.depth is not None:
            weights = dict(zip(controller.supernet.depths, controller.depth_weights().tolist(), strict=True))
            for depth, weight in weights.items():
                self.writer.add_scalar(f"cells/{depth}", weight, epoch)

    def close(self) -> None:
        """Write out what is left. Raises UserError."""
        with telling(self.folder):
            self.writer.close()
