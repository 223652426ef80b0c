"""The command emonas-profile."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from emonas.console import command_line, run
from emonas.evaluate.profile.config import ProfileConfig

_PURPOSE = "Say what a searched network costs, beside well-known ones: parameters, memory, time."
app = command_line("emonas-profile", _PURPOSE)


@app.default
def profile(config: Annotated[ProfileConfig, Parameter(name="*")]) -> None:
    """Say what a searched network costs, beside well-known ones: parameters, memory, time."""
    from emonas.evaluate.profile.run import run_profile
    from emonas.evaluate.profile.table import show_profile

    show_profile(run_profile(config), config.json)


def main() -> None:
    """Entry point of the command."""
    run(app)


if __name__ == "__main__":
    main()
