"""InternVideo's pre-training on hybrid data, with V1's masking, and its fine-tuning of V2's ViT-H.

Rates are for 256 videos. The scripts ask for one epoch more than their names say; so do these. The
H that is fine-tuned is the 1200-epoch one of VideoMAE V2, so the parents are the recipes of V2.

"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from videomae2.config.runs import CheckpointConfig, FinetuneRun, PretrainRun
from videomae2.data.loading.sources import DataConfig
from videomae2.models.autoencoder import AutoencoderConfig, DecoderConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.sizes import SizeName
from videomae2.recipes.datasets import (
    KINETICS_400,
    KINETICS_600,
    KINETICS_700,
    build_hybrid_sources,
)
from videomae2.recipes.k710_transfer import select_head
from videomae2.recipes.scripts import Script, build_finetune_run
from videomae2.recipes.v1 import DEFAULT_LR
from videomae2.tasks.pretrain import MaskingConfig
from videomae2.training.optim import OptimConfig


def internvideo_base(videos: Sequence[Path], out: Path) -> PretrainRun:
    """Pre-train ViT-B on hybrid data with V1's masking.

    Source: InternVideo1; batch and rate are those of its ViT-B script for SSv2, since the one of
        its weights vit_b_hybrid_pt_800e is not released.
    Data: as for hybrid-base; its own mixture of about 1 M clips is not described list by list.
    Hardware: 32 GPUs with 64 videos each.
    Time: unmeasured.
    Score: after fine-tuning K400 81.5, SSv2 71.2 (InternVideo).
    Command: videomae2 pretrain internvideo-base lists/
    """
    optim = OptimConfig(
        lr=DEFAULT_LR,
        epochs=801.0,
        warmup_epochs=40.0,
        global_batch_size=32 * 64,
        micro_batch_size=64,
    )
    return _build_run("base", videos, out, optim, views=1, decoder_depth=4)


def internvideo_large(videos: Sequence[Path], out: Path) -> PretrainRun:
    """Pre-train ViT-L on hybrid data with V1's masking and a decoder of 12 blocks.

    Source: InternVideo1 scripts/pretrain/slurm_train_vit_l_hybrid_pt.sh.
    Data: as for internvideo-base.
    Hardware: 48 GPUs with 24 videos each.
    Time: unmeasured.
    Score: none is given for this stage alone.
    Command: videomae2 pretrain internvideo-large lists/
    """
    optim = OptimConfig(
        lr=DEFAULT_LR,
        epochs=801.0,
        warmup_epochs=40.0,
        global_batch_size=48 * 24,
        micro_batch_size=24,
    )
    return _build_run("large", videos, out, optim, views=1, decoder_depth=12)


def internvideo_huge(videos: Sequence[Path], out: Path) -> PretrainRun:
    """Pre-train ViT-H on hybrid data with V1's masking, four views and a decoder of 8 blocks.

    Source: InternVideo1 scripts/pretrain/slurm_train_vit_h_hybrid_pt.sh.
    Data: as for internvideo-base.
    Hardware: 64 GPUs with 6 videos each.
    Time: unmeasured.
    Score: none is given for this stage alone.
    Command: videomae2 pretrain internvideo-huge lists/
    """
    optim = OptimConfig(
        lr=1e-3,
        epochs=301.0,
        warmup_epochs=15.0,
        global_batch_size=64 * 6,
        micro_batch_size=6,
        min_lr=5e-5,
    )
    return _build_run("huge", videos, out, optim, views=4, decoder_depth=8)


def _build_run(
    size: SizeName,
    videos: Sequence[Path],
    out: Path,
    optim: OptimConfig,
    *,
    views: int,
    decoder_depth: int,
) -> PretrainRun:
    return PretrainRun(
        data=DataConfig(sources=build_hybrid_sources(videos), views=views),
        model=AutoencoderConfig(
            encoder=EncoderConfig(size=size), decoder=DecoderConfig(depth=decoder_depth)
        ),
        masking=MaskingConfig(decoder="none"),
        optim=optim,
        output_dir=out,
        checkpoint=CheckpointConfig(interval=1000),
    )


def internvideo_k710_k400_huge(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune ViT-H on Kinetics-400 after Kinetics-710, as InternVideo.

    The head has the parent's rows of these classes, which go by their names in the order of
    VideoMAE V2. InternVideo's own 710-class weights have another order (the classes of Kinetics-400
    are their first 400): give a file of their names with --init.class-names.

    Source: InternVideo1 scripts/finetune/slurm_train_vit_h_mixk_it_k400_ft.sh.
    Data: a folder with train.csv and val.csv, or lists of training videos, 240 k.
    Hardware: 8 GPUs with 4 videos each.
    Time: unmeasured.
    Score: none is given for this stage alone.
    Command: videomae2 finetune internvideo-k710-k400-huge k400/
    """
    return select_head(
        build_finetune_run(
            _AFTER_710, KINETICS_400, videos, out, pretrained_run="k710-huge-finetune"
        )
    )


def internvideo_k710_k600_huge(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune ViT-H on Kinetics-600 after Kinetics-710, as InternVideo.

    Source: InternVideo1 scripts/finetune/slurm_train_vit_h_mixk_it_k600_ft.sh.
    Data: a folder with train.csv and val.csv, or lists of training videos, 366 k.
    Hardware: as for internvideo-k710-k400-huge.
    Time: unmeasured.
    Score: none is given for this stage alone.
    Command: videomae2 finetune internvideo-k710-k600-huge k600/
    """
    return select_head(
        build_finetune_run(
            _AFTER_710, KINETICS_600, videos, out, pretrained_run="k710-huge-finetune"
        )
    )


def internvideo_k710_k700_huge(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune ViT-H on Kinetics-700 after Kinetics-710, as InternVideo.

    Source: InternVideo1 scripts/finetune/slurm_train_vit_h_mixk_it_k700_ft.sh.
    Data: a folder with train.csv and val.csv, or lists of training videos.
    Hardware: as for internvideo-k710-k400-huge.
    Time: unmeasured.
    Score: none is given for this stage alone.
    Command: videomae2 finetune internvideo-k710-k700-huge k700/
    """
    return select_head(
        build_finetune_run(
            _AFTER_710, KINETICS_700, videos, out, pretrained_run="k710-huge-finetune"
        )
    )


def internvideo_k600_k400_huge(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune ViT-H on Kinetics-400 after Kinetics-600, as InternVideo, with a fresh head.

    Source: InternVideo1 scripts/finetune/slurm_train_vit_h_k600_it_k400_ft.sh.
    Data: as for internvideo-k710-k400-huge.
    Hardware: 32 GPUs with 4 videos each.
    Time: unmeasured.
    Score: none is given for this stage alone.
    Command: videomae2 finetune internvideo-k600-k400-huge k400/
    """
    script = replace(_AFTER_710, gpus=32, lr=5e-4, epochs=15.0, warmup_epochs=3.0, drop_path=0.3)
    run = build_finetune_run(script, KINETICS_400, videos, out, pretrained_run="k600-huge-finetune")
    return replace(run, init=replace(run.init, head="reinit"))


def internvideo_k400_huge_segments(videos: Sequence[Path], out: Path) -> FinetuneRun:
    """Fine-tune ViT-H on Kinetics-400 with one frame of each 16th part, as InternVideo.

    Source: InternVideo1 scripts/finetune/slurm_train_vit_h_k400_sparse_ft.sh; one view.
    Data: as for internvideo-k710-k400-huge.
    Hardware: 32 GPUs with 8 videos each.
    Time: unmeasured.
    Score: none is given for this stage alone.
    Command: videomae2 finetune internvideo-k400-huge-segments k400/
    """
    script = replace(
        _AFTER_710, gpus=32, batch_size=8, lr=3e-4, epochs=75.0, warmup_epochs=5.0, views=1
    )
    segments = replace(KINETICS_400, frame_sampling="tsn")
    return build_finetune_run(script, segments, videos, out, pretrained_run="hybrid-huge")


_AFTER_710 = Script(
    size="huge", gpus=8, batch_size=4, lr=2e-6, epochs=3.0, warmup_epochs=1.0,
    layer_decay=0.8, drop_path=0.2, head_drop_rate=0.5,
)  # fmt: skip
