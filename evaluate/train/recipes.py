"""How networks are trained on each database: plain data, which flags of emonas-train override one by one.

The recipes are habits of the field for sets of such a size and kind, fixed beforehand. None was chosen by its result on
tested people.
"""

from __future__ import annotations

from typing import Literal

from emonas.training.recipe import Recipe

RecipeName = Literal["auto", "plain", "posed", "wild", "micro", "units", "adamw"]


RECIPES: dict[RecipeName, Recipe] = {
    # DARTS's own, with little regularisation: for sets of which nothing is known, and drawn ones.
    "plain": Recipe(),
    # Some hundred posed faces in a studio: few people, clear expressions, classes of similar size.
    "posed": Recipe(drop_path=0.2, label_smoothing=0.1, cutout=0.2, warm_up=1),
    # Ten thousand and more faces from the web: rare classes, noisy labels.
    "wild": Recipe(drop_path=0.2, label_smoothing=0.1, cutout=0.25, mixup=0.2, warm_up=1, ema_decay=0.99),
    # Some hundred micro-expressions: strong imbalance, weak signal, so the classes are drawn equally often.
    "micro": Recipe(drop_path=0.2, label_smoothing=0.1, balance="sampler", warm_up=1, ema_decay=0.98),
    # Many labels a frame, most of them absent.
    "units": Recipe(drop_path=0.2, balance="loss", warm_up=1, ema_decay=0.99),
    # Pre-trained or large networks, and whoever prefers it.
    "adamw": Recipe(optimiser="adamw", learning_rate=1e-3, weight_decay=0.05, warm_up=2, label_smoothing=0.1),
}

#: database -> the recipe that --recipe auto takes; "plain" for all others.
OF_DATABASE: dict[str, RecipeName] = {
    "ckplus": "posed",
    "mug": "posed",
    "oulu": "posed",
    "ised": "posed",
    "fer2013": "wild",
    "rafdb": "wild",
    "disfa": "wild",
    "casme": "micro",
    "casme2": "micro",
    "casme_squared": "micro",
    "samm": "micro",
    "smic": "micro",
    "megc2019": "micro",
}


#: With fewer epochs a network is far from learning by heart, and regularisation only slows it down.
LONG = 60


def recipe_for(database: str, units: bool, epochs: int) -> RecipeName:
    """The name of the recipe for a database, or for the detection of action units on it.

    The regularised recipes for stills are for trainings of ``LONG`` epochs and more; short ones take "plain".
    """
    name = "units" if units else OF_DATABASE.get(database, "plain")
    return "plain" if name in ("posed", "wild") and epochs < LONG else name
