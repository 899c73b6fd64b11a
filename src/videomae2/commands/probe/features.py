"""The features of training and test videos: which clips, and what cannot be read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Int64

from videomae2.base.text import format_count
from videomae2.commands.probe.attentive import TokenFeatures
from videomae2.commands.probe.config import ProbeClipConfig
from videomae2.commands.train.run_folder import RUN_FILE
from videomae2.commands.train.setup import get_source_sampling
from videomae2.config.files import load_config
from videomae2.config.runs import PretrainRun
from videomae2.data.loading.reading import ReadingConfig
from videomae2.data.manifests.manifest import Manifest
from videomae2.data.views.requests import ViewSpec
from videomae2.errors import ConfigError, DataError
from videomae2.inference.features.cache import TOKENS, ListFeatures
from videomae2.inference.probe_data import ProbeData
from videomae2.inference.views import EvalViews, resolve_views
from videomae2.models.weights.config_json import SavedAutoencoderConfig, load_model_config
from videomae2.models.weights.frozen_encoder import FrozenEncoder
from videomae2.reports.probe import format_sampling

FeatureList = tuple[str, Manifest, ViewSpec]
"""What a list is called, its videos, and the clips that are taken of them."""
_MAX_SHOWN = 3


def resolve_probe_views(
    frozen: FrozenEncoder, clips: ProbeClipConfig, reading: ReadingConfig, frame_rate: float | None
) -> ViewSpec:
    """Choose the clips: what is asked goes before what the weights were trained with.

    Raises:
        ConfigError: A choice has no effect or cannot work, or the sources of the run differ.
    """
    interval, unit, trained = clips.frame_interval, clips.interval_unit, frozen.frame_sampling
    if interval is not None or clips.frame_sampling in ("tsn", "whole"):
        trained = None
    elif trained is None:
        _check_run_sampling(frozen.path)
    wanted = EvalViews(
        frame_sampling=clips.frame_sampling,
        clips=clips.clips,
        crops=1,
        frame_interval=interval,
        interval_unit="frames" if interval is not None and unit is None else unit,
        antialias=True,  # as in training here
    )
    limits = reading.limits()
    return resolve_views(
        frozen.encoder.config, trained, wanted, limits=limits, frame_rate=frame_rate
    )


def _check_run_sampling(model: Path) -> None:
    """Refuse to choose between the sources of a pre-training that took their frames differently."""
    run = model.parent.parent / RUN_FILE
    if model.parent.name != "checkpoints" or not run.exists():
        return
    if not isinstance(load_model_config(model), SavedAutoencoderConfig):
        return
    sources = load_config(PretrainRun, run).data.sources
    samplings = ", ".join(
        f"{source.display_name}: {format_sampling(get_source_sampling(source))}"
        for source in sources
    )
    raise ConfigError(
        f"the sources of {run} take their frames differently ({samplings}); give --frame-interval, "
        f"or --frame-sampling tsn or whole"
    )


@dataclass(frozen=True, slots=True)
class FeatureSplit:
    """The readable videos of one part."""

    features: ListFeatures
    rows: Int64[np.ndarray, " rows"]
    """Of the list."""
    labels: Int64[np.ndarray, " rows"]
    groups: tuple[str, ...] | None = None
    """What each belongs to and must not be parted from, where the list says it."""

    def token_features(self, device: torch.device) -> TokenFeatures:
        return TokenFeatures(self.features, TOKENS, self.rows, self.labels, device, self.groups)


class Extractor(Protocol):
    """Makes features of lists."""

    def extract(self, manifest: Manifest, views: ViewSpec, name: str) -> ListFeatures:
        """Give the features of all videos of a list."""
        ...


def extract_train_test(
    extractor: Extractor,
    data: ProbeData,
    lists: Sequence[FeatureList],
    *,
    skip_unreadable: bool,
) -> tuple[FeatureSplit, FeatureSplit, dict[str, str]]:
    """Extract the features of both parts, which are in one list or in one of each.

    Returns:
        Training videos, test videos, and why those that are left out cannot be read, by path.

    Raises:
        DataError: A video cannot be read and none may be left out, or too few are left.
        ConfigError: Features cannot be kept.
    """
    extracted = [extractor.extract(manifest, views, name) for name, manifest, views in lists]
    unreadable = {
        manifest[row].path: reason
        for features, (_, manifest, _) in zip(extracted, lists, strict=True)
        for row, reason in sorted(features.unreadable.items())
    }
    if unreadable and not skip_unreadable:
        shown = list(unreadable.items())[:_MAX_SHOWN]
        examples = "; ".join(f"{path}: {why}" for path, why in shown)
        raise DataError(
            f"{format_count(len(unreadable), 'video')} cannot be read, for example "
            f"{examples}; the same command "
            "tries them again (--timeout-seconds and --memory-limit-gib allow more); else mend "
            "them, take them out of the list, or report without them with --skip-unreadable"
        )
    train = _select_readable(extracted[0], lists[0][1], data.train_rows)
    test = _select_readable(extracted[-1], lists[-1][1], data.test_rows)
    classes = len(np.unique(train.labels))
    if len(test.rows) == 0 or classes < 2:
        raise DataError(
            f"{format_count(len(train.rows), 'training video')} of "
            f"{format_count(classes, 'class')} and {len(test.rows)} test "
            f"videos can be read, too few to probe"
        )
    return train, test, unreadable


def _select_readable(features: ListFeatures, manifest: Manifest, rows: np.ndarray) -> FeatureSplit:
    readable = np.array([row for row in rows if row not in features.unreadable], dtype=np.int64)
    groups = None
    if manifest.groups is not None:
        groups = tuple(manifest.groups[row] for row in readable)
    labels = manifest.labels[readable].astype(np.int64)
    return FeatureSplit(features, readable, labels, groups)
