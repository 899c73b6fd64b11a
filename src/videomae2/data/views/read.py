"""What a reading process does: one sample of training, or all views of one video. No torch here.

A sample: choose frames, read them, choose the views' boxes. Views: read the frames of all of them
at once. Axes: union = the different frames of all clips; frames, height, width, channels; views.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Int64

from videomae2.data.video.reader import Reader
from videomae2.data.video.trim import fit_channels, open_video, require_timestamps
from videomae2.data.views import crops, sampling
from videomae2.data.views.frame_cache import read_file_state, see_cache
from videomae2.data.views.jumps import close_jumps, usual_frame_duration
from videomae2.data.views.requests import ClipSpec, SampleRequest, ViewsRequest, gather_frames
from videomae2.data.views.sampling import (
    compute_duration,
    dense_clips,
    segment_clips,
    timed_clips,
    whole_clips,
)
from videomae2.data.workers.main import AllocateFn
from videomae2.tensors import rng

READ_SAMPLE = "videomae2.data.views.read:read_sample"
READ_VIEWS = "videomae2.data.views.read:read_views"
FILL_CACHE = "videomae2.data.views.read:fill_cache"
"""The names by which a pool finds the functions."""

_START_STREAM, _VIEW_STREAM, _CROP_STREAM, _WHOLE_STREAM = 1, 2, 3, 4
_FILL_TIME_SHARE, _FILL_MEMORY_SHARE = 2, 4  # parts of the limits that filling the cache may take


def fill_cache(request: SampleRequest) -> None:
    """Decode a whole video and keep it, where that is wanted and was not tried before.

    It is done before the time of the request begins. What fails here is read as without a cache,
    and says then what is wrong with it.
    """
    place, limits = request.spec.cache, request.spec.limits
    if place is None:
        return
    cache, number = see_cache(place.file), place.first + request.sample_id[1]
    if not cache.claim(number):
        return
    limits = replace(
        limits,
        timeout_seconds=limits.timeout_seconds / _FILL_TIME_SHARE,
        max_bytes=limits.max_bytes // _FILL_MEMORY_SHARE,
    )
    file_state = read_file_state(request.path)
    with suppress(Exception), open_video(request.entry, replace(request.spec, limits=limits)) as r:
        if file_state is not None:
            cache.add(number, r.read(range(r.num_frames)), r.seconds, file_state)


def _open_sample(request: SampleRequest) -> Reader:
    """The reader of a video: of the cache, if it is there."""
    place = request.spec.cache
    cached = place and see_cache(place.file).find(place.first + request.sample_id[1], request.path)
    return cached or open_video(request.entry, request.spec)


def read_sample(
    request: SampleRequest, allocate: AllocateFn
) -> tuple[Mapping[str, np.ndarray], Mapping[str, Any]]:
    """Read the frames of one clip and draw the boxes of its views.

    Returns:
        ``frames`` uint8 [frames, height, width, channels], each different frame once; and plain
        values: ``frame_index`` (which of them each frame of the clip is), ``boxes`` and ``flips``
        of the views, ``num_frames`` of the video, ``seconds`` of each stage.

    Raises:
        VideoError: If the frames cannot be read or have another number of channels.
    """
    entry, spec = request.entry, request.spec
    started = time.perf_counter()
    with _open_sample(request) as reader:
        indices = select_frames(reader, request)
        opened = time.perf_counter()
        unique_frames, frame_index = np.unique(indices, return_inverse=True)
        frames = reader.read(unique_frames.tolist())
        num_frames = reader.num_frames
    frames = fit_channels(entry.path, frames, spec.channels)
    boxes, flips = draw_view_boxes(frames.shape[1], frames.shape[2], spec, request.key)
    out = allocate(frames.shape, np.uint8)
    np.copyto(out, frames)
    done = time.perf_counter()
    return {"frames": out}, {
        "frame_index": frame_index.tolist(),
        "boxes": boxes,
        "flips": flips,
        "num_frames": num_frames,
        "seconds": {"open": opened - started, "read": done - opened},
    }


def select_frames(reader: Reader, request: SampleRequest) -> np.ndarray:
    """Which frames make the clip; may repeat in a short video.

    Raises:
        VideoError: If the stride counts in seconds and the video has no clock.
    """
    spec, num_frames = request.spec, reader.num_frames
    uniform = rng.uniform(rng.make_key(request.key, _START_STREAM), spec.frames)
    first_uniform = float(uniform[0])
    if spec.frame_sampling == "whole":
        share_and_place = rng.uniform(rng.make_key(request.key, _WHOLE_STREAM), 2)
        draws = None if spec.center else (float(share_and_place[0]), float(share_and_place[1]))
        return sampling.whole_indices(num_frames, spec.frames, draws)
    seconds = None
    if spec.interval_unit != "frames":
        seconds = close_jumps(require_timestamps(reader, request.path))
    if spec.frame_sampling == "tsn":
        part_uniform = None if spec.center else uniform
        if seconds is None:
            return sampling.segment_indices(num_frames, spec.frames, part_uniform)
        return sampling.segment_timed_indices(seconds, spec.frames, part_uniform)
    if spec.frame_sampling == "dense":
        place = None if spec.center else first_uniform
        if seconds is None:
            interval = int(spec.frame_interval)
            return sampling.dense_indices(num_frames, spec.frames, interval, uniform=place)
        return sampling.dense_timed_indices(seconds, spec.frames, spec.step_seconds, uniform=place)
    if seconds is not None:
        return sampling.timed_indices(seconds, spec.frames, spec.step_seconds, first_uniform)
    interval = int(spec.frame_interval)
    first = sampling.draw_first_frame(num_frames, spec.frames * interval, first_uniform)
    return sampling.pretrain_indices(num_frames, spec.frames, interval, first=first)


def draw_view_boxes(
    height: int, width: int, spec: ClipSpec, key: int
) -> tuple[list[crops.Box], list[bool]]:
    """The box and the mirroring of every view of a sample."""
    boxes, flips = [], []
    size = (spec.height, spec.width)
    for view in range(spec.views):
        uniform = rng.uniform(
            rng.make_key(compute_view_key(key, view), _CROP_STREAM), 3 + 4 * crops.MAX_ATTEMPTS
        )
        boxes.append(crops.build_crop_box(height, width, size, uniform, spec.crop))
        flips.append(bool(spec.crop.flip and uniform[2] < 0.5))
    return boxes, flips


def compute_view_key(key: int, view: int) -> int:
    """The key of one view's draws: its crop here, its masks on the device."""
    return rng.make_key(key, _VIEW_STREAM, view)


def read_views(
    request: ViewsRequest, allocate: AllocateFn
) -> tuple[Mapping[str, np.ndarray], Mapping[str, Any]]:
    """Read every frame that some view of a video needs, once, in one opening.

    Returns:
        ``frames`` uint8 [union, height, width, channels] and ``frame_index`` int64 [clips, frames
        of a clip] of each clip's frames among them; and plain values: ``num_frames`` and
        ``length_seconds`` of the video (None without a clock), ``indices`` of its frames that were
        read, ``seconds`` of each stage.

    Raises:
        VideoError: The frames cannot be read, have another number of channels, or have no times
            where the stride counts time.
    """
    started = time.perf_counter()
    with open_video(request.entry, request.spec) as reader:
        return read_views_of(reader, request, allocate, started=started)


def read_views_of(
    reader: Reader, request: ViewsRequest, allocate: AllocateFn, *, started: float
) -> tuple[Mapping[str, np.ndarray], Mapping[str, Any]]:
    """``read_views`` of a video that is open; ``started``: when, as ``perf_counter`` says it."""
    unique_frames, frame_index = gather_frames(list_clips(reader, request))
    opened = time.perf_counter()
    frames = reader.read(unique_frames.tolist())
    num_frames, shown = reader.num_frames, reader.seconds
    frames = fit_channels(request.path, frames, request.spec.channels)
    out = allocate(frames.shape, np.uint8)
    np.copyto(out, frames)
    out_index = allocate(frame_index.shape, np.int64)
    np.copyto(out_index, frame_index)
    done = time.perf_counter()
    return {"frames": out, "frame_index": out_index}, {
        "num_frames": num_frames,
        "length_seconds": None
        if shown is None
        else compute_duration(shown, usual_frame_duration(shown)),
        "indices": unique_frames.tolist(),
        "seconds": {"open": opened - started, "read": done - opened},
    }


def list_clips(reader: Reader, request: ViewsRequest) -> Int64[np.ndarray, "clips frames"]:
    """Which frames make the clips of a video.

    Raises:
        VideoError: The stride counts in seconds and the video has no clock.
    """
    spec = request.spec
    if spec.frame_sampling == "tsn":
        return segment_clips(reader.num_frames, spec.frames, clips=spec.clips)
    if spec.frame_sampling == "whole":
        return whole_clips(reader.num_frames, spec.frames, clips=spec.clips)
    if spec.interval_unit == "frames":
        stride = int(spec.frame_interval)
        return dense_clips(reader.num_frames, spec.frames, stride, clips=spec.clips)
    seconds = close_jumps(require_timestamps(reader, request.path))
    return timed_clips(seconds, spec.frames, spec.step_seconds, clips=spec.clips)
