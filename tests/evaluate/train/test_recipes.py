"""Recipes: every database has one, and flags override them one by one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from emonas.datasets.databases.registry import DATASETS
from emonas.errors import UserError
from emonas.evaluate.train.cli import app
from emonas.evaluate.train.config import TrainConfig, check, command
from emonas.evaluate.train.plan import fit_schedule
from emonas.evaluate.train.recipes import OF_DATABASE, RECIPES, RecipeName, recipe_for


def test_every_name_is_a_recipe_and_every_database_a_database() -> None:
    assert set(get_args(RecipeName)) == {"auto", *RECIPES}
    assert set(OF_DATABASE) <= set(DATASETS)
    assert set(OF_DATABASE.values()) <= set(RECIPES)


def test_the_database_chooses_and_a_flag_overrides() -> None:
    chosen = fit_schedule(TrainConfig(genotype=Path("g"), drop_path=0.0), False, 100, False, "casme2")
    recipe = RECIPES["micro"]
    assert (chosen.recipe_name, chosen.recipe.balance, chosen.recipe.drop_path) == ("micro", recipe.balance, 0.0)
    assert chosen.recipe.label_smoothing == recipe.label_smoothing
    other = fit_schedule(TrainConfig(genotype=Path("g"), recipe="plain"), False, 100, False, "casme2")
    assert other.recipe.balance == "none"
    assert recipe_for("disfa", units=True, epochs=20) == "units"
    assert recipe_for("somebody's own", units=False, epochs=300) == "plain"


@pytest.mark.parametrize(("epochs", "name"), [(20, "plain"), (60, "wild")])
def test_a_short_training_on_stills_is_not_slowed_down_by_regularisation(epochs: int, name: str) -> None:
    config = TrainConfig(genotype=Path("g"), epochs=epochs)
    assert fit_schedule(config, False, 28709, False, "fer2013").recipe_name == name


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"units": ("1",), "label_smoothing": 0.1}, "--label-smoothing"),
        ({"units": ("1",), "balance": "sampler"}, "--balance"),
        ({"arch": "resnet18", "drop_path": 0.5}, "--drop-path"),
    ],
)
def test_options_that_would_do_nothing_are_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        fit_schedule(replace(TrainConfig(), **options), "units" in options, 100, False)  # type: ignore[arg-type]


def test_what_is_recorded_is_what_is_used() -> None:
    config = TrainConfig(genotype=Path("g"), warm_up=50, epochs=2, batch_size=1)
    short = fit_schedule(config, False, 100, False, "casme2")
    assert (short.recipe.warm_up, short.batch_size) == (1, 2)
    units = fit_schedule(TrainConfig(genotype=Path("g"), units=("1",), recipe="micro"), True, 100, False, "casme2")
    assert (units.recipe.label_smoothing, units.recipe.balance) == (0.0, "loss")


def test_an_options_earlier_name_is_still_understood() -> None:
    for name in ("--ema-decay", "--weight-average"):
        _, found, _ = app.parse_args([name, "0.9"], exit_on_error=False, print_error=False)
        assert found.arguments["config"].ema_decay == 0.9


def test_the_command_is_told_from_the_options_wherever_they_were_given() -> None:
    config = TrainConfig(genotype=Path("my runs/g"), units=("1", "12"), seeds=3, no_auxiliary=True)
    assert command(config) == "emonas-train --genotype 'my runs/g' --units 1 12 --seeds 3 --no-auxiliary"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "either --genotype FILE or --arch NAME"),
        ({"genotype": Path("g"), "arch": "resnet18"}, "either --genotype FILE or --arch NAME"),
        ({"arch": "resnet18"}, "--dataset"),
        ({"arch": "resnet18", "dataset": "x", "cells": 4}, "--cells"),
        ({"arch": "resnet18", "dataset": "x", "together": 2}, "--together"),
        ({"genotype": Path("g"), "together": 2, "jobs": 2}, "--together"),
        ({"genotype": Path("g"), "address": "here:1"}, "--engine ray"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        check(replace(TrainConfig(), **options))  # type: ignore[arg-type]
