"""Small classifiers from large ones: the paper's students of ViT-g, and those of your own models.

Source of the paper's: arXiv 2303.16727 appendix. Its code was never released; what it does not say
is the released fine-tuning's, and said here.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from videomae2.config.runs import CheckpointConfig, DistillRun
from videomae2.models.classifier import ClassifierConfig
from videomae2.models.encoder import EncoderConfig, SizeName
from videomae2.models.weights.init_from import InitConfig
from videomae2.recipes.datasets import (
    KINETICS_710,
    SOMETHING_V2,
    LabelledDataset,
    build_validation_config,
)
from videomae2.recipes.own import finetune_own
from videomae2.recipes.own_cpu import CPU_ENCODER, finetune_own_cpu, keep_motion
from videomae2.training.optim import OptimConfig


def distill_k710_base(videos: Sequence[Path], out: Path) -> DistillRun:
    """Distill ViT-B from ViT-g on Kinetics-710, as in the paper.

    The student starts from ViT-B after post-pre-training on Kinetics-710, the run of finetune
    k710-base; --init.weights names another. What the paper leaves open: one view of each video,
    erasing as in the released fine-tuning, the divergence times T squared.

    Source: arXiv 2303.16727 appendix: temperature 3, 100 epochs, no labels in the loss.
    Data: a folder with train.csv and val.csv of Kinetics-710, or a list; 658 k videos.
    Hardware: 1024 videos a step, 16 of them at once; the teacher has 1 B parameters.
    Time: unmeasured.
    Score: K710 81.5, K400 86.6 with its rows of the head (the released model zoo).
    Command: videomae2 distill k710-base k710_train.csv --teacher.weights g_k710_ft.pth
    """
    return _build_paper_run("base", KINETICS_710, videos, out)


def distill_k710_small(videos: Sequence[Path], out: Path) -> DistillRun:
    """Distill ViT-S from ViT-g on Kinetics-710.

    The released ViT-S was made so, from a ViT-S after post-pre-training that was not released; with
    which settings was not published, these are ViT-B's. It starts from the run of finetune
    k710-small; --init.weights names another parent.

    Source: docs/MODEL_ZOO.md of the released code; settings of arXiv 2303.16727 for ViT-B.
    Data: a folder with train.csv and val.csv of Kinetics-710, or a list; 658 k videos.
    Hardware: 1024 videos a step, 16 of them at once; the teacher has 1 B parameters.
    Time: unmeasured.
    Score: K710 77.6, K400 83.7 with its rows of the head (the released model zoo).
    Command: videomae2 distill k710-small k710_train.csv --teacher.weights g_k710_ft.pth
    """
    return _build_paper_run("small", KINETICS_710, videos, out)


def distill_ssv2_base(videos: Sequence[Path], out: Path) -> DistillRun:
    """Distill ViT-B from ViT-g on Something-Something V2, as in the paper.

    Nothing is mirrored, for its classes tell left from right; the paper says that it was. The
    student starts as for Kinetics-710, as the paper has it, with a fresh head; ViT-B after
    finetune ssv2-base would be --init.weights runs/ssv2-base-finetune.

    Source: arXiv 2303.16727 appendix: temperature 3, 100 epochs, half the batch and rate of K710.
    Data: a folder with train.csv and val.csv of Something-Something V2, or a list; 169 k videos.
    Hardware: 512 videos a step, 16 of them at once; the teacher has 1 B parameters.
    Time: unmeasured.
    Score: 75.0 (the paper).
    Command: videomae2 distill ssv2-base ssv2_train.csv --teacher.weights g_ssv2_ft.pth
    """
    return _build_paper_run("base", SOMETHING_V2, videos, out, lr=5e-4, global_batch_size=512)


def distill_own(videos: Sequence[Path], out: Path) -> DistillRun:
    """Distill a model half as deep as ViT-S from your own fine-tuned model with one GPU.

    The teacher is a run of finetune own, of any size, say --model.encoder.size base. Videos need
    no labels: --no-labelled takes every video you have. The student starts fresh; weights of its
    own size to start from, if you have some, go to --init.weights.

    Source: our choice; loss and augmentation of arXiv 2303.16727, clips of finetune own.
    Data: a folder of videos, or a list; the more, the better, with or without labels.
    Hardware: one GPU of 24 GB; 16 videos at once, 4 such parts make a step.
    Time: unmeasured.
    Score: unmeasured.
    Command: videomae2 distill own my_videos/ --teacher.weights runs/own-finetune
    """
    run = finetune_own(videos, out)
    encoder = EncoderConfig(size="small", depth=6, drop_path=0.1)
    return DistillRun(
        data=replace(run.data, views=1),
        model=ClassifierConfig(encoder=encoder),
        optim=replace(
            run.optim,
            epochs=100.0,
            global_batch_size=64,
            micro_batch_size=16,
            layer_decay=1.0,
            clip_norm=1.0,
        ),
        output_dir=out,
    )


def distill_own_cpu(videos: Sequence[Path], out: Path) -> DistillRun:
    """Distill a very small model from a run of finetune own-cpu with a CPU, to see it work.

    Clips are changed as little as there.

    Source: our choice.
    Data: a folder of videos, or a list, with or without labels.
    Hardware: 2 cores, 2 GB of memory.
    Time: unmeasured.
    Score: unmeasured.
    Command: videomae2 distill own-cpu my_videos/ --teacher.weights runs/own-cpu-finetune
    """
    run = finetune_own_cpu(videos, out)
    return DistillRun(
        data=run.data,
        model=ClassifierConfig(
            encoder=replace(CPU_ENCODER, embed_dim=96, depth=2), global_pool=run.model.global_pool
        ),
        augment=run.augment,
        optim=replace(run.optim, layer_decay=1.0, clip_norm=1.0),
        output_dir=out,
        checkpoint=run.checkpoint,
        logging=run.logging,
        reading=run.reading,
    )


def distill_own_cpu_motion(videos: Sequence[Path], out: Path) -> DistillRun:
    """Distill a very small model from a run of finetune own-cpu-motion with a CPU, to see it work.

    Clips lose their mean over time, for the student as for its teacher.

    Source: as own-cpu.
    Data: as own-cpu.
    Hardware: 2 cores, 2 GB of memory.
    Time: unmeasured.
    Score: unmeasured.
    Command: videomae2 distill own-cpu-motion my_videos/
        --teacher.weights runs/own-cpu-motion-finetune
    """
    run = distill_own_cpu(videos, out)
    return replace(run, data=keep_motion(run.data))


def _build_paper_run(
    size: SizeName,
    dataset: LabelledDataset,
    videos: Sequence[Path],
    out: Path,
    *,
    lr: float = 1e-3,
    global_batch_size: int = 1024,
) -> DistillRun:
    return DistillRun(
        data=dataset.build_data_config(videos, views=1),
        labels=dataset.labels,
        validation=build_validation_config(videos),
        model=ClassifierConfig(encoder=EncoderConfig(size=size, drop_path=0.1)),
        init=InitConfig(weights=out.parent / f"k710-{size}-finetune"),
        optim=OptimConfig(
            lr=lr,
            epochs=100.0,
            warmup_epochs=5.0,
            global_batch_size=global_batch_size,
            micro_batch_size=16,
            min_lr=1e-6,
            layer_decay=0.75,
            betas=(0.9, 0.999),
            clip_norm=1.0,
        ),
        output_dir=out,
        checkpoint=CheckpointConfig(interval=1000),
    )
