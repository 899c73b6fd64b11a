"""Labelled videos that a blind encoder tells apart, and an encoder that was never trained."""

from pathlib import Path

import numpy as np

from tests.helpers.classifiers import saved_autoencoder

COLOURS = {"blue": (40, 60, 200), "green": (30, 180, 60), "red": (210, 40, 50)}


def labelled_videos(folder: Path, per_class: int, *, seed: int = 0) -> Path:
    """A folder per colour with noisy arrays of 12 frames."""
    rng = np.random.default_rng(seed)
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True)
        for number in range(per_class):
            noise = rng.integers(-25, 26, (12, 16, 20, 3))
            frames = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
            np.save(folder / name / f"{number:02d}.npy", frames)
    return folder


def small_encoder(folder: Path) -> Path:
    """A saved model of clips of 4 frames of 16 pixels."""
    saved_autoencoder(folder, frames=4, height=16, width=16)
    return folder
