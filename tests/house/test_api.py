"""The four steps from Python: the commands' options as keywords, and what can be handed to a trained network."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from cyclopts import App
from made_models import INFO, INPUT
from small import small_macro

import emonas
from emonas.datasets.cli import app as data_app
from emonas.datasets.databases import registry
from emonas.datasets.synthetic.sets import read_macro
from emonas.errors import UserError
from emonas.evaluate.model import model as trained
from emonas.evaluate.model.info import ModelInfo
from emonas.evaluate.model.inputs import picture_options
from emonas.evaluate.model.model import Model
from emonas.evaluate.predict.cli import app as predict_app
from emonas.evaluate.train.cli import app as train_app
from emonas.search.cli import app as search_app
from emonas.search.config import SearchConfig

TINY = {"device": "cpu", "cells": 3, "channels": 2, "epochs": 1, "batch_size": 8}


class Brightness(torch.nn.Module):
    """Answers by the mean of the first channel, so that one sees which picture was answered for."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        mean = images.mean((2, 3))[:, 0]
        return torch.stack([mean, -mean, torch.zeros_like(mean)], 1)


def model_of(**picture: Any) -> Model:
    info = ModelInfo(**{**INFO.__dict__, "input": {**INPUT, **picture}})
    return Model(info, Brightness(), torch.device("cpu"))


def plain(level: int, side: int = 16) -> np.ndarray:
    return np.full((side, side, 3), level, np.uint8)


def write(path: Path, *levels: int) -> Path:
    path.mkdir()
    for i, level in enumerate(levels):
        cv2.imwrite(str(path / f"frame{i + 1}.png"), plain(level))
    return path


def test_four_steps_from_faces_to_answers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    prepared = small_macro(monkeypatch)
    found = emonas.search(dataset="small", out="cells", **TINY)
    assert isinstance(found, emonas.Genotype) and found.cells == 3
    results = emonas.train(genotype=Path("cells"), out="trained", no_auxiliary=True, **TINY)
    assert results.n_folds == 1 and results.dataset == "small"
    model = emonas.load("trained")
    said = model.predict(np.moveaxis(prepared.images[0], 0, -1))
    assert said.names == prepared.classes and said.labels[0] in prepared.classes
    assert said.labels[0] in repr(said) and "UAR" in repr(model)
    cv2.imwrite("face.png", np.moveaxis(prepared.images[0], 0, -1)[..., ::-1])
    answered = emonas.predict(model, "face.png", faces="whole", csv=True, out="answers")
    assert [row.answer.label for row in answered.rows] == said.labels and answered.names == prepared.classes
    assert Path("answers/predictions.csv").exists()
    assert emonas.predict("trained", Path("face.png"), faces="whole").rows == answered.rows
    with pytest.raises(TypeError, match="detect_every"):
        emonas.predict(model, "face.png", detect_ever=3)


def test_a_set_is_prepared_with_the_options_of_the_command(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for level, name in ((50, "calm"), (200, "glad")):
            (tmp_path / "faces" / part).mkdir(parents=True, exist_ok=True)
            write(tmp_path / "faces" / part / name, level, level + (part == "test"))
    prepared = emonas.prepare("folder", tmp_path / "faces", name="mine", size=8, jobs=1)
    assert (prepared.name, prepared.size, prepared.classes) == ("mine", 8, ("calm", "glad"))
    with pytest.raises(UserError, match="size"):
        emonas.prepare("folder", tmp_path / "faces", size=4)


STEPS: dict[str, Any] = {
    "prepare": emonas.prepare,
    "search": emonas.search,
    "search_cells": emonas.search_cells,
    "train": emonas.train,
    "predict": emonas.predict,
}


@pytest.mark.parametrize(
    ("name", "first", "option", "kind", "default"),
    [
        ("prepare", ["dataset", "source"], "length", int, 10),
        ("search", [], "epochs", int | None, None),
        ("search_cells", [], "exclude_subjects", tuple[str, ...], ()),
        ("train", [], "epochs", int | None, None),
        ("predict", ["model", "source"], "window", float, 0.5),
    ],
)
def test_editors_see_every_option_with_type_and_default(
    name: str, first: list[str], option: str, kind: Any, default: Any
) -> None:
    parameters = inspect.signature(STEPS[name]).parameters
    by_place = [one.name for one in parameters.values() if one.kind is one.POSITIONAL_OR_KEYWORD]
    assert by_place == first
    assert (parameters[option].kind, parameters[option].default) == (inspect.Parameter.KEYWORD_ONLY, default)
    assert parameters[option].annotation == kind


@pytest.mark.parametrize(
    ("name", "app"),
    [("prepare", data_app["prepare"]), ("search", search_app), ("train", train_app), ("predict", predict_app)],
)
def test_every_option_of_the_command_is_one_of_the_function(name: str, app: App) -> None:
    typed = {one.name for one in app.assemble_argument_collection() if one.name.startswith("--")}
    named = [one for one in inspect.signature(STEPS[name]).parameters.values() if one.kind is one.KEYWORD_ONLY]
    assert typed == {f"--{one.name.replace('_', '-')}" for one in named}


def test_a_config_stands_for_the_options_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[Any] = []
    monkeypatch.setattr("emonas.search.run.run_search", lambda config: got.append(config) or {"a": 1})
    emonas.search(SearchConfig(dataset="small", seed=3))
    emonas.search(dataset="small", seed=3)
    emonas.search_cells(dataset="small", seed=3)
    assert got == [SearchConfig(dataset="small", seed=3)] * 3
    with pytest.raises(UserError, match="--seed -1: must be >= 0"):
        emonas.search(SearchConfig(seed=-1))
    with pytest.raises(TypeError, match=r"search\(\) takes a config or options by name, not both"):
        emonas.search(SearchConfig(), seed=3)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="too many positional arguments"):
        emonas.search("small")  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="missing a required argument: 'source'"):
        emonas.predict("runs/train", every=2)  # type: ignore[call-overload]


def test_the_page_on_python_works(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    few = read_macro(subjects=6, stills=1, size=32)
    monkeypatch.setattr(registry, "read", lambda dataset, source, choices: few)
    cv2.imwrite("face.png", plain(128, 32))
    names: dict[str, Any] = {}
    page = (Path(__file__).parents[2] / "docs" / "howto" / "python.md").read_text(encoding="utf-8")
    for block in re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
        exec(block, names)
    assert len(names["found"].rows) == 1 and names["found"].names == names["faces"].classes
    assert Path("runs/answers/predictions.csv").exists() and Path("runs/rate-0.05/results.json").exists()


def test_unknown_options_name_those_that_are_alike() -> None:
    with pytest.raises(TypeError, match=r"train\(\) got an unexpected keyword argument 'batchsize'; .*batch_size"):
        emonas.train(batchsize=3)
    with pytest.raises(TypeError, match=r"search_cells\(\) .*'epoch'; did you mean epochs"):
        emonas.search_cells(epoch=3)
    with pytest.raises(TypeError, match=r"prepare\(\) .*'sizes'; did you mean size"):
        emonas.prepare("folder", "x", sizes=3)


def test_values_are_checked_as_the_command_checks_them() -> None:
    with pytest.raises(UserError, match="epochs"):
        emonas.train(arch="resnet18", dataset="small", epochs=-1)
    with pytest.raises(UserError, match="--arch"):
        emonas.train(arch="resnet19", dataset="small")
    with pytest.raises(UserError, match="give either"):
        emonas.train()


def test_lists_numbers_and_flags_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[Any] = []
    monkeypatch.setattr("emonas.evaluate.train.run.run_training", lambda config: got.append(config) or {})
    emonas.train(units=[1, "12"], final=True, no_pictures=False, out=Path("-odd"), folds=None, mixup=0.5)
    (config,) = got
    assert (config.units, config.final, config.no_pictures) == (("1", "12"), True, False)
    assert (config.out, config.folds, config.mixup) == (Path("-odd"), None, 0.5)


def test_the_package_of_the_strategies_hides_no_step() -> None:
    code = (
        "import sys, emonas, emonas.search.run, emonas.evaluate, emonas.datasets.store.prepare\n"
        "print(*(getattr(emonas, n).__name__ for n in ('prepare', 'search_cells', 'train', 'predict', 'load')))\n"
        "print(emonas.search.__name__, callable(emonas.search), emonas.search is sys.modules['emonas.search'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    steps, package = done.stdout.splitlines() or [done.stderr, ""]
    assert steps.split() == ["prepare", "search_cells", "train", "predict", "load"], done.stderr
    assert package.split() == ["emonas.search", "True", "True"]


def test_stills_come_as_files_folders_arrays_and_lists(tmp_path: Path) -> None:
    folder = write(tmp_path / "faces", 0, 255, 255)
    model = model_of()
    assert model.predict(folder / "frame1.png").labels == ["b"]
    said = model.predict(str(folder))
    assert said.labels == ["b", "a", "a"] and said.sources[1].endswith("frame2.png")
    assert model.predict([folder / "frame2.png", plain(0)]).labels == ["a", "b"]
    assert model.predict(np.stack([plain(0), plain(255)])).labels == ["b", "a"]
    red = np.zeros((5, 7, 3), np.uint8)
    red[..., 0] = 255
    assert model.predict(red).labels == model.predict(torch.from_numpy(red).permute(2, 0, 1)).labels == ["a"]


def test_clips_come_as_folders_arrays_and_lists_with_their_phases(tmp_path: Path) -> None:
    levels = (0, 0, 255, 0)
    folder = write(tmp_path / "clip", *levels)
    model = model_of(representation="apex")
    clip = np.stack([plain(level) for level in levels])
    files = sorted(folder.iterdir())
    for given in (folder, clip, files, torch.from_numpy(clip).permute(0, 3, 1, 2)):
        assert model.predict(given).labels == ["a"]
        assert model.predict(given, apex=1).labels == ["b"]
    assert model.predict([folder, clip], apex=[3, 2]).labels == ["b", "a"]
    assert model.predict(clip, onset=2, offset=3).labels == ["b"]


@pytest.mark.parametrize(
    ("given", "phases", "words"),
    [
        ("nowhere.png", {}, "nowhere.png"),
        (np.zeros((4, 4, 3)), {}, r"uint8 levels of RGB, .*these are float64 \(4, 4, 3\)"),
        (np.zeros((4, 4), np.uint8), {}, r"uint8 levels of RGB"),
        (torch.zeros(3, 4, 4), {}, r"\(3, H, W\) or"),
        ([], {}, "no pictures were given"),
        (3, {}, "a int is no picture"),
        (plain(1), {"apex": 0}, "belong to clips"),
        ("face.mp4", {}, "a video, but"),
    ],
)
def test_what_is_no_picture_is_told_in_one_line(given: Any, phases: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        model_of().predict(given, **phases)


def test_what_is_no_clip_is_told_in_one_line(tmp_path: Path) -> None:
    model, folder = model_of(representation="dynamic"), write(tmp_path / "clip", 1, 2, 3)
    (tmp_path / "empty").mkdir()
    cases: list[tuple[Any, dict[str, Any], str]] = [
        (folder / "frame1.png", {}, "one picture, but this model takes clips"),
        (plain(1), {}, "one picture, but this model takes clips"),
        (tmp_path / "empty", {}, "no frames"),
        (tmp_path / "none.avi", {}, "none.avi"),
        (folder, {"onset": 2, "apex": 1}, "do not follow each other in 3 frames"),
        (folder, {"offset": 3}, "offset 3 do not follow"),
        (folder, {"onset": 1, "apex": 1}, "clip: apex on the onset: no frames between"),
        ([folder, folder], {"apex": 1}, "one position for 2 clips"),
        ([folder, folder], {"apex": [1]}, "1 positions for 2 clips"),
    ]
    for given, phases, words in cases:
        with pytest.raises(UserError, match=words):
            model.predict(given, **phases)


def test_faces_are_cut_out_as_in_training(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("emonas.evaluate.model.faces.make_finder", lambda options: asked.append(options.faces))
    for stored, faces in (("detect", "auto"), ("whole", "auto"), ("whole", "detect"), ("detect", "whole")):
        model_of(faces=stored).predict(plain(1), faces=faces)  # type: ignore[arg-type]
    # A picture as small as what was trained on is not looked at.
    assert asked == ["detect", "detect", "whole"]
    with pytest.raises(UserError, match=r"found by the model sha256:ab.*face_model"):
        model_of(faces="detect", face_model="sha256:ab").predict(plain(1))


def test_prepared_pictures_of_another_shape_are_refused() -> None:
    with pytest.raises(UserError, match=r"uint8 \('N', 3, 12, 12\); these are uint8 \(1, 12, 12, 3\)"):
        model_of().probabilities(np.zeros((1, 12, 12, 3), np.uint8))
    assert model_of().probabilities(np.zeros((0, 3, 12, 12), np.uint8)).shape == (0, 3)


def test_more_pictures_than_a_batch_are_all_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trained, "_BATCH", 2)
    pictures = np.zeros((5, 3, 12, 12), np.uint8)
    pictures[3] = 255
    assert model_of().probabilities(pictures).argmax(1).tolist() == [1, 1, 1, 0, 1]


def test_pictures_that_no_preparing_makes_are_refused() -> None:
    for wrong in ({"flow": "fast"}, {"length": "ten"}, {"representation": "auto"}):
        with pytest.raises(ValueError):
            picture_options({**INPUT, **wrong})
    assert picture_options({**INPUT, "unknown": 3}).size == 12


def test_answers_are_printed_for_people() -> None:
    said = emonas.Prediction(("calm", "glad"), np.array([[0.1, 0.9]] * 30, np.float32), sources=("a.png",) * 30)
    lines = repr(said).splitlines()
    assert lines[0] == "a.png  glad  glad 0.90  calm 0.10" and lines[-1] == "... 10 more"
    units = emonas.Prediction(("1", "2", "12"), np.array([[0.9, 0.1, 0.5], [0.1, 0.2, 0.3]]), units=True)
    assert units.labels == ["1 12", ""] and "none" in repr(units)
    assert said.as_dicts()[0] == pytest.approx({"calm": 0.1, "glad": 0.9})
