"""Which of FFmpeg's formats are read as videos: none that opens other files than the one named."""

from functools import cache

import av

NON_VIDEO_FORMATS = frozenset({
    "hls", "applehttp", "concat", "concatf", "dash", "webm_dash_manifest", "sdp", "rtsp", "rtp",
    "sap", "imf", "image2", "tty", "vobsub", "mlv", "lavfi", "avisynth", "vapoursynth",
})  # fmt: skip
"""Play lists and scripts, which make FFmpeg open other files or addresses (a pipe among them waits
for ever, whatever the time limit), numbered pictures, and texts drawn as pictures."""


@cache
def list_video_formats() -> str:
    """All other formats, as FFmpeg wants them: it asks before it reads what a play list names."""
    return ",".join(sorted(av.formats_available - NON_VIDEO_FORMATS))
