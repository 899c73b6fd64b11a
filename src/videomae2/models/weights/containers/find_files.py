"""Which files of a folder hold the weights: one, the shards of one, or what DeepSpeed writes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from videomae2.base.json_files import read_json
from videomae2.errors import CheckpointError

CONFIG_FILE = "config.json"
PROCESSOR_FILES = ("preprocessor_config.json", "video_preprocessor_config.json")
WEIGHT_SUFFIXES = (".safetensors", ".bin", ".pth", ".pt", ".ckpt")
STANDARD_NAMES = ("model.safetensors", "pytorch_model.bin")
"""Of the Hugging Face hub, the first that is there; large ones are in shards with an index."""
NO_WEIGHTS = ("optim", "scheduler", "scaler", "rng_state", "training_args", "random_states")
"""How files of a training's state begin, or what stands in their names."""
_DEEPSPEED = "*mp_rank_*_model_states.pt"
_MAX_SHOWN = 6


def is_foreign_folder(folder: Path) -> bool:
    """Whether a folder holds weights of other software: told by what its config.json says.

    Without a config.json it does if there are files of weights and no checkpoints of a run.
    """
    if (folder / CONFIG_FILE).is_file():
        return is_foreign_config(read_optional_json(folder / CONFIG_FILE))
    if (folder / "checkpoints").is_dir() or (folder / "run.yaml").is_file():
        return False
    return any(_list_candidates(folder)) or bool(_find_deepspeed(folder))


def is_foreign_config(config: Mapping[str, Any]) -> bool:
    """Whether a config.json is one of the Hugging Face hub."""
    return any(key in config for key in ("model_type", "model_config", "architectures"))


def read_optional_json(path: Path) -> dict[str, Any]:
    """An object of JSON, empty if there is none; those who need one complain of what it lacks."""
    try:
        content = read_json(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def find_weight_files(folder: Path) -> Sequence[Path]:
    """The file of the weights, or all shards of one.

    Raises:
        CheckpointError: There is none, a shard is missing, or there are several to choose from.
    """
    for name in STANDARD_NAMES:
        if (folder / name).is_file():
            return [folder / name]
        if (index := folder / f"{name}.index.json").is_file():
            return _list_shards(index)
    if found := _find_deepspeed(folder):
        return _check_deepspeed(folder, found)
    candidates = _list_candidates(folder)
    if len(candidates) == 1:
        return candidates
    if not candidates:
        raise CheckpointError(
            f"{folder} holds no file of weights ({', '.join(WEIGHT_SUFFIXES)}); name the file or "
            "the folder that does"
        )
    more = ", …" if len(candidates) > _MAX_SHOWN else ""
    names = ", ".join(path.name for path in candidates[:_MAX_SHOWN])
    raise CheckpointError(
        f"{folder} holds {len(candidates)} files of weights ({names}{more}); name the one that is "
        "meant"
    )


def _list_candidates(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.glob("*")
        if path.suffix in WEIGHT_SUFFIXES
        and path.is_file()
        and not any(word in path.name for word in NO_WEIGHTS)
    )


def _list_shards(index: Path) -> list[Path]:
    weight_map = read_optional_json(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise CheckpointError(f"{index} is damaged: it names no shards; fetch it again")
    names = sorted({str(name) for name in weight_map.values()})
    for name in names:
        if name != Path(name).name or not name.endswith(WEIGHT_SUFFIXES):
            raise CheckpointError(f"{index} names '{name:.60}' as a shard, which is no file of it")
        if not (index.parent / name).is_file():
            raise CheckpointError(
                f"{index.parent} lacks {name}, one of {len(names)} shards that {index.name} names; "
                "fetch it, too"
            )
    return [index.parent / name for name in names]


def _find_deepspeed(folder: Path) -> list[Path]:
    """Model states in the folder itself, in the one that ``latest`` names, or in the only one."""
    if found := sorted(folder.glob(_DEEPSPEED)):
        return found
    try:
        latest = (folder / "latest").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return sorted(folder.glob(f"*/{_DEEPSPEED}"))
    return sorted((folder / Path(latest).name).glob(_DEEPSPEED)) if latest else []


def _check_deepspeed(folder: Path, found: list[Path]) -> list[Path]:
    if len(found) == 1 and not found[0].name.startswith("zero_pp"):
        return found
    raise CheckpointError(
        f"{folder} holds {len(found)} model states of DeepSpeed ({found[0].name}, …), parts of a "
        "model or several; name one, or put parts together with DeepSpeed's zero_to_fp32.py"
    )
