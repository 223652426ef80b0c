"""The cells that are judged: one genotype for all folds, or one a fold from a search by folds."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from emonas.datasets.protocols.protocol import Fold
from emonas.errors import UserError
from emonas.evaluate.model.darts_genotype import is_darts_text, read_darts_genotype
from emonas.files import why_not_a_file
from emonas.genotype import Genotype


@dataclass(frozen=True)
class Genotypes:
    """The genotype of each fold: the same for all, or one a fold from a search by folds."""

    path: Path
    shared: Genotype | None
    by_fold: Mapping[str, Genotype]

    def of(self, parts: Sequence[Fold]) -> list[Genotype]:
        """The genotype that each fold is to be judged with. Raises UserError where the search had other folds."""
        if self.shared is not None:
            return [self.shared] * len(parts)
        folders = [Fold.folder(fold.name) for fold in parts]
        if set(folders) != set(self.by_fold):
            raise UserError(
                f"{self.path}: holds cells for {len(self.by_fold)} folds, not for these {len(parts)}; "
                "use the search's --protocol and --folds, and let it finish"
            )
        return [self.by_fold[folder] for folder in folders]

    @property
    def any(self) -> Genotype:
        """One of them, for what they all have in common."""
        return self.shared or next(iter(self.by_fold.values()))

    @property
    def name(self) -> str:
        """What the run folder is called after."""
        name = self.path.stem if self.path.stem != "genotype" else self.path.resolve().parent.name
        return name.removeprefix("search-")


def load_genotypes(path: Path) -> Genotypes:
    """A genotype file, also one of DARTS, a search's run folder, or the folder of a search by folds.

    Raises UserError.
    """
    reason = why_not_a_file(path)
    if reason and not os.path.isdir(path):  # noqa: PTH112 (Path.is_dir raises for a name that is too long)
        raise UserError(f"--genotype {path}: {reason}")
    if not reason:
        return Genotypes(path, read_darts_genotype(path) if is_darts_text(path) else Genotype.load(path), {})
    if (path / "genotype.json").exists():
        return Genotypes(path, Genotype.load(path / "genotype.json"), {})
    found = {file.parent.name: Genotype.load(file) for file in sorted(path.glob("*/genotype.json"))}
    if not found:
        raise UserError(f"--genotype {path}: holds no genotype.json; is the search finished?")
    return Genotypes(path, None, found)


def fingerprint(chosen: Sequence[Genotype]) -> str:
    """A short text that is another one for other cells."""
    texts = {json.dumps(genotype.as_json(), sort_keys=True): None for genotype in chosen}
    return hashlib.sha256("".join(texts).encode()).hexdigest()[:16]
