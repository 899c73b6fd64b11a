"""Streams without a network: servers in threads of the test, and pipes that threads write to."""

import io
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import numpy as np
from PIL import Image

Respond = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def serving(respond: Respond) -> Iterator[str]:
    """The address of a server that answers every request so."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            with suppress(OSError):  # who reads has gone
                respond(self)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/live"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def file_response(data: bytes, *, length: bool = True, kind: str = "video/mp2t") -> Respond:
    """Send bytes as fast as they are taken, with or without saying how many."""

    def respond(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", kind)
        if length:
            handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    return respond


def endless_response(data: bytes, *, pause: float = 0.02, chunk: int = 1880) -> Respond:
    """Send bytes again and again, at a pace, until nobody reads."""

    def respond(handler):
        handler.send_response(200)
        handler.end_headers()
        while True:
            for first in range(0, len(data), chunk):
                handler.wfile.write(data[first : first + chunk])
                time.sleep(pause)

    return respond


def stalling_response(data: bytes, seconds: float) -> Respond:
    """Send bytes, and then nothing for so long."""

    def respond(handler):
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(data)
        handler.wfile.flush()
        time.sleep(seconds)

    return respond


def multipart_response(values: list[int], pause: float, size=(32, 48)) -> Respond:
    """Send grey pictures as cameras do over HTTP, JPEG by JPEG."""

    def respond(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        handler.end_headers()
        for value in values:
            file = io.BytesIO()
            Image.fromarray(np.full((*size, 3), value, np.uint8)).save(file, "JPEG")
            data = file.getvalue()
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
            handler.wfile.write(head.encode() + data + b"\r\n")
            time.sleep(pause)

    return respond


@contextmanager
def silent_server() -> Iterator[str]:
    """The address of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/live"


def closed_port() -> int:
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@contextmanager
def writing(path: Path, data: bytes, *, chunk: int = 1 << 16, pause: float = 0.0) -> Iterator[str]:
    """A FIFO to which a thread writes these bytes, and then closes it."""
    os.mkfifo(path)

    def write():
        try:
            with open(path, "wb", buffering=0) as file:
                for first in range(0, len(data), chunk):
                    file.write(data[first : first + chunk])
                    time.sleep(pause)
        except BrokenPipeError:
            pass

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    yield str(path)
    thread.join(timeout=5)


def frame_levels(path: Path) -> list[int]:
    """The mean brightness of each frame of a file."""
    with av.open(str(path)) as box:
        return [round(frame.to_ndarray(format="gray").mean()) for frame in box.decode(video=0)]


_SDP = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=video 0 RTP/AVP 33\r\na=rtpmap:33 MP2T/90000\r\na=control:track1\r\n"
)


@contextmanager
def rtsp_camera(data: bytes, *, pause: float = 0.002) -> Iterator[str]:
    """The address of a camera that sends MPEG-TS by RTP within its RTSP connection."""
    server = socket.create_server(("127.0.0.1", 0))

    def answer(connection, request):
        method, number = request[0].split()[0], request[1:]
        (cseq,) = (line for line in number if line.lower().startswith("cseq"))
        more = {
            "OPTIONS": "Public: DESCRIBE, SETUP, PLAY",
            "DESCRIBE": f"Content-Type: application/sdp\r\nContent-Length: {len(_SDP)}",
            "SETUP": "Session: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1",
        }.get(method, "Session: 1")
        body = _SDP if method == "DESCRIBE" else ""
        connection.sendall(f"RTSP/1.0 200 OK\r\n{cseq}\r\n{more}\r\n\r\n{body}".encode())
        return method == "PLAY"

    def serve():
        connection, _ = server.accept()
        with (
            suppress(OSError),
            connection,
            closing(connection.makefile("r", newline="\r\n")) as lines,
        ):
            while not answer(connection, [line.strip() for line in iter(lines.readline, "\r\n")]):
                pass
            for number, first in enumerate(range(0, len(data), 1316)):
                packet = struct.pack("!BBHII", 0x80, 33, number, 0, 1) + data[first : first + 1316]
                connection.sendall(struct.pack("!BBH", 0x24, 0, len(packet)) + packet)
                time.sleep(pause)
            time.sleep(1.5)  # it stays connected, and silent

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with server:
        yield f"rtsp://me:word@127.0.0.1:{server.getsockname()[1]}/stream1"
        thread.join()
