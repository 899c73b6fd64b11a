"""Find the format of foreign weights, and read a model in it: the one way in, for every command."""

import os
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from videomae2.errors import CheckpointError
from videomae2.models.weights.containers.find_files import is_foreign_folder
from videomae2.models.weights.containers.source import Source, read_source
from videomae2.models.weights.formats import (
    ava,
    mmaction,
    official,
    transformers_videomae,
    videomaev2_hf,
)
from videomae2.models.weights.formats.architecture import ModelHints
from videomae2.models.weights.formats.foreign import ForeignModel

FORMATS: dict[str, ModuleType] = {
    module.NAME: module
    for module in (transformers_videomae, mmaction, videomaev2_hf, ava, official)
}
"""By name; each has ``detect``, ``to_ours`` and ``from_ours``, and the first that detects wins."""
_OUR_PATCH_EMBED = "encoder.patch_embed.proj.weight"


def is_foreign(path: Path) -> bool:
    """Whether a path is a file of weights, or a folder of other software."""
    path = Path(os.path.expanduser(path))
    return path.is_file() or (path.is_dir() and is_foreign_folder(path))


def read_foreign(path: Path, hints: ModelHints | None = None) -> ForeignModel:
    """Read a model of any format that is known.

    Args:
        path: A file or folder, as ``is_foreign`` takes it.
        hints: What somebody says about it, where it does not.

    Raises:
        CheckpointError: It cannot be read, is no model of videos, does not say what is needed, or
            holds something that nobody explains.
    """
    source = read_source(Path(os.path.expanduser(path)))
    hints = hints or ModelHints()
    model: ForeignModel = find_format(source).to_ours(source, hints)
    return replace(model, hints=hints)


def find_format(source: Source) -> ModuleType:
    """The format of some weights.

    Raises:
        CheckpointError: None that is known.
    """
    found = next((module for module in FORMATS.values() if module.detect(source)), None)
    if found is not None:
        patch_embed = source.tensors.get(_OUR_PATCH_EMBED)
        if patch_embed is not None and patch_embed.ndim == 2:  # our own, without its card
            raise CheckpointError(
                f"{source.path} holds weights as videomae2 saves them, without the "
                "config.json that belongs to them; name the folder that has both"
            )
        return found
    kind = source.config.get("model_type")
    what = f" (config.json says {kind!s:.40})" if kind else ""
    raise CheckpointError(
        f"{source.path} holds no video transformer of a kind that is known{what}: it has no patch "
        f"embedding, such as patch_embed.proj.weight, but {next(iter(source.tensors))}"
    )
