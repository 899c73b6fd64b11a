"""The nearest videos and moments of a folder of features to a video, and a sheet of them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from videomae2.base.summary import Summary
from videomae2.base.text import format_count
from videomae2.commands.extract.config import ExtractConfig, WindowConfig
from videomae2.commands.extract.plan import ExtractPlan, prepare_extract
from videomae2.commands.extract.run import run_extract
from videomae2.data.loading.reading import ReadingConfig
from videomae2.data.manifests.manifest import Entry
from videomae2.data.manifests.read import ListConfig
from videomae2.data.video.trim import open_video
from videomae2.data.views.sampling import find_shown_frames, median_frame_duration
from videomae2.errors import CheckpointError, ConfigError, VideoError
from videomae2.inference.features.store import FeatureRow, FeatureStore, is_feature_folder
from videomae2.metrics.moments import (
    WindowScaler,
    compare_means,
    find_moments,
    score_moments,
)
from videomae2.reports.contact_sheet import STRIP_FRAMES, Strip, write_contact_sheet

_NOT_POOLED = (
    "search compares windows as a whole, and these are features of all their tokens; extract with "
    "--pooling mean"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchPlan:
    """A folder of features, and the video that is looked for."""

    store: FeatureStore
    query: ExtractPlan
    top: int
    out: Path

    def summary(self) -> Summary:
        """What will be compared with what."""
        rows = self.store.rows.values()
        windows = format_count(sum(row.shape[0] for row in rows), "window")
        return Summary(
            (
                ("features", f"{self.store.folder}: {format_count(len(rows), 'video')}, {windows}"),
                ("weights", f"{self.query.encoder.frozen.path}"),
                ("query", self.query.videos[0].entry.path),
                ("sheet", str(self.out)),
            )
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """A video, or a moment of one, that is like the query."""

    row: FeatureRow
    cosine: float
    first: int
    """Of its windows."""
    count: int
    """How many of them, from there."""

    @property
    def seconds(self) -> tuple[float, float] | None:
        """When it begins and ends; None without a clock."""
        times = self.row.times
        if times.starts is None or times.stops is None:
            return None
        return times.starts[self.first], times.stops[self.first + self.count - 1]

    def to_json(self) -> dict[str, Any]:
        """What is known of it."""
        start, stop = self.seconds or (None, None)
        return {
            "video": self.row.video,
            "path": self.row.path,
            "cosine": round(self.cosine, 6),
            "start": start,
            "stop": stop,
            "first_window": self.first,
            "windows": self.count,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchResult:
    """The best matches, best first."""

    query: str
    videos: tuple[Match, ...]
    moments: tuple[Match, ...]
    sheet: Path

    def to_json(self) -> dict[str, Any]:
        """All of it, for ``--json``."""
        return {
            "query": self.query,
            "videos": [match.to_json() for match in self.videos],
            "moments": [match.to_json() for match in self.moments],
            "sheet": str(self.sheet),
        }


def prepare_search(
    features: Path,
    video: Path,
    *,
    weights: Path | None = None,
    top: int = 5,
    out: Path | None = None,
    reading: ReadingConfig | None = None,
    device: str = "auto",
) -> SearchPlan:
    """Read the folder and the weights that its features are of, without reading a video.

    ``weights``: where they are now; where they were then if not given.

    Raises:
        ConfigError: The folder has no features that can be searched, or the weights are others.
        CheckpointError: There are no weights that can be read.
        DataError: ``video`` is no single video.
    """
    if not is_feature_folder(features):
        raise ConfigError(f"{features} is no folder of: videomae2 extract")
    store = FeatureStore(features)
    settings = store.settings
    try:
        windows, kind = settings["windows"], settings["features"]
        height, width = settings["size"]
        config = ExtractConfig(
            windows=WindowConfig(
                frames=windows["frames"],
                frame_interval=windows.get("frame_interval"),
                stride=windows.get("stride_frames"),
                window_seconds=windows.get("window_seconds"),
                stride_seconds=windows.get("stride_seconds"),
                short=windows["short"],
                side=height if height == width else None,
            ),
            released_preprocessing=settings["resize"] == "squash",
            layer=settings["layer"],
            pooling=kind["pooling"],
            norm=kind["norm"],
            dtype=kind["dtype"],
            attentive_probe=Path(path) if (path := settings.get("attentive_probe")) else None,
            precision=settings["precision"],
            device=device,
            reading=reading or ReadingConfig(timeout_seconds=60.0),
        )
        path = weights or Path(settings["weights"])
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{features} does not say how its features were made; extract them again"
        ) from error
    if kind["pooling"] == "tokens":
        raise ConfigError(_NOT_POOLED)
    if not store.rows:
        raise ConfigError(f"{features} has no features yet")
    list_config = ListConfig(frame_rate=settings.get("frame_rate"))
    # held against the settings of the folder, so other weights are refused
    query = prepare_extract(path, video, features, config, list_config, is_query=True)
    if len(query.videos) != 1:
        raise ConfigError(f"{video} has {len(query.videos)} videos, and one is looked for")
    name = f"{query.videos[0].name}.png"
    return SearchPlan(store=store, query=query, top=top, out=out or features / "search" / name)


def run_search(plan: SearchPlan) -> SearchResult:
    """Extract the query's features, compare them with all others, and draw the sheet.

    Raises:
        VideoError: The query cannot be read.
        CheckpointError: Features are damaged.
    """
    entry = plan.query.videos[0].entry
    query = _extract_query(plan.query)
    store, names = plan.store, list(plan.store.rows)
    scaler = WindowScaler.fit(_flatten(store, name) for name in names)
    scaled_query = scaler(query)
    videos, moments = list[Match](), list[Match]()
    for name in names:
        windows = scaler(_flatten(store, name))
        row, length = store.rows[name], min(len(query), len(windows))
        cosine = compare_means(scaled_query, windows)
        videos.append(Match(row=row, cosine=cosine, first=0, count=len(windows)))
        scores = score_moments(scaled_query, windows)
        moments += [
            Match(row=row, cosine=score, first=place, count=length)
            for score, place in find_moments(scores, length, plan.top)
        ]
    best = [
        tuple(sorted(matches, key=lambda match: -match.cosine)[: plan.top])
        for matches in (videos, moments)
    ]
    result = SearchResult(query=entry.path, videos=best[0], moments=best[1], sheet=plan.out)
    write_contact_sheet(list(_build_strips(plan, result)), plan.out)
    return result


def _extract_query(plan: ExtractPlan) -> np.ndarray:
    with TemporaryDirectory() as folder:
        result = run_extract(replace(plan, out=Path(folder)))
        for path, reason in result.unreadable.items():
            raise VideoError(path, reason)
        return _flatten(FeatureStore(Path(folder)), plan.videos[0].name)


def _flatten(store: FeatureStore, name: str) -> np.ndarray:
    """One row of numbers a window, in float32."""
    array = store.load(name)
    if not len(array):
        raise CheckpointError(f"{store.get_path(name)} has no windows; extract it again")
    return array.reshape(len(array), -1).astype(np.float32)


def _build_strips(plan: SearchPlan, result: SearchResult) -> Iterator[Strip]:
    query = plan.query.videos[0].entry
    frames = _read_frames(plan, query, None)
    yield Strip(os.path.basename(query.path), "", frames, heading="Looked for")
    for heading, matches in (("Moments", result.moments), ("Videos", result.videos)):
        for number, match in enumerate(matches):
            detail = f"cosine {match.cosine:.3f}"
            if match.seconds is not None:
                detail = "{:.2f} to {:.2f} s, ".format(*match.seconds) + detail
            frames = _read_frames(plan, _build_entry(match.row), match)
            yield Strip(match.row.video, detail, frames, heading if number == 0 else "")


def _build_entry(row: FeatureRow) -> Entry:
    first, frames, seconds = row.window
    window = None
    if seconds is not None:
        window = seconds[0], float("inf") if seconds[1] is None else seconds[1]
    is_folder = os.path.isdir(row.path)
    return Entry(row.path, first, frames, is_frames=is_folder, seconds=window)


def _read_frames(plan: SearchPlan, entry: Entry, match: Match | None) -> list[np.ndarray]:
    """Frames at equal distances over a match, or a whole video; none if it cannot be read."""
    request = plan.query.make_reader().build_request(entry)
    try:
        with open_video(entry, request) as reader:
            first, last = 0, reader.num_frames - 1
            if match is not None and match.seconds is not None and reader.seconds is not None:
                times = np.array(match.seconds) - reader.start_seconds
                duration = median_frame_duration(reader.seconds)
                first, last = find_shown_frames(
                    reader.seconds, times - [0.0, duration / 2], duration
                ).tolist()
            elif match is not None:
                grid = plan.query.grid
                first = min(last, match.first * grid.stride)
                span = (match.count - 1) * grid.stride + grid.frames * grid.frame_interval
                last = min(last, first + span - 1)
            numbers = np.linspace(first, last, STRIP_FRAMES).round().astype(int)
            return list(reader.read(numbers.tolist()))
    except VideoError:
        return []
