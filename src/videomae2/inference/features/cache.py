"""Features of labelled lists that are kept for probes, in folders of a cache.

A folder is called after the weights and the clips; in it are folders of the kinds of features.
Which list a video is in does not matter: what is kept of it serves all.

Axes: videos; clips; slots = cubes along time, of all clips one after the other; kinds = without and
with the final norm; tokens; dim; grid = cubes along time, row, col.
"""

import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from einops import rearrange
from numpy.typing import NDArray

from videomae2.base.provenance import compute_digest
from videomae2.base.text import format_count
from videomae2.data.loading.reading import ReadingConfig
from videomae2.data.manifests.manifest import Manifest
from videomae2.data.views.requests import ViewSpec
from videomae2.inference.features.encode import ClipEncoder, FeatureKind
from videomae2.inference.features.extract import ArraySpec, EncodeFn, Extraction
from videomae2.inference.features.naming import name_in_cache
from videomae2.inference.features.reading import ViewReader
from videomae2.inference.features.store import FeatureStore, FeatureVideo, count_done
from videomae2.inference.features.writing import WritableStore
from videomae2.models.weights.frozen_encoder import FrozenEncoder
from videomae2.tensors.grid import Grid
from videomae2.training.runtime import Runtime, resolve_num_workers

_logger = logging.getLogger(__name__)

_FORMAT = 4  # of how clips are cut: 1 cut the largest box, then resized
MEAN, SLOTS, TOKENS = "mean", "slots", "tokens"
"""Names of kinds: [kinds, dim], [kinds, slots, dim] and [tokens, dim] of each video."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptFeatures:
    """Which features of a video are kept, beside the mean over all tokens."""

    slots: bool = False
    """The means of the time slots."""
    grid: Grid | None = None
    """Grid of the tokens of each clip; None keeps none."""

    def list_kinds(self) -> dict[str, FeatureKind]:
        """What is kept of each clip, by name."""
        kinds = {MEAN: FeatureKind(pooling="mean", norm="both")}
        if self.slots:
            kinds[SLOTS] = FeatureKind(pooling="slots", norm="both")
        if self.grid is not None:
            kinds[TOKENS] = FeatureKind(
                pooling="tokens", norm="standardized", grid=self.grid, dtype="float16"
            )
        return kinds


@dataclass(frozen=True, slots=True)
class ListFeatures:
    """The features of a list, which stay on the disk until they are asked for."""

    stores: Mapping[str, FeatureStore]
    videos: Sequence[FeatureVideo]
    unreadable: Mapping[int, str]
    """Why videos have none, by row."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """What the kinds of means and slots are called."""
        return "plain", "normed"

    def load(self, name: str, row: int) -> NDArray[Any]:
        """One kind of features of a video, clip after clip.

        ``mean`` [kinds, dim] over all clips, ``slots`` [kinds, slots, dim], others [parts, values].
        """
        array = self.stores[name].load(self.videos[row].name)
        if name == MEAN:
            return array.mean(axis=0, dtype=np.float32)
        if name == SLOTS:
            return rearrange(array, "clips kinds slots dim -> kinds (clips slots) dim")
        return array.reshape(-1, array.shape[-1])

    def load_rows(self, name: str, rows: Sequence[int] | NDArray[np.int64]) -> NDArray[Any]:
        """The same of several, [rows, ...]."""
        return np.stack([self.load(name, int(row)) for row in rows])

    def load_parts(
        self, name: str, rows: NDArray[np.int64], first: int, count: int
    ) -> NDArray[Any]:
        """Some tokens or frames of several videos, [rows, count, values]."""
        parts = []
        for row in rows.tolist():
            array = self.stores[name].load(self.videos[row].name, in_memory=False)
            parts.append(np.array(array.reshape(-1, array.shape[-1])[first : first + count]))
        return np.stack(parts)

    def compute_shape(self, name: str, row: int) -> tuple[int, int]:
        """Parts and values of each video, by one of them."""
        clips, *parts, values = self.stores[name].rows[self.videos[row].name].shape
        return int(clips * np.prod(parts, dtype=np.int64)), values


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureExtractor:
    """How features are made; the same for both lists."""

    frozen: FrozenEncoder
    runtime: Runtime
    clips: int
    batch_size: int
    kept: KeptFeatures
    cache_dir: Path
    reading: ReadingConfig

    @property
    def description(self) -> str:
        """Which clips they are of, where that is not for the probe to choose."""
        return ""

    def locate_cache(self, views: ViewSpec) -> Path:
        """Where the features of these clips are kept.

        Limits of time and memory have no part in it: a video above one has no features.
        """
        return self.cache_dir / compute_digest(self._list_settings(views))

    def count_done(self, manifest: Manifest, views: ViewSpec) -> int:
        """Of how many videos all that is wanted is there."""
        folder = self.locate_cache(views)
        stores = [FeatureStore(folder / _name_folder(kind)) for kind in self._kinds.values()]
        return count_done(stores, [name_in_cache(entry) for entry in manifest])

    def estimate_bytes(self, videos: int) -> int:
        """How much room the features of so many videos take."""
        kinds = self._kinds.values()
        return videos * self.clips * sum(kind.count_bytes(self.frozen) for kind in kinds)

    def extract(self, manifest: Manifest, views: ViewSpec, name: str) -> ListFeatures:
        """Give the features of all videos of a list.

        Raises:
            ConfigError: Features cannot be kept.
            Interrupted: When asked to stop; what is extracted is kept.
        """
        settings, kinds = self._list_settings(views), self._kinds
        cubes = self.frozen.encoder.cubes
        return extract_list(
            manifest,
            views,
            ClipEncoder(frozen=self.frozen, runtime=self.runtime, kinds=kinds),
            folders={
                key: (
                    self.locate_cache(views) / _name_folder(kind),
                    {**settings, "kind": kind.to_provenance()},
                )
                for key, kind in kinds.items()
            },
            specs={
                key: (kind.compute_shape(self.frozen), kind.dtype) for key, kind in kinds.items()
            },
            size=(cubes.height, cubes.width),
            batch_size=self.batch_size,
            reading=self.reading,
            runtime=self.runtime,
            name=name,
        )

    @property
    def _kinds(self) -> dict[str, FeatureKind]:
        return self.kept.list_kinds()

    def _list_settings(self, views: ViewSpec) -> dict[str, Any]:
        """Everything that features depend on beside the videos: weights, and what is seen."""
        cubes = self.frozen.encoder.cubes
        return {
            "format": _FORMAT,
            "backbone": self.frozen.digest,
            "views": views.to_provenance(),
            "size": [cubes.height, cubes.width],
            "precision": self.runtime.precision,
        }


def _name_folder(kind: FeatureKind) -> str:
    grid = "" if kind.grid is None else "-" + "x".join(map(str, kind.grid))
    return f"{kind.pooling}{grid}"


def extract_list(
    manifest: Manifest,
    views: ViewSpec,
    encode: EncodeFn,
    *,
    folders: Mapping[str, tuple[Path, Mapping[str, Any]]],
    specs: Mapping[str, ArraySpec],
    size: tuple[int, int],
    batch_size: int,
    reading: ReadingConfig,
    runtime: Runtime,
    name: str,
) -> ListFeatures:
    """Extract what folders lack of a list; they are given with what their features follow from.

    Raises:
        ConfigError: Features cannot be kept.
        Interrupted: When asked to stop; what is extracted is kept.
    """
    videos = [name_in_cache(entry) for entry in manifest]
    reader = ViewReader(
        views=views,
        size=size,
        reading=reading,
        num_workers=resolve_num_workers(reading.num_workers, runtime),
        device=runtime.device,
    )
    with ExitStack() as stack:
        stores = {
            key: stack.enter_context(
                WritableStore(folder, settings, flag="--cache-dir, or a smaller --token-gib")
            )
            for key, (folder, settings) in folders.items()
        }
        extraction = Extraction(
            stores=stores,
            specs=specs,
            reader=reader,
            encode=encode,
            batch_size=batch_size,
            name=name,
        )
        reasons = extraction.run(videos)
    unreadable = {
        row: reasons[video.name] for row, video in enumerate(videos) if video.name in reasons
    }
    num_extracted = extraction.stats.num_videos
    origin = f"{num_extracted} extracted to" if num_extracted or unreadable else "from"
    folder = next(iter(folders.values()))[0].parent
    _logger.info(f"features {name}: {format_count(len(manifest), 'video')}, {origin} {folder}")
    return ListFeatures(stores, videos, unreadable)
