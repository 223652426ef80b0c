"""From a source to a prepared data set: read, make pictures, write everything or nothing."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from emonas.console import progress, say, warn
from emonas.datasets.clips.sample import ReadResult
from emonas.datasets.databases import registry
from emonas.datasets.faces.crop import add_face_frames, make_finder
from emonas.datasets.faces.framing import Framing, look_at_framing
from emonas.datasets.faces.options import FaceOptions
from emonas.datasets.store.attempt import judge
from emonas.datasets.store.batch_file import join, read_attempts
from emonas.datasets.store.config import DEFAULTS, PrepareConfig
from emonas.datasets.store.contact_sheet import write_contact_sheet
from emonas.datasets.store.lock import lock
from emonas.datasets.store.look import settle_pictures
from emonas.datasets.store.own import name_by_content
from emonas.datasets.store.plan import PreparePlan, refuse_other_options, resolve, resolve_by_samples
from emonas.datasets.store.prepared import Prepared, load, prepared_folder
from emonas.datasets.store.tables import check_usable, write_tables
from emonas.datasets.store.workers import Batch, make_all, split_into_batches, unfinished
from emonas.errors import UserError


def prepare(dataset: str, source: Path | None, config: PrepareConfig = DEFAULTS, quiet: bool = False) -> Prepared:
    """Make a prepared data set of a database's name or alias and its ``source``, and return it.

    What is already prepared with the same source and options is returned as it is, unread; other options are refused
    unless ``overwrite``. A run that was ended before its time is continued. Samples whose frames cannot be read, and
    those without a face where faces are looked for, are dropped with their reason. The number of processes changes
    nothing in the result. ``quiet`` shows no progress. Raises UserError.
    """
    plan = resolve(dataset, source, config)
    made = (plan.overwrite or not _is_prepared(plan.folder)) and _read_and_make(plan, quiet)
    prepared = load(plan.folder)
    refuse_other_options(plan)
    if not made:
        warn(f"{plan.name} was prepared before and is kept; --overwrite reads it anew")
    return prepared


def _read_and_make(plan: PreparePlan, quiet: bool) -> bool:
    """Whether the set was made; False where another process was faster."""
    found = registry.read(plan.dataset, plan.source, plan.choices)
    if registry.entry(plan.dataset).kind == "own":
        found = name_by_content(found)
    check_usable(found.used, [sample for sample in found.samples if sample.dropped], plan.name)
    plan, found, framing = settle(plan, found)
    return _Preparation(plan, cut_faces(found, plan.faces), quiet, framing).run()


def settle(plan: PreparePlan, found: ReadResult) -> tuple[PreparePlan, ReadResult, Framing | None]:
    """The plan with what only the samples tell, the samples with notes on what their pictures are like, and how much of
    these pictures faces fill, None for drawn ones. Raises UserError for options that do not fit the samples."""
    plan, found = settle_pictures(resolve_by_samples(plan, found), found)
    framing = None if registry.entry(plan.dataset).embedded else look_at_framing(found.used, plan.faces)
    if framing and framing.note:
        found = dataclasses.replace(found, notes=(*found.notes, framing.note))
    return plan, found, framing


def cut_faces(found: ReadResult, faces: FaceOptions) -> ReadResult:
    """The same with the faces cut out when frames are read, where that is wanted. Raises UserError."""
    finder = make_finder(faces)
    return dataclasses.replace(found, samples=tuple(add_face_frames(sample, finder) for sample in found.samples))


def _is_prepared(folder: Path) -> bool:
    return os.path.exists(folder / "prepared.json")  # noqa: PTH110 (Path.exists raises for a name that is too long)


@dataclasses.dataclass(frozen=True)
class _Preparation:
    """A prepared data set on its way into the store.

    It grows in a hidden folder beside its place, which one process holds at a time: a file for each finished batch,
    which stays until the set is whole, and "new", the set before it is moved to its place.
    """

    plan: PreparePlan
    found: ReadResult
    quiet: bool
    framing: Framing | None = None

    def run(self) -> bool:
        """Write everything or nothing; False where another process was faster and its set was left in place."""
        name, folder = self.plan.name, self.plan.folder
        growing = folder.with_name(f".{name}.growing")
        try:
            with (
                lock(growing, lambda: warn(f"another process is preparing {name}; waiting for it")),
                _sweep(growing),
            ):
                _put_back(growing / "old", folder)
                made = self.plan.overwrite or not _is_prepared(folder)
                if made:
                    self._make(growing)
                return made
        except OSError as error:
            raise UserError(f"cannot write {folder}: {error.strerror or error}") from error

    def _make(self, growing: Path) -> None:
        name, options = self.plan.name, self.plan.pictures
        batches = split_into_batches(self.found.used, options, growing)
        self._make_pictures(batches)
        new, old = growing / "new", growing / "old"
        # A killed run may have left them.
        for stale in (new, old):
            shutil.rmtree(stale, ignore_errors=True)
        new.mkdir()
        shape = (options.channels, options.size, options.size)
        paths = [batch.path for batch in batches]
        judged = judge(self.plan.dataset, self.found, read_attempts(paths), self.plan.drop_near_copies)
        try:
            self._check(judged.found)
        except UserError:
            shutil.rmtree(growing, ignore_errors=True)
            raise
        in_use = [i for i, sample in enumerate(self.found.samples) if not sample.dropped]
        kept = [not judged.found.samples[i].dropped for i in in_use]
        digest = join(new / "images.npy", paths, kept, shape)
        request = self.plan.record()
        request["options"] |= self.framing.record() if self.framing else {}
        write_tables(new, name, judged, request, digest)
        write_contact_sheet(new, judged.found.used, options, name)
        _put_in_place(new, self.plan.folder, old)

    def _check(self, found: ReadResult) -> None:
        """Refuse what nothing can be learnt on, and a set that counts as a whole and is none. Raises UserError."""
        name = self.plan.name
        check_usable(found.used, [sample for sample in found.samples if sample.dropped], name)
        both = zip(found.samples, self.found.samples, strict=True)
        lost = [now for now, then in both if now.dropped and not then.dropped]
        if lost and registry.entry(self.plan.dataset).complete_only:
            first = f"{lost[0].dataset}/{lost[0].subject}/{lost[0].clip}: {lost[0].dropped}"
            raise UserError(f"{name} counts as a whole only, and {len(lost)} samples are lost ({first})")

    def _make_pictures(self, batches: list[Batch]) -> None:
        wanted = unfinished(batches)
        samples, name = len(self.found.used), self.plan.name
        done = samples - sum(len(batch.samples) for batch in wanted)
        if done:
            warn(f"{done} of {samples} pictures of {name} are there from a run that was ended before its time")
        with progress(f"preparing {name}", samples, done, self.quiet) as step:
            make_all(wanted, self.plan.jobs, lambda more: [step("") for _ in range(more)])


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
        return prepare(name, None, PrepareConfig(jobs=1))
    raise UserError(
        f"{name} is not prepared. Owner: {known_set.owner}. Ask for it: {known_set.request}. "
        f"Then run: emonas-data prepare {name} PATH"
    )


def prepared_names() -> list[str]:
    """The names of all prepared data sets."""
    root = prepared_folder("x").parent
    return sorted(path.parent.name for path in root.glob("*/prepared.json")) if root.exists() else []
