"""A classifier whose answers are known, for brightness decides them; and videos for it.

Frames are 0 (dark) or 255 (bright). Most bright frames in a clip give class 1, else class 0.
"""

from pathlib import Path

import av
import numpy as np
import torch

from videomae2.data.loading.reading import ReadingConfig
from videomae2.data.workers.pool import Pool
from videomae2.models.classifier import Classifier, ClassifierConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.weights.config_json import FrameSampling, SavedClassifierConfig
from videomae2.models.weights.saved import save_model

FRAMES, STRIDE, SIDE = 4, 2, 16
RATE = 25
NAMES = ("dark", "bright")
SPAN = FrameSampling(kind="strided", frame_interval=float(STRIDE), interval_unit="frames")


def save_rigged(
    folder: Path, *, names=NAMES, answers="multiclass", span=SPAN, rows=(-1.0, 1.0), channels=3
) -> Path:
    """Save a model whose output k is about ``4.8 * rows[k]`` for bright clips, minus that for dark.

    Its blocks do nothing, its first feature is the mean brightness times a hundred.
    """
    encoder = EncoderConfig(
        size="tiny", frames=FRAMES, height=SIDE, width=SIDE, embed_dim=24, depth=1, num_heads=2,
        channels=channels,
    )  # fmt: skip
    model = Classifier(ClassifierConfig(encoder=encoder, num_classes=len(rows)))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.fill_(1.0 if name == "fc_norm.weight" else 0.0)
        model.encoder.patch_embed.proj.weight[0] = 100 / model.cubes.values
        model.head.weight[:, 0] = torch.tensor(rows)
    half = (0.5,) * channels
    card = SavedClassifierConfig(
        model=model.config,
        class_names=names,
        task_type=answers,
        frame_sampling=span,
        mean=half,
        std=half,
    )
    folder.mkdir(parents=True, exist_ok=True)
    save_model(folder, model.state_dict(), card)
    return folder


def levels(*phases: tuple[int, int]) -> list[int]:
    """The brightness of every frame, from (frames, brightness) of each phase."""
    return [level for frames, level in phases for _ in range(frames)]


def write_levels(path: Path, values: list[int], *, size=(32, 48), gop=12, **options: str) -> Path:
    """Encode grey frames of these values, without loss, at 25 a second."""
    with av.open(str(path), "w") as box:
        stream = box.add_stream("libx264", rate=RATE, options={"qp": "0"} | options)
        stream.height, stream.width = size
        stream.pix_fmt, stream.gop_size = "yuv444p", gop
        stream.codec_context.thread_count = 1
        for value in values:
            frame = np.full((*size, 3), value, np.uint8)
            box.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        box.mux(stream.encode(None))
    return path


def read_here(monkeypatch) -> None:
    """Read in the process of the test: nothing can be killed, and nothing must be started."""

    def make_pool(self, function, **_):
        return Pool(
            function, num_workers=0, timeout_seconds=self.timeout_seconds, memory_limit_bytes=None
        )

    monkeypatch.setattr(ReadingConfig, "pool", make_pool)
