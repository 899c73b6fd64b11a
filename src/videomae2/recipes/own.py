"""Your own videos, from nothing, and a classifier of them: on one GPU, and on a CPU.

A clip is 16 frames at 7.5 per second whatever the frame rate of a video. That is 2.1 seconds, the
span of the paper's interval of 4 at the 30 frames per second of Kinetics; set
``--data.sources.0.frame-interval`` where what you film is quicker or slower. A classifier can start
from a run of ``own`` or ``own-cpu``, and from released weights of ViT-S.

"""

from collections.abc import Sequence
from dataclasses import replace
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
from videomae2.models.lora import LoraConfig, TuningConfig
from videomae2.models.weights.init_from import InitConfig
from videomae2.recipes.datasets import build_timed_sources
from videomae2.tasks.classify import ClassifyConfig
from videomae2.training.optim import OptimConfig

FRAMES_PER_SECOND = 7.5


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
        data=DataConfig(sources=build_timed_sources(videos, frames_per_second=FRAMES_PER_SECOND)),
        model=AutoencoderConfig(encoder=EncoderConfig(size="small")),
        optim=optim,
        output_dir=out,
    )


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
        data=DataConfig(sources=build_timed_sources(videos, frames_per_second=FRAMES_PER_SECOND)),
        model=AutoencoderConfig(
            encoder=EncoderConfig(size="tiny", height=96, width=96, pos_embed="axes")
        ),
        optim=optim,
        output_dir=out,
        checkpoint=CheckpointConfig(interval=100),
        logging=LoggingConfig(interval=10),
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
    sources = build_timed_sources(videos, frames_per_second=FRAMES_PER_SECOND)
    return FinetuneRun(
        data=DataConfig(
            sources=tuple(replace(source, frame_sampling="dense") for source in sources),
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
    sources = build_timed_sources(videos, frames_per_second=FRAMES_PER_SECOND)
    return FinetuneRun(
        data=DataConfig(
            sources=tuple(replace(source, frame_sampling="dense") for source in sources),
            views=1,
            crop=CropConfig(kind="random-resized", scale=(0.4, 1.0)),
        ),
        model=ClassifierConfig(
            encoder=EncoderConfig(size="tiny", height=96, width=96, pos_embed="axes")
        ),
        task=ClassifyConfig(label_smoothing=0.1),
        augment=AugmentConfig(
            rand_augment=RandAugmentConfig(num_ops=2, magnitude=5.0),
            erase=EraseConfig(prob=0.0),
            mix=MixConfig(prob=0.0),
        ),
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
