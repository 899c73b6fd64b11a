"""A small model, small labelled videos, and evaluation said again slowly: one view after the other,
each decoded for itself, the model of the restatement fed with plain arrays."""

import shutil
from dataclasses import replace

import numpy as np
import torch

from tests.helpers.classifiers import STATISTICS, small_classifier
from tests.helpers.logs import logging_to
from tests.helpers.videos import encode, plain_decode
from videomae2.commands.evaluate.config import EvaluateConfig
from videomae2.commands.evaluate.run import evaluate
from videomae2.data.loading.reading import ReadingConfig
from videomae2.inference.views import EvalViews
from videomae2.models.weights.config_json import FrameSampling, SavedClassifierConfig
from videomae2.models.weights.saved import save_model
from videomae2.tensors import grid

CLASSES = ("fall", "run", "walk")
SPAN = FrameSampling(frame_interval=2.0)
CONFIG = EvaluateConfig(
    device="cpu",
    precision="fp32",
    batch_size=4,
    n_resamples=100,
    reading=ReadingConfig(num_workers=0, timeout_seconds=20.0),
)
ONE_BY_ONE = EvalViews(clips=2, crops=2)


def save_run(folder, *, outputs=3, **card):
    """A run folder whose best model has loud opinions."""
    best = folder / "best"
    best.mkdir(parents=True)
    model = small_classifier(outputs, seed=4)
    with torch.no_grad():
        model.head.weight.mul_(4)
    settings = {"class_names": CLASSES, "frame_sampling": SPAN} | card
    save_model(
        best,
        model.state_dict(),
        SavedClassifierConfig(model=model.config, **settings, **STATISTICS),
    )
    return folder


def save_videos(folder, classes=("run", "walk"), each=3):
    """A folder per class; equal names in all of them."""
    number = 0
    for name in classes:
        (folder / name).mkdir(parents=True)
        for i in range(each):
            number += 1
            size = (48, 64) if number % 2 else (72, 40)
            encode(folder / name / f"{i:03}.mp4", frames=12 + 5 * number, size=size)
    return folder


def copied(folder, to):
    shutil.copytree(folder, to)
    return to


def quiet(_):
    pass


def run_it(run, videos, out, *, config=CONFIG, log=quiet, **changed):
    with logging_to(log):
        return evaluate(run, videos, out=out, config=replace(config, **changed))


def slow_probabilities(model, path, *, clips, crops, stride, frames=8, side=32):
    """As the released code does it: resize all frames, then slices of them, softmax, the mean."""
    video = np.stack(plain_decode(path)).astype(np.float32)
    height, width = video.shape[1:3]
    if height <= width:
        size = side, int(side * width / height)
    else:
        size = int(side * height / width), side
    x = torch.from_numpy(video).permute(0, 3, 1, 2)
    x = torch.nn.functional.interpolate(x, size=size, mode="bilinear", align_corners=False)
    whole = x.round().permute(0, 2, 3, 1).numpy()[::stride]
    while len(whole) < frames:
        whole = np.concatenate([whole, whole[-1:]])
    step = (len(whole) - frames) / (clips - 1)
    space = (max(size) - side) / (crops - 1)
    found = []
    for clip in range(clips):
        part = whole[int(clip * step) : int(clip * step) + frames]
        for crop in range(crops):
            first = int(crop * space)
            cut = (
                part[:, first : first + side]
                if size[0] >= size[1]
                else part[:, :, first : first + side]
            )
            found.append(_softmax(_scores(model, cut)))
    return np.mean(found, axis=0)


def _scores(model, clip):
    mean, std = (np.array(STATISTICS[name], dtype=np.float32) for name in ("mean", "std"))
    x = torch.from_numpy(((clip / 255 - mean) / std).astype(np.float32))[None]
    with torch.no_grad():
        return model(grid.split(x, model.cubes)).numpy()[0]


def _softmax(scores):
    powers = [2.718281828459045 ** float(score) for score in scores]
    return np.array(powers) / sum(powers)
