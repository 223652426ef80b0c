"""Optical flow between two frames, its strain, and both as a picture with a fixed scale.

The optical strain of Shreve et al. (Macro- and micro-expression spotting in long videos using spatio-temporal strain,
FG 2011) is the magnitude of the flow's symmetric gradient: what deforms, while shifts and turns of the head cancel.
Flow and strain between onset and apex are the input of STSTNet (Liong et al., FG 2019) and its line.
"""

from __future__ import annotations

import cv2
import numpy as np

from emonas.datasets.clips.dynamic_image import STILL
from emonas.options.types import FlowMethod

#: Displacements in shares of the picture's width and height, and strains, at which the scale ends.
MOTION_RANGE = 0.03
STRAIN_RANGE = 0.25
#: Larger frames are shrunk to this side first: the camera's noise is averaged, and a picture takes milliseconds.
FLOW_SIDE = 160
#: In sides of the frame: how far motions are averaged, which steadies them where skin is even and blurs them.
FARNEBACK_WINDOW = 0.2


def optical_flow(before: np.ndarray, after: np.ndarray, method: FlowMethod = "farneback") -> np.ndarray:
    """How far each pixel of ``before`` has moved right and down in ``after``: (H, W, 2), float32, in pixels.

    Both frames are uint8, (H, W, 3) RGB. ``farneback``: polynomial expansion (Farnebäck, SCIA 2003), steady against a
    camera's noise in even skin; ``tvl1``: Zach, Pock and Bischof (DAGM 2007), which keeps fine motions apart, is the
    field's habit and takes 10 to 20 times as long; ``dis``: dense inverse search (Kroeger et al., ECCV 2016).
    """
    first, second = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (before, after))
    if method == "tvl1":
        from skimage.registration import optical_flow_tvl1  # slow to import

        down, right = optical_flow_tvl1(first, second, dtype=np.float32)  # type: ignore[no-untyped-call]
        return np.stack([right, down], axis=-1)
    flow = np.zeros((*first.shape, 2), np.float32)
    if method == "farneback":
        window = round(FARNEBACK_WINDOW * max(first.shape)) | 1  # an odd number
        return cv2.calcOpticalFlowFarneback(
            first, second, flow, 0.5, 5, window, 5, 7, 1.5, cv2.OPTFLOW_FARNEBACK_GAUSSIAN
        )
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    # The preset ends at half the resolution, too coarse for half a pixel's motion in a small face.
    search.setFinestScale(0)
    return search.calc(first, second, flow)


def strain(flow: np.ndarray) -> np.ndarray:
    """sqrt(exx^2 + eyy^2 + 2 exy^2) of a flow (H, W, 2) in pixels: (H, W), without a unit."""
    u_down, u_right = np.gradient(flow[..., 0])
    v_down, v_right = np.gradient(flow[..., 1])
    shear = (u_down + v_right) / 2
    return np.sqrt(u_right**2 + v_down**2 + 2 * shear**2)


def flow_picture(before: np.ndarray, after: np.ndarray, method: FlowMethod = "farneback") -> np.ndarray:
    """Motion to the right, downwards and strain as a picture (h, w, 3), float32 in 1..255, not rounded.

    A level is 128 + 127 x / range, cut off at its ends: 128 is no motion in all three channels. Motion is x in shares
    of the width and of the height, range MOTION_RANGE; strain is never negative, range STRAIN_RANGE. The scale is the
    same for all samples, so that a strong motion looks stronger than a weak one.
    """
    factor = min(1.0, FLOW_SIDE / max(before.shape[:2]))
    if factor < 1:
        before, after = (cv2.resize(one, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
                         for one in (before, after))  # fmt: skip
    flow = optical_flow(before, after, method)
    height, width = flow.shape[:2]
    shares = np.dstack([flow / (width * MOTION_RANGE, height * MOTION_RANGE), strain(flow) / STRAIN_RANGE])
    return (STILL + 127 * np.clip(shares, -1, 1)).astype(np.float32)
