"""All files of a time line, side by side in one folder."""

from dataclasses import dataclass, field
from pathlib import Path

from videomae2.errors import ConfigError, VideoError
from videomae2.jobs.annotated_film import write_overlay_video
from videomae2.jobs.predict import Predictor
from videomae2.jobs.timeline import ProgressFn, Timeline
from videomae2.jobs.timeline_files import write_segments_csv, write_json, write_srt, write_windows_csv
from videomae2.jobs.timeline_picture import write_timeline_picture
from videomae2.jobs.video_inputs import VideoInput


@dataclass(slots=True)
class TimelineFolder:
    """A folder that takes the files of many videos, none over another."""

    path: Path
    _used_names: set[str] = field(default_factory=set)

    def write(
        self,
        predictor: Predictor,
        video: VideoInput,
        timeline: Timeline,
        *,
        with_video: bool,
        progress: ProgressFn,
    ) -> dict[str, Path]:
        """Write the files of a video, and give them by kind.

        Raises:
            ConfigError: The folder cannot be written to.
            VideoError: A film is wanted, and the video can no longer be read.
        """
        try:
            base = self._choose_base(video)
            base.parent.mkdir(parents=True, exist_ok=True)
            written = {
                "json": write_json(timeline, _with_ending(base, "json")),
                "csv": write_segments_csv(timeline, _with_ending(base, "csv")),
                "windows": write_windows_csv(timeline, _with_ending(base, "windows.csv")),
                "srt": write_srt(timeline, _with_ending(base, "srt")),
                "picture": write_timeline_picture(timeline, _with_ending(base, "png")),
            }
            if with_video:
                video_path = _with_ending(base, "mp4")
                written["video"] = write_overlay_video(predictor, video, timeline, video_path, progress=progress)
        except VideoError:
            raise
        except OSError as error:
            raise ConfigError(
                f"cannot write to {self.path}: {error.strerror}; choose another --out"
            ) from error
        return written

    def _choose_base(self, video: VideoInput) -> Path:
        """The files' common path: as in the folder that was named, numbered if it is taken."""
        default_base = Path(video.relative_path or Path(video.entry.path).absolute().name)
        default_base = default_base if video.entry.is_frames else default_base.with_suffix("")
        name, number = str(default_base), 2
        while name in self._used_names:
            name, number = f"{default_base}-{number}", number + 1
        self._used_names.add(name)
        return self.path / name


def _with_ending(base: Path, ending: str) -> Path:
    return base.with_name(f"{base.name}.timeline.{ending}")
