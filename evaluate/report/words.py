"""What a report says in sentences: what was run, what is wrong with it, how its numbers are to be read."""

from __future__ import annotations

from collections.abc import Sequence

from emonas.console import duration
from emonas.evaluate.results.record import Results
from emonas.evaluate.results.tables import epoch_rule
from emonas.genotype import Genotype

#: What the scores of a task mean, and their chance level.
DEFINITIONS = {
    "classes": (
        "UAR is the mean recall of the classes, UF1 their mean F1; both are computed from the answers of all folds "
        "together, never as a mean of folds. Chance is the score of always answering the class that is most frequent."
    ),
    "units": (
        "Means over the action units that somebody shows: accuracy of the yes and no, UF1 of the F1 of yes, UAR of the "
        "balanced accuracy. Chance is what the better of always yes and always no reaches."
    ),
}
#: What the paragraph tells of the recipe.
_TOLD = {"epochs": "{} epochs", "batch_size": "batches of {}", "learning_rate": "an initial learning rate of {}"}


def tell_story(results: Results, genotypes: Sequence[Genotype]) -> list[str]:
    """The paragraphs of "What was run", for a reader who knows nothing of emonas."""
    return [
        f"{_network(results)} was trained and judged on {_data(results)}. "
        f"Who is tested: {results.protocol_in_words}. {_seeds(results)}{_start(results)}",
        f"The epoch that is judged: {epoch_rule(results)}. {_recipe(results)} {_search(results, genotypes)}",
    ]


def _network(results: Results) -> str:
    model = results.model
    if model.arch != "genotype":
        return f"The network {model.arch}, with {results.parameters:,} parameters,"
    size = "" if not model.cells else f" of {model.cells} cells with {model.channels} initial channels"
    return f"A network{size}, found by a search, with {results.parameters:,} parameters,"


def _data(results: Results) -> str:
    classes, n = results.classes, results.n_subjects
    kind = "action units" if results.task == "units" else "classes"
    people = "people who are not named" if n is None else f"{n} {'person' if n == 1 else 'people'}"
    origin = "" if results.database == results.dataset else f" (prepared from {results.database})"
    return (
        f"{results.dataset}{origin}: {results.n_samples} tested samples of {people} in {len(classes)} {kind} "
        f"({', '.join(classes)})"
    )


def _seeds(results: Results) -> str:
    seeds = results.seeds
    if len(seeds) == 1:
        return f"Everything was trained once, with seed {seeds[0]}, so nothing is known of the spread over seeds."
    names = ", ".join(map(str, seeds))
    return f"Everything was trained with {len(seeds)} seeds ({names}); scores are means over them."


def _start(results: Results) -> str:
    run = results.pretrained
    return f" The weights started from an earlier training, {run}." if run else ""


def _recipe(results: Results) -> str:
    recipe, seconds = results.recipe, results.seconds
    told = [words.format(recipe[key]) for key, words in _TOLD.items() if recipe.get(key) is not None]
    took = "" if seconds is None else f" It took {duration(seconds)}."
    return f"Training: {', '.join([*told, 'and the options at the end of this page'])}.{took}"


def _search(results: Results, genotypes: Sequence[Genotype]) -> str:
    if results.model.arch != "genotype":
        return "No search was made for this network."
    seen = results.seen_subjects
    saw = {
        True: f"has seen {len(seen)} of the tested people" if seen else "has seen the tested part",
        False: "has seen none of the tested people",
        None: "may have seen tested people: it cannot be told from the genotype",
    }[results.search_saw_test_subjects]
    if not genotypes:
        return f"The search for the cells {saw}."
    origin = genotypes[0].provenance
    each = ", each fold with cells of its own" if len(set(map(_cells, genotypes))) > 1 else ""
    if not origin.dataset:
        return f"The search ({origin.strategy}, by another program{each}) {saw}."
    return f"The search ({origin.strategy}, on {origin.dataset}, seed {origin.seed}{each}) {saw}."


def _cells(genotype: Genotype) -> tuple[object, ...]:
    return genotype.normal, genotype.reduction, genotype.cells
