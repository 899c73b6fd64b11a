"""Features of overlapping windows: how much is not the model, and how much decoding once saves.

    python benchmarks/extract_features.py share|once|memory

share: ViT-S at 224 on 300 frames, windows of 16 every 4. once: a tiny model at 224 on 2,000 frames,
beside a program that opens the video and decodes the frames of each window alone. memory: the
largest resident size with 2,000 and with 20,000 frames. All on the CPU with one thread, in CPU
seconds of the process and its reading processes, so that a busy machine changes little.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch

from videomae2.commands.extract.config import ExtractConfig, WindowConfig
from videomae2.commands.extract.plan import FEATURES, prepare_extract
from videomae2.data.loading.reading import ReadingConfig
from videomae2.data.video.reader import open_reader
from videomae2.data.video.writer import write_video
from videomae2.data.views.resize import resize_to_cover
from videomae2.inference.features.extract import Extraction
from videomae2.inference.features.store import FeatureStore
from videomae2.inference.features.writing import WritableStore
from videomae2.models.autoencoder import Autoencoder, AutoencoderConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.init import init_autoencoder_weights
from videomae2.models.weights.config_json import SavedAutoencoderConfig
from videomae2.models.weights.saved import save_model
from videomae2.tensors.pixels import IMAGENET_MEAN, IMAGENET_STD

WINDOW, STRIDE = 16, 4


def make_film(path: Path, frames: int, height: int, width: int) -> None:
    """A texture that drifts, with noise, as a camera has it."""
    rng = np.random.default_rng(0)
    texture = rng.integers(0, 256, (height // 8, width // 8 * 2, 3)).astype(np.uint8)
    texture = np.kron(texture, np.ones((8, 8, 1), np.uint8))
    pictures = (
        np.roll(texture, -number, axis=1)[:, :width] // 2
        + rng.integers(0, 64, (height, width, 1), np.uint8)
        for number in range(frames)
    )
    write_video(path, pictures, rate=Fraction(25), crf=23)


def make_model(folder: Path, **sizes: Any) -> None:
    """A pre-trained model with drawn weights."""
    config = AutoencoderConfig(encoder=EncoderConfig(**sizes))
    model = Autoencoder(config)
    init_autoencoder_weights(model, torch.Generator().manual_seed(0))
    folder.mkdir()
    card = SavedAutoencoderConfig(model=config, mean=IMAGENET_MEAN, std=IMAGENET_STD)
    save_model(folder, model.state_dict(), card)


def cpu_seconds() -> float:
    """Of this process and of those that it has waited for."""
    parts = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(part.ru_utime + part.ru_stime for part in parts)


def extract(folder: Path, out: str, video: str, batch_size: int = 8) -> dict[str, float]:
    """Extract once; CPU seconds, of them those of the forward passes, and counts."""
    config = ExtractConfig(
        windows=WindowConfig(frame_interval=1, stride=STRIDE),
        reading=ReadingConfig(num_workers=1),
        device="cpu",
        precision="fp32",
        batch_size=batch_size,
    )
    plan = prepare_extract(folder / "model", folder / video, folder / out, config)
    forward, encode = [0.0], plan.encoder

    class Timed:
        """The encoder, with a clock of its thread's CPU time."""

        def __call__(self, clips: torch.Tensor) -> dict[str, np.ndarray]:
            before = time.thread_time()
            features = encode(clips)
            forward[0] += time.thread_time() - before
            return features

    before = cpu_seconds()
    with WritableStore(plan.out, plan.list_settings()) as store:
        shape = plan.kind.compute_shape(encode.frozen)
        extraction = Extraction(
            stores={FEATURES: store},
            specs={FEATURES: (shape, plan.kind.dtype)},
            reader=plan.make_reader(),
            encode=Timed(),
            batch_size=batch_size,
            name="",
        )
        extraction.run(plan.videos)
    return {
        "cpu_seconds": cpu_seconds() - before,
        "forward_cpu_seconds": forward[0],
        "windows": extraction.stats.num_clips,
        "frames": extraction.stats.num_frames,
    }


def extract_alone(folder: Path, video: str, num_windows: int) -> dict[str, float]:
    """Open the video for each window, decode its frames, encode it; the first ones are counted."""
    config = ExtractConfig(
        windows=WindowConfig(frame_interval=1, stride=STRIDE), device="cpu", precision="fp32"
    )
    plan = prepare_extract(folder / "model", folder / video, folder / "unused", config)
    before = cpu_seconds()
    index = np.arange(WINDOW, dtype=np.int64)[None]
    for number in range(num_windows):
        with open_reader(folder / video) as reader:
            frames = reader.read(range(number * STRIDE, number * STRIDE + WINDOW))
        clip = resize_to_cover(
            frames, index, (224, 224), crops=1, antialias=True, device=torch.device("cpu")
        ).cut_view(0)
        plan.encoder(clip[None])
    return {"cpu_seconds": cpu_seconds() - before, "windows": num_windows}


def measure_share(folder: Path) -> dict[str, float]:
    """What of the time is not the forward pass of ViT-S."""
    make_film(folder / "v.mp4", 300, 480, 640)
    make_model(folder / "model", size="small")
    found = extract(folder, "f", "v.mp4")
    return found | {"share_beside_forward": 1 - found["forward_cpu_seconds"] / found["cpu_seconds"]}


TINY: dict[str, Any] = {
    "size": "tiny",
    "patch_size": 32,
    "embed_dim": 48,
    "depth": 1,
    "num_heads": 3,
}


def measure_once(folder: Path) -> dict[str, float]:
    """How much faster decoding once is where reading dominates."""
    make_film(folder / "v.mp4", 2000, 480, 640)
    make_model(folder / "model", **TINY)
    found = extract(folder, "f", "v.mp4")
    alone = extract_alone(folder, "v.mp4", 100)
    per_window = alone["cpu_seconds"] / alone["windows"]
    return found | {
        "alone_cpu_seconds": per_window * found["windows"],
        "times_as_fast": per_window * found["windows"] / found["cpu_seconds"],
    }


def measure_memory(folder: Path) -> dict[str, float]:
    """The largest resident size of a process that extracts, by the length of the video."""
    make_model(folder / "model", **TINY)
    found: dict[str, float] = {}
    for frames in (2000, 20000):
        make_film(folder / f"v{frames}.mp4", frames, 96, 128)
        program = (
            "import resource, sys; from pathlib import Path\n"
            "from benchmarks.extract_features import extract\n"
            f"extract(Path({str(folder)!r}), 'f{frames}', 'v{frames}.mp4')\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,\n"
            "      resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
        )
        text = subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, text=True
        ).stdout
        own, reading = map(int, text.split())
        found |= {f"mib_{frames}": own, f"reading_mib_{frames}": reading}
        rows = FeatureStore(folder / f"f{frames}").rows
        found[f"windows_{frames}"] = sum(row.shape[0] for row in rows.values())
    return found


def main() -> None:
    """Measure what is named."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    torch.set_num_threads(1)
    measures = {"share": measure_share, "once": measure_once, "memory": measure_memory}
    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as folder:
            found = measures[name](Path(folder))
        print(json.dumps({name: {key: round(value, 3) for key, value in found.items()}}))


if __name__ == "__main__":
    main()
