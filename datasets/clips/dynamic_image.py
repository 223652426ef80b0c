"""The dynamic image: a clip as one picture that shows how it moved (approximate rank pooling).

    d = sum_{t=1..T} alpha_t I_t

Bilen, Fernando, Gavves, Vedaldi, Gould: Dynamic Image Networks for Action Recognition, CVPR 2016. With
H_n = sum_{i<=n} 1/i the coefficients are

    exact    alpha_t = 2 (T - t + 1) - (T + 1) (H_T - H_{t-1}) = sum_{i=t..T} (2 i - T - 1) / i
    linear   alpha_t = 2 t - T - 1
    learnet  alpha_t = sum_{i=t..T} (2 i - T) / i

The first two sum to zero, so that whatever stands still cancels; the last sums to T, so that the face shows through.
It is what LearNet's published code computes (MonuVermaCV/LearNet).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import numpy as np

from emonas.errors import UserError
from emonas.options.types import Coefficients

if TYPE_CHECKING:
    from torch import Tensor


#: The grey of a picture in which nothing moves.
STILL = 128
ROUNDING = 1e-6
#: So many floats, 1 MB, are pooled at a time: they stay in the cache of a core between conversion and product.
_CHUNK = 1 << 18


def coefficients(length: int, kind: Coefficients = "exact") -> np.ndarray:
    """alpha_1..alpha_T in float64 for a clip of ``length`` frames.

    Raises UserError for an empty clip or an unknown kind. One frame has no motion: alpha is 0 for ``exact`` and
    ``linear``, and 1 for ``learnet``, whose picture of a still clip is the still face.
    """
    if length < 1:
        raise UserError("a dynamic image needs at least one frame")
    if kind not in get_args(Coefficients):
        raise UserError(f"unknown coefficients {kind!r}; choose from {', '.join(get_args(Coefficients))}")
    t = np.arange(1, length + 1, dtype=np.float64)
    if kind == "linear":
        return 2 * t - length - 1
    terms = (2 * t - length - (1 if kind == "exact" else 0)) / t
    return terms[::-1].cumsum()[::-1].copy()


def weighted_sums(weights: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Sums over time: weights (K, T) and frames (T, ...), uint8 or float, give (K, ...), float32.

    Some thousand pixels of all frames at a time, so that no float copy of a whole clip is ever written to memory.
    """
    weights = weights.astype(np.float32)
    flat = frames.reshape(len(frames), -1)
    sums = np.empty((len(weights), flat.shape[1]), np.float32)
    step = max(1, _CHUNK // len(frames))
    for start in range(0, flat.shape[1], step):
        some = slice(start, start + step)
        np.matmul(weights, flat[:, some].astype(np.float32), out=sums[:, some])
    return sums.reshape(len(weights), *frames.shape[1:])


def dynamic_image(frames: np.ndarray, kind: Coefficients = "exact") -> np.ndarray:
    """One clip (T, H, W, C), uint8 or float, as one uint8 picture (H, W, C).

    One global min-max over all pixels and channels spreads the motion over 0..255. A clip without any motion, a single
    frame among them, has nothing to spread: it is an even grey of 128 (for ``learnet``, the frame spread over 0..255).
    """
    if frames.ndim != 4:
        raise UserError(f"a clip has the shape (T, H, W, C), not {frames.shape}")
    alpha = coefficients(len(frames), kind)
    pooled = weighted_sums(alpha[None], frames)[0]
    # float32 sums of T terms carry errors of this size; a range below it is no motion.
    largest = frames.max() if frames.dtype.kind == "u" else np.abs(frames).max()
    noise = ROUNDING * float(largest) * np.abs(alpha).sum()
    low, high = pooled.min(), pooled.max()
    if high - low <= noise:
        return np.full(pooled.shape, STILL, np.uint8)
    return np.rint((pooled - low) * (255 / (high - low))).astype(np.uint8)


def dynamic_images(clips: Tensor, kind: Coefficients = "exact") -> Tensor:
    """A batch of clips (N, T, C, H, W) of one length as dynamic images (N, C, H, W), floats in 0..1.

    The same pooling and min-max as `dynamic_image` (which rounds to uint8), as one matrix product for the whole batch.
    """
    import torch  # here, because the processes that prepare clips one by one do without

    n, length = clips.shape[:2]
    alpha = torch.as_tensor(coefficients(length, kind), dtype=torch.float32, device=clips.device)
    pooled = torch.einsum("t,ntp->np", alpha, clips.reshape(n, length, -1).float())
    low, high = pooled.amin(1, keepdim=True), pooled.amax(1, keepdim=True)
    noise = ROUNDING * clips.reshape(n, -1).abs().amax(1, keepdim=True) * alpha.abs().sum()
    still = high - low <= noise
    spread = torch.where(still, STILL / 255, (pooled - low) / torch.where(still, torch.ones_like(low), high - low))
    return spread.reshape(n, *clips.shape[2:])
