"""Numbers from predictions pooled over all folds, as the MEGC 2019 challenge defines them.

With TP_c, FP_c, FN_c summed over all folds, n_c samples of class c and C classes:

    F1_c = 2 TP_c / (2 TP_c + FP_c + FN_c)      UF1 = (1/C) sum_c F1_c      UAR = (1/C) sum_c TP_c / n_c

Averaging each fold's F1 would be wrong: many people show one class only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scores:
    """Accuracy, unweighted F1, unweighted average recall and the confusion matrix (truth in rows)."""

    accuracy: float
    uf1: float
    uar: float
    confusion: np.ndarray


def scores(truth: np.ndarray, predictions: np.ndarray, classes: int) -> Scores:
    """Scores of pooled predictions; both arrays (N,), ints in 0..classes-1.

    Every class counts in the mean that occurs in the truth or in the predictions; a class that nobody shows and nobody
    predicts has no F1.
    """
    from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, recall_score

    occurring = np.unique(np.concatenate([truth, predictions]))
    shown = np.unique(truth)
    return Scores(
        accuracy=float(accuracy_score(truth, predictions)),
        uf1=float(f1_score(truth, predictions, labels=occurring, average="macro", zero_division=0)),
        uar=float(recall_score(truth, predictions, labels=shown, average="macro", zero_division=0)),
        confusion=confusion_matrix(truth, predictions, labels=np.arange(classes)),
    )


def chance(truth: np.ndarray, classes: int) -> Scores:
    """Scores of always answering the class that is most frequent in the truth: what a number must beat."""
    most = np.bincount(truth, minlength=classes).argmax()
    return scores(truth, np.full_like(truth, most), classes)
