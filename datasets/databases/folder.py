"""The user's own data: a CSV file with a row for each expression, or folders of classes with a fixed split."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from emonas.datasets.clips.sample import ReadResult, Sample, copies_note
from emonas.datasets.databases.folder_classes import read_class_folders
from emonas.datasets.databases.folder_csv import read_listing
from emonas.datasets.reading.choices import NO_CHOICES, Choices
from emonas.datasets.reading.entry import Entry
from emonas.datasets.reading.identity import one_spelling, spelling_note, spellings
from emonas.errors import UserError


def read(source: Path, choices: Choices = NO_CHOICES, name: str = "folder") -> ReadResult:
    """Read a CSV file or a folder; classes are sorted as text.

    The CSV has the columns path, subject, label and, where wanted, part (train, validation, test), onset, apex
    and offset. A path is an image, a folder of frames or a video. Frames are counted as in their file names, those
    of a video from 0; without an onset or offset a clip starts and ends with its first and last frame; an apex
    that is empty, "/", NaN or 0 is unknown. Phases of a still are not read.

    A folder holds train/CLASS and test/CLASS (and, where wanted, validation/CLASS) with images, or with videos and
    folders of frames. Class folders name nobody, which a note says; exact copies stay together (``group``).

    Spellings of one name are one person or class, which a note says. Flawed samples are dropped with a reason.
    Raises UserError when stills and clips are mixed, when fewer than two classes are left, when there are neither
    subjects nor a train and a test part, and when a subject stands in test and in train or validation.
    """
    entries, notes = read_class_folders(source) if source.is_dir() else read_listing(source)
    samples, spelled = _one_spelling([entry.sample(name) for entry in _repeats_flawed(entries)])
    used = [sample for sample in samples if not sample.dropped]
    if not used:
        reasons = Counter(sample.dropped for sample in samples).most_common(1)
        why = f"not one of {len(samples)} samples can be used; most often: {reasons[0][0]}" if reasons else "no samples"
        raise UserError(f"{source}: {why}")
    _check_kind(source, used)
    classes = _classes(source, used, spelled)
    _check_people(source, used, spelled)
    return ReadResult(samples, classes, (*notes, *spelled, *_people_notes(used), *_part_notes(used, classes)))


def _repeats_flawed(entries: Iterable[Entry]) -> Iterator[Entry]:
    labels: dict[str, str] = {}
    for entry in entries:
        place = os.path.normpath(entry.path)
        if entry.flaw:
            yield entry
        elif place not in labels:
            labels[place] = entry.label
            yield entry
        else:
            other = f", first labelled {labels[place]!r}" if labels[place] != entry.label else ""
            yield replace(entry, flaw=f"path listed before{other}")


def _check_kind(source: Path, used: Sequence[Sample]) -> None:
    clips = [sample.clip for sample in used if sample.onset is not None]
    stills = [sample.clip for sample in used if sample.onset is None]
    if clips and stills:
        raise UserError(
            f"{source}: stills and clips are mixed ({stills[0]} is a still, {clips[0]} a clip): "
            "make two data sets of them"
        )


def _classes(source: Path, used: Sequence[Sample], spelled: Sequence[str]) -> tuple[str, ...]:
    labels = sorted({sample.label for sample in used})
    if len(labels) < 2:
        raise UserError("; ".join((f"{source}: only one class, {labels[0]!r}: nothing to tell apart", *spelled)))
    return tuple(labels)


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
    parts = {sample.part for sample in used}
    known = all(sample.subject is not None for sample in used)
    # With subjects and no test part the user may still leave subjects out; without them only the split is left.
    if ("test" in parts or not known) and not parts >= {"train", "test"}:
        lacking = "train" if "test" in parts else "test"
        raise UserError(f"{source}: the split has no usable {lacking} sample")
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
