"""The command emonas-data: what there is, what was found in a source, and the prepared arrays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from emonas.console import command_line, run
from emonas.datasets.faces import options as face_choice
from emonas.datasets.faces.options import FaceOptions
from emonas.datasets.reading.choices import NO_CHOICES, Choices
from emonas.options import Coefficients, FlowMethod, Gain, Interpolation, Length, Positive, Representation, Side, Span

app = command_line("emonas-data", "List, check and prepare data sets.")


@dataclass(frozen=True, kw_only=True)
class PrepareConfig:
    """Options of emonas-data prepare."""

    name: str | None = None
    """Name to find it by afterwards. [default: the data set's name]"""
    size: Side | None = None
    """Side of the prepared pictures in pixels. [default: the data set's own, see emonas-data list]"""
    representation: Representation = "auto"
    """What becomes of a clip: one dynamic image, or two (onset to apex to offset); flow = motion right, motion down and
    strain between onset and apex; its apex frame; or a clip of --length frames. auto = dynamic for clips, still for
    stills."""
    coefficients: Coefficients = "exact"
    """Coefficients of the rank pooling."""
    span: Span = "onset-apex"
    """Which frames a dynamic image pools. Over the whole clip, rise and fall of an expression partly cancel."""
    flow: FlowMethod = "farneback"
    """Method of the optical flow; tvl1 is the field's habit and takes 10 to 20 times as long."""
    interpolation: Interpolation = "none"
    """Resample what is pooled, or the clip, to --length frames; graph = temporal interpolation model (TIM)."""
    length: Length = 10
    """Frames of a clip and of a temporal interpolation."""
    magnify: Gain = 0.0
    """Gain of an Eulerian motion magnification that comes before everything else; 10 to 20 are common. 0 = none."""
    jobs: Positive | None = None
    """Number of processes. [default: one for each core]"""
    overwrite: bool = False
    """Replace what is prepared under this name."""
    json: bool = False
    """Print JSON."""


DEFAULTS = PrepareConfig()


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
    choices: Annotated[Choices, Parameter(name="*")] = NO_CHOICES,
    json: bool = False,
) -> None:
    """Read a source and say what was found: counts, dropped samples with reasons. Writes nothing.

    Parameters
    ----------
    dataset
        A data set's name, see emonas-data list.
    source
        The file or folder as its owner distributes it; an embedded data set needs none.
    json
        Print JSON.
    """
    from emonas.datasets.catalogue.check import show_check

    show_check(dataset, source, choices, json)


@app.command
def prepare(
    dataset: str,
    source: Path | None = None,
    /,
    *,
    choices: Annotated[Choices, Parameter(name="*")] = NO_CHOICES,
    faces: Annotated[FaceOptions, Parameter(name="*")] = face_choice.DEFAULTS,
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
    from emonas.datasets.catalogue.list import show_prepared
    from emonas.datasets.clips.representation import PictureOptions
    from emonas.datasets.databases import registry
    from emonas.datasets.store.prepare import prepare as make
    from emonas.jobs.job import cores

    options = PictureOptions(
        size=config.size or registry.entry(dataset).size,
        representation=config.representation,
        coefficients=config.coefficients,
        span=config.span,
        flow=config.flow,
        interpolation=config.interpolation,
        length=config.length,
        magnify=config.magnify,
    )
    # Progress would stand in the way of a program that reads the JSON.
    prepared = make(
        dataset,
        source,
        options,
        config.name,
        config.overwrite,
        quiet=config.json,
        choices=choices,
        faces=faces,
        jobs=config.jobs or cores(),
    )
    show_prepared(prepared, config.json)


def main() -> None:
    """Entry point of the command."""
    run(app)


if __name__ == "__main__":
    main()
