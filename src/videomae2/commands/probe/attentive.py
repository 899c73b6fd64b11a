"""Train attentive probes on frozen tokens: every rate and decay at once, each batch read once.

Axes: videos, tokens, dim, classes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, Int64
from torch import Generator, Tensor

from videomae2.base.progress import track
from videomae2.commands.probe.config import ProbeSettings
from videomae2.commands.probe.split_features import cv_splits
from videomae2.errors import ConfigError
from videomae2.inference.features.cache import ListFeatures
from videomae2.metrics.classification import top_k_accuracy
from videomae2.metrics.probe import ProbeResult, Trial, compute_result, select_best
from videomae2.models.attentive_probe import AttentiveProbe
from videomae2.tensors import rng
from videomae2.training.schedules import CosineSchedule

Rows = Int64[np.ndarray, " rows"]
_ORDER_STREAM = 0x1F10
_WARMUP_FRACTION = 0.05  # share of the steps


@dataclass(frozen=True, slots=True)
class TokenFeatures:
    """Frozen tokens, which stay on the disk until a batch is read, and their videos' classes."""

    features: ListFeatures
    """Of the list."""
    name: str
    """Of the kind: [tokens, dim] of a video."""
    rows: Rows
    """Those of the list that count here."""
    labels: Int[np.ndarray, " rows"]
    device: torch.device
    """Where batches are brought to."""
    groups: tuple[str, ...] | None = None
    """What each video belongs to and must not be parted from; None where nothing says it."""

    def load(self, positions: Rows) -> Float[Tensor, "videos tokens dim"]:
        tokens = self.features.load_rows(self.name, self.rows[positions])
        return torch.from_numpy(tokens).to(self.device).float()

    def subset(self, positions: Rows) -> "TokenFeatures":
        return replace(self, rows=self.rows[positions], labels=self.labels[positions], groups=None)


def probe_attentive(
    train: TokenFeatures,
    test: TokenFeatures,
    num_classes: int,
    num_heads: int,
    settings: ProbeSettings,
    save: Callable[[AttentiveProbe], object] = lambda probe: None,
) -> ProbeResult:
    """Choose rate and decay on the first fold, then train one probe on all training videos.

    ``save`` gets that one.
    """
    lrs, sizes = settings.lrs, (num_heads, num_classes)
    splits = cv_splits(train.labels, settings.folds, settings.seed, train.groups)
    rows, val_rows = splits[0]
    param_grid = list(product(sorted(lrs), sorted(settings.weight_decays)))
    probes = train_probes(train.subset(rows), sizes, param_grid, settings, purpose="to choose")
    validation, trials = train.subset(val_rows), []
    for (rate, decay), probe in zip(param_grid, probes, strict=True):
        scores = _compute_scores(probe, validation, settings.probe_batch_size)
        diverged = not np.isfinite(scores).all()
        accuracy = 0.0 if diverged else top_k_accuracy(scores, validation.labels)
        trials.append(Trial(params={"lr": rate, "weight_decay": decay}, val_accuracy=accuracy))
    best = select_best(trials)
    notes = []
    if len(set(lrs)) > 1 and best.params["lr"] in (min(lrs), max(lrs)):
        notes.append(f"lr {best.params['lr']:g} is at the end of --lrs; try beyond it")
    best_params = [(best.params["lr"], best.params["weight_decay"])]
    purpose = "with the chosen setting"
    (final,) = train_probes(train, sizes, best_params, settings, purpose=purpose)
    scores = _compute_scores(final, test, settings.probe_batch_size)
    if not np.isfinite(scores).all():
        rate = best.params["lr"]
        raise ConfigError(f"the attentive probe diverged at lr {rate:g}; lower --lrs")
    save(final)
    return compute_result(
        "attentive", "tokens", scores, test.labels, best=best, trials=trials, notes=notes
    )


def train_probes(
    data: TokenFeatures,
    sizes: tuple[int, int],
    param_grid: Sequence[tuple[float, float]],
    settings: ProbeSettings,
    *,
    purpose: str,
) -> list[AttentiveProbe]:
    """Train a probe for each rate and decay, from the same weights, in the same order.

    ``sizes`` are how many heads its attention has, and how many classes it tells apart.
    """
    seed, batch_size = settings.seed, settings.probe_batch_size
    _, dim = data.features.compute_shape(data.name, int(data.rows[0]))
    key = rng.make_key(seed) >> 1
    probes = [
        AttentiveProbe(dim, *sizes, Generator().manual_seed(key)).to(data.device)
        for _ in param_grid
    ]
    optimizer = torch.optim.AdamW(
        [
            {"params": list(probe.parameters()), "weight_decay": decay}
            for probe, (_, decay) in zip(probes, param_grid, strict=True)
        ],
        fused=True,
    )
    steps = settings.epochs * -(-len(data.rows) // batch_size)
    schedule = CosineSchedule(
        peak=1.0, final=0.0, steps=steps, warmup_steps=round(_WARMUP_FRACTION * steps)
    )
    with track(f"attentive {purpose}", total=steps, unit="step") as progress:
        batches = _iterate_batches(len(data.rows), settings.epochs, batch_size, seed)
        for step, rows in enumerate(batches):
            for group, (rate, _) in zip(optimizer.param_groups, param_grid, strict=True):
                group["lr"] = rate * schedule(step)
            tokens = data.load(rows)
            labels = torch.from_numpy(data.labels[rows]).long().to(data.device)
            losses = torch.stack([F.cross_entropy(probe(tokens), labels) for probe in probes])
            optimizer.zero_grad(set_to_none=True)
            losses.sum().backward()  # every probe moves by its own loss
            optimizer.step()
            progress.advance()
    return probes


def _iterate_batches(videos: int, epochs: int, batch_size: int, seed: int) -> Iterator[Rows]:
    """The videos of each step, every one once an epoch, in an order of the seed."""
    for epoch in range(epochs):
        order = rng.permutation(rng.make_key(seed, _ORDER_STREAM, epoch), videos)
        for first in range(0, videos, batch_size):
            # sorted, as the disk likes it; the order within a step changes nothing but rounding
            yield np.sort(order[first : first + batch_size]).astype(np.int64)


@torch.no_grad()
def _compute_scores(
    probe: AttentiveProbe, data: TokenFeatures, batch_size: int
) -> Float[np.ndarray, "videos classes"]:
    rows = np.arange(len(data.rows))
    parts = [rows[first : first + batch_size] for first in range(0, len(rows), batch_size)]
    return np.concatenate([probe(data.load(part)).cpu().numpy() for part in parts])
