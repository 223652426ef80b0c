"""Which parts of a picture speak for an answer, and which against it: captum's attribution for trained networks.

ig         Integrated Gradients (Sundararajan, Taly, Yan: Axiomatic attribution for deep networks, ICML 2017), the
           default: each pixel's own share, at the picture's resolution, and it can be checked: by its completeness the
           shares add up to what the picture changes against the baseline. Batch normalisation in evaluation is one
           fixed scale, so that it holds through it and through separable convolutions alike.
occlusion  Zeiler and Fergus (Visualizing and understanding convolutional networks, ECCV 2014): what is lost where a
           square of an eighth of the side is covered with the baseline. Coarse, slow, and no gradients are trusted.
gradcam    Grad-CAM (Selvaraju et al., ICCV 2017) of the last cell, signed: quick and coarse. Behind that cell are an
           average and one linear layer only, so that here it is the class activation map itself.

Guided variants are not offered: they pass for maps of a network with random weights too (Adebayo et al.: Sanity checks
for saliency maps, NeurIPS 2018).

What is explained is the evidence for a class: its logit less the mean of all, since what raises every logit decides
nothing; for an action unit its own logit. The baseline is a picture without news: even mid-grey for stills, for dynamic
images and flow the grey in which nothing moves, for clips their first frame held. Ig is blind to pixels that equal the
baseline. A dynamic image's scale follows its strongest motion, so that what stands still may lie beside that grey and
get a small share.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emonas.datasets.clips.dynamic_image import STILL
from emonas.datasets.loading.batches import normalise
from emonas.errors import UserError
from emonas.evaluate.explain.config import METHOD_NAMES, MethodName
from emonas.evaluate.model.model import Model
from emonas.network import Network

#: Steps of the integral; the second number where the first leaves the shares incomplete.
STEPS = (32, 128)
#: Largest gap between the shares' sum and what they should add up to: this share of it, or so much of a logit.
TOLERANCE = 0.05
#: Pictures that go through the network at once: their activations are kept for the gradients.
_BATCH = 16

#: A class by its name or its place; one for all pictures, or one for each.
Target = str | int | Sequence[str | int] | np.ndarray | None


@dataclass(frozen=True, eq=False)
class Attribution:
    """Where the evidence for ``targets`` (N,), places of answers, lies in N pictures.

    ``maps``: (N, H, W), float32, in logits: above 0 speaks for the target, below against it. ``channels``: (N, C), the
    sums of the absolute attribution in each channel; None for a method that does not tell them apart. ``delta``: (N,),
    the maps' sums less ``difference`` (N,), the evidence that the pictures have more than their baselines; NaN for
    methods that promise no such sum. ``probabilities``: (N, answers), what the network answers.
    """

    maps: np.ndarray
    targets: np.ndarray
    delta: np.ndarray
    difference: np.ndarray
    channels: np.ndarray | None
    probabilities: np.ndarray

    @property
    def complete(self) -> np.ndarray:
        """(N,): False where the shares should add up and do not."""
        return np.isnan(self.delta) | (np.abs(self.delta) <= TOLERANCE * np.maximum(1, np.abs(self.difference)))


def concatenate(parts: Sequence[Attribution]) -> Attribution:
    """Several attributions by one method as one, in order."""
    channels = [part.channels for part in parts if part.channels is not None]
    return Attribution(
        maps=np.concatenate([part.maps for part in parts]),
        targets=np.concatenate([part.targets for part in parts]),
        delta=np.concatenate([part.delta for part in parts]),
        difference=np.concatenate([part.difference for part in parts]),
        channels=np.concatenate(channels) if len(channels) == len(parts) else None,
        probabilities=np.concatenate([part.probabilities for part in parts]),
    )


def explain(model: Model, pictures: np.ndarray, target: Target = None, method: MethodName = "ig") -> Attribution:
    """Attribute a network's answers to the pixels of prepared pictures (N, C, size, size), uint8.

    ``target``: the class to explain, by default what the network answers; of action units the most probable one.
    Raises UserError: captum is not installed, no such class or method, other pictures than the network takes.
    """
    attr = captum_attr()
    if method not in METHODS:
        raise UserError(f"no method {method!r}; known: {', '.join(METHODS)}")
    probabilities = model.probabilities(pictures)
    targets = _targets(target, model.info.names, probabilities)
    evidence = Evidence(model.network, model.info.units).eval()
    found = [
        _one(attr, METHODS[method], evidence, _floats(picture, model.device), model.info.representation, int(index))
        for picture, index in zip(pictures, targets, strict=True)
    ]
    side = model.info.size
    shares = torch.cat([share for share, _, _ in found]) if found else torch.empty(0, 1, side, side)
    return Attribution(
        maps=shares.sum(1).numpy(),
        targets=targets,
        delta=np.array([delta for _, delta, _ in found]),
        difference=np.array([difference for _, _, difference in found]),
        channels=shares.abs().sum((2, 3)).numpy() if method == "ig" else None,
        probabilities=probabilities,
    )


def captum_attr() -> ModuleType:
    """captum's attributions. Raises UserError where captum is not installed."""
    try:
        import captum.attr
    except ImportError:
        raise UserError("explanations need captum: pip install 'emonas[explain]'") from None
    return captum.attr


class Evidence(nn.Module):
    """A network whose outputs are evidence: logits less their mean, or for action units the logits themselves."""

    def __init__(self, network: nn.Module, units: bool) -> None:
        super().__init__()
        self.network, self.units = network, units

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) to (N, answers)."""
        logits: Tensor = self.network(images)
        return logits if self.units else logits - logits.mean(1, keepdim=True)


def baseline(images: Tensor, representation: str) -> Tensor:
    """The pictures without news that centred ``images`` (N, C, H, W) are held against."""
    if representation == "clip":
        return images[:, :3].repeat(1, images.shape[1] // 3, 1, 1)
    moving = representation in ("dynamic", "dynamic-pair", "flow")
    return normalise(torch.full_like(images, STILL)) if moving else torch.zeros_like(images)


def _floats(picture: np.ndarray, device: torch.device) -> Tensor:
    return normalise(torch.from_numpy(np.array(picture[None])).to(device))


def _targets(target: Target, names: Sequence[str], probabilities: np.ndarray) -> np.ndarray:
    """(N,), int64. Raises UserError for an answer that the network does not have."""
    if target is None:
        return probabilities.argmax(1)
    given = [target] * len(probabilities) if isinstance(target, str | int | np.integer) else list(target)
    if len(given) != len(probabilities):
        raise UserError(f"{len(given)} classes to explain for {len(probabilities)} pictures; give one, or one for each")
    return np.array([_place(one, names) for one in given], np.int64)


def _place(target: str | int, names: Sequence[str]) -> int:
    if isinstance(target, str) and target in names:
        return names.index(target)
    if not isinstance(target, str) and 0 <= target < len(names):
        return int(target)
    raise UserError(f"no class {target!r}; the network answers {', '.join(names)}")


#: (captum's attributions, evidence, picture, baseline, target) -> shares (1, C or 1, H, W), their sum's error or NaN.
_Method = Callable[[Any, Evidence, Tensor, Tensor, int], tuple[Tensor, float]]


def _one(
    attr: ModuleType, method: _Method, evidence: Evidence, image: Tensor, representation: str, target: int
) -> tuple[Tensor, float, float]:
    """Shares, the error of their sum, and what it should be, of one picture (1, C, H, W)."""
    still = baseline(image, representation)
    shares, delta = method(attr, evidence, image, still, target)
    return shares.detach().float().cpu(), delta, _difference(evidence, image, still, target)


@torch.no_grad()
def _difference(evidence: Evidence, image: Tensor, still: Tensor, target: int) -> float:
    return float((evidence(image) - evidence(still))[0, target])


def _integrated(attr: Any, evidence: Evidence, image: Tensor, still: Tensor, target: int) -> tuple[Tensor, float]:
    method = attr.IntegratedGradients(evidence)
    wanted = _difference(evidence, image, still, target)
    for steps in STEPS:
        # Middles of equal steps: a network of ReLUs has kinks, and higher orders gain nothing.
        options = {"n_steps": steps, "method": "riemann_middle", "internal_batch_size": _BATCH}
        shares: Tensor = method.attribute(image, still, target, **options)
        delta = float(shares.sum()) - wanted
        if abs(delta) <= TOLERANCE * max(1.0, abs(wanted)):
            break
    return shares, delta


def _occluded(attr: Any, evidence: Evidence, image: Tensor, still: Tensor, target: int) -> tuple[Tensor, float]:
    channels, side = image.shape[1], max(2, image.shape[-1] // 8)
    options = {"strides": (channels, side // 2, side // 2), "baselines": still, "perturbations_per_eval": _BATCH}
    with torch.no_grad():
        shares: Tensor = attr.Occlusion(evidence).attribute(image, (channels, side, side), target=target, **options)
    # All channels are covered together, so each holds the same loss; a pixel's own share is one of its square's.
    return shares[:, :1] / side**2, float("nan")


def _activated(attr: Any, evidence: Evidence, image: Tensor, still: Tensor, target: int) -> tuple[Tensor, float]:
    method = attr.LayerGradCam(evidence, _last_map(evidence.network))
    small: Tensor = method.attribute(image.clone().requires_grad_(), target)
    if small.shape[-1] == 1:
        raise UserError("gradcam: this network's last map is a single pixel, so it cannot say where; use ig")
    large = F.interpolate(small, image.shape[-2:], mode="bilinear")
    return large * (small[0, 0].numel() / large[0, 0].numel()), float("nan")


def _last_map(network: nn.Module) -> nn.Module:
    """The last cell; of a well-known network the last convolution."""
    if isinstance(network, Network):
        return network.cells[-1]
    return [module for module in network.modules() if isinstance(module, nn.Conv2d)][-1]


METHODS: dict[MethodName, _Method] = {"ig": _integrated, "occlusion": _occluded, "gradcam": _activated}
assert set(METHODS) == set(METHOD_NAMES)
