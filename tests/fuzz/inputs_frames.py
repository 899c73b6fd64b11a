"""Inputs: arrays, folders of images, images of several pages."""

import io
import struct
from functools import cache
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from tests.fuzz.inputs_media import pieces
from tests.fuzz.kinds import Kind

FORMATS = {"png": "PNG", "jpg": "JPEG", "tif": "TIFF", "webp": "WEBP"}
LENGTHS = ("0", "-1", "1", "8", "3", "2**31", "18446744073709551616", "9" * 5000, "None", "1.5",
           "8,",
           "(8,)", "2147483647", "True", "[8]", "1e9", "'8'")  # fmt: skip
TYPES = ("|u1", "<u2", ">u2", "<f4", "|O", "<i8", "|S9", "<U4", "|V8", "<M8[s]", "x", "", "|b1",
         "u1",
         "[('a', '<i4')]", "(" * 300, "<u1", "|u0", "<c8")  # fmt: skip


def _array(header: str, body: bytes, version: int = 1) -> bytes:
    content = header.encode("latin-1", "replace") + b"\n"
    length = struct.pack(
        "<H" if version == 1 else "<I", len(content) % (65536 if version == 1 else 2**32)
    )
    return b"\x93NUMPY" + bytes((version, 0)) + length + content + body


@cache
def build_arrays() -> tuple[bytes, ...]:
    contents = []
    for array in (np.zeros((4, 8, 8, 3), np.uint8), np.zeros((4, 8, 8), np.uint16),
                  np.zeros((4, 8, 8, 1), ">u2"), np.zeros((4, 3, 8, 8), np.uint8),
                  np.zeros((4, 8, 8), np.float32)):  # fmt: skip
        out = io.BytesIO()
        np.save(out, array)
        contents.append(out.getvalue())
    deep = (
        "(" * 5000 + ")" * 5000,
        "{" * 900,
        "[" * 2000 + "]" * 2000,
        "-" * 3000 + "1",
        "1+" * 3000 + "1",
    )
    return (*contents, *(_array(text, bytes(64)) for text in deep))


@st.composite
def arrays(draw: st.DrawFn) -> bytes:
    """A header with odd lengths and types."""
    lengths = ", ".join(draw(st.lists(st.sampled_from(LENGTHS), max_size=5)))
    dtype = draw(st.sampled_from(TYPES))
    order = draw(st.sampled_from(("False", "False", "True", "None", "2")))
    quote = "" if dtype.startswith("[") else "'"
    text = f"{{'descr': {quote}{dtype}{quote}, 'fortran_order': {order}, 'shape': ({lengths}), }}"
    return _array(text, draw(st.binary(max_size=500)), draw(st.sampled_from((1, 1, 2, 3, 0, 9))))


@cache
def build_images(kind: str) -> tuple[bytes, ...]:
    """An image of 8 bits, one of other bits or channels, and one with EXIF or several pages."""
    from PIL import Image

    variants = {
        "png": ("RGB", "I;16", "RGBA", "P", "1"), "jpg": ("RGB", "L", "CMYK"),
        "tif": ("RGB", "I;16", "F", "1"), "webp": ("RGB", "RGBA"),
    }[kind]  # fmt: skip
    contents = []
    for mode in variants:
        out, exif = io.BytesIO(), Image.Exif()
        exif[0x0112] = 6
        Image.new(mode, (16, 12)).save(out, FORMATS[kind], exif=exif)
        contents.append(out.getvalue())
    return tuple(contents)


@cache
def build_pages() -> tuple[bytes, ...]:
    from PIL import Image

    contents = []
    for mode in ("L", "I;16"):
        out = io.BytesIO()
        pages = [Image.new(mode, (16, 12)) for _ in range(4)]
        pages[0].save(out, "TIFF", save_all=True, append_images=pages[1:])
        contents.append(out.getvalue())
    return tuple(contents)


@st.composite
def with_sizes(draw: st.DrawFn, valid: tuple[bytes, ...]) -> bytes:
    """A valid image whose numbers say that it is huge, among others."""
    content = bytearray(draw(st.sampled_from(valid)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, min(len(content), 300) - 4)))
        order = draw(st.sampled_from("<>"))
        number = draw(st.sampled_from((0, 1, 8192, 8191, 65535, 2**31, 2**32 - 1, 30000)))
        content[place : place + 4] = struct.pack(f"{order}I", number)
    return bytes(content)


def _put_images(kind: str, folder: Path) -> None:
    (folder / "frames").mkdir()
    for number in (1, 2, 3):
        path = folder / "frames" / f"img_{number:05}.{kind}"
        path.write_bytes(build_images(kind)[0])


def build_kinds() -> tuple[Kind, ...]:
    """The kinds of this file."""

    def made(valid):
        return st.deferred(
            lambda: st.one_of(with_sizes(valid()), with_sizes(valid()), pieces(valid()))
        )

    def images(kind: str) -> Kind:
        def valid() -> tuple[bytes, ...]:
            return build_images(kind)

        return Kind(f"frames.{kind}", f"frames/img_00002.{kind}", valid, made(valid),
                    beside=lambda folder: _put_images(kind, folder),
                    fifos=(f"frames/img_00009.{kind}",))  # fmt: skip

    return (
        Kind("a.npy", "a.npy", build_arrays, arrays()),
        Kind("pages.tif", "pages.tif", build_pages, made(build_pages)),
        *map(images, FORMATS),
    )
