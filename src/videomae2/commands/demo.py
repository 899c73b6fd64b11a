"""The whole progression on a built-in data set, and what each part of it was worth."""

import json
import logging
from pathlib import Path

from videomae2.base.file_kinds import read_regular_file
from videomae2.base.text import format_count
from videomae2.commands.evaluate.config import EvaluateConfig
from videomae2.commands.evaluate.run import evaluate
from videomae2.commands.reconstruct import reconstruct_videos
from videomae2.commands.train.distill import distill
from videomae2.commands.train.finetune import finetune
from videomae2.commands.train.pretrain import pretrain
from videomae2.data.manifests.read import read_manifest
from videomae2.data.synthetic.moving_shapes import MovingShapes, write_moving_shapes
from videomae2.inference.views import EvalViews
from videomae2.metrics.bootstrap import compare_by_video
from videomae2.reports.curves import plot_loss_curve
from videomae2.reports.demo import NUM_SHOWN_VIDEOS, DemoResult, DemoStages, EvaluatedModel
from videomae2.reports.reconstruction_image import write_image_grid
from videomae2.training.logger import METRICS_FILE

_logger = logging.getLogger(__name__)

_NUM_LAST_STEPS = 50
_TEST_VIEWS = EvalViews(clips=2, crops=1)


def write_videos(folder: Path, *, videos: int) -> MovingShapes:
    """Write the built-in data set, or what is missing of it."""
    _logger.info(f"videos   {format_count(videos, 'video')} of moving shapes in {folder}")
    return write_moving_shapes(folder, videos=videos, frames=40)


def run_demo(stages: DemoStages, shapes: MovingShapes) -> DemoResult:
    """Pre-train, fine-tune, compare with training from scratch, distil; show what came of it."""
    _log_heading(1, "pre-training on all training videos, without labels")
    checkpoint = pretrain(stages.pretrain)
    _log_heading(2, "fine-tuning on the labelled share, from the pre-trained model")
    finetune(stages.finetune)
    _log_heading(3, "the same fine-tuning from scratch")
    finetune(stages.scratch)
    _log_heading(4, "a smaller student learns from the fine-tuned model, without labels")
    distill(stages.distill)
    _log_heading(5, "all three on held-out videos")
    pretrained = _evaluate_model("pre-trained", stages.finetune.output_dir, shapes)
    scratch = _evaluate_model("from scratch", stages.scratch.output_dir, shapes)
    student = _evaluate_model("student", stages.distill.output_dir, shapes)
    folder, mask_ratio = stages.pretrain.output_dir, stages.pretrain.masking.encoder_mask_ratio
    val_manifest = read_manifest(shapes.test, labels="if-present")
    step = max(1, len(val_manifest) // NUM_SHOWN_VIDEOS)
    videos = [Path(val_manifest[i].path) for i in range(0, step * NUM_SHOWN_VIDEOS, step)]
    clips = reconstruct_videos(checkpoint, videos)
    title = f"Held-out videos: {mask_ratio:.0%} hidden from the model, and what it rebuilds"
    return DemoResult(
        curve=plot_loss_curve(folder / METRICS_FILE, folder / "loss.png", title="The demo's loss"),
        picture=write_image_grid(clips, folder / "reconstruction.png", title=title),
        checkpoint=checkpoint,
        loss=_read_last_loss(folder / METRICS_FILE),
        val_loss=sum(clip.loss for clip in clips) / len(clips),
        baseline=sum(clip.baseline for clip in clips) / len(clips),
        pretrained=pretrained,
        scratch=scratch,
        student=student,
        improvement=compare_by_video(pretrained.hits, scratch.hits),
        classes=len(shapes.classes),
    )


def _log_heading(number: int, words: str) -> None:
    _logger.info(f"\n-- {number}/5 {words}")


def _evaluate_model(name: str, model: Path, shapes: MovingShapes) -> EvaluatedModel:
    logger = logging.getLogger("videomae2")
    level = logger.level
    logger.setLevel(logging.WARNING)  # three tables of settings would hide what is compared
    try:
        evaluation = evaluate(model, shapes.test, config=EvaluateConfig(views=_TEST_VIEWS))
    finally:
        logger.setLevel(level)
    accuracy, parameters = evaluation.metrics.main[1], evaluation.model.parameters
    _logger.info(
        f"{name:<13} accuracy {accuracy.value:.1%} [{accuracy.low:.1%}, {accuracy.high:.1%}]  "
        f"{parameters / 1e6:.2f} M"
    )
    return EvaluatedModel(
        name=name,
        folder=evaluation.model.path,
        accuracy=accuracy,
        parameters=parameters,
        report=evaluation.report,
        hits={video.video: float(video.is_correct) for video in evaluation.metrics.videos},
    )


def _read_last_loss(metrics: Path) -> float:
    lines = [json.loads(line) for line in read_regular_file(metrics).splitlines()]
    losses = [line["loss"] for line in lines if line.get("loss") is not None][-_NUM_LAST_STEPS:]
    return sum(losses) / len(losses)
