"""What an ablation compares: setups that differ from the base line in one thing, each of them once."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

from emonas.evaluate.ablate.config import AblateConfig, PartName
from emonas.evaluate.ablate.variants import AblationPart, Data, SearchSpec, Setup, list_parts
from emonas.operations.table import OPERATION_NAMES

DATA = Data("micro", "micro", "dynamic", "f00")
APEX = Data("micro-apex", "micro-apex", "apex", "f01")
BASE = Setup(SearchSpec(DATA, "emonas", 4), 4)


def parts(*names: PartName, **options: object) -> tuple[AblationPart, ...]:
    return list_parts(AblateConfig(**options), names or get_args(PartName), BASE, {"apex": APEX})  # type: ignore[arg-type]


def test_every_part_begins_with_the_base_line_and_differs_from_it_in_its_own_thing() -> None:
    made = parts()
    assert [part.name for part in made] == list(get_args(PartName))
    for part in made:
        assert (part.variants[0].setup, part.variants[0].against) == (BASE, None)
        assert BASE not in [variant.setup for variant in part.variants[1:]]
        assert len({variant.setup for variant in part.variants}) == len(part.variants)
    of = {part.name: [variant.setup for variant in part.variants[1:]] for part in made}
    assert [setup.search.without for setup in of["operations"]] == [(name,) for name in OPERATION_NAMES]
    assert [setup.search.strategy for setup in of["strategies"]] == ["darts", "pdarts", "pcdarts", "random"]
    assert [(setup.search.cells, setup.cells) for setup in of["cells"]] == [(3, 3), (6, 6), (8, 8)]
    assert [setup.search.data for setup in of["representation"]] == [APEX]
    for name in ("operations", "strategies", "representation"):
        assert {(setup.search.cells, setup.cells) for setup in of[name]} == {(4, 4)}


def test_a_deeper_final_network_is_compared_with_one_that_was_searched_at_its_depth() -> None:
    (stack,) = parts("stack")
    rows = [(one.name, one.setup.search.cells, one.setup.cells, one.against) for one in stack.variants]
    six, eight = (Setup(replace(BASE.search, cells=count), count) for count in (6, 8))
    assert rows == [
        ("4 in both", 4, 4, None),
        ("6 in both", 6, 6, BASE),
        ("4, then 6", 4, 6, six),
        ("8 in both", 8, 8, BASE),
        ("4, then 8", 4, 8, eight),
    ]


def test_what_occurs_in_two_parts_is_one_setup_and_the_stack_shares_its_search() -> None:
    stack, cells = parts("stack", "cells")
    shared = {variant.setup for variant in stack.variants} & {variant.setup for variant in cells.variants}
    assert {setup.cells for setup in shared} == {4, 6, 8}
    unequal = [variant.setup for variant in stack.variants if variant.name.startswith("4, then")]
    assert {setup.search for setup in unequal} == {BASE.search}
    assert len({variant.setup.name for part in parts() for variant in part.variants}) == 5 + 1 + 7 + 1 + 4


def test_the_users_numbers_of_cells_are_taken_and_the_base_line_s_own_is_not_taken_twice() -> None:
    stack, cells = parts("stack", "cells", stack_cells=(5, 4), cell_counts=(5, 4, 5))
    assert [variant.name for variant in stack.variants] == ["4 in both", "5 in both", "4, then 5"]
    assert [variant.name for variant in cells.variants] == ["4 cells", "5 cells"]


def test_parts_keep_their_order_whatever_order_they_are_asked_for_in() -> None:
    assert [part.name for part in parts("strategies", "stack")] == ["stack", "strategies"]
