"""A module as a torch.export program or an ONNX file, and what these give of clips.

Every graph takes uint8 pixels [clips, frames, height, width, channels], any number of clips, and
gives float32 [clips, outputs]; normalisation is inside. Axes: clips; outputs.
"""

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor, nn

from videomae2.commands.export.config import GraphName
from videomae2.errors import CheckpointError

GRAPH_FILES: dict[GraphName, str] = {"onnx": "model.onnx", "torch": "model.pt2"}
INPUT, OUTPUT = "clips", "outputs"
MAX_DIFFERENCE = 1e-4
"""Of outputs, between what was written and the model."""
_BATCHES = (1, 3)  # of the check; the graph is made with 2

RunFn = Callable[[UInt8[Tensor, "clips frames height width channels"]], np.ndarray]


class _Wrapped(nn.Module):
    """A module in float32 with its pixels as numbers: ONNX multiplies no bytes."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, clips: Tensor) -> Tensor:
        outputs: Tensor = self.module(clips.float())
        return outputs.float()


def write_graph(
    module: nn.Module, clip_shape: tuple[int, ...], kind: GraphName, folder: Path
) -> Path:
    """Write a module for any number of clips [frames, height, width, channels] of pixels 0…255."""
    path, exporter = folder / GRAPH_FILES[kind], import_module("torch.export")
    with _quiet(), torch.no_grad():
        program = exporter.export(
            _Wrapped(module).eval(),
            (draw_clips(clip_shape, 2),),
            dynamic_shapes=({0: exporter.Dim(INPUT, min=1)},),
        )
        if kind == "torch":
            exporter.save(program, path)
            return path
        onnx_program = import_module("torch.onnx").export(
            program, dynamo=True, input_names=[INPUT], output_names=[OUTPUT], verbose=False
        )
        onnx_program.save(str(path))
    return path


def open_graph(path: Path) -> RunFn:
    """What was written, as a function of clips."""
    if path.suffix == ".onnx":
        session = open_session(path)
        return lambda clips: session.run(None, {INPUT: clips.numpy()})[0]
    with _quiet():
        loaded = import_module("torch.export").load(path).module()

    def run(clips: Tensor) -> np.ndarray:
        with torch.no_grad():
            return loaded(clips).numpy()

    return run


def open_session(path: Path) -> Any:
    """An ONNX file in onnxruntime, on the CPU, with as many threads as torch has."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def measure_difference(module: nn.Module, clip_shape: tuple[int, ...], path: Path) -> float:
    """The largest difference between a module and what was written of it, on drawn clips.

    Raises:
        CheckpointError: It is above ``MAX_DIFFERENCE``.
    """
    run, differences = open_graph(path), []
    for count in _BATCHES:
        clips = draw_clips(clip_shape, count)
        with torch.no_grad():
            wanted = module(clips).float().numpy()
        differences.append(np.abs(run(clips) - wanted).max())
    return check_difference(float(np.max(differences)), path.name)  # of Python, max loses NaN


def check_difference(largest: float, name: str) -> float:
    """Refuse an export whose outputs are other ones.

    Raises:
        CheckpointError: They are, or are not finite.
    """
    if not largest <= MAX_DIFFERENCE:
        raise CheckpointError(
            f"outputs of {name} differ by {largest:.2g} from those of the model, wanted at most "
            f"{MAX_DIFFERENCE:g}, so it was deleted: please report it"
        )
    return largest


def draw_clips(
    clip_shape: tuple[int, ...], count: int
) -> UInt8[Tensor, "clips frames height width channels"]:
    """Clips of noise, the same every time."""
    generator = torch.Generator().manual_seed(count)
    return torch.randint(0, 256, (count, *clip_shape), dtype=torch.uint8, generator=generator)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter tells those who work on it."""
    names = ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
