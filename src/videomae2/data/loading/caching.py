"""Whether decoded videos are kept in memory: what they take, what is free, how often they are read.

A place in the cache is for an entry of a list, a video or a window of one.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from videomae2.base.text import format_bytes, format_count
from videomae2.data.loading.sources import Cache
from videomae2.data.views.frame_cache import MIN_MEASURED, CachePlace, FrameCache, create_cache
from videomae2.data.workers.memory import find_free_bytes
from videomae2.errors import ConfigError

_logger = logging.getLogger(__name__)

SHARES = {"auto": 0.5, "memory": 0.8}
"""Of the memory that is free when a run starts, what decoded videos may take."""
_SHARE_NAMES = {"auto": "half", "memory": "four fifths"}


def select_sources(passes: Sequence[float], cache: Cache) -> list[bool]:
    """Which sources are worth keeping: those whose videos are read more than once, or what is said.

    Args:
        passes: How often each video is read from now on, of every source.
        cache: The setting.
    """
    return [cache == "memory" or (cache == "auto" and each > 1) for each in passes]


@dataclass(frozen=True, slots=True)
class CacheEstimate:
    """What keeping the videos of a run takes, from some of them."""

    cache: Cache
    num_videos: int
    """Of the sources that are worth keeping."""
    video_bytes: float | None
    """Of a video on average; None if none could be looked at."""
    free_bytes: int

    @property
    def num_bytes(self) -> int:
        """Of all of them."""
        return round(self.num_videos * (self.video_bytes or 0))

    @property
    def fits(self) -> bool:
        """Whether they take no more than their share."""
        return self.num_bytes <= SHARES[self.cache] * self.free_bytes

    def describe(self) -> str:
        """Say what will be done.

        Raises:
            ConfigError: They are to be kept in any case and do not fit.
        """
        if self.cache == "off":
            return "off: every clip is decoded anew"
        if not self.num_videos:
            return "none: no video is read more than once"
        if self.video_bytes is None:
            return "not known: no video could be looked at"
        videos = format_count(self.num_videos, "video")
        text = (
            f"{videos} take about {format_bytes(self.num_bytes)} decoded, {{}} "
            f"{_SHARE_NAMES[self.cache]} of the free {format_bytes(self.free_bytes)}"
        )
        if self.fits:
            return f"{text.format('within')}: decoded once and kept in memory"
        if self.cache == "memory":
            raise ConfigError(
                f"--data.cache memory does not fit: {text.format('more than')}; smaller videos "
                f"do, or --data.cache auto"
            )
        return f"{text.format('more than')}: every clip is decoded anew"


class RunCache:
    """The cache of a run, and what is said of it."""

    def __init__(self, sizes: Sequence[int], passes: Sequence[float], cache: Cache) -> None:
        """Make room for sources of so many videos, each read so often; it takes no memory yet."""
        self.places: list[CachePlace | None] = []
        """Where the videos of each source are kept."""
        self._frames: FrameCache | None = None
        self._cache, self._said = cache, set[bool]()
        are_kept = select_sources(passes, cache)
        counts = [size * is_kept for size, is_kept in zip(sizes, are_kept, strict=True)]
        if sum(counts):
            self._frames = create_cache(sum(counts), int(SHARES[cache] * find_free_bytes()))
        for source, count in enumerate(counts):
            file = self._frames.file if self._frames is not None and count else None
            self.places.append(file and CachePlace(file, sum(counts[:source])))

    @property
    def descriptors(self) -> tuple[int, ...]:
        """Open files that reading processes need."""
        return () if self._frames is None else (self._frames.file.descriptor,)

    def close(self) -> None:
        """Let go of the memory, once no process reads any more; again does nothing."""
        if self._frames is not None:
            self._frames.close()
        self._frames = None

    def log(self) -> None:
        """Say what becomes of the cache, once that is known, and if it changes."""
        if self._frames is None:
            return
        state, num_videos = self._frames.state, self._frames.num_entries
        is_refused = state.refused_bytes > 0
        is_measured = state.num_kept >= min(MIN_MEASURED, num_videos)
        if is_refused in self._said or not (is_measured or is_refused):
            return
        self._said.add(is_refused)
        max_bytes = self._frames.max_bytes
        num_bytes = state.refused_bytes or round(state.num_bytes / state.num_kept * num_videos)
        fits = "within" if num_bytes <= max_bytes else "more than"
        text = (
            f"cache    {format_count(num_videos, 'video')} take about {format_bytes(num_bytes)} "
            f"decoded, {fits} {_SHARE_NAMES[self._cache]} of the free memory: "
        )
        if not is_refused:
            text += "decoded once and kept in memory"
        else:
            kept = format_count(state.num_kept, "video")
            short = "memory is short, " if num_bytes <= max_bytes else ""
            text += f"{short}{kept} kept, every clip of the others is decoded anew"
        _logger.info(text)
