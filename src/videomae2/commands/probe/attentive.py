"""Train attentive probes on frozen tokens: every rate and decay at once, each batch read once.

Axes: videos, tokens, dim, classes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, Int64
from numpy.typing import NDArray
from torch import Generator, Tensor

from videomae2.base.progress import track
from videomae2.commands.probe.knn_linear import cv_splits
from videomae2.errors import ConfigError
from videomae2.metrics.classification import top_k_hits
from videomae2.metrics.probe import ProbeResult, Trial, compute_result, select_best
from videomae2.models.attentive_probe import AttentiveProbe
from videomae2.tensors import rng
from videomae2.training.schedules import CosineSchedule

Rows = Int64[np.ndarray, " rows"]
LearningParams = tuple[float, float]
"""Learning rate and weight decay."""
_ORDER_STREAM = 0x1F10
_WARMUP_FRACTION = 0.05  # share of the steps


@dataclass(frozen=True, slots=True)
class TokenFeatures:
    """Frozen tokens, which stay on the disk until a batch is read, and their videos' classes."""

    array: NDArray[np.float16]
    """[videos of the list, tokens, dim]"""
    rows: Rows
    """Those of the list that count here."""
    labels: Int[np.ndarray, " rows"]

    def load(self, positions: Rows, device: torch.device) -> Float[Tensor, "videos tokens dim"]:
        """Bring some videos to a device, in float32."""
        return torch.from_numpy(self.array[self.rows[positions]]).to(device).float()

    def subset(self, positions: Rows) -> "TokenFeatures":
        """Some of the videos."""
        return TokenFeatures(self.array, self.rows[positions], self.labels[positions])


@dataclass(frozen=True, kw_only=True, slots=True)
class AttentiveConfig:
    """How attentive probes are trained."""

    num_heads: int
    num_classes: int
    epochs: int
    batch_size: int
    seed: int
    device: torch.device


def probe_attentive(
    train: TokenFeatures,
    test: TokenFeatures,
    config: AttentiveConfig,
    *,
    lrs: Sequence[float],
    weight_decays: Sequence[float],
    folds: int,
) -> ProbeResult:
    """Choose rate and decay on the first fold, then train one probe on all training videos."""
    rows, val_rows = next(cv_splits(train.labels, folds, config.seed))
    param_grid = list(product(sorted(lrs), sorted(weight_decays)))
    probes = train_probes(train.subset(rows), param_grid, config, purpose="to choose")
    validation = train.subset(val_rows)
    trials = [
        Trial(
            params={"lr": rate, "weight_decay": decay},
            val_accuracy=_compute_accuracy(probe, validation, config),
        )
        for (rate, decay), probe in zip(param_grid, probes, strict=True)
    ]
    best = select_best(trials)
    notes = []
    if len(set(lrs)) > 1 and best.params["lr"] in (min(lrs), max(lrs)):
        notes.append(f"rate {best.params['lr']:g} is at the end of --lrs; try beyond it")
    best_params = [(best.params["lr"], best.params["weight_decay"])]
    (final,) = train_probes(train, best_params, config, purpose="with the chosen setting")
    scores = _compute_scores(final, test, config)
    if not np.isfinite(scores).all():
        raise ConfigError(
            f"the attentive probe diverged at rate {best_params[0][0]:g}; lower --lrs"
        )
    return compute_result("attentive", scores, test.labels, best=best, trials=trials, notes=notes)


def train_probes(
    data: TokenFeatures,
    param_grid: Sequence[LearningParams],
    config: AttentiveConfig,
    *,
    purpose: str,
) -> list[AttentiveProbe]:
    """Train a probe for each pair of parameters, from the same weights, in the same order."""
    dim = data.array.shape[2]
    probes = [
        AttentiveProbe(
            dim,
            config.num_heads,
            config.num_classes,
            Generator().manual_seed(rng.make_key(config.seed) >> 1),
        ).to(config.device)
        for _ in param_grid
    ]
    optimizer = torch.optim.AdamW(
        [
            {"params": list(probe.parameters()), "weight_decay": decay}
            for probe, (_, decay) in zip(probes, param_grid, strict=True)
        ],
        fused=True,
    )
    per_epoch = -(-len(data.rows) // config.batch_size)
    steps = config.epochs * per_epoch
    schedule = CosineSchedule(
        peak=1.0, final=0.0, steps=steps, warmup_steps=round(_WARMUP_FRACTION * steps)
    )
    with track(f"attentive {purpose}", total=steps, unit="step") as progress:
        for step, rows in enumerate(_iterate_batches(len(data.rows), config)):
            for group, (rate, _) in zip(optimizer.param_groups, param_grid, strict=True):
                group["lr"] = rate * schedule(step)
            _train_step(probes, optimizer, data, rows, config)
            progress.advance()
    return probes


def _train_step(
    probes: Sequence[AttentiveProbe],
    optimizer: torch.optim.AdamW,
    data: TokenFeatures,
    rows: Rows,
    config: AttentiveConfig,
) -> None:
    """Move every probe by its own loss; the gradient of the sum keeps them apart."""
    tokens = data.load(rows, config.device)
    labels = torch.from_numpy(data.labels[rows]).long().to(config.device)
    losses = torch.stack([F.cross_entropy(probe(tokens), labels) for probe in probes])
    optimizer.zero_grad(set_to_none=True)
    losses.sum().backward()
    optimizer.step()


def _iterate_batches(videos: int, config: AttentiveConfig) -> Iterator[Rows]:
    """The videos of each step, every one once an epoch, in an order of the seed."""
    for epoch in range(config.epochs):
        order = rng.permutation(rng.make_key(config.seed, _ORDER_STREAM, epoch), videos)
        for first in range(0, videos, config.batch_size):
            # sorted, as the disk likes it; the order within a step changes nothing but rounding
            yield np.sort(order[first : first + config.batch_size]).astype(np.int64)


def _compute_accuracy(probe: AttentiveProbe, data: TokenFeatures, config: AttentiveConfig) -> float:
    """The share of right answers; 0 for a probe that diverged."""
    scores = _compute_scores(probe, data, config)
    if not np.isfinite(scores).all():
        return 0.0
    return float(top_k_hits(scores, data.labels, k=1).mean())


@torch.no_grad()
def _compute_scores(
    probe: AttentiveProbe, data: TokenFeatures, config: AttentiveConfig
) -> Float[np.ndarray, "videos classes"]:
    rows = np.arange(len(data.rows))
    parts = [
        rows[first : first + config.batch_size] for first in range(0, len(rows), config.batch_size)
    ]
    return np.concatenate([probe(data.load(part, config.device)).cpu().numpy() for part in parts])
