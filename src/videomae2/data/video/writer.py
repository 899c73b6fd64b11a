"""Write frames as H.264 in mp4: equal pixels give equal bytes."""

from collections.abc import Iterable
from fractions import Fraction
from itertools import chain
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

_KEY_FRAME_INTERVAL = 16
INVISIBLE_LOSS = 12
"""Quality (CRF) at which the eye sees no difference from the pixels."""


def write_video(
    path: Path,
    frames: Iterable[UInt8[np.ndarray, "height width 3"]],
    *,
    rate: int | Fraction,
    crf: int = INVISIBLE_LOSS,
    faststart: bool = False,
) -> None:
    """Write frames one after the other, however many; height and width must be even.

    The name of the file may end in anything. Quality (CRF) goes from 0, without loss, to 51. A fast
    start has the index first, so that a browser can begin before it has the whole file.
    """
    import av  # here, so that drawing needs NumPy only

    # B-frames and mbtree off: while planning them, libx264 gave other bytes for the same pixels
    # in a quarter of 864 trials on videos this small (PyAV 18.1, seen at 32 and 64 pixels).
    options = {"crf": str(crf), "preset": "veryfast", "g": str(_KEY_FRAME_INTERVAL)}
    options |= {"bf": "0", "x264-params": "mbtree=0"}
    flags = {"movflags": "faststart"} if faststart else {}
    remaining = iter(frames)
    first = next(remaining)
    with av.open(str(path), "w", format="mp4", options=flags) as container:
        stream = container.add_stream("libx264", rate=rate, options=options)
        stream.height, stream.width = first.shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.thread_count = 1  # videos are small: threads go across them, not into them
        for frame in chain([first], remaining):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
