"""Which frames the released code takes, said again as plainly as possible.

Written from the fact sheet (section 4), not from the package under test; pure Python. Every
function takes the frames of the clip and the stride, and gives a clip, or several.
"""


def grid_of(first: int, last: int, count: int) -> list[float]:
    """``count`` points from ``first`` to ``last``, both among them; one alone is the first.

    The order of operations is NumPy's: it decides where a point rounds down.
    """
    step = (last - first) / max(1, count - 1)
    points = [first + k * step for k in range(count)]
    return [*points[:-1], float(last)] if count > 1 else points


def window_frames(frames: int, stride: int, *, stop: int) -> list[int]:
    """Fine-tuning: a grid over the window that ends before ``stop``."""
    return [int(min(x, stop - 1)) for x in grid_of(stop - frames * stride, stop, frames)]


def validation_frames(num_frames: int, frames: int, stride: int) -> list[int]:
    """The window in the middle; a short video is gone through, then its last frame repeats."""
    span = frames * stride
    if num_frames > span:
        return window_frames(frames, stride, stop=(num_frames + span) // 2)
    points = grid_of(0, num_frames, num_frames // stride)
    padded = [*points, *[num_frames] * (frames - len(points))]
    return [int(min(x, num_frames - 1)) for x in padded]


def pretrain_frames(num_frames: int, frames: int, stride: int, *, start: int) -> list[int]:
    """Frame after frame; it stays where another step would reach the last frame."""
    index, at = [], start
    for _ in range(frames):
        index.append(at)
        if at + stride < num_frames - 1:
            at += stride
    return index


def clips_of_a_test(num_frames: int, frames: int, stride: int, *, clips: int) -> list[list[int]]:
    """Clips over all frames of the stride, whose last one repeats; one clip is in the middle."""
    every = list(range(0, num_frames, stride))
    every += [every[-1]] * (frames - len(every))
    spare = len(every) - frames
    starts = [spare // 2] if clips == 1 else [int(k * (spare / (clips - 1))) for k in range(clips)]
    return [every[start : start + frames] for start in starts]
