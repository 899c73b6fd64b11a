"""Which videos do not tell the time, and which strides need to know it."""

from collections.abc import Iterator, Sequence

from videomae2.data.manifest import Manifest
from videomae2.data.sources import SourceConfig
from videomae2.errors import ConfigError


def check_timestamps(sources: Sequence[SourceConfig], manifests: Sequence[Manifest]) -> None:
    """Refuse strides in seconds of frame folders and arrays whose frame rate is not known.

    Raises:
        ConfigError: With every such source, and what would work.
    """
    problems = list(_list_problems(sources, manifests))
    if problems:
        raise ConfigError(problems)


def _list_problems(sources: Sequence[SourceConfig], manifests: Sequence[Manifest]) -> Iterator[str]:
    for number, (source, manifest) in enumerate(zip(sources, manifests, strict=True)):
        if source.interval_unit == "frames" or source.frame_rate is not None:
            continue
        path = find_without_timestamps(manifest)
        if path is not None:
            flag = f"--data.sources.{number}"
            yield (
                f"{flag}.interval-unit {source.interval_unit} needs a clock, and {path} is a "
                f"folder of images or an array, which has none; give {flag}.frame-rate, the "
                f"frames per second, or use {flag}.interval-unit frames with {flag}.frame-interval 4"
            )


def find_without_timestamps(manifest: Manifest) -> str | None:
    """The first video that is known to have no clock, going by the list alone."""
    entries = zip(manifest.paths, manifest.is_frames.tolist(), strict=True)
    return next((path for path, is_frames in entries if is_frames or path.endswith(".npy")), None)
