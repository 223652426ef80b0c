"""The user's own data: a CSV file with a row for each expression, or folders of classes with a fixed split."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from emonas.datasets.clips.sample import ReadResult, Sample, copies_note
from emonas.datasets.databases.folder_classes import read_class_folders
from emonas.datasets.databases.folder_csv import read_listing
from emonas.datasets.reading.assemble import frame_notes
from emonas.datasets.reading.choices import NO_CHOICES, Choices
from emonas.datasets.reading.entry import Entry, Phases, is_clip, phase_numbers
from emonas.datasets.reading.identity import one_spelling, spelling_note, spellings
from emonas.errors import UserError


def read(source: Path, choices: Choices = NO_CHOICES, name: str = "folder") -> ReadResult:
    """Read a CSV file or a folder; classes are sorted as text.

    The CSV has the columns path, subject, label and, where wanted, part (train, validation, test), onset, apex
    and offset. A path is an image, a folder of frames or a video. Frames are counted as in their file names, those
    of a video from 0; without an onset or offset a clip starts and ends with its first and last frame; an apex
    that is empty, "/", NaN or 0 is unknown. Phases of a still are not read. Rows with the same path and other phases
    are expressions of one recording, each a sample with the name path#onset-offset.

    A folder holds train/CLASS and test/CLASS (and, where wanted, validation/CLASS) with images, or with videos and
    folders of frames. Class folders name nobody, which a note says; exact copies stay together (``group``).

    Spellings of one name are one person or class, which a note says. Flawed samples are dropped with a reason; whether
    the rest is enough is told once it is known which pictures can be made. Raises UserError when stills and clips are
    mixed, and when a subject stands in test and in train or validation.
    """
    entries, notes = read_class_folders(source) if source.is_dir() else read_listing(source)
    samples, spelled = _one_spelling([entry.sample(name) for entry in _repeats_flawed(entries)])
    used = [sample for sample in samples if not sample.dropped]
    _check_kind(source, used)
    classes = tuple(sorted({sample.label for sample in used}))
    _check_people(source, used, spelled)
    more = (*frame_notes(samples), *_people_notes(used), *_part_notes(used, classes))
    return ReadResult(samples, classes, (*notes, *spelled, *more))


def _repeats_flawed(entries: Sequence[Entry]) -> Iterator[Entry]:
    """Rows that repeat a path are flawed, but expressions of one recording, each with its phases, get their names."""
    labels: dict[tuple[str, Phases], str] = {}
    several = _recordings(entries)
    for entry in entries:
        place = os.path.normpath(entry.path)
        own = phase_numbers(entry) if place in several else ()
        if entry.flaw:
            yield entry
        elif (place, own) not in labels:
            labels[place, own] = entry.label
            yield replace(entry, clip=_expression(entry.clip, own, several[place])) if own else entry
        else:
            first = labels[place, own]
            other = f", first labelled {first!r}" if first != entry.label else ""
            yield replace(entry, flaw=f"path listed before{' with these phases' if own else ''}{other}")


def _recordings(entries: Iterable[Entry]) -> dict[str, set[Phases]]:
    """The clips that several rows with phases of their own tell of, with all these phases."""
    found: dict[str, set[Phases]] = {}
    for entry in entries:
        if not entry.flaw and is_clip(entry.path):
            found.setdefault(os.path.normpath(entry.path), set()).add(phase_numbers(entry))
    return {place: phases for place, phases in found.items() if len(phases) > 1}


def _expression(clip: str, own: Phases, all_phases: set[Phases]) -> str:
    """The name of one of several expressions: rec1#9-17, with its apex where another one differs in nothing else.

    What has no phases is the whole recording.
    """
    onset, apex, offset = own
    if not any(own):
        return clip
    alike = sum((one[0], one[2]) == (onset, offset) for one in all_phases) > 1
    return f"{clip}#{'-'.join((onset, apex, offset) if alike else (onset, offset))}"


def _check_kind(source: Path, used: Sequence[Sample]) -> None:
    clips = [sample.clip for sample in used if sample.onset is not None]
    stills = [sample.clip for sample in used if sample.onset is None]
    if clips and stills:
        raise UserError(
            f"{source}: stills and clips are mixed ({stills[0]} is a still, {clips[0]} a clip): "
            "make two data sets of them"
        )


def _one_spelling(samples: Sequence[Sample]) -> tuple[tuple[Sample, ...], tuple[str, ...]]:
    """The samples with one spelling for each person and class, and notes on what was written in several ways.

    One name written in two ways would be two classes, or one person on both sides of a split.
    """
    people = one_spelling(sample.subject for sample in samples if sample.subject)
    labels = one_spelling(sample.label for sample in samples if sample.label)
    alike = tuple(
        replace(
            sample,
            subject=people.get(sample.subject, sample.subject) if sample.subject else sample.subject,
            label=labels.get(sample.label, sample.label),
        )
        for sample in samples
    )
    return alike, (*spelling_note("people", spellings(people)), *spelling_note("classes", spellings(labels)))


def _check_people(source: Path, used: Sequence[Sample], spelled: Sequence[str]) -> None:
    known = all(sample.subject is not None for sample in used)
    tested = {sample.subject for sample in used if sample.part == "test"}
    both = {str(s.subject) for s in used if known and s.part in ("train", "validation") and s.subject in tested}
    if both:
        names = ", ".join(sorted(both)[:5]) + (", ..." if len(both) > 5 else "")
        words = "; ".join((f"subjects stand in test and also in train or validation ({len(both)}): {names}", *spelled))
        raise UserError(f"{source}: {words}")


def _people_notes(used: Sequence[Sample]) -> Iterator[str]:
    if any(sample.subject is None for sample in used):
        yield "nobody is named: a person who stands in both train and test inflates the results unnoticed"
    yield from copies_note(used)


def _part_notes(used: Sequence[Sample], classes: Sequence[str]) -> Iterator[str]:
    there = {(sample.part, sample.label) for sample in used}
    for part in ("train", "test"):
        lacking = [label for label in classes if (part, label) not in there]
        if 0 < len(lacking) < len(classes):
            yield f"no {part} sample of: {', '.join(lacking)}"
