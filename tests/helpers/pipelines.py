"""A pipeline of three small stages, and what it left behind."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

from tests.helpers.distill_runs import small_distill
from tests.helpers.finetune_runs import class_folders, small_finetune
from tests.helpers.logs import logging_to
from tests.helpers.pretrain_runs import quiet, small_run, small_videos
from videomae2.commands.pipeline.load import load_pipeline
from videomae2.commands.pipeline.run import plan_pipeline, run_pipeline
from videomae2.commands.pipeline.state import load_stage_state
from videomae2.errors import Interrupted
from videomae2.tasks.distill import TeacherConfig


def small_student(videos, out):
    return replace(small_distill(videos[0], out, out), teacher=TeacherConfig())


RECIPES = {
    "pretrain": {"small": lambda videos, out: small_run(videos[0], out)},
    "finetune": {"small": lambda videos, out: small_finetune(videos[0], out)},
    "distill": {"small": small_student},
}

TEXT = """name: tiny
out: runs
shared: &train
  reading: {num_workers: 0}
  logging: {interval: 1}
  runtime: {device: cpu, precision: fp32}
stages:
  pretrained:
    kind: pretrain
    recipe: small
    videos: unlabelled/train
    settings:
      <<: *train
      optim: {epochs: 2}
  post:
    kind: finetune
    recipe: small
    videos: labelled/v
    from: pretrained
    settings:
      <<: *train
      validation: {share: 0}
      optim: {epochs: 1}
  tuned:
    kind: finetune
    recipe: small
    videos: labelled/v
    from: post
    settings:
      <<: *train
      optim: {ema_decay: 0.9, epochs: 2}
  judged:
    kind: evaluate
    videos: test/v
    from: tuned
    settings:
      device: cpu
      precision: fp32
      reading: {num_workers: 0}
      views: {clips: 2, crops: 1}
      n_resamples: 100
"""


JUDGED = ("predictions.jsonl", "probabilities.npy")


def make_videos(folder: Path) -> Path:
    small_videos(folder / "unlabelled")
    class_folders(folder / "labelled")
    class_folders(folder / "test", each=1)
    return folder


def prepared(text=TEXT, **more):
    """Resolve and check a text as the file of the current folder."""
    path = Path("p.yaml")
    path.write_text(text)
    return load_pipeline(path, RECIPES, **more)


def run(text=TEXT, *, say=quiet, **span):
    """Run a text as a pipeline and give what became of its stages, by name."""
    pipeline = prepared(text)
    with logging_to(say):
        done = run_pipeline(pipeline, **span)
    return {one.stage.name: one for one in done}


def actions(text=TEXT):
    """What would be done about each stage, by name."""
    return {name: action.name for name, action in plan_pipeline(prepared(text)).items()}


def reasons(text=TEXT):
    return {name: action.reason for name, action in plan_pipeline(prepared(text)).items()}


def run_to_the_end(text=TEXT, *, say):
    """Run again and again until nobody stops it; give how often somebody did."""
    stops = 0
    while True:
        try:
            run(text, say=say())
        except Interrupted:
            stops += 1
        else:
            return stops


def left_behind(folder: Path):
    """All that counts of a pipeline's folder: weights to the bit, cards, states, metrics.

    Of checkpoints the last: who was stopped saved in other steps as well.
    """
    found = {}
    for stage in sorted(folder.iterdir()):
        if stage.name.startswith("judged"):
            found |= {name: (stage / name).read_bytes() for name in JUDGED}
            found["judged stage"] = load_stage_state(stage)[0]
        elif stage.is_dir():
            last = max((stage / "checkpoints").iterdir())
            files = [stage / "stage.json", *last.rglob("*.*"), *(stage / "best").glob("*")]
            for path in files:
                name = str(path.relative_to(folder))
                found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
            found[f"{stage.name} training"] = training(stage)
            found[f"{stage.name} validation"] = validation(stage)
    return found


def training(stage: Path):
    lines = (stage / "metrics.jsonl").read_text().splitlines()
    steps = [line for line in map(json.loads, lines) if "loss" in line]
    assert len({line["step"] for line in steps}) == len(steps)
    return [(line["step"], line["loss"], line["grad_norm"], line["lr"]) for line in steps]


def validation(stage: Path):
    lines = map(json.loads, (stage / "metrics.jsonl").read_text().splitlines())
    return [line for line in lines if "validation/loss" in line]
