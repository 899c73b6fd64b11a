"""Made-up videos in the layout of MIRACL-VC1, to try the comparison in seconds.

A bar opens and closes on a grey ground, as lips do; how it moves is its class, how it looks its
speaker.
"""

import csv
from pathlib import Path

import numpy as np

from videomae2.base.files import atomic_write
from videomae2.data.video.writer import write_video

WORDS = ("Opens", "Closes", "Rises")
PHRASES = ("Falls.",)
SPEAKERS = {"A1": "train", "A2": "train", "A3": "train", "B1": "test"}
_HEIGHT, _WIDTH, _RATE, _REPEATS = 24, 32, 15, 3


def write_synthetic(folder: Path) -> Path:
    """Write clips and table, or what is missing of them; give the folder."""
    rows = []
    for speaker, split in SPEAKERS.items():
        for label, name in enumerate((*WORDS, *PHRASES)):
            for repeat in range(_REPEATS):
                path = f"clips/{speaker}_{label:02}_{repeat:02}.mp4"
                frames = 4 + (label + 3 * repeat) % 9
                kind = "words" if name in WORDS else "phrases"
                rows.append((path, label, name, kind, speaker, repeat, frames, split, "train"))
                _write_video(folder / path, label, frames, seed=len(rows), light=ord(speaker[1]))
    head = ("path", "label", "class_name", "kind", "speaker", "rep", "frames")
    with (folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([(*head, "split_si", "split_sd"), *rows])
    return folder


def _write_video(path: Path, label: int, frames: int, *, seed: int, light: int) -> None:
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    pixels = rng.integers(2 * light, 2 * light + 20, (frames, _HEIGHT, _WIDTH, 3), dtype=np.uint8)
    for number, frame in enumerate(pixels):
        progress = (number + 0.5) / frames
        half, middle = {
            0: (8 * progress, 12),
            1: (8 - 8 * progress, 12),
            2: (3, 18 - 12 * progress),
        }.get(label, (3, 6 + 12 * progress))
        frame[int(middle - half) : int(middle + half) + 1, 6:26] = 20
    with atomic_write(path) as partial:
        write_video(partial, pixels, rate=_RATE)
