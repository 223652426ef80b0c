"""What holds for every test: one thread, an empty home for prepared data, and properties without a stopwatch."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from hypothesis import settings

# Commands that tests start as processes of their own take these over.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OMP_WAIT_POLICY"] = "passive"
torch.set_num_threads(1)

settings.register_profile("emonas", deadline=None)
settings.load_profile("emonas")


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh, empty EMONAS_HOME for each test, apart from its ``tmp_path``."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("EMONAS_HOME", str(folder))
    return folder
