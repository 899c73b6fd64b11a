"""A file or folder of weights as it is: tensors by name, and what stands beside them."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from videomae2.base.json_files import parse_json
from videomae2.base.schema import repr_value
from videomae2.errors import CheckpointError
from videomae2.models.weights.containers.find_files import (
    CONFIG_FILE,
    PROCESSOR_FILES,
    STANDARD_NAMES,
    find_weight_files,
    is_foreign_config,
    read_optional_json,
)
from videomae2.models.weights.containers.pickles import check_tensor, load_pickle
from videomae2.tensors.files import load_tensors

STATE_KEYS = ("model", "module", "state_dict")
"""Where files of PyTorch keep the weights, the first that is there."""
META_KEY = "meta"
"""What is known beside the weights: mmaction2's, and in files that are written here."""
_WRAPPER = re.compile(r"(^|\.)(?:_orig_mod|module)\.")
"""Put before names by torch.compile and data parallelism, at any place."""
_SHARD = re.compile(r"(.*)-\d{5}-of-\d{5}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Weights as they are in a file or folder."""

    path: Path
    """As it was named."""
    files: Sequence[Path]
    """That hold the weights."""
    tensors: Mapping[str, Tensor]
    """Under their names, without what torch.compile and data parallelism put before them."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Their names in the file, by those."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """The config.json beside them."""
    processor: Mapping[str, Any] = field(default_factory=dict)
    """How pixels are prepared, as it is said beside them."""
    meta: Mapping[str, Any] = field(default_factory=dict)
    """What is known about them within the file."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """What else the file holds, and what it is."""


def read_source(path: Path) -> Source:
    """Open the weights of a file or folder; tensors of large files are mapped, not read.

    Raises:
        CheckpointError: They cannot be read, are several, or no weights.
    """
    files = find_weight_files(path) if path.is_dir() else [path]
    folder = path if path.is_dir() else path.parent
    shard = None if path.is_dir() else _SHARD.fullmatch(path.stem)
    if shard is not None and (folder / f"{shard[1]}{path.suffix}.index.json").is_file():
        raise CheckpointError(f"{path} is one shard of several; name its folder")
    has_standard_name = files[0].name in STANDARD_NAMES or _SHARD.fullmatch(files[0].stem)
    config = read_optional_json(folder / CONFIG_FILE) if has_standard_name else {}
    if config and not is_foreign_config(config):
        raise CheckpointError(f"{path} is part of a saved model; name its folder, {folder}")
    tensors: dict[str, Tensor] = {}
    meta: dict[str, Any] = {}
    left_out: dict[str, str] = {}
    for file in files:
        state = _read_file(file, meta, left_out)
        if doubled := sorted(tensors.keys() & state.keys()):
            raise CheckpointError(f"{path} is damaged: {doubled[0]} stands in two of its shards")
        tensors |= state
    processor = {}
    if config:
        found = (read_optional_json(folder / name) for name in PROCESSOR_FILES)
        processor = next((content for content in found if content), {})
    names = strip_wrappers(tensors)
    return Source(
        path=path, files=files, tensors={name: tensors[names[name]] for name in names},
        names=names, config=config, processor=processor, meta=meta, left_out=left_out,
    )  # fmt: skip


def strip_wrappers(names: Collection[str]) -> dict[str, str]:
    """Take away what torch.compile and data parallelism put before names, unless two then agree.

    Gives the names as they were, by those without.
    """
    stripped = {_strip(name): name for name in names}
    return stripped if len(stripped) == len(names) else {name: name for name in names}


def _strip(name: str) -> str:
    while (stripped := _WRAPPER.sub(r"\1", name)) != name:
        name = stripped
    return name


def _read_file(path: Path, meta: dict[str, Any], left_out: dict[str, str]) -> dict[str, Tensor]:
    if path.suffix == ".safetensors":
        meta |= _read_header(path)
        content: Any = load_tensors(path)
    else:
        content = load_pickle(path)
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path} holds a {type(content).__name__}, want weights by name")
    key = next((k for k in STATE_KEYS if isinstance(content.get(k), Mapping)), None)
    if key is not None:
        left_out |= {str(k): f"beside '{key}'" for k in content if k not in (key, META_KEY)}
        if isinstance(content.get(META_KEY), Mapping):
            meta |= content[META_KEY]
    state = content if key is None else content[key]
    unexpected = [n for n, v in state.items() if not (isinstance(n, str) and isinstance(v, Tensor))]
    if unexpected or not state:
        name = repr_value(unexpected[0]).strip("'") if unexpected else ""
        problem = f"'{name}' is no tensor with a name" if unexpected else "it is empty"
        keys = "', '".join(STATE_KEYS)
        raise CheckpointError(f"{path} holds no weights, neither plain nor in '{keys}': {problem}")
    for name, value in state.items():
        check_tensor(name, value, path)
    return dict(state)


def _read_header(path: Path) -> dict[str, Any]:
    """What a file of safetensors says beside its tensors; damage is told by who reads them."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError):
        return {}
    return {key: _parse(text) for key, text in metadata.items()}


def _parse(text: str) -> Any:
    """What a header says is text, in which files that are written here keep JSON."""
    try:
        return parse_json(text)
    except ValueError:
        return text
