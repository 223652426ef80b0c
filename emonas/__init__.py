"""emonas: neural architecture search for facial macro- and micro-expressions."""

from __future__ import annotations

import importlib

__version__ = "0.1.0"

#: The public face: name -> module that holds it, loaded on first use, so that ``import emonas`` stays light.
#: Their types, for editors and mypy, are in __init__.pyi.
_PUBLIC = {
    "UserError": "emonas.errors",
    "Genotype": "emonas.genotype",
    "Supernet": "emonas.supernet.supernet",
    "Network": "emonas.network",
    "Sample": "emonas.datasets.clips.sample",
    "Prepared": "emonas.datasets.store.prepared",
    # The steps, with the options of their commands; "search" is the package, which can be called.
    "prepare": "emonas.datasets.api",
    "search": "emonas.search.api",
    "search_cells": "emonas.search.api",
    "train": "emonas.evaluate.train.api",
    "predict": "emonas.evaluate.predict.api",
    "load": "emonas.evaluate.model.load",
    "Model": "emonas.evaluate.model.model",
    "Prediction": "emonas.evaluate.model.model",
    "explain": "emonas.evaluate.explain.attribution",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> object:
    if name == "search":
        return importlib.import_module("emonas.search")
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'emonas' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
