"""Runs that take a second: a handful of tiny videos, a model of one block."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch

from videomae2.config.runs import CheckpointConfig, LoggingConfig, PretrainRun
from videomae2.data.loading.reading import ReadingConfig
from videomae2.data.loading.sources import DataConfig, SourceConfig
from videomae2.data.synthetic.moving_shapes import write_moving_shapes
from videomae2.models.autoencoder import AutoencoderConfig, DecoderConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.training.optim import OptimConfig
from videomae2.training.runtime import RuntimeConfig


def small_videos(folder: Path, count: int = 20) -> Path:
    """A folder with four fifths of ``count`` videos of 32 pixels."""
    write_moving_shapes(folder, videos=count, frames=12, side=32, num_workers=1)
    return folder / "train"


def small_run(videos: Path, out: Path, *, epochs: float = 3.0, **changed: object) -> PretrainRun:
    """Pre-training with two steps of 8 videos an epoch, which this process reads."""
    run = PretrainRun(
        data=DataConfig(sources=(SourceConfig(path=videos, frame_interval=2.0),), views=2),
        model=AutoencoderConfig(
            encoder=EncoderConfig(
                size="tiny",
                frames=4,
                height=32,
                width=32,
                embed_dim=24,
                depth=1,
                num_heads=2,
                drop_path=0.1,
            ),
            decoder=DecoderConfig(depth=1, embed_dim=16, num_heads=2),
        ),
        optim=OptimConfig(
            lr=1e-2, epochs=epochs, warmup_epochs=1.0, global_batch_size=8, micro_batch_size=4
        ),
        output_dir=out,
        checkpoint=CheckpointConfig(interval=2),
        logging=LoggingConfig(interval=3),
        reading=ReadingConfig(num_workers=0, timeout_seconds=5.0),
        runtime=RuntimeConfig(device="cpu", precision="fp32"),
    )
    return replace(run, **changed)


def quiet(_: str) -> None:
    pass


def losses(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    steps = [line for line in lines if "loss" in line]
    return {line["step"]: (line["loss"], line["grad_norm"]) for line in steps}


def stop_after(lines, number):
    """Something to say lines to, which sends a signal after some log lines."""
    seen = []

    def say(line):
        if line.startswith("step "):
            seen.append(line)
            if len(seen) == lines:
                os.kill(os.getpid(), number)

    return say


SCRIPT = """
import sys
from pathlib import Path
from videomae2.config.files import load_config
from videomae2.config.runs import PretrainRun
from videomae2.commands.train.pretrain import pretrain
import logging
import torch
logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
torch.set_num_threads(int(sys.argv[2]))
pretrain(load_config(PretrainRun, Path(sys.argv[1])))
"""


def start(config, stdout=subprocess.DEVNULL):
    """A run of its own, with as many threads as here: their number decides how sums are rounded."""
    words = [sys.executable, "-c", SCRIPT, str(config), str(torch.get_num_threads())]
    return subprocess.Popen(words, stdout=stdout, stderr=subprocess.PIPE)


def kill_after(process, lines, *, seconds=0.0):
    """Kill a run once it has said so many log lines, and some time has passed."""
    steps = (line for line in process.stdout if line.startswith(b"step "))
    for _ in range(lines):
        next(steps)
    time.sleep(seconds)  # the moment of the kill is what is tested
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
