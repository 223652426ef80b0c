"""Expressions of faces with an exported model: ONNX Runtime, OpenCV and NumPy are all it takes.

    emonas-export runs/train-... model.onnx
    python onnx_predict.py model.onnx face.png FOLDER ...

A line for each face, as emonas-predict has them. In larger pictures emonas looks for the faces, where it is installed;
without it, pictures must be cut to the face as those of the training were, which --whole in front of them says. For
models of still pictures.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime

#: A square picture no larger than this is a face already.
SMALL, SQUARE = 128, 1.25


def faces(image: np.ndarray, picture: dict[str, Any], name: Path) -> list[np.ndarray]:
    """What the model is shown of an RGB image: each face as in training, or the whole of it."""
    longer, shorter = max(image.shape[:2]), min(image.shape[:2])
    try:
        from emonas.errors import UserError
        from emonas.evaluate.model.faces import make_locator
    except ImportError:
        share, found = picture.get("face_share", 0), picture.get("face_found", 0)
        of_whole_frames = picture["faces"] == "whole" and found >= 0.25 and 0 < 1.2 * share < 0.8
        if longer <= min(SMALL, SQUARE * shorter) and not of_whole_frames:
            return [image]
        sys.exit(f"{name}: may be more than a face: install emonas, which looks for it, or cut it out and say --whole")
    try:
        locator = make_locator(picture, "auto", None)
        return [locator.cut(image[None], face)[0] for face in locator.locate(image)]
    except UserError as error:
        sys.exit(f"{name}: {error}")


def resized(image: np.ndarray, size: int) -> np.ndarray:
    """An RGB image as (3, size, size), uint8, resized as emonas does it."""
    way = cv2.INTER_AREA if max(image.shape[:2]) > size else cv2.INTER_LINEAR
    return np.moveaxis(cv2.resize(image, (size, size), interpolation=way), -1, 0)


def images(places: tuple[str, ...]) -> Iterator[tuple[Path, np.ndarray]]:
    """The image files in these places, RGB."""
    for place in map(Path, places):
        for path in sorted(place.iterdir()) if place.is_dir() else [place]:
            image = cv2.imread(str(path))
            if image is None:
                sys.exit(f"{path}: not an image")
            yield path, cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def main(model: str, *places: str) -> None:
    """Print a line for each face: its picture's path, its label, the label's probability."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    info = json.loads(session.get_modelmeta().custom_metadata_map["emonas"])
    picture = info["input"]
    if picture["representation"] != "still":
        sys.exit(f"{model}: takes {picture['representation']} pictures of clips; use emonas-predict")
    whole = places[:1] == ("--whole",)
    for path, image in images(places[whole:]):
        shown = [image] if whole else faces(image, picture, path)
        if not shown:
            print(path, "no face", sep="\t")
        for face in shown:
            (row,) = session.run(["probabilities"], {"pixels": resized(face, picture["size"])[None]})[0]
            several = [name for name, value in zip(info["names"], row, strict=True) if value >= 0.5]
            label = " ".join(several) if info["task"] == "units" else info["names"][row.argmax()]
            print(path, label or "none", f"{row.max():.3f}", sep="\t")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
