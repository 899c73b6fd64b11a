"""Runs of distillation that take a second: a teacher of two blocks, a student of one."""

from dataclasses import replace
from pathlib import Path

import torch

from tests.helpers.finetune_runs import CLASSES, small_finetune
from videomae2.config.runs import DistillRun
from videomae2.models.classifier import Classifier, ClassifierConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.init import init_classifier_weights
from videomae2.models.weights.config_json import FrameSampling, SavedClassifierConfig
from videomae2.models.weights.saved import save_model
from videomae2.tasks.distill import TeacherConfig
from videomae2.tensors.pixels import IMAGENET_MEAN, IMAGENET_STD

ENCODER = EncoderConfig(
    size="tiny", frames=4, height=32, width=32, embed_dim=24, depth=1, num_heads=2
)


def make_teacher(
    folder: Path,
    *,
    classes=CLASSES,
    sharpness=30.0,
    card=None,
    head=True,
    global_pool="avg",
    **encoder: object,
) -> Path:
    """Save a teacher with drawn weights, whose scores are far enough apart to be followed."""
    folder.mkdir(parents=True)
    outputs = len(classes) if head else 0
    config = ClassifierConfig(
        encoder=replace(ENCODER, **{"depth": 2, "embed_dim": 32, **encoder}),
        num_classes=outputs,
        head_init_scale=sharpness,
        global_pool=global_pool,
    )
    model = Classifier(config)
    init_classifier_weights(model, torch.Generator().manual_seed(3))
    known = {
        "class_names": classes if head else None,
        "frame_sampling": FrameSampling(frame_interval=2.0),
        "mean": IMAGENET_MEAN,
        "std": IMAGENET_STD,
    }
    save_model(
        folder, model.state_dict(), SavedClassifierConfig(model=config, **known | (card or {}))
    )
    return folder


def student(**encoder: object) -> ClassifierConfig:
    return ClassifierConfig(encoder=replace(ENCODER, **encoder))


def small_distill(videos: Path, teacher: Path, out: Path, **changed: object) -> DistillRun:
    """Four epochs of two steps of 4 videos, in two parts, augmented and mixed."""
    finetuning = small_finetune(videos, out)
    run = DistillRun(
        data=finetuning.data,
        validation=finetuning.validation,
        teacher=TeacherConfig(weights=teacher),
        model=student(drop_path=0.1),
        augment=finetuning.augment,
        optim=finetuning.optim,
        output_dir=out,
        checkpoint=finetuning.checkpoint,
        logging=finetuning.logging,
        reading=finetuning.reading,
        runtime=finetuning.runtime,
    )
    return replace(run, **changed)
