"""What the lists of a run say and which files they name: enough to see whether either changed."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from videomae2.config import Run
from videomae2.data.file_marks import Fingerprint, describe_difference, compute_fingerprint
from videomae2.data.labels import LabelledData
from videomae2.data.manifest import Manifest
from videomae2.data.quarantine import find_changed_files
from videomae2.jobs.labelled_videos import VAL_FOLDER, TrainValData


@dataclass(frozen=True, kw_only=True, slots=True)
class VideoList:
    """One list of videos that a run reads."""

    source: str
    videos: int
    digest: str
    """Names what the list says: the videos, their windows and labels, the names of classes."""
    classes: Sequence[str] = ()
    """The names of its classes in the order of their labels, or of its numbers."""
    location: str = ""
    """The list or folder that was read."""
    sizes: str = ""
    """As in ``Fingerprint``, like those below; empty of a list of a version that did not look."""
    num_absent: int = 0
    sample: str = ""
    absent_files: str = ""
    unresponsive: int = 0

    @property
    def fingerprint(self) -> Fingerprint:
        """What its files are, in brief."""
        return Fingerprint(
            sizes=self.sizes,
            num_absent=self.num_absent,
            sample=self.sample,
            absent_files=self.absent_files,
            unresponsive=self.unresponsive,
        )


def build_video_list(
    source: str,
    manifest: Manifest,
    digest: str,
    *,
    classes: Sequence[str] = (),
    changed_files: Collection[str] = (),
) -> VideoList:
    """Describe a list, and look at its files; those that were repaired tell nothing."""
    fingerprint = asdict(compute_fingerprint(manifest, changed_files=changed_files))
    return VideoList(
        source=source,
        videos=len(manifest),
        digest=digest,
        classes=list(classes),
        location=manifest.source,
        **fingerprint,
    )


def find_list_change(old: VideoList | None, new: VideoList | None) -> str | None:
    """Say that a list came, went, or does not say what it said; None if it does."""
    old_digest, new_digest = (video_list and video_list.digest for video_list in (old, new))
    if old_digest == new_digest:
        return None
    counts = ["none" if video_list is None else str(video_list.videos) for video_list in (old, new)]
    return f"{counts[0]} -> {counts[1]}, not the same list{_format_class_change(old, new)}"


def _format_class_change(old: VideoList | None, new: VideoList | None) -> str:
    """Show the names of classes before and now, where they are known and others."""
    old_classes, new_classes = (list(video_list.classes) if video_list else [] for video_list in (old, new))
    if old_classes == new_classes or not old_classes or not new_classes:
        return ""
    pairs = (("before", old_classes), ("now", new_classes))
    shown = (f"\n      {what:<6}  {len(names)}: {', '.join(names)}" for what, names in pairs)
    return "; its classes are others:" + "".join(shown)


def find_file_change(old: VideoList | None, new: VideoList | None) -> str | None:
    """Say that an unchanged list names other files than it did; None if it does not."""
    if old is None or new is None:
        return None
    change = describe_difference(old.fingerprint, new.fingerprint)
    return change and f"other files at {new.location} ({change})"


def carry_over_files(old: VideoList | None, new: VideoList) -> VideoList:
    """Keep what was known of the files of an unchanged list, where some do not answer now."""
    if old is None or not new.unresponsive or old.digest != new.digest:
        return new
    return replace(new, **asdict(old.fingerprint))


def list_unresponsive_files(lists: Iterable[VideoList]) -> list[str]:
    """Say in a line for each list of which files nothing can be said; nothing if all answered."""
    return [
        f"late     {video_list.unresponsive} files of {video_list.source} do not answer, such as those of a lost network "
        f"disk; whether they are the same as before is not looked at"
        for video_list in lists
        if video_list.unresponsive
    ]


def build_unlabelled_lists(run: Run, manifests: Sequence[Manifest]) -> tuple[VideoList, ...]:
    """What lists without labels say.

    Files that the run has found unreadable and that were repaired since are no other files.
    """
    changed_files = find_changed_files(run.checkpoint.output_dir)
    return tuple(
        build_video_list(source.display_name, manifest, manifest.digest(), changed_files=changed_files)
        for source, manifest in zip(run.data.sources, manifests, strict=True)
    )


def build_labelled_lists(run: Run, videos: TrainValData) -> tuple[VideoList, ...]:
    """What the lists of a supervised training say, those that are held out as well."""
    source_names, output_dir = [source.display_name for source in run.data.sources], run.checkpoint.output_dir
    lists = list(_build_lists(source_names, videos.train, find_changed_files(output_dir)))
    if videos.val is not None:
        val_names = [f"{name}, held out" for name in source_names]
        lists += _build_lists(val_names, videos.val, find_changed_files(output_dir / VAL_FOLDER))
    return tuple(lists)


def _build_lists(
    sources: Sequence[str], videos: LabelledData, changed_files: Collection[str]
) -> Iterator[VideoList]:
    """Name the content of labelled lists; labels need not stand in the manifest itself."""
    for source, manifest, targets in zip(sources, videos.manifests, videos.targets, strict=False):
        content = hashlib.sha256(manifest.digest().encode())
        content.update("\0".join(videos.class_names).encode("utf-8", "surrogatepass"))
        content.update(targets.contiguous().numpy().tobytes())
        yield build_video_list(
            source, manifest, content.hexdigest()[:16], classes=videos.class_names, changed_files=changed_files
        )
