"""Train attentive probes on frozen tokens: every rate and decay at once, each batch read once.

Axes: videos, tokens, dim, classes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, Int64
from numpy.typing import NDArray
from torch import Generator, Tensor

from videomae2.engine.schedules import CosineSchedule
from videomae2.errors import ConfigError
from videomae2.jobs.probe.outcome import Outcome, Tried, best_of, outcome
from videomae2.jobs.probe.pooled import cuts
from videomae2.jobs.probe.progress import Progress
from videomae2.models.attentive import AttentiveProbe
from videomae2.tensors import draws
from videomae2.tensors.accuracy import top_k_hits

Rows = Int64[np.ndarray, " rows"]
Wish = tuple[float, float]
"""Learning rate and weight decay."""

_ORDER_STREAM = 0x1F10
_WARM_UP = 0.05  # share of the steps


@dataclass(frozen=True, slots=True)
class Tokens:
    """Frozen tokens, which stay on the disk until a batch is read, and their videos' classes."""

    all: NDArray[np.float16]
    """[videos of the list, tokens, dim]"""
    rows: Rows
    """Those of the list that count here."""
    labels: Int[np.ndarray, " rows"]

    def read(self, which: Rows, device: torch.device) -> Float[Tensor, "videos tokens dim"]:
        """Bring some videos to a device, in float32."""
        return torch.from_numpy(self.all[self.rows[which]]).to(device).float()

    def part(self, which: Rows) -> "Tokens":
        """Some of the videos."""
        return Tokens(self.all, self.rows[which], self.labels[which])


@dataclass(frozen=True, kw_only=True, slots=True)
class Attending:
    """How attentive probes are trained."""

    heads: int
    classes: int
    epochs: int
    batch: int
    seed: int
    device: torch.device
    say: Callable[[str], None]


def attentive(
    train: Tokens,
    test: Tokens,
    how: Attending,
    *,
    rates: Sequence[float],
    decays: Sequence[float],
    folds: int,
) -> Outcome:
    """Choose rate and decay on the first fold, then train one probe on all training videos."""
    rows, out = next(cuts(train.labels, folds, how.seed))
    wishes = list(product(sorted(rates), sorted(decays)))
    probes = trained(train.part(rows), wishes, how, words="to choose")
    held_out = train.part(out)
    tried = [
        Tried(setting={"rate": rate, "decay": decay}, validation=_accuracy(probe, held_out, how))
        for (rate, decay), probe in zip(wishes, probes, strict=True)
    ]
    best = best_of(tried)
    notes = []
    if len(set(rates)) > 1 and best.setting["rate"] in (min(rates), max(rates)):
        notes.append(f"rate {best.setting['rate']:g} is at the end of --rates; try beyond it")
    chosen = [(best.setting["rate"], best.setting["decay"])]
    (final,) = trained(train, chosen, how, words="with the chosen setting")
    scores = _scores(final, test, how)
    if not np.isfinite(scores).all():
        raise ConfigError(f"the attentive probe diverged at rate {chosen[0][0]:g}; lower --rates")
    return outcome("attentive", scores, test.labels, best=best, tried=tried, notes=notes)


def trained(
    data: Tokens, wishes: Sequence[Wish], how: Attending, *, words: str
) -> list[AttentiveProbe]:
    """Train a probe per wish, from the same first weights and in the same order of videos."""
    dim = data.all.shape[2]
    probes = [
        AttentiveProbe(
            dim, how.heads, how.classes, Generator().manual_seed(draws.key(how.seed) >> 1)
        ).to(how.device)
        for _ in wishes
    ]
    optimizer = torch.optim.AdamW(
        [
            {"params": list(probe.parameters()), "weight_decay": decay}
            for probe, (_, decay) in zip(probes, wishes, strict=True)
        ],
        fused=True,
    )
    per_epoch = -(-len(data.rows) // how.batch)
    steps = how.epochs * per_epoch
    schedule = CosineSchedule(peak=1.0, last=0.0, steps=steps, warmup_steps=round(_WARM_UP * steps))
    progress = Progress(f"attentive {words}: step", f"with {len(probes)} at once", steps, how.say)
    for step, rows in enumerate(_batches(len(data.rows), how)):
        for group, (rate, _) in zip(optimizer.param_groups, wishes, strict=True):
            group["lr"] = rate * schedule(step)
        _step(probes, optimizer, data, rows, how)
        progress(step + 1)
    return probes


def _step(
    probes: Sequence[AttentiveProbe],
    optimizer: torch.optim.AdamW,
    data: Tokens,
    rows: Rows,
    how: Attending,
) -> None:
    """Move every probe by its own loss; the gradient of the sum keeps them apart."""
    tokens = data.read(rows, how.device)
    labels = torch.from_numpy(data.labels[rows]).long().to(how.device)
    losses = torch.stack([F.cross_entropy(probe(tokens), labels) for probe in probes])
    optimizer.zero_grad(set_to_none=True)
    losses.sum().backward()
    optimizer.step()


def _batches(videos: int, how: Attending) -> Iterator[Rows]:
    """The videos of each step, every one once an epoch, in an order of the seed."""
    for epoch in range(how.epochs):
        order = draws.permutation(draws.key(how.seed, _ORDER_STREAM, epoch), videos)
        for first in range(0, videos, how.batch):
            # sorted, as the disk likes it; the order within a step changes nothing but rounding
            yield np.sort(order[first : first + how.batch]).astype(np.int64)


def _accuracy(probe: AttentiveProbe, data: Tokens, how: Attending) -> float:
    """The share of right answers; 0 for a probe that diverged."""
    scores = _scores(probe, data, how)
    if not np.isfinite(scores).all():
        return 0.0
    return float(top_k_hits(scores, data.labels, k=1).mean())


@torch.no_grad()
def _scores(
    probe: AttentiveProbe, data: Tokens, how: Attending
) -> Float[np.ndarray, "videos classes"]:
    rows = np.arange(len(data.rows))
    parts = [rows[first : first + how.batch] for first in range(0, len(rows), how.batch)]
    return np.concatenate([probe(data.read(part, how.device)).cpu().numpy() for part in parts])
