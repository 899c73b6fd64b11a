"""Your own videos on a CPU, to see the method work: pre-training from nothing, and a classifier."""

from collections.abc import Sequence
from pathlib import Path

from videomae2.config.runs import CheckpointConfig, FinetuneRun, LoggingConfig, PretrainRun
from videomae2.data.augment.augment import AugmentConfig
from videomae2.data.augment.erasing import EraseConfig
from videomae2.data.augment.mixing import MixConfig
from videomae2.data.augment.rand_augment import RandAugmentConfig
from videomae2.data.loading.sources import DataConfig
from videomae2.data.views.crops import CropConfig
from videomae2.models.autoencoder import AutoencoderConfig
from videomae2.models.classifier import ClassifierConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.recipes.own import build_timed_sources
from videomae2.tasks.classify import ClassifyConfig
from videomae2.training.optim import OptimConfig

CPU_ENCODER = EncoderConfig(size="tiny", height=96, width=96, pos_embed="axes")

CPU_AUGMENT = AugmentConfig(
    rand_augment=RandAugmentConfig(num_ops=2, magnitude=5.0),
    erase=EraseConfig(prob=0.0),
    mix=MixConfig(prob=0.0),
)
"""Less than in the paper, whose strength suits models a thousand times as large."""


def own_cpu(videos: Sequence[Path], out: Path) -> PretrainRun:
    """Pre-train a tiny model on your own videos with a CPU, to see the method work.

    Clips of 96 pixels keep the 8x12x12 cubes of 8 pixels near the paper's 8x14x14. The rate is
    high for a batch this small because the model is tiny and the run short.

    Source: our choice; masks, crops and optimizer of arXiv 2303.16727.
    Data: a folder of videos (searched to any depth), or a list; at least some tens of videos.
    Hardware: 2 cores, 2 GB of memory.
    Time: about 15 minutes for 100 videos on 2 cores, in proportion for more (43 clips a second,
        docs/benchmarks.md).
    Score: unmeasured; pictures of what it rebuilds are its result, not accuracy.
    Command: videomae2 pretrain own-cpu my_videos/
    """
    optim = OptimConfig(
        lr=2e-3,
        lr_scale_by="views",
        epochs=100.0,
        warmup_epochs=5.0,
        global_batch_size=16,
        allow_smaller_batch=True,
        micro_batch_size=8,
    )
    return PretrainRun(
        data=DataConfig(sources=build_timed_sources(videos)),
        model=AutoencoderConfig(encoder=CPU_ENCODER),
        optim=optim,
        output_dir=out,
        checkpoint=CheckpointConfig(interval=100),
        logging=LoggingConfig(interval=10),
    )


def finetune_own_cpu(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune a tiny model on your own labelled videos with a CPU.

    To see it work, and for motions that a small picture shows. Clips are changed less than in the
    paper, whose strength suits models a thousand times as large.

    Source: our choice.
    Data: a folder per class, or a list with labels; at least some ten videos of each class.
    Hardware: 2 cores, 2 GB of memory.
    Time: 3:34 minutes for 100 videos on 2 cores, in proportion for more (docs/benchmarks.md).
    Score: unmeasured.
    Command: videomae2 finetune own-cpu my_videos/ --init.weights runs/own-cpu
    """
    return FinetuneRun(
        data=DataConfig(
            sources=build_timed_sources(videos, frame_sampling="dense"),
            views=1,
            crop=CropConfig(kind="random-resized", scale=(0.4, 1.0)),
        ),
        model=ClassifierConfig(encoder=CPU_ENCODER),
        task=ClassifyConfig(label_smoothing=0.1),
        augment=CPU_AUGMENT,
        optim=OptimConfig(
            lr=8e-3,
            lr_scale_by="views",
            epochs=40.0,
            warmup_epochs=4.0,
            global_batch_size=8,
            allow_smaller_batch=True,
            min_lr=1e-6,
            layer_decay=0.8,
            betas=(0.9, 0.999),
            clip_norm=5.0,
        ),
        output_dir=out,
        checkpoint=CheckpointConfig(interval=100),
        logging=LoggingConfig(interval=10),
    )
