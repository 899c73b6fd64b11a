"""Inputs: settings of runs, pipelines and renames, in YAML."""

from pathlib import Path

from hypothesis import strategies as st

from tests.fuzz.inputs_lists import put_videos
from tests.fuzz.kinds import Kind
from tests.fuzz.mutations import ODD_WORDS

RUN = b"""seed: 3
output_dir: out
data:
  sources:
  - path: v
    root: v
    bits: 12
  mean: [0.5, 0.5, 0.5]
model:
  encoder: {size: tiny, depth: 2, frames: 16, height: 96, width: 96}
  num_classes: 2
optim:
  lr: 1e-3
  epochs: 40
  betas: [0.9, 0.999]
runtime: {device: cpu, precision: fp32}
reading: {num_workers: 0}
"""
PIPELINE = b"""name: tiny
out: runs
shared: &train
  reading: {num_workers: 0}
  runtime: {device: cpu, precision: fp32}
stages:
  pretrained:
    kind: pretrain
    recipe: own-cpu
    videos: v
    settings:
      <<: *train
      optim: {epochs: 20, warmup_steps: 1}
  post:
    kind: finetune
    recipe: own-cpu
    videos: [list.txt]
    from: pretrained
    settings:
      <<: *train
      validation: {share: 0}
  judged:
    kind: evaluate
    videos: list.txt
    from: post
    settings: {device: cpu, views: {clips: 2, crops: 1}}
"""
RENAMES = b"run: jogging\n'walk': 'walking'\n"
WORDS = (
    "seed", "data", "sources", "model", "encoder", "size", "depth", "frames", "height", "embed_dim",
    "optim", "lr", "epochs", "betas", "mean", "runtime", "name", "out", "shared", "stages", "kind",
    "recipe", "videos", "from", "settings", "pretrain", "finetune", "evaluate", "own-cpu", "tiny",
    "run", "walk", "f", "v", "<<", "*a", "&a x", "!!set", "1e3", "0x1F", "017", "1:30",
    "2026-02-30",
    "=", "?", "- ", "!!timestamp 1", "!!binary x", "!!int x", "!!float z", "190:20:30.15", "%TAG",
)  # fmt: skip


def alias_bomb(top: str) -> bytes:
    """Ten aliases of ten aliases: few bytes that mean a thousand million values."""
    lines, previous = ["a: &a [x,x,x,x,x,x,x,x,x,x]"], "a"
    for name in "bcdefghi":
        lines.append(f"{name}: &{name} [{','.join([f'*{previous}'] * 10)}]")
        previous = name
    return "\n".join([*lines, top]).encode()


def merge_bomb() -> bytes:
    """Merges of merges, which multiply."""
    lines = ["a: &a {k: 1}"]
    for number in range(1, 30):
        names = f"*{'a' if number == 1 else f'a{number - 1}'}"
        lines.append(f"a{number}: &a{number} {{<<: [{names}, {names}], k{number}: 1}}")
    return "\n".join(lines).encode()


BOMBS = (
    alias_bomb("seed: *i"),
    alias_bomb("output_dir: *i"),
    alias_bomb("name: *i\nout: *h\nstages: *i"),
    alias_bomb("*i : 1"),
    alias_bomb("? *i\n: 1"),
    merge_bomb(),
    b"a: &a\n  b: *a\n",
    b"seed: &a [*a]\n",
    b"&a a: *a\n",
    b"seed: " + b"[" * 3000,
    b"{a: " * 3000,
    b"- " * 5000,
    b"seed: " + b"9" * 5000,
    b"seed: 0x" + b"f" * 5000,
    b"? " * 4000,
    b"seed: " + b"1:" * 4000 + b"1",
    b"optim: {lr: 1e999, epochs: .nan, betas: [.inf, -.inf]}\n",
    b"optim: {epochs: 1e308}\nseed: 99999999999999999999999\n",
    b"model: {encoder: {depth: 2000000000, embed_dim: 2000000000, frames: 2000000000}}\n",
    b"\n".join(b"k%d: 1" % number for number in range(4000)),
    b"seed: !!python/object/apply:os.system ['true']\n",
    b"seed: !include f\n",
    b"'" + b"a" * 60_000,
    b"seed: |\n" + b" x\n" * 9000,
)


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """Nested mappings and lists of the words of settings."""
    word = st.one_of(st.sampled_from(WORDS), st.sampled_from(WORDS), st.sampled_from(ODD_WORDS),
                     st.integers().map(str), st.floats().map(str), st.text(max_size=6))  # fmt: skip
    tree = st.recursive(
        word,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]"),
            st.dictionaries(word, inner, max_size=3).map(
                lambda parts: "{" + ", ".join(f"{k}: {v}" for k, v in parts.items()) + "}"
            ),
        ),
        max_leaves=10,
    )
    pairs = draw(st.lists(st.tuples(st.sampled_from(WORDS[:26]), tree), max_size=6))
    return "\n".join(f"{k}: {v}" for k, v in pairs).encode("utf-8", "surrogatepass")


def put_lists(folder: Path) -> None:
    put_videos(folder)
    (folder / "list.txt").write_text("v/a.mp4 0\nv/b.mp4 1\n")


def build_kinds() -> tuple[Kind, ...]:
    """The kinds of this file."""
    return (
        Kind("run.yaml", "run.yaml", lambda: (RUN, *BOMBS), documents(), beside=put_lists,
             is_text=True),
        Kind("pipeline.yaml", "pipeline.yaml", lambda: (PIPELINE, PIPELINE, *BOMBS), documents(),
             beside=put_lists, is_text=True),
        Kind("renames.yaml", "renames.yaml", lambda: (RENAMES, *BOMBS), documents(), is_text=True),
    )  # fmt: skip
