"""VideoMAE (V1) as its authors pre-trained it: no decoder masking, one view of each clip.

Its scripts ask for one epoch more than their names say; so do these. Rates are for 256 videos.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from videomae2.config.runs import CheckpointConfig, PretrainRun
from videomae2.data.loading.sources import DataConfig
from videomae2.models.autoencoder import AutoencoderConfig, DecoderConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.sizes import SizeName
from videomae2.recipes.datasets import build_sources
from videomae2.tasks.pretrain import MaskingConfig
from videomae2.training.optim import OptimConfig

DEFAULT_LR = 1.5e-4
"""Learning rate of run_mae_pretraining.py where a script names none."""


def v1_k400_small(videos: Sequence[Path], out: Path) -> PretrainRun:
    """Pre-train ViT-S on Kinetics-400 for 1600 epochs, as V1.

    Source: VideoMAE scripts/kinetics, vit_small, epoch_1600.
    Data: a list or folder of the training videos, 240 k.
    Hardware: 32 GPUs with 32 videos each.
    Time: unmeasured.
    Score: after fine-tuning K400 79.0 (V1 zoo).
    Command: videomae2 pretrain v1-k400-small k400.csv
    """
    return _build_run(
        "small", videos, out, epochs=1601.0, global_batch_size=32 * 32, micro_batch_size=32
    )


def v1_k400_base_800(videos: Sequence[Path], out: Path) -> PretrainRun:
    """Pre-train ViT-B on Kinetics-400 for 800 epochs, as V1.

    Source: VideoMAE scripts/kinetics, vit_base, epoch_800.
    Data: a list or folder of the training videos, 240 k.
    Hardware: 64 GPUs with 32 videos each.
    Time: about 27 hours on 64 V100, an author says of V1 (its issue 5, which names no epochs).
    Score: after fine-tuning K400 80.0, with repeated augmentation 81.0 (V1 zoo).
    Command: videomae2 pretrain v1-k400-base-800 k400.csv
    """
    return _build_run(
        "base", videos, out, epochs=801.0, global_batch_size=64 * 32, micro_batch_size=32
    )


def v1_k400_base_1600(videos: Sequence[Path], out: Path) -> PretrainRun:
    """Pre-train ViT-B on Kinetics-400 for 1600 epochs, as V1.

    Source: VideoMAE scripts/kinetics, vit_base, epoch_1600.
    Data: a list or folder of the training videos, 240 k.
    Hardware: 64 GPUs with 32 videos each.
    Time: unmeasured.
    Score: after fine-tuning K400 81.5 (V1 zoo).
    Command: videomae2 pretrain v1-k400-base-1600 k400.csv
    """
    return _build_run(
        "base", videos, out, epochs=1601.0, global_batch_size=64 * 32, micro_batch_size=32
    )


def v1_k400_large(videos: Sequence[Path], out: Path) -> PretrainRun:
    """Pre-train ViT-L on Kinetics-400 for 1600 epochs, as V1, with a decoder of 12 blocks.

    Source: VideoMAE scripts/kinetics, vit_large, epoch_1600.
    Data: a list or folder of the training videos, 240 k.
    Hardware: 64 GPUs with 8 videos each.
    Time: unmeasured.
    Score: after fine-tuning K400 85.2 (V1 zoo).
    Command: videomae2 pretrain v1-k400-large k400.csv
    """
    return _deepen_decoder(
        _build_run(
            "large", videos, out, epochs=1601.0, global_batch_size=64 * 8, micro_batch_size=8
        )
    )


def v1_k400_huge(videos: Sequence[Path], out: Path) -> PretrainRun:
    """Pre-train ViT-H on Kinetics-400 for 1600 epochs, as V1, with a decoder of 12 blocks.

    Source: VideoMAE scripts/kinetics, vit_huge, epoch_1600.
    Data: a list or folder of the training videos, 240 k.
    Hardware: 64 GPUs with 16 videos each, activation checkpointing.
    Time: unmeasured.
    Score: after fine-tuning K400 86.6 (V1 zoo).
    Command: videomae2 pretrain v1-k400-huge k400.csv
    """
    run = _build_run(
        "huge", videos, out, epochs=1601.0, global_batch_size=64 * 16, micro_batch_size=16
    )
    encoder = replace(run.model.encoder, activation_checkpointing=True)
    return _deepen_decoder(replace(run, model=replace(run.model, encoder=encoder)))


def v1_ssv2_small(videos: Sequence[Path], out: Path) -> PretrainRun:
    """Pre-train ViT-S on Something-Something V2 for 2400 epochs, as V1.

    Source: VideoMAE scripts/ssv2, vit_small, epoch_2400.
    Data: a list or folder of the training videos, 169 k.
    Hardware: 32 GPUs with 32 videos each.
    Time: unmeasured.
    Score: after fine-tuning SSv2 66.8 (V1 zoo).
    Command: videomae2 pretrain v1-ssv2-small ssv2.csv
    """
    return _build_run(
        "small",
        videos,
        out,
        epochs=2401.0,
        global_batch_size=32 * 32,
        micro_batch_size=32,
        frame_interval=2.0,
    )


def v1_ssv2_base(videos: Sequence[Path], out: Path) -> PretrainRun:
    """Pre-train ViT-B on Something-Something V2 for 2400 epochs, as V1.

    Source: VideoMAE scripts/ssv2, vit_base, epoch_2400.
    Data: a list or folder of the training videos, 169 k.
    Hardware: 64 GPUs with 32 videos each.
    Time: unmeasured.
    Score: after fine-tuning SSv2 70.8 (V1 zoo).
    Command: videomae2 pretrain v1-ssv2-base ssv2.csv
    """
    return _build_run(
        "base",
        videos,
        out,
        epochs=2401.0,
        global_batch_size=64 * 32,
        micro_batch_size=32,
        frame_interval=2.0,
    )


def v1_ucf101_base(videos: Sequence[Path], out: Path) -> PretrainRun:
    """Pre-train ViT-B on the 9.5 k training videos of UCF101 for 3200 epochs, as V1.

    Source: VideoMAE scripts/ucf101, vit_base, ratio_0.75_epoch_3200.
    Data: a list or folder of the training videos of a split.
    Hardware: 8 GPUs with 24 videos each.
    Time: unmeasured.
    Score: after fine-tuning UCF101 91.3 (V1 zoo).
    Command: videomae2 pretrain v1-ucf101-base ucf101.csv
    """
    run = _build_run(
        "base", videos, out, epochs=3201.0, global_batch_size=8 * 24, micro_batch_size=24
    )
    masking = replace(run.masking, encoder_mask_ratio=0.75)
    return replace(run, masking=masking, optim=replace(run.optim, lr=3e-4))


def _build_run(
    size: SizeName,
    videos: Sequence[Path],
    out: Path,
    *,
    epochs: float,
    global_batch_size: int,
    micro_batch_size: int,
    frame_interval: float = 4.0,
) -> PretrainRun:
    optim = OptimConfig(
        lr=DEFAULT_LR,
        epochs=epochs,
        warmup_epochs=40.0,
        global_batch_size=global_batch_size,
        micro_batch_size=micro_batch_size,
    )
    return PretrainRun(
        data=DataConfig(sources=build_sources(videos, frame_interval=frame_interval), views=1),
        model=AutoencoderConfig(encoder=EncoderConfig(size=size)),
        masking=MaskingConfig(decoder="none"),
        optim=optim,
        output_dir=out,
        checkpoint=CheckpointConfig(interval=1000),
    )


def _deepen_decoder(run: PretrainRun) -> PretrainRun:
    """The decoder that V1 gives to large and huge."""
    return replace(run, model=replace(run.model, decoder=DecoderConfig(depth=12)))
