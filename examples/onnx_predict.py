"""Expressions of faces with an exported model: ONNX Runtime, OpenCV and NumPy are all it takes.

    emonas-export runs/train-... model.onnx
    python onnx_predict.py model.onnx face.png FOLDER ...

The pictures must be cut to the face as those of the training were. For models of still pictures.
"""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import onnxruntime


def picture(path: Path, size: int) -> np.ndarray:
    """An image file as (3, size, size), uint8, RGB, resized as emonas does it."""
    image = cv2.imread(str(path))
    if image is None:
        sys.exit(f"{path}: not an image")
    way = cv2.INTER_AREA if max(image.shape[:2]) > size else cv2.INTER_LINEAR
    return np.moveaxis(cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), (size, size), interpolation=way), -1, 0)


def main(model: str, *places: str) -> None:
    """Print a line for each image: its path, its label, the label's probability."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    info = json.loads(session.get_modelmeta().custom_metadata_map["emonas"])
    if info["input"]["representation"] != "still":
        sys.exit(f"{model}: takes {info['input']['representation']} pictures of clips; use emonas-predict")
    for place in map(Path, places):
        for path in sorted(place.iterdir()) if place.is_dir() else [place]:
            pixels = picture(path, info["input"]["size"])[None]
            (row,) = session.run(["probabilities"], {"pixels": pixels})[0]
            several = [name for name, value in zip(info["names"], row, strict=True) if value >= 0.5]
            label = " ".join(several) if info["task"] == "units" else info["names"][row.argmax()]
            print(path, label or "none", f"{row.max():.3f}", sep="\t")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
