"""The command emonas-search."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from emonas.console import command_line, run
from emonas.search.config import SearchConfig

DEFAULTS = SearchConfig()
app = command_line("emonas-search", "Find a normal and a reduction cell on a prepared data set.")


@app.default
def search(config: Annotated[SearchConfig, Parameter(name="*")] = DEFAULTS) -> None:
    """Find a normal and a reduction cell on a prepared data set."""
    from emonas.search.run import run_search

    run_search(config)


def main() -> None:
    """Entry point of the command."""
    run(app)


if __name__ == "__main__":
    main()
