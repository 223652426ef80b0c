"""The command emonas-report."""

from __future__ import annotations

from pathlib import Path

from emonas.console import command_line, run

_PURPOSE = (
    "Make report.html, results.csv and results.tex of a finished training again. What emonas-profile --json prints, "
    "saved as profile.json in the run folder, becomes a table of the report."
)
app = command_line("emonas-report", _PURPOSE)


@app.default
def report(run_folder: Path, /, *, no_pictures: bool = False, explain: bool = False) -> None:
    """Make the report of a finished training again.

    Parameters
    ----------
    run_folder
        Run folder of an emonas-train.
    no_pictures
        Leave out the samples' pictures, which are pictures of people, and explanations, which lie over such.
    explain
        Draw what in the pictures spoke for the answers, for some 60 tested samples; takes minutes without a GPU.
    """
    from emonas.evaluate.report.remake import remake_report

    remake_report(run_folder, not no_pictures, explain)


def main() -> None:
    """Entry point of the command."""
    run(app)


if __name__ == "__main__":
    main()
