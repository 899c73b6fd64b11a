"""One clip of a video as an array.

Axes: frames, height, width, channels.
"""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from videomae2.data.video.reader import open_reader
from videomae2.data.video.trim import require_timestamps
from videomae2.data.views.sampling import check_positive, dense_clips
from videomae2.errors import ConfigError


def read_clip(
    video: Path | str,
    *,
    frames: int = 16,
    stride: int = 4,
    start: float | None = None,
    gray: bool = False,
    frame_rate: float | None = None,
) -> UInt8[np.ndarray, "frames height width channels"]:
    """Read a clip at the size of the video, in RGB.

    Args:
        video: A video file, a folder of frame images, or an .npy array.
        frames: How many frames. A video too short for them repeats its last one.
        stride: Frames of the video from one to the next.
        start: Second at which the clip begins; the clip in the middle if not given.
        gray: Whether to read one channel of brightness.
        frame_rate: Frames per second of images and arrays, which have no clock.

    Raises:
        VideoError: It cannot be read, or ``start`` is wanted of a video without a clock.
        ConfigError: The clip would begin behind the end of the video.
        ValueError: A count is below 1.
    """
    check_positive(frames=frames, stride=stride)
    with open_reader(video, pixels="gray" if gray else "rgb", frame_rate=frame_rate) as reader:
        if start is None:
            index = dense_clips(reader.num_frames, frames, stride, clips=1)[0]
        else:
            seconds = require_timestamps(reader, str(video))
            if not 0 <= start <= seconds[-1]:
                raise ConfigError(f"start is {start:g}, and {video} is of 0 to {seconds[-1]:.2f} s")
            first = int(np.searchsorted(seconds, start))
            index = np.minimum(first + stride * np.arange(frames), reader.num_frames - 1)
        unique, positions = np.unique(index, return_inverse=True)
        return reader.read(unique.tolist())[positions]
