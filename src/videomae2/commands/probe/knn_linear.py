"""k-NN and linear probes of pooled features, all settings at once.

Settings are chosen on folds of the training videos; the test videos are looked at last.

Axes: videos; kinds = without and with the closing norm, or one alone; dim; classes.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from videomae2.base.text import format_count
from videomae2.commands.probe.config import ProbeSettings
from videomae2.commands.probe.split_features import (
    ScoresByParams,
    SplitFeatures,
    cross_validate,
    cv_splits,
)
from videomae2.errors import ConfigError
from videomae2.metrics import knn
from videomae2.metrics.classification import top_k_hits
from videomae2.metrics.linear_probe import LogisticFit, fit_logistic, fit_ridge_path
from videomae2.metrics.probe import ProbeResult, Trial, compute_result, select_best


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
    splits = cv_splits(train.labels, settings.folds, settings.seed, train.groups)
    max_k, feasible = feasible_ks(settings.ks, splits)
    notes = []
    if skipped_ks := sorted(set(settings.ks) - set(feasible)):
        videos = format_count(max_k, "video")
        notes.append(f"k {', '.join(map(str, skipped_ks))} left out: a fold has {videos}")
    compute_votes = partial(
        _compute_votes, num_classes=num_classes, ks=feasible, temperature=settings.temperature
    )
    validation = cross_validate(train, splits, compute_votes)
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
    return compute_result(
        "knn", train.pooling, scores, test.labels, best=best, trials=trials, notes=notes
    )


def _compute_votes(
    train: SplitFeatures,
    test: SplitFeatures,
    num_classes: int,
    ks: Sequence[int],
    temperature: float,
) -> ScoresByParams:
    votes: ScoresByParams = {}
    for number, kind in enumerate(train.kinds):
        scaler = train.fit_scaler(number)
        cosines, index = knn.find_nearest(
            scaler(test.features[:, number]), scaler(train.features[:, number]), max(ks)
        )
        labels = train.labels[index]
        for k in ks:
            votes[kind, "weighted", str(k)] = knn.compute_weighted_votes(
                cosines[:, :k], labels[:, :k], num_classes, temperature=temperature
            )
            votes[kind, "majority", str(k)] = knn.count_votes(labels[:, :k], num_classes)
    return votes


def probe_linear(
    train: SplitFeatures, test: SplitFeatures, num_classes: int, settings: ProbeSettings
) -> ProbeResult:
    """Fit logistic regressions of all L2 penalties, each to its optimum."""
    unfinished: set[float] = set()
    result = _probe_penalties(
        "linear", train, test, settings, settings.l2,
        partial(_fit_heads, num_classes=num_classes, unfinished=unfinished),
    )  # fmt: skip
    if not unfinished:
        return result
    shown = ", ".join(f"{penalty:.3g}" for penalty in sorted(unfinished))
    note = f"l2 {shown}: stopped near the optimum, not at it"
    return replace(result, remarks=(*result.remarks, note))


def probe_ridge(
    train: SplitFeatures, test: SplitFeatures, num_classes: int, settings: ProbeSettings
) -> ProbeResult:
    """Regress 0 and 1 of each class on the features, in closed form for all L2 penalties."""
    fit = partial(_fit_heads, num_classes=num_classes, unfinished=None)
    return _probe_penalties("ridge", train, test, settings, settings.ridge_l2, fit)


FitHeads = Callable[[SplitFeatures, SplitFeatures, Sequence[float]], ScoresByParams]


def _probe_penalties(
    method: str,
    train: SplitFeatures,
    test: SplitFeatures,
    settings: ProbeSettings,
    l2_values: Sequence[float],
    fit_heads: FitHeads,
) -> ProbeResult:
    """Choose kind and penalty on folds, then fit one head on all training videos."""
    l2 = sorted(l2_values, reverse=True)
    splits = cv_splits(train.labels, settings.folds, settings.seed, train.groups)
    notes: list[str] = []
    validation = cross_validate(train, splits, lambda fit, val: fit_heads(fit, val, l2))
    trials = [
        Trial(params={"features": kind, "l2": float(penalty)}, val_accuracy=value)
        for (kind, penalty), value in validation.items()
    ]
    best = select_best(trials)
    kind, penalty = best.params["features"], best.params["l2"]
    if len(l2) > 1 and penalty in (l2[0], l2[-1]):
        flag = "--ridge-l2" if method == "ridge" else "--l2"
        notes.append(f"l2 {penalty:.3g} is at the end of {flag}; try beyond it")
    number = [train.kinds.index(kind)]
    whole = [each.select(np.arange(len(each.labels)), number) for each in (train, test)]
    (final,) = fit_heads(whole[0], whole[1], [penalty]).values()
    return compute_result(
        method, train.pooling, final, test.labels, best=best, trials=trials, notes=notes
    )


def _fit_heads(
    train: SplitFeatures,
    test: SplitFeatures,
    l2: Sequence[float],
    num_classes: int,
    unfinished: set[float] | None,
) -> ScoresByParams:
    """The scores of the heads of all kinds and penalties: ridge, where none may stay unfinished."""
    labels = torch.from_numpy(train.labels).to(train.features.device)
    scores_by_params: ScoresByParams = {}
    for number, kind in enumerate(train.kinds):
        scaler = train.fit_scaler(number)
        fit_path = fit_ridge_path if unfinished is None else fit_logistic
        fit = fit_path(scaler(train.features[:, number]), labels, num_classes, l2)
        if isinstance(fit, LogisticFit) and unfinished is not None:
            unfinished |= {value for value, done in zip(l2, fit.converged, strict=True) if not done}
        all_scores = fit.compute_scores(scaler(test.features[:, number])).cpu().numpy()
        for value, scores in zip(l2, all_scores, strict=True):
            scores_by_params[kind, repr(value)] = scores
    return scores_by_params
