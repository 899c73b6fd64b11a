"""Inputs: annotations with ids, as those of Kinetics, of data sets that are merged."""

from pathlib import Path

from hypothesis import strategies as st

from tests.fuzz.inputs_lists import any_json, json_lines, table_text, tables
from tests.fuzz.kinds import Kind

ROWS = [
    {
        "label": "run",
        "youtube_id": "-3B32lodo2M",
        "time_start": 59,
        "time_end": 69,
        "split": "train",
    },
    {
        "label": "walk",
        "youtube_id": "__________b",
        "time_start": 1,
        "time_end": 11,
        "split": "train",
    },
]


def put_videos(folder: Path) -> None:
    (folder / "videos").mkdir()
    for name in ("-3B32lodo2M_000059_000069", "__________b", "__________b_000001_000011", "x"):
        (folder / "videos" / f"{name}.mp4").touch()


def _csv() -> tuple[bytes, ...]:
    text = table_text(ROWS, ",")
    return text, table_text(ROWS, "\t"), text + b"\n" + text * 30, text.replace(b"youtube_", b"")


def _json() -> tuple[bytes, ...]:
    import json

    return json_lines(ROWS), json.dumps(ROWS).encode(), json.dumps(ROWS * 40).encode()


def build_kinds() -> tuple[Kind, ...]:
    """The kinds of this file."""
    made = st.one_of(any_json.map(lambda value: json_lines([value])), tables())
    return (
        Kind("notes.csv", "notes.csv", _csv, tables(), beside=put_videos, is_text=True),
        Kind("notes.json", "notes.json", _json, made, beside=put_videos, is_text=True),
    )
