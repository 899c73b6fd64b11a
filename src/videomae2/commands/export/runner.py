"""The Python file beside an ONNX file: functions of this package, as they stand, in one file.

It wants PyAV and onnxruntime, and sees what the predictor sees, for it is the same code.
"""

import inspect
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from videomae2.data.views import crops, requests, sampling
from videomae2.data.views.requests import ViewSpec

RUNNER_FILE, SETTINGS_FILE = "run.py", "settings.json"

_HEAD = '''\
"""Run the ONNX model beside this file on a video: python run.py VIDEO

Needs av and onnxruntime (pip install av onnxruntime). Written by videomae2 export. How the model
reads videos stands in settings.json. Another program may import run_video.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from av.video.reformatter import VideoReformatter

MIN_WHOLE_SHARE = {share}
'''


def build_runner() -> str:
    """The text of the file."""
    blocks = [_HEAD.format(share=sampling.MIN_WHOLE_SHARE)]
    blocks += [inspect.getsource(function) for function in _list_copied()]
    blocks.append('if __name__ == "__main__":\n    main()\n')
    return "\n\n".join(blocks).replace("  # noqa: T201", "")


def _list_copied() -> tuple[Callable[..., Any], ...]:
    """What stands in it, in this order; PyAV is loaded for that."""
    from videomae2.commands.export import runner_parts as parts
    from videomae2.data.video.convert import Rotation, read_rotation

    return (
        sampling.check_positive,
        sampling.spread_evenly,
        sampling.median_frame_duration,
        sampling.compute_duration,
        sampling.find_shown_frames,
        sampling.timed_indices,
        sampling.floor_frames,
        sampling.whole_indices,
        sampling.dense_clips,
        sampling.segment_clips,
        sampling.timed_clips,
        sampling.whole_clips,
        crops.compute_cover_size,
        crops.list_crop_boxes,
        requests.gather_frames,
        requests.list_views,
        requests.find_unique_views,
        Rotation,
        read_rotation,
        parts.choose_frames,
        parts.read_video,
        parts.compute_weights,
        parts.find_neighbours,
        parts.resize_side,
        parts.resize,
        parts.cut_views,
        parts.interpret,
        parts.run_video,
        parts.main,
    )


def build_settings(
    views: ViewSpec, size: tuple[int, int], task_type: str, names: tuple[str, ...] | None
) -> dict[str, Any]:
    """How the model reads videos, and what its outputs are called."""
    spec = asdict(views)
    kept = ("frame_sampling", "frames", "channels", "frame_interval", "interval_unit", "clips")
    return {
        **{name: spec[name] for name in (*kept, "crops", "antialias")},
        "height": size[0],
        "width": size[1],
        "task_type": task_type,
        "names": names,
    }
