"""InternVideo's pre-training on hybrid data: V1's masking on more videos, before V2's.

Rates are for 256 videos. The scripts ask for one epoch more than their names say; so do these.
"""

from collections.abc import Sequence
from pathlib import Path

from videomae2.config import PretrainRun, CheckpointConfig
from videomae2.data.sources import DataConfig
from videomae2.engine.optim import OptimConfig
from videomae2.models.autoencoder import AutoencoderConfig, DecoderConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.sizes import SizeName
from videomae2.recipes.sources import build_hybrid_sources
from videomae2.recipes.v1 import DEFAULT_LR
from videomae2.tasks.pretrain import MaskingConfig


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
    optim = OptimConfig(lr=DEFAULT_LR, epochs=801.0, warmup_epochs=40.0, global_batch_size=32 * 64, micro_batch_size=64)
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
    optim = OptimConfig(lr=DEFAULT_LR, epochs=801.0, warmup_epochs=40.0, global_batch_size=48 * 24, micro_batch_size=24)
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
        lr=1e-3, epochs=301.0, warmup_epochs=15.0, global_batch_size=64 * 6, micro_batch_size=6, min_lr=5e-5
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
        checkpoint=CheckpointConfig(output_dir=out, interval=1000),
    )
