"""Videos of two classes and a classifier with random weights, for `evaluate_views.py`."""

from pathlib import Path

import av
import numpy as np
import torch

from videomae2.models.classifier import Classifier, ClassifierConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.init import init_classifier_weights
from videomae2.models.sizes import SIZES
from videomae2.models.weights.config_json import FrameSampling, SavedClassifierConfig
from videomae2.models.weights.saved import save_model
from videomae2.tensors.pixels import IMAGENET_MEAN, IMAGENET_STD

CLASSES = ("one", "two")


def write_noise_videos(folder: Path, *, videos: int, frames: int, size: tuple[int, int]) -> None:
    """Write videos of moving noise, half of them in each class."""
    height, width = size
    for number in range(videos):
        path = folder / CLASSES[number % 2] / f"{number:04}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(number)
        small = rng.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
        ground = small.repeat(8, axis=0).repeat(8, axis=1)
        with av.open(str(path), "w") as box:
            stream = box.add_stream("libx264", rate=30)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for i in range(frames):
                picture = np.roll(ground, (i, 2 * i), axis=(0, 1))
                box.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            box.mux(stream.encode(None))


def link_videos(folder: Path, *, videos: int, source: Path) -> None:
    """Name the videos of a folder, as often as it takes, half of them in each class."""
    paths = sorted(path.resolve() for path in source.rglob("*.mp4"))
    if not paths:
        raise SystemExit(f"{source} holds no .mp4 files")
    for number in range(videos):
        path = folder / CLASSES[number % 2] / f"{number:04}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(paths[number % len(paths)])


def save_random_classifier(folder: Path, *, size: str, side: int, frames: int) -> None:
    """Save a classifier with random weights."""
    assert size in SIZES
    encoder = EncoderConfig(size=size, frames=frames, height=side, width=side)
    model = Classifier(
        ClassifierConfig(encoder=encoder, num_classes=len(CLASSES), head_init_scale=1.0)
    )
    init_classifier_weights(model, torch.Generator().manual_seed(0))
    card = SavedClassifierConfig(
        model=model.config,
        class_names=CLASSES,
        frame_sampling=FrameSampling(),
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
    )
    folder.mkdir(parents=True)
    save_model(folder, model.state_dict(), card)
