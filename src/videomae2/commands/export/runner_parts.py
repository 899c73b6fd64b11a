"""What the Python file beside an ONNX file holds: numpy, PyAV and onnxruntime alone.

``runner`` copies these functions as they stand, with those of ``data/views`` that choose frames and
crops. Axes: frames, height, width, channels; clips; views; outputs.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from videomae2.data.video.convert import read_rotation
from videomae2.data.views.crops import compute_cover_size, list_crop_boxes
from videomae2.data.views.requests import find_unique_views, gather_frames
from videomae2.data.views.sampling import dense_clips, segment_clips, timed_clips, whole_clips

Array = np.ndarray[Any, Any]


def choose_frames(seconds: Array, settings: dict[str, Any]) -> Array:
    """Which frames make the clips of a video, by the times of all: [clips, frames]."""
    kind, frames, clips = settings["frame_sampling"], settings["frames"], settings["clips"]
    interval, unit = settings["frame_interval"], settings["interval_unit"]
    if kind == "tsn":
        return segment_clips(len(seconds), frames, clips=clips)
    if kind == "whole":
        return whole_clips(len(seconds), frames, clips=clips)
    if unit == "frames":
        return dense_clips(len(seconds), frames, int(interval), clips=clips)
    step = interval if unit == "seconds" else 1 / interval
    return timed_clips(seconds, frames, step, clips=clips)


def read_video(path: str, settings: dict[str, Any]) -> tuple[Array, Array]:
    """Frames that the clips need [union, height, width, channels], and which of them each takes."""
    with av.open(path) as container:
        times = np.array([float(frame.time or 0) for frame in container.decode(video=0)])
    wanted, frame_index = gather_frames(choose_frames(times - times[0], settings))
    left = set(wanted.tolist())
    pixel_format = "gray" if settings["channels"] == 1 else "rgb24"
    images: list[Array] = []
    with av.open(path) as container:
        scaler = VideoReformatter()
        for number, frame in enumerate(container.decode(video=0)):
            if number not in left:
                continue
            if not images:
                size = frame.width, frame.height
                swap, down, right = read_rotation(frame)
            converted = scaler.reformat(frame, *size, pixel_format, threads=1)
            image = converted.to_ndarray().reshape(size[1], size[0], settings["channels"])
            image = image.swapaxes(0, 1) if swap else image
            images.append(image[::down, ::right])
            if len(images) == len(left):
                break
    return np.stack(images), frame_index


def compute_weights(length: int, out: int) -> Array:
    """How much each pixel counts in each new one with antialiasing, as PyTorch: [out, length]."""
    scale = length / out
    support, weights = max(scale, 1.0), np.zeros((out, length))
    for row in range(out):
        center = scale * (row + 0.5)
        first = max(int(center - support + 0.5), 0)
        end = min(int(center + support + 0.5), length)
        distance = np.abs((np.arange(first, end) - center + 0.5) / support)
        part = np.clip(1 - distance, 0, None)
        weights[row, first:end] = part / part.sum()
    return weights


def find_neighbours(length: int, out: int) -> tuple[Array, Array, Array]:
    """The two pixels that each new one lies between without antialiasing, the share of the next."""
    half, scale = np.float32(0.5), np.float32(length) / np.float32(out)
    place = np.maximum((np.arange(out, dtype=np.float32) + half) * scale - half, 0)
    first = place.astype(np.int64)
    return first, np.minimum(first + 1, length - 1), place - first.astype(np.float32)


def resize_side(frames: Array, out: int, axis: int) -> Array:
    """Make one side of uint8 frames shorter or longer, in whole numbers as PyTorch does it."""
    if frames.shape[axis] == out:
        return frames
    weights = compute_weights(frames.shape[axis], out)
    bits = 0
    while bits < 22 and int(0.5 + weights.max() * (1 << (bits + 1))) < (1 << 15):
        bits += 1
    whole = np.floor(weights * (1 << bits) + 0.5)
    product = np.moveaxis(np.tensordot(whole, frames.astype(np.float64), (1, axis)), 0, axis)
    total = product.astype(np.int64) + (1 << (bits - 1))
    return np.clip(total >> bits, 0, 255).astype(np.uint8)


def resize(frames: Array, height: int, width: int, antialias: bool) -> Array:
    """Frames of another size, bilinear: with antialiasing, or between the four nearest pixels."""
    if frames.shape[1:3] == (height, width):
        return frames
    if antialias:
        return resize_side(resize_side(frames, width, 2), height, 1)
    top, bottom, down = find_neighbours(frames.shape[1], height)
    left, right, across = find_neighbours(frames.shape[2], width)
    down, across = down[:, None, None], across[:, None]
    resized = []
    for frame in frames.astype(np.float32):
        total = (1 - down) * (1 - across) * frame[top][:, left]
        total += (1 - down) * across * frame[top][:, right]
        total += down * (1 - across) * frame[bottom][:, left]
        total += down * across * frame[bottom][:, right]
        resized.append(np.rint(total).astype(np.uint8))
    return np.stack(resized)


def cut_views(frames: Array, frame_index: Array, settings: dict[str, Any]) -> tuple[Array, Array]:
    """Different views [views, frames, height, width, channels], and which of them each view is."""
    size = settings["height"], settings["width"]
    cover = compute_cover_size(frames.shape[1], frames.shape[2], size)
    frames = resize(frames, *cover, settings["antialias"])
    boxes = list_crop_boxes(*cover, size, crops=settings["crops"])
    numbers, inverse = find_unique_views(frame_index, boxes)
    views = []
    for number in numbers:
        clip, crop = divmod(number, len(boxes))
        top, left, height, width = boxes[crop]
        views.append(frames[frame_index[clip], top : top + height, left : left + width])
    return np.stack(views), inverse


def interpret(scores: Array, task_type: str) -> Array:
    """Probabilities of scores, or numbers as they are."""
    x = scores.astype(np.float64)
    if task_type == "multilabel":
        return np.exp(-np.logaddexp(0.0, -x))
    if task_type == "multiclass":
        y = np.exp(x - x.max(axis=-1, keepdims=True))
        return y / y.sum(axis=-1, keepdims=True)
    return x


def run_video(session: Any, video: str, settings: dict[str, Any]) -> Array:
    """The mean over the views of a video: probabilities, numbers, or features."""
    views, inverse = cut_views(*read_video(video, settings), settings)
    name = session.get_inputs()[0].name
    outputs = [session.run(None, {name: view[None]})[0][0] for view in views]
    return interpret(np.stack(outputs), settings["task_type"])[inverse].mean(axis=0)


def main() -> None:
    """Score a video and print the best outputs."""
    import onnxruntime

    folder = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description="Run the model beside this file on a video.")
    parser.add_argument("video", help="a video file")
    parser.add_argument("--model", default="model.onnx", help="model.onnx, or model.int8.onnx")
    parser.add_argument("--top", type=int, default=5, help="how many outputs are printed")
    parser.add_argument("--json", action="store_true", help="print all outputs as JSON")
    options = parser.parse_args()
    settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    session = onnxruntime.InferenceSession(
        str(folder / options.model), providers=["CPUExecutionProvider"]
    )
    outputs = run_video(session, options.video, settings)
    names = settings["names"] or [str(number) for number in range(len(outputs))]
    if options.json:
        print(json.dumps(dict(zip(names, outputs.tolist(), strict=True))))  # noqa: T201
        return
    order = np.argsort(-outputs, kind="stable") if settings["names"] else np.arange(len(outputs))
    for number in order[: options.top].tolist():
        print(f"{outputs[number]:.4f}  {names[number]}")  # noqa: T201
