"""Which videos do not tell the time, and which strides need to know it."""

from collections.abc import Iterator, Sequence

from videomae2.data.manifest import Manifest
from videomae2.data.sources import SourceConfig
from videomae2.errors import ConfigError


def check_clocks(sources: Sequence[SourceConfig], manifests: Sequence[Manifest]) -> None:
    """Refuse strides in seconds of frame folders and arrays whose frame rate is not known.

    Raises:
        ConfigError: With every such source, and what would work.
    """
    problems = list(_problems(sources, manifests))
    if problems:
        raise ConfigError(problems)


def _problems(sources: Sequence[SourceConfig], manifests: Sequence[Manifest]) -> Iterator[str]:
    for number, (source, manifest) in enumerate(zip(sources, manifests, strict=True)):
        if source.stride_unit == "frames" or source.frame_rate is not None:
            continue
        without = without_clock(manifest)
        if without is not None:
            flag = f"--data.sources.{number}"
            yield (
                f"{flag}.stride-unit {source.stride_unit} needs a clock, and {without} is a "
                f"folder of images or an array, which has none; give {flag}.frame-rate, the "
                f"frames per second, or use {flag}.stride-unit frames with {flag}.stride 4"
            )


def without_clock(manifest: Manifest) -> str | None:
    """The first video that is known to have no clock, going by the list alone."""
    known = zip(manifest.paths, manifest.is_frames.tolist(), strict=True)
    return next((path for path, frames in known if frames or path.endswith(".npy")), None)
