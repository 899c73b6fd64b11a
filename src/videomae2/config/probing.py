"""When and on what a training run probes its features."""

from dataclasses import dataclass
from pathlib import Path

from videomae2.data.listing import Layout


@dataclass(frozen=True, kw_only=True, slots=True)
class OnlineProbeConfig:
    """A quick k-NN and linear probe of the encoder while it is trained; it changes no step."""

    videos: Path | None = None
    """Labelled videos: a folder per class, a list or a table; without it nothing is probed."""
    test: Path | None = None
    """Labelled videos to test on; a fifth of the others is held out if not given."""
    root: Path | None = None
    """Put before the paths that the lists name."""
    layout: Layout = "auto"
    """How to read the lists; found out if not given."""
    interval: int = 500
    """Steps from one probe to the next; the first and the last weights are probed as well."""
    max_videos: int = 400
    """Videos at most that are taken of each list, of each class as evenly as can be. Their clips
    stay in memory."""
    k: int = 10
    """Neighbours that vote."""

    @property
    def is_enabled(self) -> bool:
        """Whether anything is probed."""
        return self.videos is not None

    def is_due(self, step: int, num_steps: int) -> bool:
        """Whether the weights are probed after so many steps."""
        return self.is_enabled and (step % self.interval == 0 or step == num_steps)
