"""Frames of streams as they come: addresses, cameras, pipes, loops of the caller. No torch here.

sources         which names are streams, and how long to wait for one
reader          a stream from first to last, decoded in a thread of its own
frame_queue     what waits between that thread and the model; what does not fit
clock           when each frame is shown, whatever times the stream carries
pipe            bytes of a pipe for FFmpeg, with a limit of time
opening         open a stream with FFmpeg
errors          why a stream cannot be read, in a sentence
memory          frames that the caller has: an array, or one after the other
"""
