"""Inputs: video files of every container, sound called a video, play lists called a video."""

import struct
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import strategies as st

from tests.fuzz.kinds import FIFO, Kind

BOXES = (b"moov", b"trak", b"mdia", b"stsz", b"stco", b"stts", b"ctts", b"mdat", b"ftyp", b"elst",
         b"edts", b"tkhd", b"dref", b"url ", b"alis", b"moof", b"meta", b"ilst",
         b"uuid")  # fmt: skip
CODECS: dict[str, dict[str, object]] = {
    "mp4": {}, "mkv": {}, "ts": {"codec": "mpeg2video"}, "avi": {"codec": "mpeg4"},
    "webm": {"codec": "libvpx", "options": {"deadline": "realtime", "cpu-used": "8"}},
}  # fmt: skip


@cache
def encode_all(container: str) -> tuple[bytes, ...]:
    """A few frames, as small as they go; MP4 also with sound, H.264 without B frames, in parts."""
    from tests.helpers.videos import encode

    options = CODECS[container]
    variants: list[dict[str, object]] = [options]
    if container == "mp4":
        parts = {"movflags": "frag_keyframe+empty_moov"}
        variants += [{"audio_first": True}, {"codec": "mpeg4"}, {"container_options": parts}]
    elif container == "mkv":
        variants += [{"codec": "mjpeg", "pix_fmt": "yuvj420p"}, {"codec": "ffv1"}]
    elif container == "avi":
        variants += [{"codec": "mjpeg", "pix_fmt": "yuvj420p"}, {"codec": "rawvideo"}]
    elif container == "ts":
        variants += [{}]
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"a.{container}"
        return tuple(
            encode(path, frames=6, size=(16, 16), gop=3, **variant).read_bytes()
            for variant in variants
        )


@cache
def build_gifs() -> tuple[bytes, ...]:
    import io

    from PIL import Image

    frames = [Image.new("P", (16, 16), n) for n in range(4)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=40)
    return (out.getvalue(), out.getvalue()[:6] + b"\xff\xff\xff\xff" + out.getvalue()[10:])


def build_y4m() -> tuple[bytes, ...]:
    frame = b"FRAME\n" + bytes(16 * 16 * 3 // 2)
    heads = (b"W16 H16 F25:1", b"W16 H16 F0:0", b"W99999 H99999 F25:1", b"W-16 H16",
             b"W16 H16 F1:0",
             b"W16 H16 F25:1 Ip A0:0 C420p16", b"W8192 H8192 F25:1",
             b"W16 H16 F999999999:1")  # fmt: skip
    return tuple(b"YUV4MPEG2 " + head + b"\n" + frame * 4 for head in heads)


def build_songs() -> tuple[bytes, ...]:
    """Sound without a picture, with a cover, as MP3 and as MP4 in name."""
    frame = b"\xff\xfb\x90\x00" + bytes(413)
    tag = (
        b"ID3\x03\0\0\0\0\x02\x01APIC"
        + struct.pack(">I", 120)
        + b"\0\0\0image/png\0\x03\0"
        + bytes(240)
    )
    return frame * 10, tag + frame * 10, b"OggS" + bytes(60), b"RIFF\x24\0\0\0WAVEfmt " + bytes(40)


LISTS = (
    "ffconcat version 1.0\nfile {0}\n", "#EXTM3U\n#EXTINF:1,\n{0}\n#EXT-X-ENDLIST\n",
    "#EXTM3U\n#EXT-X-MAP:URI=\"{0}\"\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{0}\n",
    "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n",
    "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\"><Period>"
    "<AdaptationSet><Representation><BaseURL>{0}</BaseURL></Representation></AdaptationSet></Period>"
    "</MPD>", "rtsp://127.0.0.1:9/{0}", "[playlist]\nFile1={0}\n", "<asx><ref href=\"{0}\"/></asx>",
    "<?xml version=\"1.0\"?><CompositionPlaylist><Id>{0}</Id></CompositionPlaylist>",
    "RTSPtextRTSP://127.0.0.1:9/{0}", "[InternetShortcut]\nURL=file:{0}\n", "{0}\n", "file '{0}'\n",
    ";FFMETADATA1\ntitle={0}\n", "WEBVTT\n\n00:00.000 --> 00:01.000\n{0}\n", "1\n00:00:00,000 -->",
    "<svg xmlns=\"http://www.w3.org/2000/svg\"><image href=\"{0}\"/></svg>",
    "# timecode format v2\n0\n",
)  # fmt: skip
TARGETS = (FIFO, f"file:{FIFO}", f"../{FIFO}", "b.mp4", "http://127.0.0.1:9/x", "concat:f|f",
           "subfile,,start,0,end,9,,:f", "data:,x", "crypto:f", "cache:f", "/dev/zero")  # fmt: skip


def build_lists() -> tuple[bytes, ...]:
    return tuple(text.format(target).encode() for text in LISTS for target in TARGETS[:3])


@st.composite
def play_lists(draw: st.DrawFn) -> bytes:
    parts = draw(st.lists(st.sampled_from(LISTS), min_size=1, max_size=3))
    return "".join(part.format(draw(st.sampled_from(TARGETS))) for part in parts).encode()


@st.composite
def boxes(draw: st.DrawFn, valid: tuple[bytes, ...]) -> bytes:
    """Boxes of MP4 with odd lengths, among pieces of a valid file."""
    parts = []
    for _ in range(draw(st.integers(1, 6))):
        name, content = draw(st.sampled_from(BOXES)), draw(st.binary(max_size=40))
        size = draw(
            st.sampled_from((8 + len(content), 8 + len(content), 0, 1, 7, 2**31, 2**32 - 1))
        )
        source = draw(st.sampled_from(valid))
        start = draw(st.integers(0, len(source)))
        parts += [struct.pack(">I", size) + name + content, source[start : start + 200]]
    return draw(st.sampled_from((b"", valid[0][:200], valid[0]))) + b"".join(parts)


@st.composite
def pieces(draw: st.DrawFn, valid: tuple[bytes, ...]) -> bytes:
    """The start of a valid file, and pieces of others, in any order."""
    source = draw(st.sampled_from(valid))
    content = source[: draw(st.integers(4, max(4, len(source))))]
    for _ in range(draw(st.integers(1, 4))):
        other = draw(st.sampled_from(valid))
        start = draw(st.integers(0, len(other)))
        content += draw(st.one_of(st.binary(max_size=30), st.just(other[start : start + 400])))
    return content


def build_kinds() -> tuple[Kind, ...]:
    """The kinds of this file."""

    def lazy(function, make):
        return st.deferred(lambda: make(function()))

    def encoded(name: str, make) -> Kind:
        def valid() -> tuple[bytes, ...]:
            return encode_all(name)

        return Kind(f"a.{name}", f"a.{name}", valid, lazy(valid, make))

    others = {"a.gif": build_gifs, "a.y4m": build_y4m, "song.mp4": build_songs}
    return (
        encoded("mp4", boxes),
        *(encoded(name, pieces) for name in ("mkv", "avi", "ts", "webm")),
        *(Kind(name, name, valid, lazy(valid, pieces)) for name, valid in others.items()),
        Kind("playlist.mp4", "playlist.mp4", build_lists, play_lists(), is_text=True,
             fifos=("b.mp4", "b.ts")),
    )  # fmt: skip
