"""Probes of features that ``videomae2 extract`` has written: no video is read.

What a probe sees of a video is the mean of all its windows, or their time slots or tokens one after
the other, where each video has as many.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from videomae2.commands.probe.config import METHODS, ProbeClipConfig, ProbeSettings
from videomae2.data.manifests.fingerprint import file_stat
from videomae2.data.manifests.manifest import Manifest
from videomae2.data.views.requests import ViewSpec
from videomae2.errors import ConfigError, DataError
from videomae2.inference.features.cache import MEAN, SLOTS, FeatureExtractor, ListFeatures
from videomae2.inference.features.naming import name_videos
from videomae2.inference.features.store import FeatureStore, FeatureVideo
from videomae2.models.attentive_probe import standardize_tokens

_logger = logging.getLogger(__name__)
_POOLINGS = {
    "mean": ("mean",),
    "attentive": ("mean",),
    "slots": ("mean", "slots"),
    "tokens": ("mean", "in-place"),
}


class StoredFeatures(ListFeatures):
    """The features of a list in a folder of ``videomae2 extract``."""

    @property
    def store(self) -> FeatureStore:
        """The folder."""
        return next(iter(self.stores.values()))

    @property
    def kinds(self) -> tuple[str, ...]:
        """Without or with the final norm, or both."""
        norm = self.store.settings["features"]["norm"]
        return super().kinds if norm == "both" else ("normed" if norm == "final" else "plain",)

    def load(self, name: str, row: int) -> NDArray[Any]:
        """As of any list; what a kind is made of lies in one array."""
        kind, array = self.store.settings["features"], self.store.load(self.videos[row].name)
        if kind["norm"] != "both":
            array = array[:, None]
        x = array.astype(np.float32).reshape(*array.shape[:2], -1, array.shape[-1])
        if name == MEAN:
            return x.mean(axis=(0, 2))
        x = x.swapaxes(0, 1).reshape(x.shape[1], -1, x.shape[3])
        if name == SLOTS:
            return x
        return standardize_tokens(torch.from_numpy(x[-1])).half().numpy()

    def load_parts(
        self, name: str, rows: NDArray[np.int64], first: int, count: int
    ) -> NDArray[Any]:
        """Some tokens of several videos."""
        return np.stack([self.load(name, row)[first : first + count] for row in rows.tolist()])

    def compute_shape(self, name: str, row: int) -> tuple[int, int]:
        """Parts and values of each video, by one of them."""
        parts, values = self.load(name, row).shape
        return parts, values


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredExtractor(FeatureExtractor):
    """Makes no features: it takes those that are there."""

    folder: Path

    @property
    def description(self) -> str:
        """Which windows."""
        windows = FeatureStore(self.folder).settings["windows"]
        lengths = ", ".join(f"{name} {value}" for name, value in windows.items())
        return f"the windows of {self.folder}: {lengths}"

    def locate_cache(self, views: ViewSpec) -> Path:
        """The folder, whatever the clips."""
        return self.folder

    def count_done(self, manifest: Manifest, views: ViewSpec) -> int:
        """How many videos have features."""
        rows = FeatureStore(self.folder).rows
        return sum(video.name in rows for video in name_videos(manifest))

    def estimate_bytes(self, videos: int) -> int:
        """Room that is taken already."""
        return sum(row.num_bytes for row in FeatureStore(self.folder).rows.values())

    def extract(self, manifest: Manifest, views: ViewSpec, name: str) -> ListFeatures:
        """Find the features of all videos of a list.

        Raises:
            DataError: Videos have none, or windows that cannot stand side by side.
        """
        store, videos = FeatureStore(self.folder), name_videos(manifest)
        unreadable = {
            row: store.unreadable[video.name]
            for row, video in enumerate(videos)
            if video.name in store.unreadable
        }
        missing = [v.name for v in videos if v.name not in {*store.rows, *store.unreadable}]
        other = [v.name for v in videos if v.name in store.rows and _is_other_file(store, v)]
        if other:
            raise DataError(
                f"{len(other)} of {len(videos)} features in {self.folder} are of other files than "
                f"the list has, such as {other[0]}, of {store.rows[other[0]].path}; extract again"
            )
        if missing:
            raise DataError(
                f"{len(missing)} of {len(videos)} videos have no features in {self.folder}, such "
                f"as {missing[0]}; extract them first"
            )
        if self.kept.slots or self.kept.grid is not None:
            _check_lengths(store, videos)
        _logger.info(f"features {name}: {len(videos)} videos, from {self.folder}")
        return StoredFeatures({MEAN: store}, videos, unreadable)


def _is_other_file(store: FeatureStore, video: FeatureVideo) -> bool:
    """Whether a file is there, and is not the one that features were made of."""
    now = file_stat(video.entry.path)
    return bool(now) and now != store.rows[video.name].file_stat


def _check_lengths(store: FeatureStore, videos: Sequence[FeatureVideo]) -> None:
    counts = {store.rows[v.name].shape[0] for v in videos if v.name in store.rows}
    if len(counts) > 1:
        raise DataError(
            f"videos in {store.folder} have {min(counts)} to {max(counts)} windows; slots and "
            f"tokens of equally many stand side by side, so only --poolings mean is possible"
        )


def fit_settings(
    store: FeatureStore, settings: ProbeSettings, clips: ProbeClipConfig
) -> ProbeSettings:
    """What can be probed of the features that are there.

    Raises:
        ConfigError: Something else is asked for.
    """
    pooling = store.settings["features"]["pooling"]
    if clips != ProbeClipConfig():
        raise ConfigError("choices of clips have no effect on features that are there")
    if "random" in settings.baselines:
        raise ConfigError("--baselines random would extract features; give the weights themselves")
    if pooling != "tokens" and "attentive" in settings.methods:
        if settings.methods != METHODS:
            raise ConfigError(f"attentive wants tokens, and {store.folder} has --pooling {pooling}")
        _logger.info(f"attentive is left out: {store.folder} has no tokens")
        settings = replace(settings, methods=tuple(m for m in METHODS if m != "attentive"))
    if set(settings.methods) != {"attentive"} and (
        impossible := set(settings.poolings) - {*_POOLINGS[pooling]}
    ):
        raise ConfigError(
            f"--poolings {' '.join(sorted(impossible))} cannot be made of --pooling {pooling} in "
            f"{store.folder}; it has {', '.join(_POOLINGS[pooling])}"
        )
    return settings
