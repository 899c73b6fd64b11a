"""Find the videos in a folder, and their classes if sub-folders are classes."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterator

from videomae2.base.text import format_count
from videomae2.data.manifests.builder import ManifestBuilder, ReadOptions
from videomae2.data.manifests.labelling import label_by_name
from videomae2.data.video.frame_names import IMAGE_EXTENSIONS
from videomae2.errors import ManifestError

# fmt: off
VIDEO_EXTENSIONS = frozenset((
    "mp4", "m4v", "mov", "qt", "mkv", "webm", "avi", "divx", "mpg", "mpeg", "mpe", "m1v", "m2v",
    "mpv", "ts", "mts", "m2ts", "m2t", "wmv", "asf", "flv", "f4v", "3gp", "3g2", "ogv", "ogm",
    "ogg", "rm", "rmvb", "vob", "mxf", "dv", "gif", "mjpg", "mjpeg", "h264", "264", "avc", "h265",
    "265", "hevc", "ivf", "obu", "y4m", "nut", "npy",
))

# A data set unpacked into these holds splits, not classes.
SPLIT_FOLDER_NAMES = frozenset((
    "train", "training", "val", "valid", "validation", "test", "testing", "dev", "eval",
))


# fmt: on


def get_extension(name: str) -> str:
    """Give the extension in lower case without its dot; "" if there is none."""
    return os.path.splitext(name)[1][1:].lower()


def walk_folder(folder: str) -> Iterator[tuple[str, list[str]]]:
    """Yield every folder below with its files: relative path ("" first), names; both sorted.

    Hidden files and folders are left out. Links to folders are followed, but every folder is
    visited once, so loops end and nothing is found twice.

    Raises:
        ManifestError: A folder cannot be listed.
    """
    visited: set[tuple[int, int]] = set()
    pending = [""]
    while pending:
        relative = pending.pop()
        try:
            files, folders = _list_folder(os.path.join(folder, relative), visited)
        except OSError as error:
            path = os.path.join(folder, relative)
            raise ManifestError(f"cannot be listed: {error.strerror}", path=path) from error
        yield relative, files
        pending.extend(os.path.join(relative, name) for name in reversed(folders))


def _list_folder(folder: str, visited: set[tuple[int, int]]) -> tuple[list[str], list[str]]:
    """Give the names of the files and of the folders in one folder, if it is new."""
    status = os.stat(folder)
    inode = (status.st_dev, status.st_ino)
    if inode in visited:
        return [], []
    visited.add(inode)
    files: list[str] = []
    folders: list[str] = []
    with os.scandir(folder) as dir_entries:
        for item in dir_entries:
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
    other_counts: Counter[str] = Counter()
    for relative, files in walk_folder(folder):
        for name in files:
            if (file_extension := get_extension(name)) in VIDEO_EXTENSIONS:
                paths.append(os.path.join(relative, name))
            else:
                other_counts[file_extension] += 1
    return sorted(paths), other_counts


def find_by_stem(folder: str) -> dict[str, list[str]]:
    """The videos below a folder by what a list may call them: their path or name, without ending.

    Raises:
        ManifestError: A folder cannot be listed.
    """
    paths_of: dict[str, list[str]] = defaultdict(list)
    for path in find_videos(folder)[0]:
        stem = os.path.splitext(path)[0]
        for name in {stem, os.path.basename(stem)}:
            paths_of[name].append(path)
    return paths_of


def read_folder(
    folder: str,
    contents: tuple[list[str], Counter[str]],
    *,
    options: ReadOptions,
    as_classes: bool | None,
) -> ManifestBuilder:
    """Turn the videos that `find_videos` gave into entries.

    Sub-folders are classes as ``as_classes`` says; None: if labels are wanted and they can be.

    Raises:
        ManifestError: No video, or no classes where they are needed.
    """
    paths, other_counts = contents
    if not paths:
        raise ManifestError(_format_no_videos(other_counts), path=folder)
    builder = ManifestBuilder(folder)
    for path in paths:
        builder.add(path)
    label_by_folder(builder, options, as_classes)
    if builder.class_names is not None and (empty_folders := _find_empty_folders(folder, paths)):
        shown = ", ".join(empty_folders[:8]) + (", …" if len(empty_folders) > 8 else "")
        builder.description += f"; no video in {shown}"
    builder.description += f"; not videos: {format_counts(other_counts)}" if other_counts else ""
    return builder


def _find_empty_folders(folder: str, paths: list[str]) -> list[str]:
    """The folders right below in which no video was found."""
    video_folders = {path.partition(os.sep)[0] for path in paths}
    return sorted(set(_list_folder(folder, set())[1]) - video_folders)


def label_by_folder(
    builder: ManifestBuilder, options: ReadOptions, as_classes: bool | None
) -> None:
    """Label entries by the first folder of their relative path, where that is wanted.

    Raises:
        ManifestError: Labels are needed and the folders are no classes, or none that is known.
    """
    names = [path.partition(os.sep)[0] if os.sep in path else "" for path in builder.paths]
    reason = _explain_no_classes(builder, names)
    if as_classes is None:
        as_classes = options.labels == "required" or (options.labels == "if-present" and not reason)
    elif not as_classes and options.labels == "required":
        reason = "the layout 'folder' has no labels, and labels are needed: use 'classes'"
    if options.labels == "required" or as_classes:
        if reason:
            raise ManifestError(reason, path=builder.source)
        label_by_name(builder, names, options)
        builder.check()
    layout = f"{len(set(names))} class folders" if as_classes else "a folder"
    builder.description = f"{layout} of {format_count(len(names), 'video', ',')}"


def _explain_no_classes(builder: ManifestBuilder, names: list[str]) -> str:
    """Say why the folders cannot be classes; "" if they can."""
    expected = "wanted one folder per class with the videos in it"
    if "" in names:
        path = builder.paths[names.index("")]
        if builder.is_frames[names.index("")]:
            path += ", whose images are taken for the frames of one video,"
        return f"{path} lies in no class folder ({names.count('')} such), {expected}"
    if {name.lower() for name in names} <= SPLIT_FOLDER_NAMES:
        folder_names = ", ".join(sorted(set(names)))
        return (
            f"its folders ({folder_names}) look like splits, {expected}; give one of them as the "
            "source"
        )
    return ""


def format_counts(counts: Counter[str]) -> str:
    """Say how many files of each extension there are, the most frequent first."""
    sorted_kinds = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown = [
        f"{number:,} {'.' + kind if kind else 'without extension'}" for kind, number in sorted_kinds
    ]
    return ", ".join(shown[:8]) + (", …" if len(shown) > 8 else "")


def _format_no_videos(other_counts: Counter[str]) -> str:
    summary = format_counts(other_counts) if other_counts else "no file at all"
    if set(other_counts) & IMAGE_EXTENSIONS:
        remedy = "for folders of frame images use the layout 'frame-folders'"
    else:
        remedy = "wanted files such as .mp4, .mkv, .webm, .avi, .mov, in it or in folders below"
    return f"no video in this folder; found {summary}; {remedy}"
