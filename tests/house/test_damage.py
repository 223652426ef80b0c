"""Commands on damaged files of ours: refused in one line, or accepted without a word; never a traceback."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from damage import ask, damage, damage_bytes, damage_state, seeds
from made_models import GENOTYPE
from predicting import model_file
from small import small_macro
from small_results import made, rows, written

from emonas.evaluate.compare.cli import app as compare
from emonas.evaluate.predict.cli import app as predict
from emonas.evaluate.train.cli import app as train
from emonas.search.cli import app as search

PEOPLE = {"d/a": ([0, 1], [0, 1]), "d/b": ([2, 1, 0], [2, 2, 0])}


def change_json(path: Path, luck: random.Random) -> None:
    content = json.loads(path.read_text())
    damage(luck, content)
    path.write_text(json.dumps(content))


def change_bytes(path: Path, luck: random.Random) -> None:
    path.write_bytes(damage_bytes(luck, path.read_bytes()))


def change_model(path: Path, luck: random.Random) -> None:
    """What a model says of itself, in the header of its file."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    head = json.loads(content[8 : 8 + length])
    info = json.loads(head["__metadata__"]["info"])
    damage(luck, info)
    head["__metadata__"]["info"] = json.dumps(info)
    new = json.dumps(head).encode()
    path.write_bytes(len(new).to_bytes(8, "little") + new + content[8 + length :])


@pytest.mark.parametrize(("change", "cases"), [(change_model, 40), (change_bytes, 30)])
def test_a_damaged_model_answers_or_is_refused(
    change: Callable[[Path, random.Random], None], cases: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = model_file(tmp_path)
    whole = path.read_bytes()
    cv2.imwrite("face.png", np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8))
    refused = 0
    for number, luck in enumerate(seeds("model", cases)):
        path.write_bytes(whole)
        change(path, luck)
        answer = ask(predict, [path, "face.png", "--faces", "whole", "--jsonl", "--out", f"out{number}"])
        assert not answer.flaw
        assert answer.status == 0 or not Path(f"out{number}").exists()
        refused += answer.status == 2
    assert refused > cases / 3


def test_damaged_results_are_compared_or_refused(tmp_path: Path) -> None:
    whole = written(tmp_path / "whole.json", made(rows(PEOPLE)))
    other = tmp_path / "other.json"
    for number, luck in enumerate(seeds("results", 25)):
        other.write_bytes(whole.read_bytes())
        (change_bytes if number % 5 == 0 else change_json)(other, luck)
        answer = ask(compare, [whole, other, "--resamples", "200", "--json"])
        assert not answer.flaw
        assert "NaN" not in answer.out


@pytest.mark.parametrize("name", ["prepared.json", "samples.csv", "images.npy"])
def test_nothing_is_searched_or_written_on_a_damaged_set(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = small_macro(monkeypatch, subjects=3)
    path = prepared.folder / name
    whole = path.read_bytes()
    # A protocol that these data do not allow is refused last, where nothing else is.
    line = ["--dataset", prepared.folder, "--protocol", "au3", "--out", tmp_path / "run", "--device", "cpu"]
    for luck in seeds(name, 10):
        path.write_bytes(whole)
        change_bytes(path, luck)
        answer = ask(search, line)
        assert not answer.flaw and answer.status == 2
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("changes", [{"cells": 200, "channels": 4096}, {"classes": ["\ud800", "b"]}])
def test_a_genotype_that_asks_too_much_or_cannot_be_written_is_refused_before_a_training(
    changes: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_macro(monkeypatch, subjects=3)
    (tmp_path / "g.json").write_text(json.dumps({**GENOTYPE.as_json(), **changes}))
    line = ["--genotype", tmp_path / "g.json", "--dataset", "small", "--out", tmp_path / "run", "--device", "cpu"]
    answer = ask(train, line)
    assert answer.status == 2 and not answer.flaw
    assert "needs at least" in answer.err or "control characters" in answer.err
    assert not (tmp_path / "run").exists()


def test_a_damaged_state_is_another_one() -> None:
    """Else the tests above would try nothing."""
    state = {"a": torch.zeros(3), "b": [{"c": 1.0}], "d": 7}
    changed = 0
    for luck in seeds("state", 30):
        copied = {"a": torch.zeros(3), "b": [{"c": 1.0}], "d": 7}
        damage_state(luck, copied)
        changed += repr(copied) != repr(state)
    assert changed > 20
