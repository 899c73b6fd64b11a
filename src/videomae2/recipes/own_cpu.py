"""Your own short videos on a CPU: pre-training from nothing, and a classifier.

A set-up that was searched for on a few thousand short clips (docs/decisions.md). A clip shows a
whole video in small: 16 grey frames of 32 pixels, in cubes of 16 so that a step is cheap. A run is
as long as pre-training needs to pay, whatever the number of videos: 9,000 steps.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from videomae2.config.runs import CheckpointConfig, FinetuneRun, LoggingConfig, PretrainRun
from videomae2.data.augment.augment import AugmentConfig
from videomae2.data.augment.erasing import EraseConfig
from videomae2.data.augment.mixing import MixConfig
from videomae2.data.augment.rand_augment import RandAugmentConfig
from videomae2.data.loading.reading import ReadingConfig
from videomae2.data.loading.sources import DataConfig, SourceConfig
from videomae2.data.views.crops import CropConfig
from videomae2.models.autoencoder import AutoencoderConfig, DecoderConfig
from videomae2.models.classifier import ClassifierConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.tasks.classify import ClassifyConfig
from videomae2.tasks.pretrain import MaskingConfig
from videomae2.training.optim import OptimConfig

CPU_ENCODER = EncoderConfig(
    size="tiny", height=32, width=32, channels=1, patch_size=16, pos_embed="axes"
)

CPU_AUGMENT = AugmentConfig(
    rand_augment=RandAugmentConfig(num_ops=0),
    erase=EraseConfig(prob=0.0),
    mix=MixConfig(prob=0.0),
)
"""None: what the paper changes suits models a thousand times as large."""

CPU_READING = ReadingConfig(max_short_side=36)
"""Frames are shrunk while they are read: there is room for crops, and clips stay small."""


def own_cpu(videos: Sequence[Path], out: Path) -> PretrainRun:
    """Pre-train a tiny model on hundreds to thousands of your own short videos with a CPU.

    For videos of one action each that a small grey picture shows, of a second to some ten: a clip
    is 16 frames over the whole of a video. Longer videos want cutting, or
    --data.sources.0.frame-sampling strided. Believe in it when it beats random weights in
    videomae2 probe.

    Source: a search on short clips of mouths, confirmed on another set (docs/decisions.md).
    Data: a folder of videos (searched to any depth), or a list; from some hundreds of videos on.
    Hardware: 2 cores, 2 GB of memory.
    Time: 9,000 steps of 32 clips: 7 minutes of computing where one core does 685 clips a second;
        --dry-run says what they take on yours.
    Score: unmeasured.
    Command: videomae2 pretrain own-cpu my_videos/
    """
    optim = OptimConfig(
        lr=8e-3,  # 1e-3 a step
        steps=9000,
        warmup_steps=450,
        global_batch_size=32,
        allow_smaller_batch=True,
        min_lr=8e-5,
        clip_norm=1.0,
    )
    return PretrainRun(
        data=_build_data(videos, flip=True),
        model=AutoencoderConfig(encoder=CPU_ENCODER, decoder=DecoderConfig(depth=1)),
        masking=MaskingConfig(encoder="random", encoder_mask_ratio=0.75, decoder="none"),
        optim=optim,
        output_dir=out,
        checkpoint=CheckpointConfig(interval=1000),
        logging=LoggingConfig(interval=100),
        reading=CPU_READING,
    )


def finetune_own_cpu(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune a tiny model on your own short labelled videos with a CPU.

    For videos as own-cpu pre-trains on. Nothing is mirrored, for left and right may be what you
    tell apart. Keep people, places and recordings together with --labels.groups.

    Source: as pretrain own-cpu.
    Data: a folder per class, or a list with labels; at least some ten videos of each class.
    Hardware: 2 cores, 2 GB of memory.
    Time: 600 steps of 32 clips; --dry-run says what they take.
    Score: unmeasured.
    Command: videomae2 finetune own-cpu my_videos/ --init.weights runs/own-cpu
    """
    return FinetuneRun(
        data=_build_data(videos),
        model=ClassifierConfig(
            encoder=replace(CPU_ENCODER, drop_path=0.1),
            global_pool="slots",  # knows what came when: much better than the mean
        ),
        task=ClassifyConfig(label_smoothing=0.1),
        augment=CPU_AUGMENT,
        optim=OptimConfig(
            lr=8e-3,
            steps=600,
            warmup_steps=60,
            global_batch_size=32,
            allow_smaller_batch=True,
            min_lr=8e-6,
            layer_decay=0.8,
            betas=(0.9, 0.999),
            clip_norm=5.0,
        ),
        output_dir=out,
        checkpoint=CheckpointConfig(interval=100),
        logging=LoggingConfig(interval=10),
        reading=CPU_READING,
    )


def own_cpu_motion(videos: Sequence[Path], out: Path) -> PretrainRun:
    """Pre-train a tiny model on what moves in your own short videos, with a CPU.

    For resting cameras where motion decides: mouths, gestures, machines, animals before a fixed
    camera. Each clip loses its own mean over time, in what is read and what is rebuilt, and with it
    all that stands still: colour, things, scene. Where a still picture tells the classes apart, or
    the camera moves, take own-cpu.

    Source: as own-cpu, whose search it won.
    Data: as own-cpu.
    Hardware: 2 cores, 2 GB of memory.
    Time: as own-cpu.
    Score: the search's loop over mouths saying 20 words, unseen speakers, frozen and linear by time
        slots: 60.8 %, random weights 46.7 %; of these commands unmeasured.
    Command: videomae2 pretrain own-cpu-motion my_videos/
    """
    run = own_cpu(videos, out)
    masking = replace(run.masking, normalize_target=False)  # the target is what moves, as it is
    return replace(run, data=keep_motion(run.data), masking=masking)


def finetune_own_cpu_motion(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune a tiny model on what moves in your own short labelled videos, with a CPU.

    For resting cameras where motion decides, as pretrain own-cpu-motion, which it starts from.

    Source: as pretrain own-cpu.
    Data: a folder per class, or a list with labels; at least some ten videos of each class.
    Hardware: 2 cores, 2 GB of memory.
    Time: 600 steps of 32 clips; --dry-run says what they take.
    Score: the search's loop over mouths saying 20 words, unseen speakers, 20 labels a class, head
        on time slots: 54.8 %, from scratch 44.1 %; of these commands unmeasured.
    Command: videomae2 finetune own-cpu-motion my_videos/ --init.weights runs/own-cpu-motion
    """
    run = finetune_own_cpu(videos, out)
    return replace(run, data=keep_motion(run.data))


def keep_motion(data: DataConfig) -> DataConfig:
    """Clips without their mean over time, which is most of a pixel.

    What is left deviates by 0.044 in clips of mouths and 0.059 in those of surveillance cameras, so
    that pixels come near a deviation of 1; the search had 0.04 for its mouths.
    """
    return replace(data, subtract="temporal-mean", std=(0.05,))


def _build_data(videos: Sequence[Path], *, flip: bool = False) -> DataConfig:
    """Grey clips over whole videos, cut a little smaller at a random place."""
    return DataConfig(
        sources=tuple(SourceConfig(path=path, frame_sampling="whole") for path in videos),
        views=1,
        crop=CropConfig(kind="random-resized", scale=(0.8, 1.0), ratio=(0.9, 1.1), flip=flip),
        mean=(0.45,),
        std=(0.225,),
    )
