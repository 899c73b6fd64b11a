"""A folder with small videos, lists and runs, where commands are called; what they say is kept."""

import io
import os
import shutil
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import pytest

from tests.helpers.brightness_classifier import levels, save_rigged, write_levels
from tests.helpers.kinetics_annotations import kinetics
from tests.snapshots import texts
from videomae2.cli.main import main

ENCODER = "encoder: {frames: 4, height: 32, width: 32, embed_dim: 24, depth: 1, num_heads: 2}"
DECODER = "decoder: {depth: 1, embed_dim: 16, num_heads: 2}"
REST = """
optim: {epochs: 2, warmup_epochs: 0, global_batch_size: 4, micro_batch_size: 4}
reading: {num_workers: 0}
runtime: {device: cpu, precision: fp32}
"""
SETTINGS = {
    "pretrain.yaml": f"model: {{{ENCODER}, {DECODER}}}{REST}",
    "finetune.yaml": f"model: {{{ENCODER}}}{REST}",
    "distill.yaml": f"model: {{{ENCODER}}}{REST}",
    "pipeline.yaml": """
name: tiny
shared:
  train: &train
    reading: {num_workers: 0}
    runtime: {device: cpu, precision: fp32}
  encoder: &encoder
    encoder: {frames: 4, height: 32, width: 32, embed_dim: 24, depth: 1, num_heads: 2}
stages:
  pretrained:
    kind: pretrain
    recipe: own-cpu
    videos: videos
    settings:
      <<: *train
      model: {<<: *encoder, decoder: {depth: 1, embed_dim: 16, num_heads: 2}}
      optim: {epochs: 1, warmup_epochs: 0, global_batch_size: 8, micro_batch_size: 8}
  tuned:
    kind: finetune
    recipe: own-cpu
    videos: videos
    from: pretrained
    settings:
      <<: *train
      model: *encoder
      optim: {epochs: 1, warmup_epochs: 0, global_batch_size: 8, micro_batch_size: 8}
  judged:
    kind: evaluate
    videos: test
    from: tuned
    settings:
      device: cpu
      precision: fp32
      reading: {num_workers: 0}
      views: {clips: 2, crops: 1}
      n_resamples: 100
""",
}


@dataclass(frozen=True)
class Place:
    """Where commands are called."""

    folder: Path

    def call(self, line: str) -> str:
        """Call a command as in a terminal of 100 columns; give all that it says, as kept."""
        out, err = io.StringIO(), io.StringIO()
        terminal = patch.dict(os.environ, COLUMNS="100", NO_COLOR="1", GOMP_SPINCOUNT="1000")
        with chdir(self.folder), terminal, redirect_stdout(out), redirect_stderr(err):
            code = main(line.split())
        parts = [f"$ videomae2 {line}", out.getvalue().rstrip("\n")]
        parts += ["-- standard error", err.getvalue().rstrip("\n")] if err.getvalue() else []
        parts += [f"-- exit code {code}"] if code else []
        return self.steady("\n".join(part for part in parts if part))

    def steady(self, text: str) -> str:
        return texts.steady(text, self.folder)


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    """Videos, dark and bright, and lists; a pre-trained model, a tuned one, and a certain one."""
    folder = tmp_path_factory.mktemp("place", numbered=False)
    for name, level in (("dark", 20), ("bright", 235)):
        for split, number in (("videos", 5), ("test", 3)):
            (folder / split / name).mkdir(parents=True)
            for i in range(number):
                write_levels(folder / split / name / f"{i}.mp4", levels((20 + 3 * i, level)))
    write_levels(folder / "test" / "bright" / "2.mp4", levels((12, 235), (24, 20)))  # wrong
    write_levels(folder / "long.mp4", levels((38, 0), (60, 255), (50, 0)))
    (folder / "broken.mp4").write_bytes(b"no video")
    kinetics(folder)
    for name, text in SETTINGS.items():
        (folder / name).write_text(text)
    made = Place(folder)
    made.call("pretrain own-cpu videos --config pretrain.yaml --out runs/pretrained")
    weights = "--init.weights runs/pretrained"
    made.call(f"finetune own-cpu videos --config finetune.yaml {weights} --out runs/tuned")
    save_rigged(folder / "runs" / "rigged" / "best")
    shutil.copy(folder / "runs" / "tuned" / "metrics.jsonl", folder / "runs" / "rigged")
    return made


@pytest.fixture
def changes(request):
    """How a text differs from the one kept under a name (``--update-snapshots`` keeps it)."""
    update = request.config.getoption("--update-snapshots")
    return lambda name, text: texts.changes(name, text, update=update)
