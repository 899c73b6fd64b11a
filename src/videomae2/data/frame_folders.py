"""Find folders of frame images: every folder that directly holds numbered images is a video."""

from collections import Counter

from videomae2.data.columns import ManifestBuilder, ReadOptions
from videomae2.data.folders import IMAGE_EXTENSIONS, format_counts, get_extension, label_by_folder, walk_folder
from videomae2.data.frame_names import FrameName, ImageSequence, parse_frame_name, split_name
from videomae2.errors import ManifestError

NameParts = tuple[str, str]  # what stands before and after the number in a name


def read_frame_folders(folder: str, *, options: ReadOptions) -> ManifestBuilder:
    """Search a folder for folders of frame images; count the images, find the first number.

    Raises:
        ManifestError: None is found, the names are unclear, or images are missing in between.
    """
    runs, other_files = _find_sequences(folder, _parse_requested_name(folder, options))
    if not runs:
        raise ManifestError(_format_nothing_found(other_files, options), path=folder)
    name = _resolve_name(folder, runs, options)
    columns = ManifestBuilder(folder, frame_name=str(name))
    for path, run in _list_sequences(runs, name):
        columns.add(path or ".", first=run.lowest, frames=run.count, is_frames=True)
        if problem := _describe_problem(run, name):
            columns.add_error(0, f"{path or '.'}: {problem}")
    columns.check()
    label_by_folder(columns, options, as_classes=None)
    columns.description += f" of frames {name}" + (f"; not used: {format_counts(other_files)}" if other_files else "")
    return columns


def _parse_requested_name(folder: str, options: ReadOptions) -> FrameName | None:
    try:
        return None if options.frame_name is None else parse_frame_name(options.frame_name)
    except ValueError as error:
        raise ManifestError(str(error), path=folder) from error


def _find_sequences(
    folder: str, name: FrameName | None
) -> tuple[dict[str, dict[NameParts, ImageSequence]], Counter[str]]:
    """Give per folder its runs of numbered images, and a count of all other files."""
    runs: dict[str, dict[NameParts, ImageSequence]] = {}
    other_files: Counter[str] = Counter()
    for relative, files in walk_folder(folder):
        for file in files:
            parts = _split_file_name(file, name)
            if parts is None:
                other_files[get_extension(file)] += 1
            else:
                sequences = runs.setdefault(relative, {})
                sequences.setdefault((parts[0], parts[2]), ImageSequence()).add(parts[1])
    return runs, other_files


def _split_file_name(file: str, name: FrameName | None) -> tuple[str, str, str] | None:
    if name is None:
        return split_name(file) if get_extension(file) in IMAGE_EXTENSIONS else None
    digits = name.extract_digits(file)
    return None if digits is None else (name.prefix, digits, name.suffix)


def _resolve_name(folder: str, runs: dict[str, dict[NameParts, ImageSequence]], options: ReadOptions) -> FrameName:
    """Use the given template, or find the one that all folders share.

    A width can only be seen where a number is padded; without, all numbers are taken as they are.
    """
    if options.frame_name is not None:
        return parse_frame_name(options.frame_name)
    sequences_by_name: dict[NameParts, list[ImageSequence]] = {}
    for sequences in runs.values():
        for words, run in sequences.items():
            sequences_by_name.setdefault(words, []).append(run)
    names = {words: _resolve_width(description) for words, description in sequences_by_name.items()}
    if len(names) > 1:
        descriptions = [f"{FrameName(*words, names[words])} in {len(sequences_by_name[words])} folders"
                 for words in sorted(sequences_by_name, key=lambda name_parts: -len(sequences_by_name[name_parts]))]  # fmt: skip
        found = ", ".join(descriptions[:4]) + (", …" if len(descriptions) > 4 else "")
        message = f"its images have several kinds of names: {found}; choose one with frame_name"
        raise ManifestError(message, path=folder)
    ((words, width),) = names.items()
    return FrameName(*words, width)


def _resolve_width(runs: list[ImageSequence]) -> int:
    return max(run.padded_width for run in runs) or min(run.min_digits for run in runs)


def _list_sequences(runs: dict[str, dict[NameParts, ImageSequence]], name: FrameName) -> list[tuple[str, ImageSequence]]:
    name_parts = (name.prefix, name.suffix)
    return [(path, runs[path][name_parts]) for path in sorted(runs) if name_parts in runs[path]]


def _describe_problem(run: ImageSequence, name: FrameName) -> str:
    """Say why frames could not be found by number; "" if they can."""
    if run.min_digits < name.width or run.padded_width > name.width:
        digits = run.min_digits if run.min_digits < name.width else run.padded_width
        return f"a number has {digits} digit{'s' * (digits > 1)}, wanted names like {name}"
    if run.num_missing:
        number_range = f"{run.lowest} to {run.highest}"
        return f"{run.count} images for the numbers {number_range}: {run.num_missing} are missing"
    return ""


def _format_nothing_found(other_files: Counter[str], options: ReadOptions) -> str:
    content = format_counts(other_files) if other_files else "no file at all"
    expected = options.frame_name or "numbered images such as img_00001.jpg"
    return f"no folder of frames; found {content}; wanted {expected} in folders, one folder per video"
