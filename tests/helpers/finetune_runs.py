"""Supervised runs that take a second: three classes of tiny videos, a model of one block."""

from dataclasses import replace
from pathlib import Path

from tests.helpers.pretrain_runs import small_run
from videomae2.config.runs import CheckpointConfig, FinetuneRun, LoggingConfig, ValidationConfig
from videomae2.data.augment.augment import AugmentConfig
from videomae2.data.augment.mixing import MixConfig
from videomae2.data.augment.rand_augment import RandAugmentConfig
from videomae2.data.loading.sources import DataConfig, SourceConfig
from videomae2.data.synthetic.moving_shapes import MOTION_CLASSES, draw_video
from videomae2.data.video.writer import write_video
from videomae2.data.views.crops import CropConfig
from videomae2.models.classifier import ClassifierConfig
from videomae2.training.optim import OptimConfig

CLASSES = ("grows", "moves_left", "spins_clockwise")


def class_folders(folder: Path, each: int = 4) -> Path:
    """A folder with three folders of videos of 32 pixels."""
    for name in CLASSES:
        (folder / "v" / name).mkdir(parents=True)
        first = MOTION_CLASSES.index(name)
        for number in range(first, first + each * len(MOTION_CLASSES), len(MOTION_CLASSES)):
            frames = draw_video("train", number, frames=12, side=32)
            write_video(folder / "v" / name / f"{number:05d}.mp4", frames, rate=16)
    return folder / "v"


def small_finetune(videos: Path, out: Path, **changed: object) -> FinetuneRun:
    """Four epochs of two steps of 4 videos."""
    pretraining = small_run(videos, out)
    run = FinetuneRun(
        data=DataConfig(
            sources=(SourceConfig(path=videos, frame_interval=2.0, frame_sampling="dense"),),
            views=2,
            crop=CropConfig(kind="random-resized"),
        ),
        validation=ValidationConfig(share=0.25, interval=3),
        model=ClassifierConfig(encoder=pretraining.model.encoder, head_drop_rate=0.1),
        augment=AugmentConfig(rand_augment=RandAugmentConfig(num_ops=1), mix=MixConfig(prob=0.5)),
        optim=OptimConfig(
            lr=1e-2,
            epochs=4.0,
            warmup_epochs=1.0,
            global_batch_size=4,
            micro_batch_size=2,
            layer_decay=0.8,
        ),
        output_dir=out,
        checkpoint=CheckpointConfig(interval=2),
        logging=LoggingConfig(interval=3),
        reading=pretraining.reading,
        runtime=pretraining.runtime,
    )
    return replace(run, **changed)
