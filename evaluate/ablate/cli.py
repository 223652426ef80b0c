"""The command emonas-ablate."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from emonas.console import command_line, run
from emonas.evaluate.ablate.config import AblateConfig

DEFAULTS = AblateConfig()
_PURPOSE = "Say what each choice is worth: search and train with it, and without."
app = command_line("emonas-ablate", _PURPOSE)


@app.default
def ablate(config: Annotated[AblateConfig, Parameter(name="*")] = DEFAULTS) -> None:
    """Say what each choice is worth: search and train with it, and without."""
    from emonas.evaluate.ablate.run import run_ablation

    run_ablation(config)


def main() -> None:
    """Entry point of the command."""
    run(app)


if __name__ == "__main__":
    main()
