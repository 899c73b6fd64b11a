"""What is exported, and to what."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal

from videomae2.base.ranges import ONE_OR_MORE, find_range_errors
from videomae2.data.manifests.public_classes import check_class_names
from videomae2.errors import ConfigError

GraphName = Literal["onnx", "torch"]
ExportName = Literal[
    "onnx", "torch", "official", "videomaev2-hf", "transformers", "mmaction2", "ava"
]
_PACKAGES = ("onnx", "onnxscript", "onnxruntime")


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportConfig:
    """What is written, and what is said of weights that do not say it."""

    to: ExportName = "onnx"
    """An ONNX file with a Python file that runs it (onnx), a program of torch.export (torch), or a
    format of other software, as videomae2 convert writes it."""
    int8: bool = False
    """With onnx: also write a file of int8 weights for CPUs, and measure what they cost and
    gain."""
    videos: Path | None = None
    """With int8: a labelled folder or list of videos, of which accuracy is measured."""
    class_names: Path | None = None
    """What the outputs are called where the model does not say: a file of names, or a public data
    set such as kinetics-710."""
    classes: Path | None = None
    """The outputs that are kept, likewise: kinetics-400 of a model of kinetics-710."""
    frames: Annotated[int | None, ONE_OR_MORE] = None
    """Frames of the clips that a released file was trained on; 16 if not given."""
    side: Annotated[int | None, ONE_OR_MORE] = None
    """Height and width of these clips in pixels; 224 if not given."""


def check_config(config: ExportConfig) -> None:
    """Refuse settings without effect, and a package that is missing, before anything is read.

    Raises:
        ConfigError: Names all of them.
    """
    problems = [problem for _, problem in find_range_errors(config)]
    if config.int8 and config.to != "onnx":
        problems.append(f"--int8 has no effect on --to {config.to}, only on onnx; leave it out")
    if config.videos is not None and not config.int8:
        problems.append("--videos has no effect without --int8; leave it out")
    for flag, path in (("--class-names", config.class_names), ("--classes", config.classes)):
        problems += [] if path is None else check_class_names(path, flag)
    if problems:
        raise ConfigError(problems)
    if config.to == "onnx":
        for package in _PACKAGES:
            try:
                import_module(package)
            except ImportError as error:
                raise ConfigError(
                    f"--to onnx needs {package}; install it with: pip install 'videomae2[export]'"
                ) from error
