"""Find folders of frame images, and how their images are called.

Every folder that directly holds numbered images is a video; a template has the number in it.
"""

import os
import re
from collections import Counter
from dataclasses import dataclass

from videomae2.data.manifests.builder import ManifestBuilder, ReadOptions
from videomae2.data.manifests.folders import (
    IMAGE_EXTENSIONS,
    format_counts,
    get_extension,
    label_by_folder,
    walk_folder,
)
from videomae2.errors import ManifestError

_TEMPLATE = re.compile(
    r"([^{}%]*)(?:\{\}|\{0?:(?:0([1-9][0-9]*))?d?\}|%(?:0([1-9][0-9]*))?d)([^{}%]*)"
)

_LAST_NUMBER = re.compile(r"(.*?)([0-9]+)([^0-9]*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class FrameName:
    """A template such as img_{:05}.jpg: what stands before and after the number, and its width."""

    prefix: str
    suffix: str
    width: int = 1

    def __str__(self) -> str:
        number = "{}" if self.width == 1 else f"{{:0{self.width}}}"
        return f"{self.prefix}{number}{self.suffix}"

    def extract_digits(self, name: str) -> str | None:
        """Give the digits of the number in a name, None if it does not follow the template."""
        if not (name.startswith(self.prefix) and name.endswith(self.suffix)):
            return None
        digits = name[len(self.prefix) : len(name) - len(self.suffix)]
        return digits if digits.isascii() and digits.isdecimal() else None


def parse_frame_name(template: str) -> FrameName:
    """Read a template: img_{:05}.jpg, or as FFmpeg writes it img_%05d.jpg.

    Raises:
        ValueError: It has not exactly one place for the number.
    """
    if not (match := _TEMPLATE.fullmatch(template)):
        raise ValueError(
            f"frame_name is {template!r}, wanted one place for the number, as in img_{{:05}}.jpg"
        )
    return FrameName(match[1], match[4], int(match[2] or match[3] or 1))


def split_name(name: str) -> tuple[str, str, str] | None:
    """Part a name into before, digits and after its last number; None if it has none."""
    stem, suffix = os.path.splitext(name)
    match = _LAST_NUMBER.fullmatch(stem)
    return (match[1], match[2], match[3] + suffix) if match else None


@dataclass(slots=True)
class ImageSequence:
    """The images of one folder that have the same words around their number."""

    count: int = 0
    lowest: int = 2**63
    highest: int = -1
    min_digits: int = 2**31
    """Digits of the shortest number."""
    padded_width: int = 0
    """Digits of the numbers that start with a zero; 0: none does."""

    def add(self, digits: str) -> None:
        """Count one image."""
        number = int(digits)
        self.count += 1
        self.lowest, self.highest = min(self.lowest, number), max(self.highest, number)
        self.min_digits = min(self.min_digits, len(digits))
        if digits[0] == "0" and len(digits) > 1:
            self.padded_width = max(self.padded_width, len(digits))


NameParts = tuple[str, str]  # what stands before and after the number in a name


def read_frame_folders(folder: str, *, options: ReadOptions) -> ManifestBuilder:
    """Search a folder for folders of frame images; count the images, find the first number.

    Raises:
        ManifestError: None is found, the names are unclear, or images are missing in between.
    """
    try:
        name = None if options.frame_name is None else parse_frame_name(options.frame_name)
    except ValueError as error:
        raise ManifestError(str(error), path=folder) from error
    sequences, other_files = _find_sequences(folder, name)
    if not sequences:
        content = format_counts(other_files) if other_files else "no file at all"
        expected = name or "numbered images such as img_00001.jpg"
        message = f"no folder of frames; found {content}; wanted {expected} in folders"
        raise ManifestError(f"{message}, one folder per video", path=folder)
    name = name or _find_common_name(folder, sequences)
    builder = ManifestBuilder(folder, frame_name=str(name))
    for path in sorted(sequences):
        sequence = sequences[path].get((name.prefix, name.suffix))
        if sequence is None:
            continue
        path = path or "."
        builder.add(path, first=sequence.lowest, frames=sequence.count, is_frames=True)
        if problem := _describe_problem(sequence, name):
            builder.add_error(0, f"{path}: {problem}")
    builder.check()
    label_by_folder(builder, options, as_classes=None)
    builder.description += f" of frames {name}" + (
        f"; not used: {format_counts(other_files)}" if other_files else ""
    )
    return builder


def _find_sequences(
    folder: str, name: FrameName | None
) -> tuple[dict[str, dict[NameParts, ImageSequence]], Counter[str]]:
    """Give per folder its runs of numbered images, and a count of all other files."""
    sequences: dict[str, dict[NameParts, ImageSequence]] = {}
    other_files: Counter[str] = Counter()
    for relative, files in walk_folder(folder):
        for file in files:
            parts = _split_file_name(file, name)
            if parts is None:
                other_files[get_extension(file)] += 1
            else:
                of_folder = sequences.setdefault(relative, {})
                of_folder.setdefault((parts[0], parts[2]), ImageSequence()).add(parts[1])
    return sequences, other_files


def _split_file_name(file: str, name: FrameName | None) -> tuple[str, str, str] | None:
    if name is None:
        return split_name(file) if get_extension(file) in IMAGE_EXTENSIONS else None
    digits = name.extract_digits(file)
    return None if digits is None else (name.prefix, digits, name.suffix)


def _find_common_name(
    folder: str, sequences: dict[str, dict[NameParts, ImageSequence]]
) -> FrameName:
    """The template that all folders share.

    A width can only be seen where a number is padded; without, all numbers are taken as they are.
    """
    by_name: dict[NameParts, list[ImageSequence]] = {}
    for of_folder in sequences.values():
        for parts, sequence in of_folder.items():
            by_name.setdefault(parts, []).append(sequence)
    most_folders_first = sorted(by_name.items(), key=lambda item: -len(item[1]))
    widths = [
        max(each.padded_width for each in members) or min(each.min_digits for each in members)
        for _, members in most_folders_first
    ]
    names = [
        FrameName(*parts, width)
        for (parts, _), width in zip(most_folders_first, widths, strict=True)
    ]
    if len(names) > 1:
        found = [
            f"{name} in {len(members)} folders"
            for name, (_, members) in zip(names, most_folders_first, strict=True)
        ]
        examples = ", ".join(found[:4]) + (", …" if len(found) > 4 else "")
        message = f"its images have several kinds of names: {examples}; choose one with frame_name"
        raise ManifestError(message, path=folder)
    return names[0]


def _describe_problem(sequence: ImageSequence, name: FrameName) -> str:
    """Say why frames could not be found by number; "" if they can."""
    if sequence.min_digits < name.width or sequence.padded_width > name.width:
        digits = sequence.min_digits if sequence.min_digits < name.width else sequence.padded_width
        return f"a number has {digits} digit{'s' * (digits > 1)}, wanted names like {name}"
    if num_missing := sequence.highest - sequence.lowest + 1 - sequence.count:
        return (
            f"{sequence.count} images for the numbers {sequence.lowest} to {sequence.highest}: "
            f"{num_missing} are missing"
        )
    return ""
