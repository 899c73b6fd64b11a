"""Inputs: released lists, tables with a header, names of classes."""

import io
import json
from pathlib import Path

from hypothesis import strategies as st

from tests.fuzz.kinds import FIFO, Kind
from tests.fuzz.mutations import ODD_WORDS

PATHS = ("v/a.mp4", "v/b.mp4", "frames", "f", "f.npy", "f/img_00001.jpg", "../f", "v/c d.mp4")
COLUMNS = (
    "path", "video", "file_name", "id", "youtube_id", "video_id", "label", "class", "choice",
    "template", "placeholders", "start", "end", "start_time", "end_frame", "frames", "start_frame",
    "split", "person", "Path", " label ", "",
)  # fmt: skip


def put_videos(folder: Path) -> None:
    """Small files that lists name; a list opens none of them but frames, for their bits."""
    from PIL import Image

    (folder / "v").mkdir()
    for name in "ab":
        (folder / "v" / f"{name}.mp4").write_bytes(b"no video")
    (folder / "frames").mkdir()
    for number in (1, 2, 3):
        Image.new("RGB", (8, 8)).save(folder / "frames" / f"img_{number:05}.jpg")


words = st.one_of(
    st.sampled_from(PATHS),
    st.sampled_from(PATHS),
    st.sampled_from(ODD_WORDS),
    st.text(max_size=8),
    st.integers(-5, 50).map(str),
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(("run", "walk", "Run", " run", "train", "['run', 'walk']", '["run"]', "1:02")),
)


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """Lines of a path and some numbers, as released lists have them."""
    rows = draw(st.lists(st.lists(words, min_size=1, max_size=4), max_size=12))
    separator = draw(st.sampled_from((" ", "\t", ",", "  ")))
    end = draw(st.sampled_from(("\n", "\r\n", "\r", "\n\n")))
    return end.join(separator.join(row) for row in rows).encode("utf-8", "surrogatepass")


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    """A header of known columns, and rows that mostly are as long."""
    header = draw(st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=6))
    row = st.lists(words, min_size=len(header), max_size=len(header))
    rows = draw(st.lists(st.one_of(row, row, row, st.lists(words, max_size=4)), max_size=12))
    separator = draw(st.sampled_from((",", "\t", ";")))
    quoted = [[f'"{cell}"' if separator in cell else cell for cell in line] for line in rows]
    text = "\n".join(separator.join(line) for line in (header, *quoted))
    return text.encode("utf-8", "surrogatepass")


values = st.recursive(
    st.one_of(words, st.none(), st.booleans(), st.integers(), st.floats()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(COLUMNS), inner, max_size=4)
    ),
    max_leaves=8,
)
records = st.lists(st.dictionaries(st.sampled_from(COLUMNS), values, max_size=6), max_size=8)
any_json = st.one_of(values, records)


def _dump(value: object) -> bytes:
    return json.dumps(value).encode()


def json_lines(rows: list) -> bytes:
    return b"\n".join(map(_dump, rows))


def many_keys(count: int) -> bytes:
    """An object a line, each with other keys: what is looked up in a list of names is slow."""
    return json_lines([{f"k{row}_{i}": 1 for i in range(40)} | {"path": "v/a.mp4"}
                       for row in range(count)])  # fmt: skip


RELEASED = (
    b"v/a.mp4 0 -1\nv/b.mp4 0 -1\n",
    b"v/a.mp4 0\nv/b.mp4 1\n",
    b"frames 3 0\nframes 2 1\n",
    b'"v/a.mp4" 0 -1 1\n"v/b.mp4" 0 -1 0\n',
    b"v/a.mp4\nv/b.mp4\n",
    b"v/a.mp4 0\nv/b.mp4 2000000000\n",
    b"v/a.mp4 1 " + b"9" * 6000 + b"\n",
    b"v/a.mp4 " * 8000,
    "v/a.mp4\t0\nv/b.mp4\t1\n".encode("utf-16"),
)
ROWS = [
    {"path": "v/a.mp4", "label": "run", "split": "train", "start": 1.5, "end": 3, "person": "x"},
    {"path": "v/b.mp4", "label": "walk", "split": "val", "start": 0, "end": "1:02", "person": "y"},
]
NUMBERED = [
    {"video": "v/a.mp4", "label": 0, "class": "run", "start_frame": 2, "end_frame": 9},
    {"video": "v/b.mp4", "label": 1, "class": "walk", "start_frame": 0, "end_frame": 5},
]


def table_text(rows: list[dict], separator: str) -> bytes:
    lines = [rows[0], *(row.values() for row in rows)]
    return "\n".join(separator.join(map(str, line)) for line in lines).encode()


def _tables(separator: str) -> tuple[bytes, ...]:
    huge = [row | {"label": 2_000_000_000} for row in NUMBERED]
    shapes = [table_text(rows, separator) for rows in (ROWS, NUMBERED, huge)]
    return (*shapes, ("path" + separator * 20_000).encode(), shapes[0] + b"\n" + shapes[0] * 40,
            b"youtube_id,label,time_start,time_end\n-3B32lodo2M,run,1,11\n")  # fmt: skip


def _parquet() -> tuple[bytes, ...]:
    import pyarrow as pa
    from pyarrow import parquet

    contents = []
    for rows in (ROWS, NUMBERED, [{"path": "v/a.mp4", "label": ["run", "walk"], "x": {"y": 1}}]):
        plain = [
            {k: str(v) if k in ("start", "end") else v for k, v in row.items()} for row in rows
        ]
        for options in (
            {"compression": "snappy"},
            {"compression": "none", "use_dictionary": False},
        ):
            out = io.BytesIO()
            parquet.write_table(pa.Table.from_pylist(plain), out, **options)
            contents.append(out.getvalue())
    return tuple(contents)


def _class_texts() -> tuple[bytes, ...]:
    return (b"run\nwalk\nsit\n", b"0 run\n1 walk\n2 sit\n", b"1\trun\n2\twalk\n",
            b"\n".join(b"name %d" % i for i in range(6000)))  # fmt: skip


def _class_json() -> tuple[bytes, ...]:
    return (
        b'["run", "walk"]', b'{"run": 0, "walk": 1}', b'{"0": "run", "1": "walk"}',
        b'{"run": 2000000000}', _dump([f"n{i}" for i in range(6000)]), b'[["a"], {"b": NaN}]',
        b'{"\xc2\xb2": "run"}', b"[" * 50_000, b'{"run": [[[1]]], "walk": {"a": 1}}',
    )  # fmt: skip


def build_kinds() -> tuple[Kind, ...]:
    """The kinds of this file."""
    lists = {"beside": put_videos, "fifos": ("f.npy",)}
    dumped = any_json.map(_dump)
    by_lines = st.lists(values, max_size=8).map(json_lines)
    return (
        Kind("list.txt", "list.txt", lambda: RELEASED, lines(), is_text=True, **lists),
        Kind("table.csv", "table.csv", lambda: _tables(","), tables(), is_text=True, **lists),
        Kind("table.tsv", "table.tsv", lambda: _tables("\t"), tables(), is_text=True, **lists),
        Kind(
            "table.json", "table.json",
            lambda: (_dump(ROWS), _dump(NUMBERED), b"[" + b'{"path":' * 9000, b"[" * 60_000),
            dumped, is_text=True, **lists,
        ),
        Kind(
            "table.jsonl", "table.jsonl",
            lambda: (json_lines(ROWS), json_lines(NUMBERED), many_keys(120)),
            by_lines, is_text=True, **lists,
        ),
        Kind("table.parquet", "table.parquet", _parquet, st.binary(max_size=200), **lists),
        Kind("classes.txt", "classes.txt", _class_texts, lines(), is_text=True),
        Kind("classes.json", "classes.json", _class_json, dumped, is_text=True),
        Kind(
            "classes.csv", "classes.csv",
            lambda: (b"id,name\n0,run\n1,walk\n", b"label\tclass\n1\trun\n2\twalk\n"),
            tables(), is_text=True,
        ),
    )  # fmt: skip


assert FIFO in PATHS
