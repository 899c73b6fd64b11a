"""Your own videos on one GPU: pre-training from nothing, and a classifier of them.

A clip is 16 frames at 7.5 per second whatever the frame rate of a video. That is 2.1 seconds, the
span of the paper's interval of 4 at the 30 frames per second of Kinetics; set
``--data.sources.0.frame-interval`` where what you film is quicker or slower. A classifier can start
from a run of ``own``, and from released weights of ViT-S.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from videomae2.config.runs import FinetuneRun, PretrainRun
from videomae2.data.loading.sources import DataConfig, SourceConfig
from videomae2.data.views.crops import CropConfig
from videomae2.models.autoencoder import AutoencoderConfig
from videomae2.models.classifier import ClassifierConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.lora import LoraConfig, TuningConfig
from videomae2.models.weights.init_from import InitConfig
from videomae2.recipes.datasets import build_sources
from videomae2.tasks.classify import ClassifyConfig
from videomae2.training.optim import OptimConfig


def own(videos: Sequence[Path], out: Path) -> PretrainRun:
    """Pre-train ViT-S on your own videos with one GPU.

    ViT-S learns from hundreds of videos on and fine-tunes fast; from about ten thousand on, try
    --model.encoder.size base. One pass makes four clips of each video; 400 passes are 1600
    epochs as the paper counts them, in between what it uses for 240 k and V1 for 10 k videos. The
    rate lies between those of the released ViT-B script and V1's for UCF101, per view.

    Source: our choice; masks, crops and optimizer of arXiv 2303.16727.
    Data: a folder of videos (searched to any depth), or a list; of fewer than 64 videos all make
        one step.
    Hardware: one GPU of 24 GB; 16 videos of 4 views at once, 4 such parts make a step. Less
        memory: --optim.micro-batch-size 8, which changes nothing else.
    Time: unmeasured.
    Score: unmeasured.
    Command: videomae2 pretrain own my_videos/
    """
    optim = OptimConfig(
        lr=1e-3,
        epochs=400.0,
        warmup_epochs=20.0,
        global_batch_size=64,
        allow_smaller_batch=True,
        micro_batch_size=16,
    )
    return PretrainRun(
        data=DataConfig(sources=build_timed_sources(videos)),
        model=AutoencoderConfig(encoder=EncoderConfig(size="small")),
        optim=optim,
        output_dir=out,
    )


def finetune_own(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune ViT-S on your own labelled videos with one GPU.

    For hundreds to thousands of videos: one folder for each class, or a list with labels. Nothing
    is mirrored, for left and right may be what you tell apart: --data.crop.flip where they are
    not. A fifth of the videos is held out and the best model on these is kept; where hardly any
    can be spared, --validation.share 0.

    Source: our choice; between the UCF101 scripts of V1 and V2: layer decay, head dropout and
        augmentation are theirs.
    Data: a folder per class, or a list with labels; at least some ten videos of each class.
    Hardware: one GPU of 24 GB; 8 videos of 2 views at once, 4 such parts make a step.
    Time: unmeasured.
    Score: unmeasured.
    Command: videomae2 finetune own my_videos/ --init.weights runs/own
    """
    return FinetuneRun(
        data=DataConfig(
            sources=build_timed_sources(videos, frame_sampling="dense"),
            views=2,
            crop=CropConfig(kind="random-resized"),
        ),
        model=ClassifierConfig(
            encoder=EncoderConfig(size="small", drop_path=0.1), head_drop_rate=0.5
        ),
        task=ClassifyConfig(label_smoothing=0.1),
        optim=OptimConfig(
            lr=1e-3,
            epochs=50.0,
            warmup_epochs=5.0,
            global_batch_size=32,
            allow_smaller_batch=True,
            micro_batch_size=8,
            min_lr=1e-6,
            layer_decay=0.75,
            betas=(0.9, 0.999),
            clip_norm=5.0,
        ),
        output_dir=out,
    )


def finetune_own_frozen(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Teach only the last two blocks and the head of a ViT-S, with one GPU.

    For tens of videos, which would soon be known by heart by a whole model, and for less memory:
    nothing is kept for the gradients of the first ten blocks. Other models have other depths:
    --model.encoder.size base has 12 too, large 24, huge 32, giant 40.

    Source: our choice: own with smaller steps, at the same rate.
    Data: a folder per class, or a list with labels; from a handful of videos of each class on.
    Hardware: one GPU of 24 GB; a step of 16 videos of 2 views.
    Time: unmeasured.
    Score: unmeasured.
    Command: videomae2 finetune own-frozen my_videos/ --init.weights runs/own
    """
    run = finetune_own(videos, out)
    return replace(
        run,
        init=InitConfig(weights=out.parent / "own"),
        tuning=TuningConfig(frozen_blocks=10),
        optim=replace(run.optim, lr=2e-3, global_batch_size=16, micro_batch_size=16),
    )


def finetune_own_lora(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Teach small adapters (LoRA) of all blocks and the head of a ViT-S, with one GPU.

    For tens to hundreds of videos: every block can adapt, but by 0.6 M numbers instead of 22 M.
    What is saved is an ordinary model, with the adapters merged into it.

    Source: our choice: own with smaller steps, at twice its rate in all layers alike; adapters as
        in arXiv 2106.09685.
    Data: a folder per class, or a list with labels; from a handful of videos of each class on.
    Hardware: one GPU of 24 GB; 8 videos of 2 views at once, 2 such parts make a step.
    Time: unmeasured.
    Score: unmeasured.
    Command: videomae2 finetune own-lora my_videos/ --init.weights runs/own
    """
    run = finetune_own(videos, out)
    return replace(
        run,
        init=InitConfig(weights=out.parent / "own"),
        tuning=TuningConfig(lora=LoraConfig(rank=8)),
        optim=replace(run.optim, lr=4e-3, global_batch_size=16, layer_decay=1.0),
    )


def build_timed_sources(
    videos: Sequence[Path], frame_sampling: Literal["strided", "dense"] = "strided"
) -> tuple[SourceConfig, ...]:
    """Sources with 7.5 frames of a second."""
    return build_sources(
        videos, frame_interval=7.5, interval_unit="per-second", frame_sampling=frame_sampling
    )
