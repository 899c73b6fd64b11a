"""Some of the videos of a run: how many frames of a clip repeat, and what videos take decoded."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from videomae2.base.summary import Summary
from videomae2.base.text import format_count
from videomae2.config.runs import Run
from videomae2.data.loading.reading import build_clip_spec
from videomae2.data.manifests.manifest import Manifest
from videomae2.data.views.lengths import COUNT_CLIP_FRAMES
from videomae2.data.views.requests import SampleRequest
from videomae2.errors import VideoError
from videomae2.tensors import rng
from videomae2.training.runtime import Runtime, resolve_num_workers

MAX_VIDEOS = 32
_MAX_WORKERS = 2
_LOOK_STREAM = 91


@dataclass(slots=True)
class VideoSample:
    """What is known of the videos that were looked at."""

    counts: list[tuple[int, int]] = field(default_factory=list)
    """Frames of each video, and how many frames of a clip of it repeat."""
    errors: list[VideoError] = field(default_factory=list)
    """Of those that cannot be opened."""
    num_bytes: list[int] = field(default_factory=list)
    """What each takes decoded, where that is known."""


def look_at_videos(run: Run, manifests: Sequence[Manifest], runtime: Runtime) -> VideoSample:
    """Open some videos, and decode a frame of each.

    They lie evenly over all lists and are opened with the limits of the run; where they are slow,
    fewer are.
    """
    num_workers = min(_MAX_WORKERS, resolve_num_workers(run.reading.num_workers, runtime))
    sample = VideoSample()
    end = time.monotonic() + run.reading.timeout_seconds
    with run.reading.pool(COUNT_CLIP_FRAMES, num_workers=num_workers, max_attempts=1) as pool:
        for result in pool.map(_iterate_requests(run, manifests)):
            if result.error is not None:
                sample.errors.append(result.error)
            else:
                meta = result.meta
                sample.counts.append((meta["num_frames"], meta["repeated"]))
                sample.num_bytes += [] if meta["num_bytes"] is None else [meta["num_bytes"]]
            if time.monotonic() > end:
                break
    return sample


def _iterate_requests(run: Run, manifests: Sequence[Manifest]) -> Iterator[SampleRequest]:
    ends = np.cumsum([len(manifest) for manifest in manifests])
    total = int(ends[-1])
    specs = [
        build_clip_spec(source, manifest, run.data, run.reading, run.model.encoder.cubes)
        for source, manifest in zip(run.data.sources, manifests, strict=True)
    ]
    for number in np.linspace(0, total - 1, min(MAX_VIDEOS, total)).round().astype(int).tolist():
        source = int(np.searchsorted(ends, number, side="right"))
        video = number - int(ends[source]) + len(manifests[source])
        key = rng.make_key(run.seed, _LOOK_STREAM, number)
        yield SampleRequest(manifests[source][video], key, specs[source], (source, video))


def summarize_repeats(run: Run, sample: VideoSample) -> Summary:
    """Say how much of clips repeats, and what cannot be opened."""
    rows, counts, errors = [], sample.counts, sample.errors
    looked_at = f"{format_count(len(counts) + len(errors), 'video')} looked at"
    if counts:
        num_frames, repeated = zip(*counts, strict=True)
        shortest, longest, frames = min(num_frames), max(num_frames), run.model.encoder.frames
        lengths = f"{shortest}" if shortest == longest else f"{shortest} to {longest}"
        text = f"no frame of a clip repeats; {looked_at} have {lengths} frames"
        if any(repeated):
            mean = sum(repeated) / len(repeated)
            short = sum(count > 0 for count in repeated)
            text = (
                f"{mean:.2g} of {frames} frames of a clip repeat on average, in {short} of "
                f"{looked_at}: these are too short for so many different ones "
                f"({lengths} frames in all)"
            )
        rows.append(("frames", text))
    if errors:
        rows.append(
            ("warning", f"{len(errors)} of {looked_at} cannot be read, such as: {errors[0]}")
        )
    return Summary(tuple(rows))
