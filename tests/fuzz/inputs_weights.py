"""Inputs: files of weights, released ones and our own."""

import io
import json
import os
import pickle
import struct
import zipfile
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import strategies as st

from tests.fuzz.inputs_state import build_model_files
from tests.fuzz.kinds import Kind

NAMES = (
    "patch_embed.proj.weight", "blocks.0.attn.qkv.weight", "head.weight", "head.bias", "pos_embed",
    "encoder.patch_embed.proj.weight", "norm.weight", "fc_norm.weight", "__metadata__", "",
    "\u2028",
)  # fmt: skip
DTYPES = ("F32", "F16", "BF16", "I64", "U8", "BOOL", "F8_E4M3", "F64", "X", "", "F4", "C64")
SHAPES = ([2, 3, 2, 4, 4], [0], [], [1], [2**40], [2**32, 2**32], [-1], [12, 3, 2, 16, 16], [2**63])
WEB_PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>no</body></html>\n"
POINTER = (
    b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 88123456\n"
)
OTHERS = (WEB_PAGE, POINTER, b"", b"\0" * 8, b"\0" * 5000, b"\xff" * 5000, b'{"message": "rate"}',
          b"PK\x05\x06" + bytes(18), b"\x80\x02}q\0.", b"\x1f\x8b" + bytes(40), b"hello\n" * 50,
          b"\x89HDF\r\n\x1a\n" + bytes(100), b"GGUF" + bytes(60))  # fmt: skip


@cache
def build_released() -> dict[str, bytes]:
    """Files of a narrow model of a known depth and width, in each layout."""
    import torch
    from safetensors.torch import save

    from tests.helpers.released_files import WRAPPED

    dim = 192
    state = {"patch_embed.proj.weight": torch.zeros(dim, 3, 2, 2, 2),
             "patch_embed.proj.bias": torch.zeros(dim), "norm.weight": torch.ones(4),
             "head.weight": torch.zeros(2, 4), "head.bias": torch.zeros(2)}  # fmt: skip
    state |= {f"blocks.{n}.norm1.weight": torch.ones(4) for n in range(4)}
    files = {"safetensors": save(state), "tensor": save({"x": torch.zeros(3)})}
    for name in ("bare", "model and arguments", "module"):
        out = io.BytesIO()
        torch.save(WRAPPED[name](state), out)
        files[name] = out.getvalue()
    out = io.BytesIO()
    torch.save({"model": state}, out, _use_new_zipfile_serialization=False)
    return files | {"old": out.getvalue()}


@st.composite
def safetensors(draw: st.DrawFn) -> bytes:
    """A header of odd names, types, shapes and places, and some bytes."""
    number = st.one_of(st.integers(0, 64), st.sampled_from((-1, 2**31, 2**62, 2**64)))
    entry = st.fixed_dictionaries(
        {
            "dtype": st.sampled_from(DTYPES),
            "shape": st.sampled_from(SHAPES),
            "data_offsets": st.lists(number, min_size=2, max_size=2),
        }
    )
    other = st.one_of(st.none(), st.integers(), st.just({"a": "b"}), st.just([]))
    header = draw(
        st.dictionaries(st.sampled_from(NAMES), st.one_of(entry, entry, other), max_size=5)
    )
    text = json.dumps(header).encode()
    length = draw(
        st.sampled_from((len(text), len(text), len(text), 0, 2**40, 2**63, len(text) + 9))
    )
    return struct.pack("<Q", length) + text + draw(st.binary(max_size=300))


class _Harmful:
    """Runs a command when it is unpickled."""

    def __reduce__(self) -> tuple:
        return os.system, ("true",)


def _pickle(value: object, protocol: int) -> bytes:
    return pickle.dumps(value, protocol)


def _zip(value: object, record: bytes) -> bytes:
    """What torch writes: an archive with a pickle in it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(value, 2))
        archive.writestr("archive/version", record)
        archive.writestr("archive/data/0", b"\0" * 64)
    return out.getvalue()


@st.composite
def pickles(draw: st.DrawFn) -> bytes:
    """Pickles of anything but tensors, plain or as torch packs them."""
    leaf = st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=4),
                     st.binary(max_size=4),
                     st.builds(_Harmful), st.just(Path("a")), st.just(bytearray(b"x")),
                     st.just({1, 2}), st.just(2**5000), st.just(1j))  # fmt: skip
    inner = st.one_of(leaf, st.lists(leaf, max_size=3))
    content = st.one_of(st.dictionaries(st.sampled_from((*NAMES, "model", "module")), inner,
                        max_size=4),
                        st.dictionaries(st.just("model"), st.dictionaries(st.text(max_size=3),
                                        inner)),
                        inner)  # fmt: skip
    value = draw(content)
    if draw(st.booleans()):
        return _zip(value, draw(st.sampled_from((b"3\n", b"1" * 50, b"", b"-1"))))
    return _pickle(value, draw(st.integers(0, 5))) + draw(
        st.sampled_from((b"", b"x", b"\x80\x02."))
    )


def _released(*names: str) -> tuple[bytes, ...]:
    return tuple(build_released()[name] for name in names)


@cache
def build_whole() -> bytes:
    """A released file that a classifier can be built of; too large to damage often."""
    from tests.helpers.released_files import drawn_classifier, save_released

    with TemporaryDirectory() as folder:
        path = save_released(Path(folder) / "w.pth", drawn_classifier())
        return path.read_bytes()


def _put_card(folder: Path) -> None:
    (folder / "config.json").write_bytes(build_model_files()[0])


def build_kinds() -> tuple[Kind, ...]:
    """The kinds of this file."""
    pth = ("bare", "model and arguments", "module", "old")
    return (
        Kind("w.safetensors", "w.safetensors",
             lambda: (*_released("safetensors", "tensor"), *OTHERS), safetensors()),
        Kind("w.pth", "w.pth", lambda: (*_released(*pth), *OTHERS), pickles()),
        Kind("saved", "model.safetensors", lambda: (*[build_model_files()[1]] * 8, *OTHERS),
             safetensors(), beside=_put_card),
    )  # fmt: skip
