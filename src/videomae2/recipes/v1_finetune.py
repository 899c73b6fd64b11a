"""VideoMAE (V1) as its authors fine-tuned it; each starts from the pre-training of its name.

Layer decay 0.75 and drop path 0.1 where a script names none: the defaults of its program.
"""

from collections.abc import Sequence
from pathlib import Path

from videomae2.config.runs import FinetuneRun
from videomae2.recipes.datasets import KINETICS_400, SOMETHING_V2, UCF101
from videomae2.recipes.scripts import Script, build_finetune_run


def v1_k400_small_finetune(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune V1's ViT-S on Kinetics-400.

    Source: VideoMAE scripts/kinetics, vit_small, epoch_1600.
    Data: a folder with train.csv and val.csv, or lists of training videos, 240 k.
    Hardware: 32 GPUs with 12 videos each.
    Time: unmeasured.
    Score: 79.0 (V1 zoo).
    Command: videomae2 finetune v1-k400-small k400/ --init.weights runs/v1-k400-small
    """
    script = Script(size="small", gpus=32, batch_size=12, lr=5e-4, epochs=150.0)
    return build_finetune_run(script, KINETICS_400, videos, out, pretrained_run="v1-k400-small")


def v1_k400_base_800_finetune(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune V1's ViT-B of 800 epochs on Kinetics-400, one view of each clip.

    Source: VideoMAE scripts/kinetics, vit_base, epoch_800.
    Data: as for v1-k400-small.
    Hardware: 64 GPUs with 8 videos each.
    Time: unmeasured.
    Score: 80.0 (V1 zoo).
    Command: videomae2 finetune v1-k400-base-800 k400/ --init.weights runs/v1-k400-base-800
    """
    script = Script(size="base", gpus=64, batch_size=8, lr=1e-3, epochs=100.0, views=1)
    return build_finetune_run(script, KINETICS_400, videos, out, pretrained_run="v1-k400-base-800")


def v1_k400_base_1600_finetune(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune V1's ViT-B of 1600 epochs on Kinetics-400.

    Source: VideoMAE scripts/kinetics, vit_base, epoch_1600.
    Data: as for v1-k400-small.
    Hardware: 64 GPUs with 6 videos each.
    Time: unmeasured.
    Score: 81.5 (V1 zoo).
    Command: videomae2 finetune v1-k400-base-1600 k400/ --init.weights runs/v1-k400-base-1600
    """
    script = Script(size="base", gpus=64, batch_size=6, lr=5e-4, epochs=75.0)
    return build_finetune_run(script, KINETICS_400, videos, out, pretrained_run="v1-k400-base-1600")


def v1_k400_large_finetune(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune V1's ViT-L on Kinetics-400.

    Source: VideoMAE scripts/kinetics, vit_large, epoch_1600.
    Data: as for v1-k400-small.
    Hardware: 64 GPUs with 2 videos each.
    Time: unmeasured.
    Score: 85.2 (V1 zoo).
    Command: videomae2 finetune v1-k400-large k400/ --init.weights runs/v1-k400-large
    """
    script = Script(size="large", gpus=64, batch_size=2, lr=2e-3, epochs=35.0)
    return build_finetune_run(script, KINETICS_400, videos, out, pretrained_run="v1-k400-large")


def v1_k400_huge_finetune(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune V1's ViT-H on Kinetics-400.

    Source: VideoMAE scripts/kinetics, vit_huge, epoch_1600.
    Data: as for v1-k400-small.
    Hardware: 64 GPUs with 8 videos each, activation checkpointing.
    Time: unmeasured.
    Score: 86.6 (V1 zoo).
    Command: videomae2 finetune v1-k400-huge k400/ --init.weights runs/v1-k400-huge
    """
    script = Script(
        size="huge", gpus=64, batch_size=8, lr=1e-3, epochs=50.0, min_lr=1e-5,
        drop_path=0.2, head_drop_rate=0.5, activation_checkpointing=True,
    )  # fmt: skip
    return build_finetune_run(script, KINETICS_400, videos, out, pretrained_run="v1-k400-huge")


def v1_ssv2_small_finetune(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune V1's ViT-S on Something-Something V2.

    Source: VideoMAE scripts/ssv2, vit_small, epoch_2400.
    Data: a folder with train.csv and val.csv, or lists of training videos, 169 k.
    Hardware: 32 GPUs with 12 videos each.
    Time: unmeasured.
    Score: 66.8 (V1 zoo).
    Command: videomae2 finetune v1-ssv2-small ssv2/ --init.weights runs/v1-ssv2-small
    """
    script = Script(size="small", gpus=32, batch_size=12, lr=1e-3, epochs=40.0, layer_decay=0.7)
    return build_finetune_run(script, SOMETHING_V2, videos, out, pretrained_run="v1-ssv2-small")


def v1_ssv2_base_finetune(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune V1's ViT-B on Something-Something V2.

    Source: VideoMAE scripts/ssv2, vit_base, epoch_2400.
    Data: as for v1-ssv2-small.
    Hardware: 64 GPUs with 6 videos each.
    Time: unmeasured.
    Score: 70.8 (V1 zoo).
    Command: videomae2 finetune v1-ssv2-base ssv2/ --init.weights runs/v1-ssv2-base
    """
    script = Script(size="base", gpus=64, batch_size=6, lr=5e-4, epochs=30.0)
    return build_finetune_run(script, SOMETHING_V2, videos, out, pretrained_run="v1-ssv2-base")


def v1_ucf101_base_finetune(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune V1's ViT-B on a split of UCF101.

    Source: VideoMAE scripts/ucf101, vit_base, ratio_0.75_epoch_3200.
    Data: the folder of a split with train.csv and val.csv, or a list of its 9.5 k training videos.
    Hardware: 8 GPUs with 16 videos each, activation checkpointing.
    Time: unmeasured.
    Score: 91.3 (V1 zoo).
    Command: videomae2 finetune v1-ucf101-base ucf101/split_1 --init.weights runs/v1-ucf101-base
    """
    script = Script(
        size="base", gpus=8, batch_size=16, lr=5e-4, epochs=100.0, min_lr=1e-5,
        layer_decay=0.7, drop_path=0.2, head_drop_rate=0.5, activation_checkpointing=True,
    )  # fmt: skip
    return build_finetune_run(script, UCF101, videos, out, pretrained_run="v1-ucf101-base")
