"""Find folders of frame images: every folder that directly holds images is a video.

``video/frame_names.py`` says which images are frames, and in which order. A folder of TIFF images
of several pages holds a video in each of them.
"""

import os
from collections import Counter
from dataclasses import dataclass, field, replace

from videomae2.base.text import format_count
from videomae2.data.manifests.builder import ManifestBuilder, ReadOptions
from videomae2.data.manifests.folders import (
    format_counts,
    get_extension,
    label_by_folder,
    walk_folder,
)
from videomae2.data.manifests.manifest import ABSENT
from videomae2.data.video.frame_names import (
    FrameName,
    is_image,
    order_by_number,
    order_frames,
    parse_frame_name,
    split_last_number,
)
from videomae2.data.video.pages import PAGED_EXTENSIONS, count_pages
from videomae2.errors import ManifestError


@dataclass(frozen=True, slots=True)
class ImageSequence:
    """The images of one folder, in order, and their template where they have one."""

    names: list[str]
    template: FrameName | None
    numbers: list[int]
    """Those that stand in the place of the template; empty without one."""
    unused: list[str] = field(default_factory=list)
    """Images that are no frames, since their names are of another kind; of a template that was
    given, none."""
    are_videos: bool = False
    """Each image has pages, and is a video of its own."""

    @property
    def has_gaps(self) -> bool:
        """Whether numbers are left out."""
        return bool(self.numbers) and self.numbers[-1] - self.numbers[0] >= len(self.numbers)


def read_frame_folders(folder: str, *, options: ReadOptions) -> ManifestBuilder:
    """Search a folder for folders of frame images. One that cannot serve refuses no other.

    Raises:
        ManifestError: None is found, or none can serve.
    """
    try:
        template = None if options.frame_name is None else parse_frame_name(options.frame_name)
    except ValueError as error:
        raise ManifestError(str(error), path=folder) from error
    sequences, problems, other_files = _find_sequences(folder, template)
    if not sequences and not problems:
        content = format_counts(other_files) if other_files else "no file at all"
        expected = template or "images"
        message = f"no folder of frames; found {content}; wanted {expected} in folders"
        raise ManifestError(f"{message}, one folder per video", path=folder)
    if len(problems) > len(sequences):
        raise ManifestError(_format_problems(problems, len(sequences)), path=folder)
    builder = ManifestBuilder(folder)
    template = _find_common_template(list(sequences.values()))
    builder.frame_name = None if template is None else str(template)
    for path in sorted(sequences):
        _add_sequence(builder, path, sequences[path], has_template=template is not None)
    builder.check()
    label_by_folder(builder, options, as_classes=None)
    builder.description += f" of frames {template}" if template else " of frames"
    builder.description += f"; not used: {format_counts(other_files)}" if other_files else ""
    _add_warnings(builder, sequences, problems)
    return builder


def _find_sequences(
    folder: str, template: FrameName | None
) -> tuple[dict[str, ImageSequence], dict[str, str], Counter[str]]:
    """The images of each folder, what is wrong with other folders, and a count of other files."""
    sequences: dict[str, ImageSequence] = {}
    problems: dict[str, str] = {}
    other_files: Counter[str] = Counter()
    for relative, files in walk_folder(folder):
        names = [
            name for name in files
            if (is_image(name) if template is None else template.extract_digits(name))
        ]  # fmt: skip
        if _have_pages(os.path.join(folder, relative), names):
            sequences[relative] = ImageSequence(names, None, [], are_videos=True)
            continue
        try:
            ordered = order_frames(names) if template is None else order_by_number(names)
        except ValueError as error:
            problems[relative] = str(error)
            continue
        if len(ordered) == 1 and template is None and not split_last_number(ordered[0])[1]:
            ordered = []  # a cover, say
        if ordered:
            unused = sorted(set(names) - set(ordered))
            sequences[relative] = replace(_build_sequence(ordered, template), unused=unused)
        other_files.update(get_extension(name) for name in set(files) - set(ordered))
    return sequences, problems, other_files


def _have_pages(folder: str, names: list[str]) -> bool:
    """Whether all images are TIFF files of several pages, going by the first."""
    are_tiff = bool(names) and all(get_extension(name) in PAGED_EXTENSIONS for name in names)
    return are_tiff and count_pages(os.path.join(folder, names[0])) > 1


def _build_sequence(names: list[str], template: FrameName | None) -> ImageSequence:
    """Find the template of a folder, where its names differ in their last number only."""
    if template is None:
        parts = [split_last_number(name) for name in names]
        if len({(part[0], part[2]) for part in parts}) > 1 or not parts[0][1]:
            return ImageSequence(names, None, [])
        template = FrameName(parts[0][0], parts[0][2])
    return ImageSequence(names, template, [int(digits) for digits in _list_digits(names, template)])


def _list_digits(names: list[str], template: FrameName) -> list[str]:
    return [template.extract_digits(name) or "" for name in names]


def _find_common_template(sequences: list[ImageSequence]) -> FrameName | None:
    """The template of all; None where names differ, and images are counted in their order."""
    ends = {(s.template.prefix, s.template.suffix) if s.template else None for s in sequences}
    if len(ends) > 1 or None in ends:
        return None
    digits = [d for s in sequences if s.template for d in _list_digits(s.names, s.template)]
    padded = [len(text) for text in digits if text[0] == "0" and len(text) > 1]
    ((prefix, suffix),) = filter(None, ends)
    return FrameName(prefix, suffix, max(padded, default=min(map(len, digits))))


def _add_sequence(
    builder: ManifestBuilder, path: str, sequence: ImageSequence, *, has_template: bool
) -> None:
    """Add the folder; or its images, where each of them is a video."""
    if sequence.are_videos:
        for name in sequence.names:
            builder.add(os.path.join(path, name))
        return
    builder.add(
        path or ".",
        first=sequence.numbers[0] if has_template else 0,
        frames=ABSENT if has_template and sequence.has_gaps else len(sequence.names),
        is_frames=True,
    )


def _add_warnings(
    builder: ManifestBuilder, sequences: dict[str, ImageSequence], problems: dict[str, str]
) -> None:
    """Say which folders have gaps, or images that are no frames, and which are left out."""
    total = len(sequences) + len(problems)
    if gaps := [path for path, sequence in sequences.items() if sequence.has_gaps]:
        sequence = sequences[gaps[0]]
        builder.warnings.append(
            f"{len(gaps)} of {total} folders have gaps, such as {gaps[0] or '.'} with "
            f"{len(sequence.names)} images for the numbers {sequence.numbers[0]} to "
            f"{sequence.numbers[-1]}: what follows a gap is taken for the next frame"
        )
    if unused := [path for path, sequence in sequences.items() if sequence.unused]:
        first = os.path.join(unused[0], sequences[unused[0]].unused[0])
        count = format_count(sum(len(sequences[path].unused) for path in unused), "image")
        builder.warnings.append(
            f"not taken for frames: {count} in {len(unused)} of {format_count(total, 'folder')}, "
            f"such as {first}, whose names are of another kind than the others'"
        )
    if problems:
        builder.warnings.append(_format_problems(problems, len(sequences)) + "; they are left out")


def _format_problems(problems: dict[str, str], num_sequences: int) -> str:
    path, reason = next(iter(problems.items()))
    if not path and len(problems) + num_sequences == 1:
        return f"it cannot be read as frames: {reason}"
    total = format_count(len(problems) + num_sequences, "folder")
    return f"{len(problems)} of {total} cannot be read as frames, such as {path or '.'}: {reason}"
