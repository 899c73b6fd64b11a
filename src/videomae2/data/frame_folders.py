"""Find folders of frame images: every folder that directly holds numbered images is a video."""

from collections import Counter

from videomae2.data.columns import Columns, Wish
from videomae2.data.folders import IMAGE_EXTENSIONS, counts, extension, label_by_folder, walk
from videomae2.data.frame_names import FrameName, Run, parse, split_name
from videomae2.errors import ManifestError

Words = tuple[str, str]  # what stands before and after the number in a name


def read_frame_folders(folder: str, *, wish: Wish) -> Columns:
    """Search a folder for folders of frame images; count the images, find the first number.

    Raises:
        ManifestError: None is found, the names are unclear, or images are missing in between.
    """
    runs, others = _search(folder, _given(folder, wish))
    if not runs:
        raise ManifestError(_nothing(others, wish), path=folder)
    name = _name(folder, runs, wish)
    columns = Columns(folder, frame_name=str(name))
    for path, run in _of_name(runs, name):
        columns.add(path or ".", first=run.lowest, frames=run.count, is_frames=True)
        if problem := _problem(run, name):
            columns.wrong(0, f"{path or '.'}: {problem}")
    columns.check()
    label_by_folder(columns, wish, as_classes=None)
    columns.origin += f" of frames {name}" + (f"; not used: {counts(others)}" if others else "")
    return columns


def _given(folder: str, wish: Wish) -> FrameName | None:
    try:
        return None if wish.frame_name is None else parse(wish.frame_name)
    except ValueError as error:
        raise ManifestError(str(error), path=folder) from error


def _search(
    folder: str, name: FrameName | None
) -> tuple[dict[str, dict[Words, Run]], Counter[str]]:
    """Give per folder its runs of numbered images, and a count of all other files."""
    runs: dict[str, dict[Words, Run]] = {}
    others: Counter[str] = Counter()
    for relative, files in walk(folder):
        for file in files:
            parts = _parts(file, name)
            if parts is None:
                others[extension(file)] += 1
            else:
                here = runs.setdefault(relative, {})
                here.setdefault((parts[0], parts[2]), Run()).add(parts[1])
    return runs, others


def _parts(file: str, name: FrameName | None) -> tuple[str, str, str] | None:
    if name is None:
        return split_name(file) if extension(file) in IMAGE_EXTENSIONS else None
    digits = name.digits(file)
    return None if digits is None else (name.before, digits, name.after)


def _name(folder: str, runs: dict[str, dict[Words, Run]], wish: Wish) -> FrameName:
    """Use the given template, or find the one that all folders share.

    A width can only be seen where a number is padded; without, all numbers are taken as they are.
    """
    if wish.frame_name is not None:
        return parse(wish.frame_name)
    every: dict[Words, list[Run]] = {}
    for here in runs.values():
        for words, run in here.items():
            every.setdefault(words, []).append(run)
    names = {words: _width(found) for words, found in every.items()}
    if len(names) > 1:
        shown = [f"{FrameName(*words, names[words])} in {len(every[words])} folders"
                 for words in sorted(every, key=lambda words: -len(every[words]))]  # fmt: skip
        found = ", ".join(shown[:4]) + (", …" if len(shown) > 4 else "")
        message = f"its images have several kinds of names: {found}; choose one with frame_name"
        raise ManifestError(message, path=folder)
    ((words, width),) = names.items()
    return FrameName(*words, width)


def _width(runs: list[Run]) -> int:
    return max(run.padded for run in runs) or min(run.shortest for run in runs)


def _of_name(runs: dict[str, dict[Words, Run]], name: FrameName) -> list[tuple[str, Run]]:
    words = (name.before, name.after)
    return [(path, runs[path][words]) for path in sorted(runs) if words in runs[path]]


def _problem(run: Run, name: FrameName) -> str:
    """Say why frames could not be found by number; "" if they can."""
    if run.shortest < name.width or run.padded > name.width:
        digits = run.shortest if run.shortest < name.width else run.padded
        return f"a number has {digits} digit{'s' * (digits > 1)}, wanted names like {name}"
    if run.missing:
        span = f"{run.lowest} to {run.highest}"
        return f"{run.count} images for the numbers {span}: {run.missing} are missing"
    return ""


def _nothing(others: Counter[str], wish: Wish) -> str:
    found = counts(others) if others else "no file at all"
    want = wish.frame_name or "numbered images such as img_00001.jpg"
    return f"no folder of frames; found {found}; wanted {want} in folders, one folder per video"
