"""What the lists of a run say, as digests: the videos, their windows and labels, and all names."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from videomae2.data.labels import Labelled
from videomae2.data.manifest import Manifest
from videomae2.data.sources import DataConfig
from videomae2.jobs.labelled_videos import TrainingVideos


@dataclass(frozen=True, kw_only=True, slots=True)
class VideoList:
    """One list of videos that a run reads."""

    source: str
    videos: int
    digest: str
    """Names what the list says: the videos, their windows and labels, the names of classes."""
    classes: Sequence[str] = ()
    """The names of its classes in the order of their labels, or of its numbers."""


def plain_lists(data: DataConfig, manifests: Sequence[Manifest]) -> tuple[VideoList, ...]:
    """What lists without labels say."""
    return tuple(
        VideoList(source=source.title, videos=len(manifest), digest=manifest.digest())
        for source, manifest in zip(data.sources, manifests, strict=True)
    )


def labelled_lists(data: DataConfig, videos: TrainingVideos) -> tuple[VideoList, ...]:
    """What the lists of a supervised training say, those that are held out as well."""
    names = [source.title for source in data.sources]
    lists = list(_digests(names, videos.training))
    if videos.held_out is not None:
        lists += _digests([f"{name}, held out" for name in names], videos.held_out)
    return tuple(lists)


def _digests(sources: Sequence[str], videos: Labelled) -> Iterator[VideoList]:
    """Name the content of labelled lists; labels need not stand in the manifest itself."""
    for source, manifest, rows in zip(sources, videos.manifests, videos.rows, strict=False):
        content = hashlib.sha256(manifest.digest().encode())
        content.update("\0".join(videos.names).encode("utf-8", "surrogatepass"))
        content.update(rows.contiguous().numpy().tobytes())
        yield VideoList(
            source=source,
            videos=len(manifest),
            digest=content.hexdigest()[:16],
            classes=videos.names,
        )
