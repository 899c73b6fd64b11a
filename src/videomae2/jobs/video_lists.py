"""What the lists of a run say and which files they name: enough to see whether either changed."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from videomae2.config import Run
from videomae2.data.file_marks import FileMarks, difference, marks_of
from videomae2.data.labels import Labelled
from videomae2.data.manifest import Manifest
from videomae2.data.quarantine import repaired
from videomae2.jobs.labelled_videos import HELD_OUT, TrainingVideos


@dataclass(frozen=True, kw_only=True, slots=True)
class VideoList:
    """One list of videos that a run reads."""

    source: str
    videos: int
    digest: str
    """Names what the list says: the videos, their windows and labels, the names of classes."""
    classes: Sequence[str] = ()
    """The names of its classes in the order of their labels, or of its numbers."""
    place: str = ""
    """The list or folder that was read."""
    sizes: str = ""
    """As in ``FileMarks``, like those below; empty of a list of a version that did not look."""
    absent: int = 0
    sample: str = ""
    which_absent: str = ""
    late: int = 0

    @property
    def marks(self) -> FileMarks:
        """What its files are, in brief."""
        return FileMarks(
            sizes=self.sizes,
            absent=self.absent,
            sample=self.sample,
            which_absent=self.which_absent,
            late=self.late,
        )


def video_list(
    source: str,
    manifest: Manifest,
    digest: str,
    *,
    classes: Sequence[str] = (),
    repaired: Collection[str] = (),
) -> VideoList:
    """Describe a list, and look at its files; those that were repaired tell nothing."""
    marks = asdict(marks_of(manifest, repaired=repaired))
    return VideoList(
        source=source,
        videos=len(manifest),
        digest=digest,
        classes=list(classes),
        place=manifest.source,
        **marks,
    )


def other_list(old: VideoList | None, new: VideoList | None) -> str | None:
    """Say that a list came, went, or does not say what it said; None if it does."""
    before, now = (one and one.digest for one in (old, new))
    if before == now:
        return None
    counts = ["none" if one is None else str(one.videos) for one in (old, new)]
    return f"{counts[0]} -> {counts[1]}, not the same list{_other_classes(old, new)}"


def _other_classes(old: VideoList | None, new: VideoList | None) -> str:
    """Show the names of classes before and now, where they are known and others."""
    before, now = (list(one.classes) if one else [] for one in (old, new))
    if before == now or not before or not now:
        return ""
    pairs = (("before", before), ("now", now))
    shown = (f"\n      {what:<6}  {len(names)}: {', '.join(names)}" for what, names in pairs)
    return "; its classes are others:" + "".join(shown)


def other_files(old: VideoList | None, new: VideoList | None) -> str | None:
    """Say that an unchanged list names other files than it did; None if it does not."""
    if old is None or new is None:
        return None
    found = difference(old.marks, new.marks)
    return found and f"other files at {new.place} ({found})"


def with_known_files(old: VideoList | None, new: VideoList) -> VideoList:
    """Keep what was known of the files of an unchanged list, where some do not answer now."""
    if old is None or not new.late or old.digest != new.digest:
        return new
    return replace(new, **asdict(old.marks))


def late_files(lists: Iterable[VideoList]) -> list[str]:
    """Say in a line for each list of which files nothing can be said; nothing if all answered."""
    return [
        f"late     {one.late} files of {one.source} do not answer, such as those of a lost network "
        f"disk; whether they are the same as before is not looked at"
        for one in lists
        if one.late
    ]


def plain_lists(run: Run, manifests: Sequence[Manifest]) -> tuple[VideoList, ...]:
    """What lists without labels say.

    Files that the run has found unreadable and that were repaired since are no other files.
    """
    changed = repaired(run.record.out)
    return tuple(
        video_list(source.title, manifest, manifest.digest(), repaired=changed)
        for source, manifest in zip(run.data.sources, manifests, strict=True)
    )


def labelled_lists(run: Run, videos: TrainingVideos) -> tuple[VideoList, ...]:
    """What the lists of a supervised training say, those that are held out as well."""
    names, out = [source.title for source in run.data.sources], run.record.out
    lists = list(_lists(names, videos.training, repaired(out)))
    if videos.held_out is not None:
        aside = [f"{name}, held out" for name in names]
        lists += _lists(aside, videos.held_out, repaired(out / HELD_OUT))
    return tuple(lists)


def _lists(
    sources: Sequence[str], videos: Labelled, changed: Collection[str]
) -> Iterator[VideoList]:
    """Name the content of labelled lists; labels need not stand in the manifest itself."""
    for source, manifest, rows in zip(sources, videos.manifests, videos.rows, strict=False):
        content = hashlib.sha256(manifest.digest().encode())
        content.update("\0".join(videos.names).encode("utf-8", "surrogatepass"))
        content.update(rows.contiguous().numpy().tobytes())
        yield video_list(
            source, manifest, content.hexdigest()[:16], classes=videos.names, repaired=changed
        )
