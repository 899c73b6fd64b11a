"""k-NN and linear probes of pooled features, all settings at once.

Settings are chosen on folds of the training videos; the test videos are looked at last.

Axes: videos; kinds = without and with the closing norm; dim; classes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from videomae2.base.text import format_count
from videomae2.commands.probe.config import ProbeSettings
from videomae2.errors import ConfigError
from videomae2.metrics import knn
from videomae2.metrics.classification import top_k_hits
from videomae2.metrics.folds import assign_folds
from videomae2.metrics.linear_probe import FeatureScaler, fit_logistic
from videomae2.metrics.probe import ProbeResult, Trial, compute_result, select_best

POOLINGS = ("plain", "normed")
_MAX_VIDEOS_ALL_FOLDS = 20_000  # more training videos than this hold out the first fold only
ScoresByParams = dict[tuple[str, ...], Float[np.ndarray, "videos classes"]]


@dataclass(frozen=True, slots=True)
class SplitFeatures:
    """Training or test videos."""

    features: Float[Tensor, "videos kinds dim"]
    labels: Int[np.ndarray, " videos"]


def cv_splits(
    labels: Int[np.ndarray, " videos"], count: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Give (rows to train on, rows to choose by), once for each fold.

    Raises:
        ConfigError: There are fewer than 2 folds, or fewer videos than folds.
    """
    if count < 2 or count > len(labels):
        raise ConfigError(
            f"--folds is {count}, wanted 2 up to {len(labels)}, the number of training videos"
        )
    fold = assign_folds(labels, count, seed=seed)
    num_used = count if len(labels) <= _MAX_VIDEOS_ALL_FOLDS else 1
    return [(np.flatnonzero(fold != n), np.flatnonzero(fold == n)) for n in range(num_used)]


def feasible_ks(
    ks: Sequence[int], splits: Sequence[tuple[np.ndarray, np.ndarray]]
) -> tuple[int, list[int]]:
    """The training videos of the smallest fold, and the numbers of neighbours that it has.

    Raises:
        ConfigError: There is none.
    """
    max_k = min(len(rows) for rows, _ in splits)
    feasible = sorted({k for k in ks if k <= max_k})
    if not feasible:
        raise ConfigError(f"--ks wants numbers up to {max_k}, the training videos of a fold")
    return max_k, feasible


def probe_knn(
    train: SplitFeatures, test: SplitFeatures, num_classes: int, settings: ProbeSettings
) -> ProbeResult:
    """Let the nearest training videos vote, by cosine of standardised features."""
    splits = cv_splits(train.labels, settings.folds, settings.seed)
    max_k, feasible = feasible_ks(settings.ks, splits)
    notes = []
    if skipped_ks := sorted(set(settings.ks) - set(feasible)):
        videos = format_count(max_k, "video")
        notes.append(f"k {', '.join(map(str, skipped_ks))} left out: a fold has {videos}")
    compute_votes = partial(
        _compute_votes, num_classes=num_classes, ks=feasible, temperature=settings.temperature
    )
    validation = _cross_validate(train, splits, compute_votes)
    final = compute_votes(train, test)
    trials = [
        Trial(
            params={"features": kind, "vote": vote, "k": int(k)},
            val_accuracy=validation[kind, vote, k],
            test_accuracy=float(top_k_hits(scores, test.labels, k=1).mean()),
        )
        for (kind, vote, k), scores in final.items()
    ]
    best = select_best(trials)
    scores = final[best.params["features"], best.params["vote"], str(best.params["k"])]
    return compute_result("knn", scores, test.labels, best=best, trials=trials, notes=notes)


def _compute_votes(
    train: SplitFeatures,
    test: SplitFeatures,
    num_classes: int,
    ks: Sequence[int],
    temperature: float,
) -> ScoresByParams:
    votes: ScoresByParams = {}
    for number, pooling in enumerate(POOLINGS):
        scaler = FeatureScaler.fit(train.features[:, number])
        cosines, index = knn.find_nearest(
            scaler(test.features[:, number]), scaler(train.features[:, number]), max(ks)
        )
        labels = train.labels[index]
        for k in ks:
            votes[pooling, "weighted", str(k)] = knn.compute_weighted_votes(
                cosines[:, :k], labels[:, :k], num_classes, temperature=temperature
            )
            votes[pooling, "majority", str(k)] = knn.count_votes(labels[:, :k], num_classes)
    return votes


def probe_linear(
    train: SplitFeatures, test: SplitFeatures, num_classes: int, settings: ProbeSettings
) -> ProbeResult:
    """Fit logistic regressions of all L2 penalties, each to its optimum."""
    l2 = sorted(settings.l2, reverse=True)
    splits = cv_splits(train.labels, settings.folds, settings.seed)
    notes: list[str] = []
    unfinished: set[float] = set()
    compute_scores = partial(_fit_logistic, num_classes=num_classes, l2=l2, unfinished=unfinished)
    validation = _cross_validate(train, splits, compute_scores)
    trials = [
        Trial(params={"features": kind, "l2": float(penalty)}, val_accuracy=value)
        for (kind, penalty), value in validation.items()
    ]
    best = select_best(trials)
    kind, penalty = best.params["features"], best.params["l2"]
    if len(l2) > 1 and penalty in (l2[0], l2[-1]):
        notes.append(f"penalty {penalty:.3g} is at the end of --l2; try beyond it")
    number = POOLINGS.index(kind)
    train_split = SplitFeatures(train.features[:, [number]], train.labels)
    test_split = SplitFeatures(test.features[:, [number]], test.labels)
    (final,) = _fit_logistic(train_split, test_split, num_classes, [penalty], unfinished).values()
    if unfinished:
        shown = ", ".join(f"{penalty:.3g}" for penalty in sorted(unfinished))
        notes.append(f"penalties {shown} were stopped near their optimum, not at it")
    return compute_result("linear", final, test.labels, best=best, trials=trials, notes=notes)


def _fit_logistic(
    train: SplitFeatures,
    test: SplitFeatures,
    num_classes: int,
    l2: Sequence[float],
    unfinished: set[float],
) -> ScoresByParams:
    labels = torch.from_numpy(train.labels).to(train.features.device)
    scores_by_params: ScoresByParams = {}
    for number in range(train.features.shape[1]):
        scaler = FeatureScaler.fit(train.features[:, number])
        fit = fit_logistic(scaler(train.features[:, number]), labels, num_classes, l2)
        unfinished |= {value for value, done in zip(l2, fit.converged, strict=True) if not done}
        all_scores = fit.compute_scores(scaler(test.features[:, number])).cpu().numpy()
        for value, scores in zip(l2, all_scores, strict=True):
            scores_by_params[POOLINGS[number], repr(value)] = scores
    return scores_by_params


def _cross_validate(
    train: SplitFeatures,
    splits: Sequence[tuple[np.ndarray, np.ndarray]],
    scores: Callable[[SplitFeatures, SplitFeatures], ScoresByParams],
) -> dict[tuple[str, ...], float]:
    """The accuracy of every setting over all training videos that were held out."""
    hits: dict[tuple[str, ...], list[np.ndarray]] = {}
    for rows, val_rows in splits:
        fit_split, val_split = (
            SplitFeatures(train.features[part], train.labels[part]) for part in (rows, val_rows)
        )
        for setting, found in scores(fit_split, val_split).items():
            hits.setdefault(setting, []).append(top_k_hits(found, val_split.labels, k=1))
    return {setting: float(np.concatenate(found).mean()) for setting, found in hits.items()}
