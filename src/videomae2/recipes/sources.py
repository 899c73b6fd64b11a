"""The videos of a recipe: what a person names → sources with the strides of the paper."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from videomae2.data.sources import SourceConfig
from videomae2.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Part:
    """One of the sets that UnlabeledHybrid is mixed of."""

    file: str
    videos: str
    stride: float = 4.0
    frame_name: str | None = None


HYBRID = {
    "k710": Part("k710.csv", "658 k videos of Kinetics-710, training part"),
    "ssv2": Part("ssv2.csv", "169 k videos of Something-Something V2 as frames", stride=2.0),
    "ava": Part("ava.csv", "21 k windows of 300 frames of AVA", frame_name="image_{:06}.jpg"),
    "webvid2m": Part("webvid2m.csv", "250 k videos of WebVid2M, a random subset"),
    "instagram": Part("instagram.csv", "250 k videos the authors collected; not public"),
}
"""UnlabeledHybrid: each video is taken once an epoch, so the sizes of the sets are the weights.

Source: arXiv 2303.16727 appendix; strides and frame names of dataset/pretrain_datasets.py.
"""


def hybrid(videos: Sequence[Path]) -> tuple[SourceConfig, ...]:
    """The sources of UnlabeledHybrid, as lists in the format of the released pre-training.

    A list in another format needs --data.sources.N.layout.

    Args:
        videos: One folder that holds all five lists of ``HYBRID``; or those lists that you have,
            each with the name of its set, such as lists/k710.csv.

    Raises:
        ConfigError: If a list has another name, so that its stride is not known.
    """
    if len(videos) == 1 and videos[0].stem not in HYBRID:
        return tuple(_part(name, videos[0] / part.file, part) for name, part in HYBRID.items())
    if strangers := [str(path) for path in videos if path.stem not in HYBRID]:
        raise ConfigError(
            f"{', '.join(strangers)} is none of the lists of UnlabeledHybrid; name them "
            f"{', '.join(part.file for part in HYBRID.values())}, or give one folder of all five"
        )
    return tuple(_part(path.stem, path, HYBRID[path.stem]) for path in videos)


def each(videos: Sequence[Path], *, stride: float) -> tuple[SourceConfig, ...]:
    """Sources that all count frames alike."""
    return tuple(SourceConfig(path=path, stride=stride) for path in videos)


def each_timed(videos: Sequence[Path], *, per_second: float) -> tuple[SourceConfig, ...]:
    """Sources that all take so many frames of a second, whatever the frame rate of a video."""
    return tuple(
        SourceConfig(path=path, stride=per_second, stride_unit="per-second") for path in videos
    )


def _part(name: str, path: Path, part: Part) -> SourceConfig:
    return SourceConfig(
        path=path,
        name=name,
        layout="pretrain-list",
        stride=part.stride,
        frame_name=part.frame_name,
    )
