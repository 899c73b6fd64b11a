"""What a file is, told by its first bytes: people's files are called anything."""

import errno
import os
import re
import stat
from pathlib import Path

_SIGNATURES: tuple[tuple[bytes, int, str], ...] = (
    (b"PK\x03\x04", 0, "a ZIP archive"),
    (b"ustar", 257, "a tar archive"),
    (b"\x1f\x8b", 0, "a gzip archive"),
    (b"BZh", 0, "a bzip2 archive"),
    (b"\xfd7zXZ\x00", 0, "an xz archive"),
    (b"\x28\xb5\x2f\xfd", 0, "a zstd archive"),
    (b"7z\xbc\xaf\x27\x1c", 0, "a 7z archive"),
    (b"Rar!", 0, "a RAR archive"),
    (b"DICM", 128, "DICOM"),
    (b"\x89HDF\r\n\x1a\n", 0, "HDF5"),
    (b"\x89PNG\r\n\x1a\n", 0, "a PNG image"),
    (b"\xff\xd8\xff", 0, "a JPEG image"),
    (b"II*\x00", 0, "a TIFF image"),
    (b"MM\x00*", 0, "a TIFF image"),
    (b"\x93NUMPY", 0, "a NumPy array"),
    (b"SQLite format 3\x00", 0, "an SQLite database"),
    (b"\xd0\xcf\x11\xe0", 0, "an old Office document"),
    (b"%PDF", 0, "a PDF document"),
    (b"GGUF", 0, "a GGUF file"),
    (b"version https://git-lfs", 0, "a pointer of Git LFS"),
)
_REMEDIES = {
    "animated": "FFmpeg does not read it; save it as GIF or MP4",
    "NumPy arrays": "save each in it as an .npy file of its own, uint8 [frames, height, width, "
    "channels]",
    "archive": "unpack it and name the folder",
    "image": "name the folder of images instead, one folder per video",
    "DICOM": "save its frames as a video or as a folder of PNG images",
    "HDF5": "save each video in it as a file of its own",
    "array": "call it .npy, uint8 [frames, height, width, channels]",
    "spreadsheet": "save it as CSV",
    "Office": "save it as CSV",
    "SQLite": "write its table as CSV",
    "pointer": "fetch the file itself with git lfs pull",
    "XML": "export CSV with the columns path, label and, for windows, start_frame and stop_frame",
}
_HEAD_BYTES = 4096
_XML = re.compile(rb"\s*(?:\xef\xbb\xbf)?<(?:\?xml|!doctype|html|annotations)", re.IGNORECASE)


def identify_content(content: bytes) -> str | None:
    """What a file is that begins so, in words such as "a tar archive"; None if it may be text."""
    kind = next((k for magic, at, k in _SIGNATURES if content[at : at + len(magic)] == magic), None)
    if kind == "a ZIP archive" and b"xl/" in content:
        return "a spreadsheet"
    if kind == "a ZIP archive" and b".npy" in content:
        return "an archive of NumPy arrays"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "an animated WebP image" if b"ANIM" in content[:64] else "a WebP image"
    return "XML or HTML" if kind is None and _XML.match(content[:4096]) else kind


def suggest_remedy(kind: str) -> str:
    """What to do with a file of a kind where videos are wanted; "" where nothing is known."""
    remedy = next((text for word, text in _REMEDIES.items() if word in kind), None)
    return f": {remedy}" if remedy else ""


def describe_non_video(path: Path | str) -> str | None:
    """Of a file that could not be read as a video: what else it is and what to do; None: unknown.

    What is no file here, such as an address, is unknown.
    """
    if not is_regular_file(path):
        return None
    try:
        with open(path, "rb") as file:
            kind = identify_content(file.read(_HEAD_BYTES))
    except OSError:
        return None
    if kind is None:
        return None
    is_page = kind == "XML or HTML"
    remedy = ": download the video itself, perhaps signed in" if is_page else suggest_remedy(kind)
    return f"it is {kind}, not a video{remedy}"


def is_regular_file(path: Path | str) -> bool:
    """Whether a path is a file that can be read without waiting for anybody: no pipe, no device."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def read_regular_file(path: Path) -> bytes:
    """Read a file of a folder of ours.

    Raises:
        OSError: It cannot be read, or is a pipe or a device, of which reading might never end.
    """
    check_regular_file(path)
    return path.read_bytes()


def check_regular_file(path: Path) -> None:
    """Refuse with an ``OSError`` what is there and is no file, such as a link to a device."""
    if os.path.exists(path) and not os.path.isdir(path) and not is_regular_file(path):
        reason = "it leads to a pipe or a device, and a file is wanted; delete it"
        raise OSError(errno.EINVAL, reason, os.fspath(path))
