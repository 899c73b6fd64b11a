"""Fine-tuning on Something-Something straight after pre-training: one frame of each 16th part.

Nothing is mirrored: the classes tell left from right. A Kinetics-710 stage in between makes this
worse, says the paper.
"""

from collections.abc import Sequence
from pathlib import Path

from videomae2.config.runs import FinetuneRun
from videomae2.recipes.datasets import SOMETHING_V1, SOMETHING_V2
from videomae2.recipes.scripts import Script, build_finetune_run


def ssv2_base(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune ViT-B on Something-Something V2.

    Source: scripts/finetune/vit_b_ssv2_ft.sh.
    Data: a folder with train.csv and val.csv, or lists of training videos, 169 k: folders of
        frames called img_00001.jpg and so on (lines of folder, frames, label), or video files.
    Hardware: 16 GPUs with 16 videos each.
    Time: unmeasured.
    Score: 71.2 (the paper).
    Command: videomae2 finetune ssv2-base ssv2/ --init.weights runs/hybrid-base
    """
    script = Script(size="base", gpus=16, batch_size=16, lr=2e-3, epochs=25.0, layer_decay=0.65)
    return build_finetune_run(script, SOMETHING_V2, videos, out, pretrained_run="hybrid-base")


def ssv2_large(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune ViT-L on Something-Something V2.

    Source: scripts/finetune/vit_l_ssv2_ft.sh.
    Data: as for ssv2-base.
    Hardware: 32 GPUs with 6 videos each.
    Time: unmeasured.
    Score: 75.7 (the paper).
    Command: videomae2 finetune ssv2-large ssv2/ --init.weights runs/hybrid-large
    """
    script = Script(size="large", gpus=32, batch_size=6, lr=5e-4, epochs=20.0, drop_path=0.2)
    return build_finetune_run(script, SOMETHING_V2, videos, out, pretrained_run="hybrid-large")


def ssv2_huge(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune ViT-H on Something-Something V2.

    Source: scripts/finetune/vit_h_ssv2_ft.sh.
    Data: as for ssv2-base.
    Hardware: 32 GPUs with 4 videos each.
    Time: unmeasured.
    Score: 76.8 (the paper).
    Command: videomae2 finetune ssv2-huge ssv2/ --init.weights runs/hybrid-huge
    """
    script = Script(
        size="huge", gpus=32, batch_size=4, lr=5e-4, epochs=20.0, layer_decay=0.8, drop_path=0.2
    )
    return build_finetune_run(script, SOMETHING_V2, videos, out, pretrained_run="hybrid-huge")


def ssv2_giant(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune ViT-g on Something-Something V2, as released.

    Source: scripts/finetune/vit_g_ssv2_ft.sh; ssv2-giant-paper has the paper's numbers.
    Data: as for ssv2-base.
    Hardware: 32 GPUs with 3 videos each.
    Time: unmeasured.
    Score: 77.0 (the zoo).
    Command: videomae2 finetune ssv2-giant ssv2/ --init.weights vit_g_hybrid_pt_1200e.pth
    """
    script = Script(
        size="giant", gpus=32, batch_size=3, lr=3e-4, epochs=20.0, layer_decay=0.9, drop_path=0.25
    )
    return build_finetune_run(script, SOMETHING_V2, videos, out, pretrained_run="hybrid-giant")


def ssv2_giant_paper(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune ViT-g on Something-Something V2 with the paper's numbers.

    Source: arXiv 2303.16727 appendix, column SthSth: half the epochs of the script, drop path
        0.35, head dropout 0.5. How GPUs share the batch of 96 is the script's.
    Data: as for ssv2-base.
    Hardware: 32 GPUs with 3 videos each.
    Time: unmeasured.
    Score: 77.0 (the paper).
    Command: videomae2 finetune ssv2-giant-paper ssv2/ --init.weights vit_g_hybrid_pt_1200e.pth
    """
    return build_finetune_run(_PAPER, SOMETHING_V2, videos, out, pretrained_run="hybrid-giant")


def ssv1_giant(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune ViT-g on Something-Something V1, as the paper.

    Source: arXiv 2303.16727 appendix, column SthSth; no script is released.
    Data: a folder with train.csv and val.csv, or lists of training videos: folders of frames. Its
        frames are called 00001.jpg: --data.sources.0.frame-name {:05}.jpg.
    Hardware: 32 GPUs with 3 videos each, as for SSv2.
    Time: unmeasured.
    Score: 68.7 (the paper).
    Command: videomae2 finetune ssv1-giant ssv1/ --init.weights vit_g_hybrid_pt_1200e.pth
    """
    return build_finetune_run(_PAPER, SOMETHING_V1, videos, out, pretrained_run="hybrid-giant")


_PAPER = Script(
    size="giant", gpus=32, batch_size=3, lr=3e-4, epochs=10.0,
    layer_decay=0.9, drop_path=0.35, head_drop_rate=0.5,
)  # fmt: skip
