"""What the same probe reaches without what the weights have learnt: fresh weights, or pixels.

Pixels are 16 grey pictures of 24 pixels, spread evenly over the whole video.

Axes: videos; frames, height, width, channels.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator

from videomae2.base.provenance import compute_digest
from videomae2.commands.probe.config import ProbeSettings
from videomae2.commands.probe.features import FeatureSplit
from videomae2.commands.probe.knn_linear import probe_ridge
from videomae2.commands.probe.poolings import build_split, embed_in_place
from videomae2.data.loading.reading import ReadingConfig
from videomae2.data.manifests.manifest import Manifest
from videomae2.data.views.requests import ViewSpec
from videomae2.data.views.resize import ClipPixels
from videomae2.inference.features.cache import FeatureExtractor, ListFeatures, extract_list
from videomae2.metrics.probe import ProbeResult
from videomae2.models.weights.frozen_encoder import draw_random_encoder
from videomae2.tensors import rng
from videomae2.training.runtime import Runtime

FRAMES, SIDE = 16, 24
_PIXELS = "pixels"
_FORMAT = 2


def randomize(extractor: FeatureExtractor, seed: int) -> FeatureExtractor:
    """The same extractor with fresh weights."""
    generator = Generator().manual_seed(rng.make_key(seed) >> 1)
    frozen = draw_random_encoder(extractor.frozen, generator)
    return replace(extractor, frozen=frozen.to(extractor.runtime.device))


@dataclass(frozen=True, kw_only=True, slots=True)
class PixelExtractor:
    """Keeps small grey pictures of videos as their features."""

    runtime: Runtime
    cache_dir: Path
    reading: ReadingConfig

    def extract(self, manifest: Manifest, views: ViewSpec, name: str) -> ListFeatures:
        """Give ``pixels``, uint8 [frames, height * width] of each video.

        Raises:
            ConfigError: They cannot be kept.
            Interrupted: When asked to stop; what is extracted is kept.
        """
        pixel_views = replace(
            views,
            frame_sampling="tsn",
            frames=FRAMES,
            clips=1,
            crops=1,
            interval_unit="frames",
            frame_interval=1.0,
        )
        settings = {"format": _FORMAT, "views": pixel_views.to_provenance(), "size": SIDE}
        folder = self.cache_dir / compute_digest(settings) / _PIXELS
        return extract_list(
            manifest,
            pixel_views,
            _to_features,
            folders={_PIXELS: (folder, settings)},
            specs={_PIXELS: ((FRAMES, SIDE * SIDE), np.uint8)},
            size=(SIDE, SIDE),
            batch_size=1,
            reading=self.reading,
            runtime=self.runtime,
            name=f"{name}, pixels",
        )


def _to_features(clips: ClipPixels) -> Mapping[str, NDArray[Any]]:
    grey = clips.float().mean(dim=-1).round().to(torch.uint8)
    return {_PIXELS: grey.flatten(2).cpu().numpy()}


def probe_pixels(
    train: FeatureSplit,
    test: FeatureSplit,
    num_classes: int,
    settings: ProbeSettings,
    device: torch.device,
) -> Iterator[ProbeResult]:
    """Ridge on the pictures as they are, and minus their mean over time."""
    pair = [
        part.features.load_rows(_PIXELS, part.rows).astype(np.float32) for part in (train, test)
    ]
    for name, subtracts in (("plain", False), ("minus mean", True)):
        arrays = [x - x.mean(axis=1, keepdims=True) if subtracts else x for x in pair]
        x, y = embed_in_place(arrays[0], arrays[1], device)
        splits = build_split(train, x, name), build_split(test, y, name)
        yield probe_ridge(*splits, num_classes, settings)
