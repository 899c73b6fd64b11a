"""A folder that takes the files of time lines, the film among them."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from videomae2.base.files import atomic_write, atomic_write_text
from videomae2.base.names import dump_json, shorten_name
from videomae2.base.progress import track
from videomae2.data.video.writer import write_video
from videomae2.data.views.scan import iterate_scan, open_scan
from videomae2.errors import ConfigError, VideoError
from videomae2.inference.inputs import VideoInput
from videomae2.inference.predictor import Predictor
from videomae2.inference.timeline import Timeline, build_scan_request, make_scan_pool
from videomae2.reports.timeline import write_timeline_picture
from videomae2.reports.timeline_text import (
    build_timeline_json,
    write_segments_csv,
    write_srt,
    write_windows_csv,
)
from videomae2.reports.timeline_video import MAX_SHORT_SIDE, compose_overlay_video, select_frames

_OVERLAY_CRF = 21
_MADE_WITH = ("model", "window_seconds", "hop_seconds")
_ENDINGS = ("json", "csv", "windows.csv", "srt", "png", "mp4")


@dataclass(slots=True)
class TimelineFolder:
    """A folder that takes the files of many videos, none over another's."""

    path: Path
    _used_names: set[str] = field(default_factory=set)

    def write(
        self, predictor: Predictor, video: VideoInput, timeline: Timeline, *, with_video: bool
    ) -> dict[str, Path]:
        """Write the files of a video, and give them by kind.

        Raises:
            ConfigError: The folder cannot be written to.
            VideoError: A film is wanted, and the video can no longer be read.
        """
        model = os.path.realpath(predictor.classifier.ref.path)
        content = {"model": model} | build_timeline_json(timeline)
        base = self._choose_base(video, content)

        def name(ending: str) -> Path:
            return base.with_name(f"{base.name}.timeline.{ending}")

        try:
            base.parent.mkdir(parents=True, exist_ok=True)
            written = {
                "json": atomic_write_text(name("json"), dump_json(content, indent=1) + "\n"),
                "csv": write_segments_csv(timeline, name("csv")),
                "windows": write_windows_csv(timeline, name("windows.csv")),
                "srt": write_srt(timeline, name("srt")),
                "picture": write_timeline_picture(timeline, name("png")),
            }
            if with_video:
                written["video"] = _write_overlay_video(predictor, video, timeline, name("mp4"))
        except VideoError:
            raise
        except OSError as error:
            raise ConfigError(
                f"cannot write to {self.path}: {error.strerror}; choose another --out"
            ) from error
        return written

    def _choose_base(self, video: VideoInput, content: Mapping[str, Any]) -> Path:
        """The files' common path: as in the folder that was named, numbered if it is taken.

        Those of the same video, model and windows, of an earlier call, are written anew.
        """
        default_base = Path(video.relative_path or Path(video.entry.path).absolute().name)
        default_base = default_base if video.entry.is_frames else default_base.with_suffix("")
        default_base = default_base.with_name(shorten_name(default_base.name or "video"))
        name, number = str(default_base), 2
        while name in self._used_names or self._holds_other(name, video.entry.path, content):
            name, number = f"{default_base}-{number}", number + 1
        self._used_names.add(name)
        return self.path / name

    def _holds_other(self, name: str, video: str, content: Mapping[str, Any]) -> bool:
        """Whether there is a time line of this name, and another one, or a file of others."""
        path = self.path / f"{name}.timeline.json"
        try:
            other = json.loads(path.read_text(encoding="utf-8"))
            is_same = all(other[key] == content[key] for key in _MADE_WITH)
            return not is_same or os.path.realpath(other["video"]) != os.path.realpath(video)
        except NotADirectoryError:
            return False
        except (
            FileNotFoundError
        ):  # the JSON is written first: what lies there without it is foreign
            return any(
                os.path.lexists(self.path / f"{name}.timeline.{ending}") for ending in _ENDINGS[1:]
            )
        except PermissionError:
            return False  # which the writing will say
        except (OSError, ValueError, KeyError, TypeError):
            return True  # it is none of ours


def _write_overlay_video(
    predictor: Predictor, video: VideoInput, timeline: Timeline, path: Path
) -> Path:
    """Write an mp4 without sound, as long as the time line, at the video's own speed.

    The video is read a second time: what holds at a moment is known only after the windows behind
    it, and keeping the frames of a long video until then would fill the memory.
    """
    request = build_scan_request(predictor, video)
    side = min(MAX_SHORT_SIDE, request.limits.max_short_side or MAX_SHORT_SIDE)
    request = replace(request, limits=replace(request.limits, max_short_side=side))
    title = f"video of {os.path.basename(video.entry.path)}"
    with make_scan_pool(predictor) as pool:
        info = open_scan(pool, request)
        assert info.seconds is not None  # else there were no time line
        shown_seconds = info.seconds + info.start_seconds
        fps, moments, indices = select_frames(shown_seconds, timeline.length_seconds)
        parts = iterate_scan(pool, request, np.unique(indices).tolist(), info.shape)
        frames = (pair for part in parts for pair in zip(part.indices, part.frames, strict=True))
        pictures = compose_overlay_video(timeline, frames, indices, moments)
        with atomic_write(path) as partial:
            tracked = _track_pictures(pictures, fps, len(indices) / float(fps), title)
            write_video(partial, tracked, rate=fps, crf=_OVERLAY_CRF, faststart=True)
    return path


def _track_pictures(
    pictures: Iterator[np.ndarray], fps: Fraction, length_seconds: float, title: str
) -> Iterator[np.ndarray]:
    with track(title, total=length_seconds, unit="s") as progress:
        for picture in pictures:
            yield picture
            progress.advance(1 / float(fps))
