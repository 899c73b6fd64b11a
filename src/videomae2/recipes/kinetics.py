"""Fine-tuning on Kinetics-400 and -600 straight after pre-training, as released: B, L, H and g.

With Kinetics-710 in between, ``k710_transfer.py`` has the recipes.
"""

from collections.abc import Sequence
from pathlib import Path

from videomae2.config.runs import FinetuneRun
from videomae2.recipes.datasets import KINETICS_400, KINETICS_600
from videomae2.recipes.scripts import Script, build_finetune_run


def k400_base(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune ViT-B on Kinetics-400.

    Source: scripts/finetune/vit_b_k400_ft.sh.
    Data: a folder with train.csv and val.csv, or lists of training videos, 240 k.
    Hardware: 32 GPUs with 16 videos each.
    Time: unmeasured.
    Score: 81.5 (the paper).
    Command: videomae2 finetune k400-base k400/ --init.weights runs/hybrid-base
    """
    script = Script(size="base", gpus=32, batch_size=16, lr=7e-4, epochs=90.0)
    return build_finetune_run(script, KINETICS_400, videos, out, pretrained_run="hybrid-base")


def k400_large(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune ViT-L on Kinetics-400.

    Source: scripts/finetune/vit_l_k400_ft.sh.
    Data: as for k400-base.
    Hardware: 32 GPUs with 6 videos each.
    Time: unmeasured.
    Score: 85.4 (the paper).
    Command: videomae2 finetune k400-large k400/ --init.weights runs/hybrid-large
    """
    script = Script(size="large", gpus=32, batch_size=6, lr=2e-3, epochs=35.0, drop_path=0.2)
    return build_finetune_run(script, KINETICS_400, videos, out, pretrained_run="hybrid-large")


def k400_huge(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune ViT-H on Kinetics-400.

    Source: scripts/finetune/vit_h_k400_ft.sh.
    Data: as for k400-base.
    Hardware: 32 GPUs with 4 videos each.
    Time: unmeasured.
    Score: 86.9 (the paper).
    Command: videomae2 finetune k400-huge k400/ --init.weights runs/hybrid-huge
    """
    return build_finetune_run(_HUGE, KINETICS_400, videos, out, pretrained_run="hybrid-huge")


def k400_giant(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune ViT-g on Kinetics-400.

    Source: scripts/finetune/vit_g_k400_ft.sh.
    Data: as for k400-base.
    Hardware: 64 GPUs with 3 videos each.
    Time: unmeasured.
    Score: 87.2 (the zoo).
    Command: videomae2 finetune k400-giant k400/ --init.weights vit_g_hybrid_pt_1200e.pth
    """
    script = Script(
        size="giant", gpus=64, batch_size=3, lr=1e-3, epochs=30.0,
        weight_decay=0.1, layer_decay=0.9, drop_path=0.2,
    )  # fmt: skip
    return build_finetune_run(script, KINETICS_400, videos, out, pretrained_run="hybrid-giant")


def k600_huge(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune ViT-H on Kinetics-600.

    The script leaves the number of GPUs at its default of one, so a step of 4 videos; this is the
    batch of its twins for Kinetics-400 and -710, which agree with it in all else.

    Source: scripts/finetune/vit_h_k600_ft.sh.
    Data: a folder with train.csv and val.csv, or lists of training videos, 366 k.
    Hardware: 32 GPUs with 4 videos each.
    Time: unmeasured.
    Score: none is given without Kinetics-710.
    Command: videomae2 finetune k600-huge k600/ --init.weights runs/hybrid-huge
    """
    return build_finetune_run(_HUGE, KINETICS_600, videos, out, pretrained_run="hybrid-huge")


_HUGE = Script(
    size="huge", gpus=32, batch_size=4, lr=1e-3, epochs=40.0,
    layer_decay=0.8, drop_path=0.2, head_drop_rate=0.5,
)  # fmt: skip
