"""A pipeline of three small stages, and what it left behind."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

from tests.jobs.small import quiet, small_run, small_videos
from tests.jobs.small_distill import small_distill
from tests.jobs.small_finetune import class_folders, small_finetune
from videomae2.errors import Interrupted
from videomae2.jobs.pipeline.checking import look_at
from videomae2.jobs.pipeline.distilling import distill_stage
from videomae2.jobs.pipeline.evaluating import evaluate_stage
from videomae2.jobs.pipeline.kinds import finetune_stage, pretrain_stage
from videomae2.jobs.pipeline.resolving import resolve
from videomae2.jobs.pipeline.running import Span, plan, run_pipeline
from videomae2.jobs.pipeline.state import read_state
from videomae2.models.teachers import TeacherConfig


def small_students(videos, out):
    return replace(small_distill(videos[0], out, out), teacher=TeacherConfig())


KINDS = {
    "pretrain": pretrain_stage({"small": lambda videos, out: small_run(videos[0], out)}),
    "finetune": finetune_stage({"small": lambda videos, out: small_finetune(videos[0], out)}),
    "distill": distill_stage({"small": small_students}),
    "evaluate": evaluate_stage(),
}

TEXT = """name: tiny
out: runs
common:
  loading: {workers: 0}
  record: {log_every: 1}
  runtime: {device: cpu, precision: fp32}
stages:
  pretrained:
    kind: pretrain
    recipe: small
    videos: unlabelled/train
    settings:
      optim: {epochs: 2}
  post:
    kind: finetune
    recipe: small
    videos: labelled/v
    from: pretrained
    settings:
      validation: {share: 0}
      optim: {epochs: 1}
  tuned:
    kind: finetune
    recipe: small
    videos: labelled/v
    from: post
    settings:
      optim: {ema_decay: 0.9, epochs: 2}
  judged:
    kind: evaluate
    videos: test/v
    from: tuned
    settings:
      views: {clips: 2, crops: 1}
      rounds: 100
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
    pipeline = resolve(path, KINDS, **more)
    return pipeline, look_at(pipeline, stand_in=path)


def run(text=TEXT, *, span=None, say=quiet):
    """Run a text as a pipeline and give what became of its stages, by name."""
    pipeline, seen = prepared(text)
    done = run_pipeline(pipeline, seen, span=span or Span(), say=say)
    return {one.stage.name: one for one in done}


def actions(text=TEXT):
    """What would be done about each stage, by name."""
    pipeline, seen = prepared(text)
    found = plan(pipeline, seen, span=Span())
    return {name: decision.action for name, decision in found.items()}


def reasons(text=TEXT):
    pipeline, seen = prepared(text)
    return {name: decision.why for name, decision in plan(pipeline, seen, span=Span()).items()}


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
            found["judged stage"] = read_state(stage).origin
        elif stage.is_dir():
            last = max((stage / "checkpoints").iterdir())
            files = [stage / "stage.json", *last.rglob("*.*"), *(stage / "best").glob("*")]
            files += (stage / "students").glob("*/*")
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
