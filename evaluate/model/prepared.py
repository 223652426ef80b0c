"""The prepared set that goes with a trained network: the one that is named, or the training's own."""

from __future__ import annotations

from typing import Any

from emonas.datasets.store.prepare import find
from emonas.datasets.store.prepared import Prepared, load, prepared_folder
from emonas.errors import UserError
from emonas.evaluate.model.info import ModelInfo


def find_real_set(info: ModelInfo, dataset: str | None = None, needed: bool = False) -> Prepared | None:
    """The prepared set of a network's pictures: the one asked for, or the training's where it is still the same.

    Raises UserError where it has other pictures, and where it is needed and not there.
    """
    if dataset is not None:
        prepared = find(dataset)
        same = ("size", "channels", "representation")
        its = {"size": prepared.size, "channels": prepared.channels, **prepared.options}
        if any(its[key] != info.input[key] for key in same):
            raise UserError(
                f"--dataset {dataset}: its pictures are {_kind(its)}, the network takes {_kind(info.input)}"
            )
        return prepared
    for origin in info.trained_on[:1]:
        folder = prepared_folder(origin.dataset)
        if (folder / "prepared.json").is_file():
            prepared = load(folder)
            if prepared.fingerprint == origin.fingerprint:
                return prepared
    if needed:
        raise UserError("--int8 needs the pictures of the training, and its prepared set is not here; give --dataset")
    return None


def _kind(picture: Any) -> str:
    return f"{picture['representation']}, {picture['channels']} x {picture['size']} x {picture['size']}"
