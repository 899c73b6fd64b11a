"""What a list was read as, for a plan: its columns, its first entries, what is odd about it."""

from itertools import islice

from videomae2.base.summary import Summary
from videomae2.base.text import align_columns
from videomae2.data.manifests.manifest import Entry, Manifest

_ROWS = 3


def preview_manifest(manifest: Manifest) -> Summary:
    """The meaning of each column and the first entries as they were understood, and warnings."""
    rows = [("columns", _format_entries(manifest))] if manifest.meanings else []
    return Summary((*rows, *(("warning", text) for text in manifest.warnings)))


def _format_entries(manifest: Manifest) -> str:
    """A small table: what a column was read as above what it says of the first entries."""
    meanings = [f"{column}: {meaning}" for column, meaning in manifest.meanings.items()]
    has_labels = "class" in manifest.meanings.values()
    head = ["video", *["window"] * _has_windows(manifest), *["class"] * has_labels]
    head += manifest.columns
    rows = []
    for number, entry in enumerate(islice(manifest, _ROWS)):
        cells = [manifest.paths[number]]
        cells += [_format_window(entry)] if "window" in head else []
        cells += [_format_label(manifest, entry)] if has_labels else []
        rows.append([*cells, *(column[number] for column in manifest.columns.values())])
    table = align_columns(head, rows, num_left=len(head))
    return "\n".join([", ".join(meanings), *(f"  {line}" for line in table.splitlines())])


def _has_windows(manifest: Manifest) -> bool:
    return any(entry.format_window() or entry.is_frames for entry in islice(manifest, _ROWS))


def _format_window(entry: Entry) -> str:
    """A window in words: both of its ends, and what they count."""
    if entry.seconds is not None:
        start, stop = entry.seconds
        return f"{start:g} to {stop:g} s" if stop < float("inf") else f"from {start:g} s"
    if entry.frames is None:
        return f"from frame {entry.first}" if entry.first else "all"
    return f"frames {entry.first} to {entry.first + entry.frames - 1}"


def _format_label(manifest: Manifest, entry: Entry) -> str:
    if entry.label is None:
        return "none"
    names = manifest.class_names
    return names[entry.label] if names else str(entry.label)
