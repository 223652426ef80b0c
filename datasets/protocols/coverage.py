"""What a protocol cannot show: classes of which nothing is learnt in the folds that test them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emonas.datasets.clips.sample import Sample
from emonas.datasets.protocols.protocol import Fold


def largest_uar(samples: Sequence[Sample], folds: Sequence[Fold]) -> tuple[float, dict[str, float]]:
    """The largest UAR that these folds allow, and the classes of which a part cannot be learnt, with that part's share.

    A tested sample whose class has no training sample in its fold is never recognised; the others may be.
    """
    labels = np.array([sample.label for sample in samples])
    tested: dict[str, int] = {}
    unlearnt: dict[str, int] = {}
    for fold in folds:
        learnt = set(labels[fold.train])
        for label, count in zip(*np.unique(labels[fold.test], return_counts=True), strict=True):
            tested[str(label)] = tested.get(str(label), 0) + int(count)
            if label not in learnt:
                unlearnt[str(label)] = unlearnt.get(str(label), 0) + int(count)
    shares = {label: unlearnt[label] / tested[label] for label in sorted(unlearnt)}
    return 1 - sum(shares.values()) / max(1, len(tested)), shares


def coverage_notes(samples: Sequence[Sample], folds: Sequence[Fold]) -> tuple[str, ...]:
    """A note for the classes that these folds cannot teach before they test them; none where all is learnt."""
    reachable, shares = largest_uar(samples, folds)
    if not shares:
        return ()
    cases = []
    for label, share in shares.items():
        people = {sample.person: sample for sample in samples if sample.label == label}
        alone = next(iter(people.values()))
        if len(people) == 1 and alone.subject is not None:
            cases.append(f"{label!r} is shown by one person only ({alone.subject})")
        else:
            cases.append(f"{share:.0%} of {label!r}")
    return (
        f"not learnt when tested, since no training sample of the class is left: {', '.join(cases)}; "
        f"UAR cannot pass {reachable:.3f}",
    )
