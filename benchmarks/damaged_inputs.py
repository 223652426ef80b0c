"""The inputs of fuzz.py: one small and whole set of files, and functions that damage one of them and say which command
is asked about it. tests/helpers must be on the path."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import safetensors.torch
import torch
from cyclopts import App
from damage import Answer, ask, damage, damage_bytes, damage_state

from emonas.datasets.cli import app as data
from emonas.evaluate.compare.cli import app as compare
from emonas.evaluate.predict.cli import app as predict
from emonas.evaluate.report.cli import app as report
from emonas.evaluate.train.cli import app as train
from emonas.search.cli import app as search

QUICK = ("--device", "cpu", "--cells", 3, "--channels", 2, "--batch-size", 4, "--epochs", 1)
TRAIN = ("--genotype", "g.json", "--dataset", "./set", *QUICK, "--no-pictures", "--out", "run")
SEARCH = ("--dataset", "./set", *QUICK, "--out", "found")
Command = tuple[App, list[object]]


def make_base(folder: Path) -> None:
    """Six drawn people in two classes: a table, a prepared set, a search, a training and a profile."""
    rng = np.random.default_rng(0)
    (folder / "pics").mkdir(parents=True)
    rows = []
    for person in range(6):
        for label in ("happy", "sad"):
            name = f"pics/p{person}_{label}.png"
            picture = rng.integers(0, 90, (20, 20, 3)).astype(np.uint8) + 20 * person
            cv2.circle(picture, (10, 10 if label == "happy" else 4), 4, (255, 255, 255), -1)
            cv2.imwrite(str(folder / name), picture)
            rows.append((name, f"p{person}", label, "train" if person < 4 else "test"))
    with (folder / "table.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "subject", "label", "part"), *rows])
    with contextlib.chdir(folder):
        os.environ["EMONAS_HOME"] = str(folder / "home")
        _must(ask(data, ["prepare", "folder", "table.csv", "--name", "set", "--size", 16, "--jobs", 1]))
        shutil.copytree("home/prepared/set", "set")
        _must(ask(search, SEARCH))
        shutil.copy("found/genotype.json", "g.json")
        _must(ask(train, TRAIN))
        Path("profile.json").write_text(json.dumps(_PROFILE))


_MODEL = {"name": "searched", "parameters": 9, "macs": 9, "weights_bytes": 9, "activation_bytes": 9}
_PROFILE = {
    "size": 16,
    "machine": {"cpu": "a", "gpu": None},
    "models": [{**_MODEL, "latency": [{"batch": 1, "frames_per_second": 9.5}]}],
}


def _must(answer: Answer) -> None:
    if answer.status:
        raise SystemExit(f"the whole files are refused: {answer.err}")


def _json(path: str, luck: random.Random) -> None:
    """Damage a JSON file, mostly by its structure."""
    file = Path(path)
    if luck.randrange(4) == 0:
        file.write_bytes(damage_bytes(luck, file.read_bytes()))
        return
    content = json.loads(file.read_text())
    for _ in range(luck.choice((1, 1, 2))):
        damage(luck, content)
    file.write_text(json.dumps(content))


def _state(path: str, luck: random.Random) -> None:
    """Damage a checkpoint, mostly by its structure."""
    file = Path(path)
    if luck.randrange(4) == 0:
        file.write_bytes(damage_bytes(luck, file.read_bytes()))
        return
    state = torch.load(file, weights_only=True)
    damage_state(luck, state)
    torch.save(state, file)


def _bytes(path: str, luck: random.Random) -> None:
    Path(path).write_bytes(damage_bytes(luck, Path(path).read_bytes()))


def genotype(luck: random.Random) -> Command:
    """genotype.json, trained."""
    _json("g.json", luck)
    shutil.rmtree("run")
    return train, [*TRAIN]


def facts(luck: random.Random) -> Command:
    """prepared.json, trained on."""
    _json("set/prepared.json", luck)
    shutil.rmtree("run")
    return train, [*TRAIN]


def samples(luck: random.Random) -> Command:
    """samples.csv: rows left out, doubled, moved, with other cells; and its bytes."""
    path = Path("set/samples.csv")
    lines = path.read_text().splitlines()
    at, other = luck.randrange(len(lines)), luck.randrange(len(lines))
    what = luck.randrange(5)
    if what == 0:
        del lines[at]
    elif what == 1:
        lines.insert(other, lines[at])
    elif what == 2:
        lines[at], lines[other] = lines[other], lines[at]
    elif what == 3:
        cells = lines[at].split(",")
        cells[luck.randrange(len(cells))] = luck.choice(("", "-5", "happy", "9" * 5000, "\x1b[2J", "../x", "nan"))
        lines[at] = ",".join(cells)
    path.write_text("\n".join(lines) + "\n")
    if what == 4:
        _bytes(str(path), luck)
    shutil.rmtree("found")
    return search, [*SEARCH]


def images(luck: random.Random) -> Command:
    """images.npy: its bytes, its shape, its kind, its pixels."""
    path = "set/images.npy"
    there = np.load(path)
    if luck.randrange(2):
        _bytes(path, luck)
    else:
        other: Any = luck.choice(
            (there[::-1], there[1:], there[:, :1], there[:, :, :0], there[:0], there.astype(np.float32), there[0])
        )
        np.save(path, other)
    shutil.rmtree("found")
    return search, [*SEARCH]


def results(luck: random.Random) -> Command:
    """results.json, reported."""
    _json("run/results.json", luck)
    return report, ["run", "--no-pictures"]


def compared(luck: random.Random) -> Command:
    """results.json, compared with a whole one."""
    shutil.copytree("run", "other")
    _json("other/results.json", luck)
    return compare, ["run", "other", "--resamples", 200, "--json"]


def predictions(luck: random.Random) -> Command:
    """predictions.json of a training that goes on."""
    _json("run/seed0/fixed/predictions.json", luck)
    Path("run/results.json").unlink()
    return train, [*TRAIN]


def config(luck: random.Random) -> Command:
    """config.json of a training that goes on."""
    _json("run/config.json", luck)
    return train, [*TRAIN]


def trained(luck: random.Random) -> Command:
    """checkpoint.pt of a training that goes on."""
    _state("run/seed0/fixed/checkpoint.pt", luck)
    Path("run/seed0/fixed/predictions.json").unlink()
    return train, [*TRAIN]


def searched(luck: random.Random) -> Command:
    """checkpoint.pt of a search that goes on."""
    _state("found/checkpoint.pt", luck)
    Path("found/genotype.json").unlink()
    return search, [*SEARCH]


def weights(luck: random.Random) -> Command:
    """network.pt of a fold, predicted with."""
    _state("run/seed0/fixed/network.pt", luck)
    return predict, ["run/seed0/fixed", "pics/p0_sad.png", "--json"]


def started(luck: random.Random) -> Command:
    """network.pt of a run whose weights are the start of another."""
    shutil.copytree("run", "start")
    _state("start/seed0/fixed/network.pt", luck)
    shutil.rmtree("run")
    return train, [*TRAIN, "--pretrained", "start"]


def model(luck: random.Random) -> Command:
    """model.safetensors: its bytes, what it says of itself, its tensors."""
    path = Path("run/model.safetensors")
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    head = json.loads(content[8 : 8 + length])
    what = luck.randrange(3)
    if what == 0:
        path.write_bytes(damage_bytes(luck, content))
    elif what == 1:
        info = json.loads(head["__metadata__"]["info"])
        damage(luck, info)
        head["__metadata__"]["info"] = json.dumps(info)
        new = json.dumps(head).encode()
        path.write_bytes(len(new).to_bytes(8, "little") + new + content[8 + length :])
    else:
        tensors = safetensors.torch.load(content)
        key = luck.choice(sorted(tensors))
        odd = torch.full_like(tensors[key].float(), luck.choice((float("nan"), float("inf"), 1e38)))
        tensors[key] = luck.choice((odd, tensors[key].double(), torch.zeros(0, *tensors[key].shape)))
        path.write_bytes(safetensors.torch.save(tensors, head["__metadata__"]))
    return predict, ["run", "pics/p0_happy.png", "--jsonl", "--out", "out"]


def profiled(luck: random.Random) -> Command:
    """profile.json beside results."""
    shutil.copy("profile.json", "run/profile.json")
    _json("run/profile.json", luck)
    return report, ["run", "--no-pictures"]


_CELLS = ("", "\0", "a\nb", "\x1b[31m", "../../etc/passwd", "=1+1", "x" * 5000, "nan", "1e9", '"', "ä\u202e", "/")


def table(luck: random.Random) -> Command:
    """A user's CSV: other cells, columns and bytes."""
    path = Path("table.csv")
    rows = list(csv.reader(path.open(newline="")))
    for _ in range(luck.choice((1, 2, 5))):
        row = luck.choice(rows)
        if row:
            row[luck.randrange(len(row))] = luck.choice(_CELLS)
        if luck.randrange(4) == 0:
            row.append("more")
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    if luck.randrange(3) == 0:
        _bytes("table.csv", luck)
    return data, [luck.choice(("check", "prepare")), "folder", "table.csv"]


def pictures(luck: random.Random) -> Command:
    """A user's picture that is damaged."""
    for path in luck.sample(sorted(Path("pics").iterdir()), luck.choice((1, 3, 12))):
        kind = luck.choice((".png", ".jpg", ".bmp", ".tif"))
        content = cv2.imencode(kind, cv2.imread(str(path)))[1].tobytes()
        path.write_bytes(damage_bytes(luck, content))
    if luck.randrange(2):
        return data, ["prepare", "folder", "table.csv", "--name", "other", "--size", 16, "--jobs", 1]
    return predict, ["run", "pics", "--json"]


def folders(luck: random.Random) -> Command:
    """A folder with odd names."""
    top = Path("mine")
    for label in luck.sample(("a", "b\nc", "\x1b[2J", "$x$", "é", "\udce4", "-n", "...", " "), 3):
        (top / label).mkdir(parents=True)
        for number in range(luck.randrange(4)):
            name = luck.choice((f"{number}.png", f"\n{number}.png", f"s {number}.PNG"))
            shutil.copy("pics/p0_sad.png", top / label / name)
    (top / "empty").mkdir()
    return luck.choice(((data, ["check", "folder", "mine"]), (predict, ["run", "mine", "--json"])))


_VALUES = ("", "-1", "nan", "inf", "1e999", "-1e999", "0x10", "9" * 400, "\x1b[2J", "../x", "none", "\udce4", "a\nb")
_BOTH = ("--epochs", "--cells", "--channels", "--batch-size", "--seed", "--learning-rate", "--folds", "--protocol")
_OF_TRAINING = (*_BOTH, "--units", "--recipe", "--drop-path", "--mixup", "--pretrained", "--genotype", "--dataset")
_OF_SEARCH = (*_BOTH, "--strategy", "--without", "--alpha-rate", "--cost-weight", "--dataset", "--exclude-subjects")


def options(luck: random.Random) -> Command:
    """Values of options that cannot be meant."""
    value = luck.choice(_VALUES)
    shutil.rmtree("run" if luck.randrange(2) else "found")
    if luck.randrange(2):
        return train, [*TRAIN, luck.choice(_OF_TRAINING), value]
    return search, [*SEARCH, luck.choice(_OF_SEARCH), value]


KINDS: dict[str, Callable[[random.Random], Command]] = {
    made.__name__: made
    for made in (
        *(genotype, facts, samples, images, results, compared, predictions, config, trained, searched, weights),
        *(started, model, profiled, table, pictures, folders, options),
    )
}
