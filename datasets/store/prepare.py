"""From a source to a prepared data set: read, make pictures, write everything or nothing."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from emonas.console import plain, progress, say, warn
from emonas.datasets.clips.representation import PictureOptions, resolve_representation
from emonas.datasets.clips.sample import ReadResult
from emonas.datasets.databases import registry
from emonas.datasets.faces import options as face_choice
from emonas.datasets.faces.crop import add_face_frames, make_finder
from emonas.datasets.faces.options import FaceOptions
from emonas.datasets.reading.choices import AUTO, NO_CHOICES, Choices
from emonas.datasets.store.batch_file import join
from emonas.datasets.store.contact_sheet import write_contact_sheet
from emonas.datasets.store.lock import lock
from emonas.datasets.store.prepared import FACTS, FORMAT, Prepared, load, prepared_folder
from emonas.datasets.store.tables import check_usable, write_tables
from emonas.datasets.store.workers import Batch, make_all, split_into_batches, unfinished
from emonas.errors import UserError
from emonas.records import read_record


def prepare(
    dataset: str,
    source: Path | None,
    options: PictureOptions,
    name: str | None = None,
    overwrite: bool = False,
    quiet: bool = False,
    choices: Choices = NO_CHOICES,
    faces: FaceOptions = face_choice.DEFAULTS,
    jobs: int = 1,
) -> Prepared:
    """Make the prepared data set ``name`` (default: the data set's name) and return it.

    What is already prepared with the same source and options is returned as it is, unread; other options are refused
    unless ``overwrite``. A run that was ended before its time is continued. Samples whose frames cannot be read, and
    those without a face where faces are looked for, are dropped with their reason. ``quiet`` shows no progress.
    ``choices`` are those of the reader; a chosen apex policy holds for the pictures, too. ``jobs`` is the number of
    processes, which changes nothing in the result. Raises UserError.
    """
    registry.check_source(dataset, source)
    dataset, choices = registry.entry(dataset).name, registry.resolve_choices(dataset, choices)
    options = _with_defaults(dataset, options, choices)
    name = _checked_name(name or dataset, dataset)
    folder = prepared_folder(name)
    request = {
        "dataset": dataset,
        "source": str(source.resolve()) if source else "",
        "options": {**plain(options), **face_choice.record_options(faces), **choices.given()},
    }
    if overwrite or not _is_prepared(folder):
        found = _with_owner(registry.read(dataset, source, choices), dataset, source)
        check_usable(found.used, [sample for sample in found.samples if sample.dropped], name)
        options = dataclasses.replace(
            options, representation=resolve_representation(options.representation, found.used)
        )
        faces = dataclasses.replace(faces, faces=face_choice.resolve_faces(faces.faces, found.choices.get("crop")))
        settled = {**plain(options), **face_choice.record_options(faces), **choices.given(), **found.choices}
        found = _with_faces(found, faces)
        making = _Preparation(folder, name, found, options, {**request, "options": settled}, jobs, quiet)
        made = making.run(overwrite)
    else:
        made = False
    prepared = load(folder)
    _refuse_other_options(folder, request)
    if not made:
        warn(f"{name} was prepared before and is kept; --overwrite reads it anew")
    return prepared


def _with_defaults(dataset: str, options: PictureOptions, choices: Choices) -> PictureOptions:
    """The options with what the database says where they leave it open."""
    if options.representation == AUTO:
        options = dataclasses.replace(options, representation=registry.entry(dataset).representation)
    policy = choices.apex_policy or options.apex_policy
    return dataclasses.replace(options, apex_policy=policy)  # type: ignore[arg-type]


def _with_owner(found: ReadResult, dataset: str, source: Path | None) -> ReadResult:
    """A user's own sets are told apart by their sources: "anna" of one need not be "anna" of another.

    The same source under two names has the same people.
    """
    if registry.entry(dataset).kind != "own" or source is None:
        return found
    name = f"own-{hashlib.sha256(str(source.resolve()).encode('utf-8', 'surrogateescape')).hexdigest()[:6]}"
    return dataclasses.replace(found, samples=tuple(dataclasses.replace(s, dataset=name) for s in found.samples))


def _with_faces(found: ReadResult, faces: FaceOptions) -> ReadResult:
    finder = make_finder(faces)
    return dataclasses.replace(found, samples=tuple(add_face_frames(sample, finder) for sample in found.samples))


def _checked_name(name: str, dataset: str) -> str:
    """Refuse a name that would lead out of the store or hide another data set. Raises UserError."""
    if not re.fullmatch(r"\w[\w.-]{0,99}", name):
        raise UserError(f"--name {name!r}: only letters, digits, '_', '-' and '.', beginning with a letter or digit")
    if name != dataset and name in registry.DATASETS:
        raise UserError(f"--name {name}: another data set is called so")
    return name


def _is_prepared(folder: Path) -> bool:
    return os.path.exists(folder / "prepared.json")  # noqa: PTH110 (Path.exists raises for a name that is too long)


def _refuse_other_options(folder: Path, request: dict[str, Any]) -> None:
    facts = read_record(folder / FACTS, FORMAT)
    # A set that was prepared before an option came into being has its default.
    defaults = {
        **plain(PictureOptions(size=0)),
        **face_choice.record_options(FaceOptions(faces="whole")),
        **registry.resolve_choices(request["dataset"], NO_CHOICES).given(),
    }
    old = {**defaults, "dataset": facts.dataset, "source": facts.source, **facts.options}
    new = {**{key: request[key] for key in ("dataset", "source")}, **request["options"]}
    # What was left to be found out then is what was found out.
    new = {key: old[key] if value == AUTO and key in old else value for key, value in new.items()}
    differences = [f"{key} {old.get(key)} -> {value}" for key, value in new.items() if old.get(key) != value]
    if differences:
        raise UserError(
            f"{folder.name} is already prepared with other options ({'; '.join(differences)}); "
            "use --overwrite to replace it or --name to keep both"
        )


@dataclasses.dataclass(frozen=True)
class _Preparation:
    """A prepared data set on its way into the store.

    It grows in a hidden folder beside its place, which one process holds at a time: a file for each finished batch,
    which stays until the set is whole, and "new", the set before it is moved to its place.
    """

    folder: Path
    name: str
    found: ReadResult
    options: PictureOptions
    request: dict[str, Any]
    jobs: int
    quiet: bool

    def run(self, overwrite: bool) -> bool:
        """Write everything or nothing; False where another process was faster and its set was left in place."""
        growing = self.folder.with_name(f".{self.name}.growing")
        try:
            with (
                lock(growing, lambda: warn(f"another process is preparing {self.name}; waiting for it")),
                _sweep(growing),
            ):
                _put_back(growing / "old", self.folder)
                made = overwrite or not _is_prepared(self.folder)
                if made:
                    self._make(growing)
                return made
        except OSError as error:
            raise UserError(f"cannot write {self.folder}: {error.strerror or error}") from error

    def _make(self, growing: Path) -> None:
        batches = split_into_batches(self.found.used, self.options, growing)
        self._make_pictures(batches)
        new, old = growing / "new", growing / "old"
        # A killed run may have left them.
        for stale in (new, old):
            shutil.rmtree(stale, ignore_errors=True)
        new.mkdir()
        shape = (self.options.channels, self.options.size, self.options.size)
        kept, without, digest = join(new / "images.npy", [(batch.path, batch.samples) for batch in batches], shape)
        dropped = [*(sample for sample in self.found.samples if sample.dropped), *without]
        try:
            check_usable(kept, dropped, self.name)
            if without and registry.entry(self.request["dataset"]).complete_only:
                lost = f"{without[0].dataset}/{without[0].subject}/{without[0].clip}: {without[0].dropped}"
                raise UserError(f"{self.name} counts as a whole only, and {len(without)} samples are lost ({lost})")
        except UserError:
            shutil.rmtree(growing, ignore_errors=True)
            raise
        write_tables(new, self.name, self.found, kept, dropped, self.request, digest)
        write_contact_sheet(new, kept, self.options, self.name)
        _put_in_place(new, self.folder, old)

    def _make_pictures(self, batches: list[Batch]) -> None:
        wanted = unfinished(batches)
        samples = len(self.found.used)
        done = samples - sum(len(batch.samples) for batch in wanted)
        if done:
            warn(f"{done} of {samples} pictures of {self.name} are there from a run that was ended before its time")
        with _no_progress() if self.quiet else progress(f"preparing {self.name}", samples, done) as step:
            make_all(wanted, self.jobs, lambda more: [step("") for _ in range(more)])


@contextmanager
def _sweep(growing: Path) -> Iterator[None]:
    """Leave nothing behind but the finished batches of a run that an error or an interruption ends."""
    try:
        yield
    except BaseException:
        batches = any(growing.glob("*.batch"))
        shutil.rmtree(growing / "new" if batches else growing, ignore_errors=True)
        raise
    shutil.rmtree(growing, ignore_errors=True)


@contextmanager
def _no_progress() -> Iterator[Callable[[str], None]]:
    yield lambda note: None


def _put_back(old: Path, folder: Path) -> None:
    """Undo half of an exchange of the old set for the new one, if a run was killed in the middle of it."""
    if old.exists() and not folder.exists():
        old.rename(folder)


def _put_in_place(new: Path, folder: Path, old: Path) -> None:
    """Move what lay there out of the way, then the new set in; back again if that fails."""
    if folder.exists():
        folder.rename(old)
    try:
        new.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise


def find(name: str, announce: Callable[[str], None] = say) -> Prepared:
    """The prepared data set of that name, or in that folder; an embedded one is drawn when it is first asked for.

    Raises UserError: for a known but unprepared data set, with its owner, where to ask for it and what to run.
    """
    folder = Path(name) if "/" in name or "\\" in name else prepared_folder(name)
    if _is_prepared(folder):
        return load(folder)
    if folder != prepared_folder(name):
        raise UserError(f"{folder}: not a prepared data set of emonas")
    try:
        known_set = registry.entry(name)
    except UserError:
        known = sorted({*registry.DATASETS, *prepared_names()})
        raise UserError(f"no data set {name!r}; known: {', '.join(known)}") from None
    if known_set.name != name:
        return find(known_set.name, announce)
    if known_set.embedded:
        announce(f"drawing {name} once ({known_set.title})")
        return prepare(name, None, PictureOptions(size=known_set.size))
    raise UserError(
        f"{name} is not prepared. Owner: {known_set.owner}. Ask for it: {known_set.request}. "
        f"Then run: emonas-data prepare {name} PATH"
    )


def prepared_names() -> list[str]:
    """The names of all prepared data sets."""
    root = prepared_folder("x").parent
    return sorted(path.parent.name for path in root.glob("*/prepared.json")) if root.exists() else []
