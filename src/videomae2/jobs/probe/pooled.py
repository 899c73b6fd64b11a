"""k-NN and linear probes of pooled features, all settings at once.

Settings are chosen on folds of the training videos; the test videos are looked at last.

Axes: videos; kinds = without and with the closing norm; dim; classes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from videomae2.errors import ConfigError
from videomae2.jobs.probe.outcome import Outcome, Tried, best_of, outcome
from videomae2.tensors import neighbours
from videomae2.tensors.accuracy import top_k_hits
from videomae2.tensors.folds import folds
from videomae2.tensors.logistic import LogisticFit, fit_logistic
from videomae2.tensors.scaling import Scaling

KINDS = ("plain", "normed")

_ALL_FOLDS_UP_TO = 20_000  # more training videos than this hold out the first fold only
_SCORES_AT_ONCE = 2**26  # numbers; half a GiB in float64

Scores = dict[tuple[str, ...], Float[np.ndarray, "videos classes"]]


@dataclass(frozen=True, slots=True)
class Half:
    """Training or test videos."""

    features: Float[Tensor, "videos kinds dim"]
    labels: Int[np.ndarray, " videos"]


def cuts(
    labels: Int[np.ndarray, " videos"], count: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Give (rows to train on, rows to choose by), once for each fold.

    Raises:
        ConfigError: There are fewer than 2 folds, or fewer videos than folds.
    """
    if count < 2 or count > len(labels):
        raise ConfigError(
            f"--folds is {count}, wanted 2 up to {len(labels)}, the number of training videos"
        )
    fold = folds(labels, count, seed=seed)
    for number in range(count if len(labels) <= _ALL_FOLDS_UP_TO else 1):
        yield np.flatnonzero(fold != number), np.flatnonzero(fold == number)


def fitting(
    ks: Sequence[int], parts: Sequence[tuple[np.ndarray, np.ndarray]]
) -> tuple[int, list[int]]:
    """The training videos of the smallest fold, and the numbers of neighbours that it has.

    Raises:
        ConfigError: There is none.
    """
    most = min(len(rows) for rows, _ in parts)
    found = sorted({k for k in ks if k <= most})
    if not found:
        raise ConfigError(f"--neighbours wants numbers up to {most}, the training videos of a fold")
    return most, found


def knn(
    train: Half,
    test: Half,
    classes: int,
    *,
    ks: Sequence[int],
    temperature: float,
    folds: int,
    seed: int,
) -> Outcome:
    """Let the nearest training videos vote, by cosine of standardised features."""
    parts = list(cuts(train.labels, folds, seed))
    most, fit = fitting(ks, parts)
    left = sorted(set(ks) - set(fit))
    notes = [f"k {', '.join(map(str, left))} left out: a fold has {most} videos"] if left else []

    def votes(one: Half, other: Half) -> Scores:
        return _votes(one, other, classes, fit, temperature)

    validation = _validated(train, parts, votes)
    final = votes(train, test)
    tried = [
        Tried(
            setting={"features": kind, "vote": vote, "k": int(k)},
            validation=validation[kind, vote, k],
            test=float(top_k_hits(scores, test.labels, k=1).mean()),
        )
        for (kind, vote, k), scores in final.items()
    ]
    best = best_of(tried)
    scores = final[best.setting["features"], best.setting["vote"], str(best.setting["k"])]
    return outcome("knn", scores, test.labels, best=best, tried=tried, notes=notes)


def _votes(train: Half, test: Half, classes: int, ks: Sequence[int], temperature: float) -> Scores:
    found: Scores = {}
    for number, kind in enumerate(KINDS):
        scale = Scaling.of(train.features[:, number])
        cosines, index = neighbours.nearest(
            scale(test.features[:, number]), scale(train.features[:, number]), max(ks)
        )
        labels = train.labels[index]
        for k in ks:
            found[kind, "weighted", str(k)] = neighbours.weighted_votes(
                cosines[:, :k], labels[:, :k], classes, temperature=temperature
            )
            found[kind, "majority", str(k)] = neighbours.majority_votes(labels[:, :k], classes)
    return found


def linear(
    train: Half,
    test: Half,
    classes: int,
    *,
    strengths: Sequence[float],
    folds: int,
    seed: int,
) -> Outcome:
    """Fit logistic regressions of all strengths, each to its optimum."""
    strengths = sorted(strengths, reverse=True)
    notes: list[str] = []
    unfinished: set[float] = set()

    def scores(one: Half, other: Half) -> Scores:
        return _logistic(one, other, classes, strengths, unfinished)

    validation = _validated(train, list(cuts(train.labels, folds, seed)), scores)
    tried = [
        Tried(setting={"features": kind, "strength": float(strength)}, validation=value)
        for (kind, strength), value in validation.items()
    ]
    best = best_of(tried)
    kind, strength = best.setting["features"], best.setting["strength"]
    if len(strengths) > 1 and strength in (strengths[0], strengths[-1]):
        notes.append(f"strength {strength:.3g} is at the end of --strengths; try beyond it")
    number = KINDS.index(kind)
    half = Half(train.features[:, [number]], train.labels)
    there = Half(test.features[:, [number]], test.labels)
    (final,) = _logistic(half, there, classes, [strength], unfinished).values()
    if unfinished:
        shown = ", ".join(f"{strength:.3g}" for strength in sorted(unfinished))
        notes.append(f"strengths {shown} were stopped near their optimum, not at it")
    return outcome("linear", final, test.labels, best=best, tried=tried, notes=notes)


def _logistic(
    train: Half, test: Half, classes: int, strengths: Sequence[float], unfinished: set[float]
) -> Scores:
    at_once = max(1, _SCORES_AT_ONCE // (len(train.labels) * classes))
    labels = torch.from_numpy(train.labels).to(train.features.device)
    found: Scores = {}
    for number in range(train.features.shape[1]):
        scale = Scaling.of(train.features[:, number])
        x, y = scale(train.features[:, number]), scale(test.features[:, number])
        for first in range(0, len(strengths), at_once):
            some = strengths[first : first + at_once]
            fit = fit_logistic(x, labels, classes, some)
            unfinished |= _unfinished(fit, some)
            for strength, scores in zip(some, fit.scores(y), strict=True):
                found[KINDS[number], repr(strength)] = scores.cpu().numpy()
    return found


def _unfinished(fit: LogisticFit, strengths: Sequence[float]) -> set[float]:
    reached = fit.converged.tolist()
    return {strength for strength, is_there in zip(strengths, reached, strict=True) if not is_there}


def _validated(
    train: Half,
    parts: Sequence[tuple[np.ndarray, np.ndarray]],
    scores: Callable[[Half, Half], Scores],
) -> dict[tuple[str, ...], float]:
    """The accuracy of every setting over all training videos that were held out."""
    hits: dict[tuple[str, ...], list[np.ndarray]] = {}
    for rows, out in parts:
        one, other = (Half(train.features[part], train.labels[part]) for part in (rows, out))
        for setting, found in scores(one, other).items():
            hits.setdefault(setting, []).append(top_k_hits(found, other.labels, k=1))
    return {setting: float(np.concatenate(found).mean()) for setting, found in hits.items()}
