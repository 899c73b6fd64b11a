"""The runs of ``videomae2 demo``: the whole progression in minutes on a small built-in data set."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from videomae2.config.runs import (
    CheckpointConfig,
    DistillRun,
    FinetuneRun,
    LoggingConfig,
    PretrainRun,
    ValidationConfig,
)
from videomae2.data.augment.augment import AugmentConfig
from videomae2.data.augment.erasing import EraseConfig
from videomae2.data.augment.mixing import MixConfig
from videomae2.data.augment.rand_augment import RandAugmentConfig
from videomae2.data.loading.sources import DataConfig
from videomae2.data.views.crops import CropConfig
from videomae2.models.autoencoder import AutoencoderConfig, DecoderConfig
from videomae2.models.classifier import ClassifierConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.recipes.datasets import build_sources
from videomae2.tasks.classify import ClassifyConfig
from videomae2.tasks.pretrain import MaskingConfig
from videomae2.training.optim import OptimConfig

ENCODER = EncoderConfig(size="tiny", frames=8, height=64, width=64, pos_embed="axes")


FRAME_INTERVAL = 4.0


def demo(videos: Sequence[Path], out: Path) -> PretrainRun:
    """Pre-train a tiny model on moving shapes of 64 pixels.

    Many small steps of different videos: a model this small learns little from each of a few
    large ones. Three quarters are hidden, not nine tenths: of a grid of 8x8 that would leave
    seven cubes, too few to show a shape. Eight frames at stride 4 show as much motion as sixteen
    at stride 2, in half the time.

    Source: our choice; masks, crops and optimizer of arXiv 2303.16727.
    Data: the built-in moving shapes, at least 500 videos; any small videos do.
    Hardware: 2 cores.
    Time: see docs/benchmarks.md.
    Score: see docs/benchmarks.md.
    Command: videomae2 pretrain demo shapes/
    """
    return PretrainRun(
        data=DataConfig(sources=build_sources(videos, frame_interval=FRAME_INTERVAL), views=1),
        model=AutoencoderConfig(encoder=ENCODER, decoder=DecoderConfig(depth=2)),
        masking=MaskingConfig(encoder_mask_ratio=0.75, decoder_queries="hidden_only"),
        optim=OptimConfig(
            lr=32e-3,
            lr_scale_by="views",
            epochs=34.0,
            warmup_epochs=2.0,
            global_batch_size=8,
            clip_norm=1.0,
        ),
        output_dir=out,
        checkpoint=CheckpointConfig(interval=512),
        logging=LoggingConfig(interval=128),
    )


def demo_finetune(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune the demo's tiny model on a few labelled videos.

    From a pre-trained model with --init.weights; without, from scratch with everything else the
    same. Nothing is mirrored: left and right are classes. Nothing is mixed, erased or recoloured:
    that suits models a thousand times as large. There is no validation, for each of the few
    labels is needed; the last model is the result.

    Source: our choice; optimizer and layer decay of the released scripts.
    Data: the labelled share of the built-in moving shapes.
    Hardware: 2 cores.
    Time: see docs/benchmarks.md.
    Score: see docs/benchmarks.md.
    Command: videomae2 finetune demo shapes/labelled.csv --init.weights runs/demo/pretrain
    """
    return FinetuneRun(
        data=DataConfig(
            sources=build_sources(videos, frame_interval=FRAME_INTERVAL, frame_sampling="dense"),
            views=1,
            crop=CropConfig(kind="random-resized", scale=(0.5, 1.0), ratio=(0.8, 1.25)),
        ),
        validation=ValidationConfig(share=0.0),
        model=ClassifierConfig(encoder=ENCODER),
        task=ClassifyConfig(label_smoothing=0.1),
        augment=AugmentConfig(
            rand_augment=RandAugmentConfig(num_ops=0),
            erase=EraseConfig(prob=0.0),
            mix=MixConfig(prob=0.0),
        ),
        optim=OptimConfig(
            lr=16e-3,
            lr_scale_by="views",
            epochs=21.0,
            warmup_epochs=2.1,
            global_batch_size=16,
            min_lr=1e-6,
            layer_decay=1.0,
            betas=(0.9, 0.999),
            clip_norm=5.0,
        ),
        output_dir=out,
        checkpoint=CheckpointConfig(interval=200),
        logging=LoggingConfig(interval=50),
    )


def demo_distill(videos: Sequence[Path], out: Path) -> DistillRun:
    """Distill a model of a seventh of the size from the demo's fine-tuned one.

    On videos without labels, of which there are more than labelled ones.

    Source: our choice; loss of arXiv 2303.16727.
    Data: the training part of the built-in moving shapes.
    Hardware: 2 cores.
    Time: see docs/benchmarks.md.
    Score: see docs/benchmarks.md.
    Command: videomae2 distill demo shapes/train --teacher.weights runs/demo/finetune
    """
    finetune_run = demo_finetune(videos, out)
    encoder = replace(ENCODER, embed_dim=96, depth=2)
    return DistillRun(
        data=finetune_run.data,
        labelled=False,
        validation=finetune_run.validation,
        model=ClassifierConfig(encoder=encoder),
        augment=finetune_run.augment,
        optim=replace(finetune_run.optim, epochs=13.0, warmup_epochs=1.3, clip_norm=1.0),
        output_dir=finetune_run.output_dir,
        checkpoint=finetune_run.checkpoint,
        logging=finetune_run.logging,
    )
