"""Find the videos in a folder, and their classes if sub-folders are classes."""

import os
from collections import Counter
from collections.abc import Iterator

from videomae2.data.classes import label_by_name
from videomae2.data.columns import Columns, Wish
from videomae2.errors import ManifestError

# fmt: off
VIDEO_EXTENSIONS = frozenset((
    "mp4", "m4v", "mov", "qt", "mkv", "webm", "avi", "divx", "mpg", "mpeg", "mpe", "m1v", "m2v",
    "mpv", "ts", "mts", "m2ts", "m2t", "wmv", "asf", "flv", "f4v", "3gp", "3g2", "ogv", "ogm",
    "ogg", "rm", "rmvb", "vob", "mxf", "dv", "gif", "mjpg", "mjpeg", "h264", "264", "avc", "h265",
    "265", "hevc", "ivf", "obu", "y4m", "nut", "npy",
))
IMAGE_EXTENSIONS = frozenset((
    "jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff", "ppm", "pgm", "jp2",
))
# A data set unpacked into these holds splits, not classes.
SPLITS = frozenset((
    "train", "training", "val", "valid", "validation", "test", "testing", "dev", "eval",
))
# fmt: on


def extension(name: str) -> str:
    """Give the extension in lower case without its dot; "" if there is none."""
    return os.path.splitext(name)[1][1:].lower()


def walk(folder: str) -> Iterator[tuple[str, list[str]]]:
    """Yield every folder below with its files: relative path ("" first), names; both sorted.

    Hidden files and folders are left out. Links to folders are followed, but every folder is
    visited once, so loops end and nothing is found twice.

    Raises:
        ManifestError: A folder cannot be listed.
    """
    seen: set[tuple[int, int]] = set()
    waiting = [""]
    while waiting:
        relative = waiting.pop()
        try:
            files, folders = _listed(os.path.join(folder, relative), seen)
        except OSError as error:
            place = os.path.join(folder, relative)
            raise ManifestError(f"cannot be listed: {error.strerror}", path=place) from error
        yield relative, files
        waiting.extend(os.path.join(relative, name) for name in reversed(folders))


def _listed(folder: str, seen: set[tuple[int, int]]) -> tuple[list[str], list[str]]:
    """Give the names of the files and of the folders in one folder, if it is new."""
    status = os.stat(folder)
    identity = (status.st_dev, status.st_ino)
    if identity in seen:
        return [], []
    seen.add(identity)
    files: list[str] = []
    folders: list[str] = []
    with os.scandir(folder) as found:
        for item in found:
            if not item.name.startswith("."):
                (folders if _is_folder(item) else files).append(item.name)
    return sorted(files), sorted(folders)


def _is_folder(item: "os.DirEntry[str]") -> bool:
    try:
        return item.is_dir()
    except OSError:  # a link to itself; a broken link to a video is reported when it is read
        return False


def find_videos(folder: str) -> tuple[list[str], Counter[str]]:
    """Search a folder and all below: sorted relative paths, and a count of other extensions."""
    paths: list[str] = []
    others: Counter[str] = Counter()
    for relative, files in walk(folder):
        for name in files:
            if (kind := extension(name)) in VIDEO_EXTENSIONS:
                paths.append(os.path.join(relative, name))
            else:
                others[kind] += 1
    return sorted(paths), others


def read_folder(
    folder: str, found: tuple[list[str], Counter[str]], *, wish: Wish, as_classes: bool | None
) -> Columns:
    """Turn the videos that `find_videos` gave into entries.

    Args:
        folder: The folder that was searched.
        found: What was found there.
        wish: Whether labels are wanted, and the known classes.
        as_classes: Whether sub-folders are classes; None: if labels are wanted and they can be.

    Raises:
        ManifestError: No video, or no classes where they are needed.
    """
    paths, others = found
    if not paths:
        raise ManifestError(_nothing(others), path=folder)
    columns = Columns(folder)
    for path in paths:
        columns.add(path)
    label_by_folder(columns, wish, as_classes)
    if columns.class_names is not None and (empty := _without(folder, paths)):
        shown = ", ".join(empty[:8]) + (", …" if len(empty) > 8 else "")
        columns.origin += f"; no video in {shown}"
    columns.origin += f"; not videos: {counts(others)}" if others else ""
    return columns


def _without(folder: str, paths: list[str]) -> list[str]:
    """The folders right below in which no video was found."""
    used = {path.partition(os.sep)[0] for path in paths}
    return sorted(set(_listed(folder, set())[1]) - used)


def label_by_folder(columns: Columns, wish: Wish, as_classes: bool | None) -> None:
    """Label entries by the first folder of their relative path, where that is wanted.

    Raises:
        ManifestError: Labels are needed and the folders are no classes, or none that is known.
    """
    names = [path.partition(os.sep)[0] if os.sep in path else "" for path in columns.paths]
    against = _against_classes(columns, names)
    if as_classes is None:
        as_classes = wish.labels == "required" or (wish.labels == "if-present" and not against)
    elif not as_classes and wish.labels == "required":
        against = "the layout 'folder' has no labels, and labels are needed: use 'classes'"
    if wish.labels == "required" or as_classes:
        if against:
            raise ManifestError(against, path=columns.source)
        label_by_name(columns, names, wish.class_names)
        columns.check()
    layout = f"{len(set(names))} class folders" if as_classes else "a folder"
    columns.origin = f"{layout} of {len(names):,} videos"


def _against_classes(columns: Columns, names: list[str]) -> str:
    """Say why the folders cannot be classes; "" if they can."""
    want = "wanted one folder per class with the videos in it"
    if "" in names:
        loose = columns.paths[names.index("")]
        if columns.is_frames[names.index("")]:
            loose += ", whose images are taken for the frames of one video,"
        return f"{loose} lies in no class folder ({names.count('')} such), {want}"
    if {name.lower() for name in names} <= SPLITS:
        found = ", ".join(sorted(set(names)))
        return f"its folders ({found}) look like splits, {want}; give one of them as the source"
    return ""


def counts(kinds: Counter[str]) -> str:
    """Say how many files of each extension there are, the most frequent first."""
    most = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    shown = [f"{number:,} {'.' + kind if kind else 'without extension'}" for kind, number in most]
    return ", ".join(shown[:8]) + (", …" if len(shown) > 8 else "")


def _nothing(others: Counter[str]) -> str:
    found = counts(others) if others else "no file at all"
    if set(others) & IMAGE_EXTENSIONS:
        remedy = "for folders of frame images use the layout 'frame-folders'"
    else:
        remedy = "wanted files such as .mp4, .mkv, .webm, .avi, .mov, in it or in folders below"
    return f"no video in this folder; found {found}; {remedy}"
