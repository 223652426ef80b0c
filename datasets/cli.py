"""The command emonas-data: what there is, what was found in a source, and the prepared arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from emonas.console import command_line, run
from emonas.datasets.api import prepare
from emonas.datasets.store.config import CHECK_DEFAULTS, DEFAULTS, CheckConfig, PrepareConfig

app = command_line("emonas-data", "List, check and prepare data sets.")


@app.command(name="list")
def list_datasets(*, json: bool = False) -> None:
    """What data sets there are, and which of them are prepared.

    Parameters
    ----------
    json
        Print JSON.
    """
    from emonas.datasets.catalogue.list import show_list

    show_list(json)


@app.command
def describe(dataset: str, /, *, json: bool = False) -> None:
    """Say what is known of a data set: owner, how to ask for it, layout, options, classes, counts, pitfalls.

    Parameters
    ----------
    dataset
        A data set's name, see emonas-data list.
    json
        Print JSON.
    """
    from emonas.datasets.catalogue.list import show_description

    show_description(dataset, json)


@app.command
def check(
    dataset: str,
    source: Path | None = None,
    /,
    *,
    config: Annotated[CheckConfig, Parameter(name="*")] = CHECK_DEFAULTS,
) -> None:
    """Read a source and say what prepare will keep of it: counts, dropped samples with reasons. Writes nothing.

    Parameters
    ----------
    dataset
        A data set's name, see emonas-data list.
    source
        The file or folder as its owner distributes it; an embedded data set needs none.
    """
    from emonas.datasets.catalogue.check import show_check

    show_check(dataset, source, config)


@app.command(name="prepare")
def prepare_command(
    dataset: str,
    source: Path | None = None,
    /,
    *,
    config: Annotated[PrepareConfig, Parameter(name="*")] = DEFAULTS,
) -> None:
    """Make the arrays that emonas-search and emonas-train work on, and a contact sheet to look at.

    Parameters
    ----------
    dataset
        A data set's name, see emonas-data list.
    source
        The file or folder as its owner distributes it; an embedded data set needs none.
    """
    prepare(dataset, source, config)


def main() -> None:
    """Entry point of the command."""
    run(app)


if __name__ == "__main__":
    main()
