"""All files of a time line, side by side in one folder."""

from dataclasses import dataclass, field
from pathlib import Path

from videomae2.errors import ConfigError, VideoError
from videomae2.jobs.annotated_film import write_film
from videomae2.jobs.predict import Predictor
from videomae2.jobs.timeline import Progress, Timeline
from videomae2.jobs.timeline_files import write_csv, write_json, write_srt, write_windows_csv
from videomae2.jobs.timeline_picture import write_picture
from videomae2.jobs.video_inputs import Input


@dataclass(slots=True)
class ReportFolder:
    """A folder that takes the files of many videos, none over another."""

    path: Path
    _taken: set[str] = field(default_factory=set)

    def write(
        self,
        predictor: Predictor,
        video: Input,
        timeline: Timeline,
        *,
        film: bool,
        progress: Progress,
    ) -> dict[str, Path]:
        """Write the files of a video, and give them by kind.

        Raises:
            ConfigError: The folder cannot be written to.
            VideoError: A film is wanted, and the video can no longer be read.
        """
        try:
            base = self._base(video)
            base.parent.mkdir(parents=True, exist_ok=True)
            written = {
                "json": write_json(timeline, _with(base, "json")),
                "csv": write_csv(timeline, _with(base, "csv")),
                "windows": write_windows_csv(timeline, _with(base, "windows.csv")),
                "srt": write_srt(timeline, _with(base, "srt")),
                "picture": write_picture(timeline, _with(base, "png")),
            }
            if film:
                place = _with(base, "mp4")
                written["film"] = write_film(predictor, video, timeline, place, progress=progress)
        except VideoError:
            raise
        except OSError as error:
            raise ConfigError(
                f"cannot write to {self.path}: {error.strerror}; choose another --out"
            ) from error
        return written

    def _base(self, video: Input) -> Path:
        """The files' common path: as in the folder that was named, numbered if it is taken."""
        named = Path(video.below or Path(video.entry.path).absolute().name)
        named = named if video.entry.is_frames else named.with_suffix("")
        name, number = str(named), 2
        while name in self._taken:
            name, number = f"{named}-{number}", number + 1
        self._taken.add(name)
        return self.path / name


def _with(base: Path, ending: str) -> Path:
    return base.with_name(f"{base.name}.timeline.{ending}")
