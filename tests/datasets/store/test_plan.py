"""What a user left open is the data set's own, and only what the samples decide is left for them."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from made_samples import STILLS

from emonas.datasets.clips.options import PictureConfig
from emonas.datasets.clips.representation import PictureOptions
from emonas.datasets.clips.sample import ReadResult
from emonas.datasets.faces.options import FaceOptions
from emonas.datasets.store.config import PrepareConfig
from emonas.datasets.store.plan import resolve, resolve_by_samples
from emonas.errors import UserError
from emonas.jobs.job import cores


def test_what_is_left_open_is_the_data_sets_own() -> None:
    plan = resolve("synthetic-macro", None, PrepareConfig())
    assert (plan.name, plan.pictures.size, plan.jobs) == ("synthetic-macro", 48, cores())
    assert plan.folder.name == "synthetic-macro"


def test_every_option_about_pictures_reaches_the_plan() -> None:
    given = {"size": 16, "representation": "clip", "coefficients": "linear", "span": "onset-offset", "flow": "dis"}
    given |= {"interpolation": "graph", "length": 5, "magnify": 2.0, "bits": 12}
    assert given.keys() == {field.name for field in fields(PictureConfig)}
    plan = resolve("synthetic-micro", None, PrepareConfig(**given, name="mine", jobs=2))  # type: ignore[arg-type]
    assert plan.pictures == PictureOptions(**given, apex_policy="middle")  # type: ignore[arg-type]
    assert (plan.name, plan.jobs) == ("mine", 2)


def test_the_samples_decide_the_rest() -> None:
    plan = resolve("synthetic-macro", None, PrepareConfig())
    assert (plan.pictures.representation, plan.faces) == ("auto", FaceOptions())
    found = ReadResult(tuple(STILLS), ("happy",), choices={"crop": "full"})
    plan = resolve_by_samples(plan, found)
    assert (plan.pictures.representation, plan.faces.faces, plan.choices.crop) == ("still", "detect", "full")
    assert plan.record()["options"]["crop"] == "full"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (PrepareConfig(name="../x"), "--name '../x'"),
        (PrepareConfig(name="fer2013"), "another data set is called so"),
        (PrepareConfig(variant="a"), "has no option --variant"),
        (PrepareConfig(representation="still", magnify=2.0), "--magnify does not fit still images"),
        (PrepareConfig(faces="detect", face_model=Path("none.onnx")), "--face-model none.onnx"),
    ],
)
def test_options_that_do_not_fit_are_refused_before_anything_is_read(config: PrepareConfig, words: str) -> None:
    with pytest.raises(UserError, match=words):
        resolve("synthetic-macro", None, config)
