"""From Kinetics-710 on to Kinetics-400, -600, -700, UCF101 and HMDB51: ViT-g, a few epochs.

For Kinetics the head is not fresh: of the parent's 710 rows those of the same classes are taken, by
name, which is the released lists label_710to400.json and so on. Without any training that is a
classifier already. UCF101 and HMDB51 get a fresh head. Both have three splits into training and
test: the split is the folder that is named, as in the released scripts, and each wants its own
--out. The paper does not say whether its scores are of the first split or the mean of three.

"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from videomae2.config.runs import FinetuneRun
from videomae2.models.weights.init_from import InitConfig
from videomae2.recipes.datasets import (
    HMDB51,
    KINETICS_400,
    KINETICS_600,
    KINETICS_700,
    KINETICS_710,
    UCF101,
    LabelledDataset,
)
from videomae2.recipes.scripts import Script, build_finetune_run

PRETRAINED_RUN = "k710-giant-finetune"


def k710_k400_giant(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune ViT-g on Kinetics-400 after Kinetics-710, as released.

    Source: scripts/finetune/vit_g_k710_it_k400_ft.sh; k710-k400-giant-paper has the paper's
        numbers.
    Data: a folder with train.csv and val.csv, or lists of training videos, 240 k.
    Hardware: 32 GPUs with 3 videos each.
    Time: unmeasured.
    Score: 88.4 (the zoo).
    Command: videomae2 finetune k710-k400-giant k400/ --init.weights runs/k710-giant-finetune
    """
    return _build_run(_SCRIPT, KINETICS_400, videos, out)


def k710_k600_giant(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune ViT-g on Kinetics-600 after Kinetics-710, as released.

    Source: scripts/finetune/vit_g_k710_it_k600_ft.sh; k710-k600-giant-paper has the paper's
        numbers.
    Data: a folder with train.csv and val.csv, or lists of training videos, 366 k.
    Hardware: 32 GPUs with 3 videos each.
    Time: unmeasured.
    Score: 88.8 (the zoo).
    Command: videomae2 finetune k710-k600-giant k600/ --init.weights runs/k710-giant-finetune
    """
    return _build_run(_SCRIPT, KINETICS_600, videos, out)


def k710_k700_giant(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune ViT-g on Kinetics-700 after Kinetics-710.

    Source: our choice: there is no script; the numbers are those for Kinetics-400 and -600, and
        the released program has the list of rows.
    Data: a folder with train.csv and val.csv, or lists of training videos.
    Hardware: 32 GPUs with 3 videos each.
    Time: unmeasured.
    Score: none is given.
    Command: videomae2 finetune k710-k700-giant k700/ --init.weights runs/k710-giant-finetune
    """
    return _build_run(_SCRIPT, KINETICS_700, videos, out)


def k710_k400_giant_paper(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune ViT-g on Kinetics-400 after Kinetics-710 with the paper's numbers.

    Source: arXiv 2303.16727 appendix, column Kinetics 16x224: batch 32, no warm-up, head dropout
        0.5, where the script has 96, one epoch, none. How GPUs shared the batch is not said.
    Data: as for k710-k400-giant.
    Hardware: 8 GPUs with 4 videos each.
    Time: unmeasured.
    Score: 88.5 (the paper).
    Command: videomae2 finetune k710-k400-giant-paper k400/ --init.weights vit_g_k710.pth
    """
    return _build_run(_PAPER, KINETICS_400, videos, out)


def k710_k600_giant_paper(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune ViT-g on Kinetics-600 after Kinetics-710 with the paper's numbers.

    Source: as for k710-k400-giant-paper.
    Data: as for k710-k600-giant.
    Hardware: 8 GPUs with 4 videos each.
    Time: unmeasured.
    Score: 88.8 (the paper).
    Command: videomae2 finetune k710-k600-giant-paper k600/ --init.weights vit_g_k710.pth
    """
    return _build_run(_PAPER, KINETICS_600, videos, out)


def k710_k400_giant_64x266(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune ViT-g on Kinetics-400 with 64 frames of 266 pixels, after Kinetics-710.

    The position table is resampled from that of 16 frames of 224 pixels. The stride of so long a
    clip is not said anywhere; this is the usual one, so a clip spans 256 frames.

    Source: arXiv 2303.16727 appendix, column Kinetics 64x266; no script is released. How GPUs
        shared the batch of 32 is not said.
    Data: as for k710-k400-giant.
    Hardware: 16 GPUs with 2 videos each, activation checkpointing.
    Time: unmeasured.
    Score: 90.0 with 2x3 views (the paper).
    Command: videomae2 finetune k710-k400-giant-64x266 k400/ --init.weights vit_g_k710.pth
    """
    return _enlarge_clips(_build_run(_LONG, KINETICS_400, videos, out))


def k710_k600_giant_64x266(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune ViT-g on Kinetics-600 with 64 frames of 266 pixels, after Kinetics-710.

    Source: as for k710-k400-giant-64x266.
    Data: as for k710-k600-giant.
    Hardware: as for k710-k400-giant-64x266.
    Time: unmeasured.
    Score: 89.9 with 2x3 views (the paper).
    Command: videomae2 finetune k710-k600-giant-64x266 k600/ --init.weights vit_g_k710.pth
    """
    return _enlarge_clips(_build_run(_LONG, KINETICS_600, videos, out))


def select_head(run: FinetuneRun) -> FinetuneRun:
    """The same run with the parent's rows of the same classes instead of a fresh head."""
    names = Path(KINETICS_710.classes)
    start = InitConfig(weights=run.init.weights, head="select", class_names=names)
    return replace(run, init=start)


def _build_run(
    script: Script, dataset: LabelledDataset, videos: Sequence[Path], out: Path
) -> FinetuneRun:
    return select_head(
        build_finetune_run(script, dataset, videos, out, pretrained_run=PRETRAINED_RUN)
    )


def _enlarge_clips(run: FinetuneRun) -> FinetuneRun:
    """Clips of 64 frames of 266 pixels; the position table is the parent's, resampled."""
    encoder = replace(run.model.encoder, frames=64, height=266, width=266)
    return replace(run, model=replace(run.model, encoder=encoder))


_SCRIPT = Script(
    size="giant", gpus=32, batch_size=3, lr=1e-5, epochs=3.0, warmup_epochs=1.0,
    weight_decay=0.1, layer_decay=0.9, drop_path=0.25,
)  # fmt: skip


_PAPER = Script(
    size="giant", gpus=8, batch_size=4, lr=1e-5, epochs=3.0, warmup_epochs=0.0,
    layer_decay=0.9, drop_path=0.3, head_drop_rate=0.5,
)  # fmt: skip


_LONG = Script(
    size="giant", gpus=16, batch_size=2, lr=1e-4, epochs=5.0, warmup_epochs=0.0,
    layer_decay=0.9, drop_path=0.35, head_drop_rate=0.5, activation_checkpointing=True,
)  # fmt: skip


def k710_ucf101_giant(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune ViT-g on a split of UCF101 after Kinetics-710.

    Source: scripts/finetune/vit_g_k710_it_ucf101_ft.sh; arXiv 2303.16727 appendix, the same
        numbers.
    Data: the folder of a split with train.csv and val.csv, or a list of its 9.5 k training videos.
    Hardware: 8 GPUs with 3 videos each.
    Time: unmeasured.
    Score: 99.6 (the paper and the zoo).
    Command: videomae2 finetune k710-ucf101-giant ucf101/split_1 --out runs/ucf101-split-1
    """
    script = replace(_SMALL_SETS_SCRIPT, lr=1e-3, epochs=50.0)
    return _build_fresh_run(script, UCF101, videos, out)


def k710_hmdb51_giant(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune ViT-g on a split of HMDB51 after Kinetics-710, every second frame.

    Source: scripts/finetune/vit_g_k710_it_hmdb51_ft.sh; arXiv 2303.16727 appendix, the same
        numbers but for the stride, which it does not name.
    Data: the folder of a split with train.csv and val.csv, or a list of its training videos.
    Hardware: 8 GPUs with 3 videos each.
    Time: unmeasured.
    Score: 88.1 (the paper and the zoo).
    Command: videomae2 finetune k710-hmdb51-giant hmdb51/split_1 --out runs/hmdb51-split-1
    """
    script = replace(_SMALL_SETS_SCRIPT, lr=5e-4, epochs=15.0)
    return _build_fresh_run(script, HMDB51, videos, out)


_SMALL_SETS_SCRIPT = Script(
    size="giant", gpus=8, batch_size=3, lr=1e-3, epochs=50.0,
    layer_decay=0.9, drop_path=0.35, head_drop_rate=0.5,
)  # fmt: skip


def _build_fresh_run(
    script: Script, dataset: LabelledDataset, videos: Sequence[Path], out: Path
) -> FinetuneRun:
    run = build_finetune_run(script, dataset, videos, out, pretrained_run=PRETRAINED_RUN)
    return replace(run, init=replace(run.init, head="reinit"))
