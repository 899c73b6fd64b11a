"""The run of ``videomae2 demo``: the whole method in minutes on a small built-in data set."""

from collections.abc import Sequence
from pathlib import Path

from videomae2.config import PretrainRun, RecordConfig
from videomae2.data.sources import DataConfig
from videomae2.engine.optim import OptimConfig
from videomae2.models.autoencoder import AutoencoderConfig, DecoderConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.recipes.sources import each
from videomae2.tasks.pretrain import MaskingConfig


def demo(videos: Sequence[Path], out: Path) -> PretrainRun:
    """Pre-train a tiny model on moving shapes of 64 pixels.

    Many small steps of different videos: a model this small learns little from each of a few
    large ones. It first learns to predict each cube's mean, and leaves that only at a low
    learning rate: three times this one keeps it there for good. Three quarters are hidden, not
    nine tenths: of a grid of 8x8 that would leave seven cubes, too few to show a shape.

    Source: our choice; masks, crops and optimizer of arXiv 2303.16727.
    Data: the built-in moving shapes, at least 500 videos; any small videos do.
    Hardware: 2 cores.
    Time: see docs/benchmarks.md.
    Score: see docs/benchmarks.md.
    Command: videomae2 pretrain demo shapes/
    """
    optim = OptimConfig(
        lr=16e-3, lr_counts="views", epochs=28.0, warmup_epochs=2.4, batch=8, clip_norm=1.0
    )
    return PretrainRun(
        data=DataConfig(sources=each(videos, stride=2.0), views=1),
        model=AutoencoderConfig(
            encoder=EncoderConfig(size="tiny", height=64, width=64, positions="axes"),
            decoder=DecoderConfig(depth=2),
        ),
        masking=MaskingConfig(encoder_ratio=0.75, queries="lean"),
        optim=optim,
        record=RecordConfig(out=out, log_every=128, save_every=512),
    )
