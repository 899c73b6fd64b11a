"""Inputs: what the package itself writes as JSON: cards, provenance, lists of what failed, logs."""

import base64
import json
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import strategies as st

from tests.fuzz.inputs_lists import any_json
from tests.fuzz.kinds import Kind

VALUES = (
    None, True, -1, 0, 1, 2, 3, 1000, 2**31, 2**62, 2**64, 10**400, 0.5, -0.0, 1e308, float("nan"),
    float("inf"), "", "tiny", "giant", "a", "\ud800", "\0", "x" * 6000, [], {}, [[]], [0], [1, 2,
          3],
    [float("nan")] * 3, {"a": 1}, ["a", "a"], [None], [2**40, 2**40, 2**40], "classifier",
    "autoencoder", list(range(3000)), "NaN", "1e5",
)  # fmt: skip


def list_places(value: Any, path: tuple = ()) -> list[tuple]:
    """Every place of a value, as keys from its top."""
    parts = value.items() if isinstance(value, dict) else enumerate(
        value if isinstance(value, list) else ()
    )  # fmt: skip
    return [path, *(place for key, part in parts for place in list_places(part, (*path, key)))]


def change(value: Any, seed: int) -> Any:
    """One to three values set to another, left out, or put under another name."""
    random = Random(seed)
    for _ in range(random.choice((1, 1, 2, 3))):
        place = random.choice(list_places(value))
        if not place:
            continue
        holder = value
        for key in place[:-1]:
            holder = holder[key]
        choice = random.randrange(8)
        if choice == 0:
            del holder[place[-1]]
        elif choice == 1 and isinstance(holder, dict):
            holder[random.choice(("a", "size", "\u2028", "x" * 3000))] = holder.pop(place[-1])
        else:
            holder[place[-1]] = json.loads(json.dumps(random.choice(VALUES)))
    return value


def changed(content: bytes, *, is_lines: bool = False) -> st.SearchStrategy[bytes]:
    """A valid file with other values at some places; or any JSON."""

    def build(seed: int) -> bytes:
        text = content.decode()
        values = (
            [json.loads(line) for line in text.splitlines()] if is_lines else [json.loads(text)]
        )
        parts = [change({"": value}, seed + n).get("", 0) for n, value in enumerate(values)]
        return "\n".join(map(json.dumps, parts)).encode() + b"\n"

    other = any_json.map(lambda value: json.dumps(value).encode())
    return st.one_of(*[st.integers(0, 10**9).map(build)] * 4, other)


DEEP = (b"[" * 50_000, b'{"a":' * 20_000, b'{"format": 1' + b"0" * 5000 + b"}", b"[NaN]", b"\xff",
        b'{"a":1,' * 4000)  # fmt: skip


@cache
def build_model_files() -> tuple[bytes, bytes]:
    """A card and the weights of a narrow classifier."""
    from tempfile import TemporaryDirectory

    from tests.helpers.classifiers import saved_classifier

    with TemporaryDirectory() as name:
        folder = Path(name)
        saved_classifier(folder, embed_dim=12, depth=1, num_heads=3)
        return tuple((folder / n).read_bytes() for n in ("config.json", "model.safetensors"))


def build_run(folder: Path) -> Any:
    """A run in a folder, whose provenance is read."""
    from videomae2.recipes.table import FINETUNE_RECIPES

    return FINETUNE_RECIPES["own-cpu"]([Path("v")], folder)


@cache
def build_provenance() -> bytes:
    from videomae2.config.files import to_builtin

    return json.dumps(
        {
            "settings": to_builtin(build_run(Path())),
            "videos": [
                {
                    "source": "v", "videos": 2, "digest": "0" * 16, "classes": ["run", "walk"],
                    "location": "v",
                    "fingerprint": {"sizes": "0" * 16, "num_absent": 0, "sample": "0" * 16,
                                    "absent_files": ""},
                }
            ],
            "format": 1,
            "clips": 1,
        },
        indent=1,
    ).encode()  # fmt: skip


SCORES = b"".join(
    json.dumps(
        {"video": name, "file_stat": [], "scores": base64.b64encode(bytes(24)).decode()}
    ).encode() + b"\n"
    for name in ("a.mp4", "b.mp4")
)  # fmt: skip
UNREADABLE = b"".join(
    json.dumps(
        {"path": f"v/{name}", "window": "", "reason": "it is cut off", "source": 0,
         "number": number, "request": 3, "file_stat": []}
    ).encode() + b"\n"
    for number, name in enumerate(("a.mp4", "b.mp4"))
)  # fmt: skip
FEATURES = b"".join(
    json.dumps(
        {"video": name, "path": "v/a.mp4", "window": [0, None, None], "file_stat": [1, 2],
         "num_bytes": 152, "shape": [2, 3], "dtype": "<f4", "frames": 30, "fps": 25.0,
         "duration": 1.2, "starts": [0.0, 0.16], "stops": [0.64, 0.8]}
    ).encode() + b"\n"
    for name in ("a", "b")
)  # fmt: skip


def build_stage() -> bytes:
    lists = json.loads(build_provenance())["videos"]
    made = {"kind": "finetune", "settings": {"seed": 1}, "weights": {"model": "0" * 64}}
    output = {"result": "best", "digest": "0" * 64, "metrics": {"top1": 0.5}}
    stage = {"format": 1, "provenance": made | {"lists": lists}, "output": output}
    return json.dumps(stage).encode()


METRICS = b"".join(
    json.dumps({"step": step, "epoch": step / 4, "loss": 1 / step, "lr": 1e-3, "grad_norm": 0.1})
    .encode() + b"\n"
    for step in range(1, 9)
)  # fmt: skip


def _put_videos(folder: Path) -> None:
    (folder / "v").mkdir()
    for name in ("a.mp4", "b.mp4"):
        (folder / "v" / name).touch()


def _put_weights(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(build_model_files()[1])


def build_kinds() -> tuple[Kind, ...]:
    """The kinds of this file."""

    def kind(name: str, content: bytes, *, is_lines: bool = False, **more: Any) -> Kind:
        made = changed(content, is_lines=is_lines)
        return Kind(name, name, lambda: (content, content, *DEEP), made, is_text=True, **more)

    return (
        kind("config.json", build_model_files()[0], beside=_put_weights),
        kind("provenance.json", build_provenance()),
        kind("unreadable.jsonl", UNREADABLE, is_lines=True, beside=_put_videos),
        kind("scores.jsonl", SCORES, is_lines=True),
        kind("features.jsonl", FEATURES, is_lines=True),
        kind("stage.json", build_stage()),
        kind("metrics.jsonl", METRICS, is_lines=True),
    )
