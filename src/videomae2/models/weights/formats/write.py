"""A model in a format of one's choice: written beside, read back, compared, then put in place."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from videomae2.base.files import atomic_replace_dir, atomic_write, fsync_tree
from videomae2.base.names import dump_json
from videomae2.errors import CheckpointError
from videomae2.models.weights.config_json import ModelConfig, SavedAutoencoderConfig
from videomae2.models.weights.containers.source import META_KEY
from videomae2.models.weights.formats.architecture import ModelHints
from videomae2.models.weights.formats.foreign import ForeignFiles, KeyReport
from videomae2.models.weights.formats.read import FORMATS, read_foreign
from videomae2.tensors.files import save_tensors
from videomae2.tensors.normalization import Normalization

WEIGHTS_FILE = "model.safetensors"
_PICKLE_SUFFIXES = (".pth", ".pt", ".bin")


def build_foreign(state: Mapping[str, Tensor], config: ModelConfig, name: str) -> ForeignFiles:
    """Translate a model into a format, without writing it.

    Raises:
        CheckpointError: The format cannot hold it.
    """
    files: ForeignFiles = FORMATS[name].from_ours(state, config)
    return files


def check_name(out: Path, files: ForeignFiles) -> None:
    """Refuse a name that is there already, or does not suit a file or a folder.

    Raises:
        CheckpointError: It does not.
    """
    if out.exists():
        raise CheckpointError(f"{out} is there already; choose another name, or delete it")
    suffixes = (*_PICKLE_SUFFIXES, ".safetensors")
    if files.json_files and out.suffix in suffixes:
        raise CheckpointError(
            f"{files.report.format} is a folder; call {out} {out.with_suffix('')}"
        )
    if not files.json_files and out.suffix not in suffixes:
        raise CheckpointError(
            f"{files.report.format} is one file; call {out} {out}.pth, or .safetensors"
        )


def write_foreign(
    out: Path, files: ForeignFiles, state: Mapping[str, Tensor], config: ModelConfig
) -> None:
    """Write a model, read it again, and leave it only if every number is the same.

    Raises:
        CheckpointError: It reads otherwise.
        OSError: It cannot be written.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    if files.json_files:
        atomic_replace_dir(out, lambda folder: _write_folder(folder, files, state, config))
        return
    with atomic_write(out) as partial:
        named = partial.with_name(f"{partial.name}{out.suffix}")  # readers go by the ending
        try:
            _write_file(named, files)
            _compare(named, files.report, state, config)
            named.replace(partial)
        finally:
            named.unlink(missing_ok=True)
        fsync_tree(partial)


def _write_folder(
    folder: Path, files: ForeignFiles, state: Mapping[str, Tensor], config: ModelConfig
) -> None:
    _write_file(folder / WEIGHTS_FILE, files)
    for name, content in files.json_files.items():
        (folder / name).write_text(dump_json(content, indent=2) + "\n", encoding="utf-8")
    licence = config.metadata.get("licence")
    if isinstance(licence, str):
        (folder / "README.md").write_text(f"---\nlicense: {licence}\n---\n", encoding="utf-8")
    _compare(folder, files.report, state, config)


def _write_file(path: Path, files: ForeignFiles) -> None:
    if path.suffix == ".safetensors":
        texts = {key: json.dumps(value) for key, value in files.meta.items()}
        save_tensors(path, files.tensors, metadata={"format": "pt", **texts})
    else:
        content: dict[str, Any] = {str(files.key): dict(files.tensors), META_KEY: dict(files.meta)}
        torch.save(content, path)


def _compare(
    path: Path, report: KeyReport, state: Mapping[str, Tensor], config: ModelConfig
) -> None:
    """Read what was written; a folder must say all of it, a file needs what it cannot say."""
    hints = ModelHints()
    if path.is_file():
        decoder_heads = None
        if isinstance(config, SavedAutoencoderConfig):
            decoder_heads = config.model.decoder_num_heads
        hints = ModelHints(
            num_heads=config.model.encoder.shape.num_heads,
            decoder_num_heads=decoder_heads,
            normalization=Normalization(mean=config.mean, std=config.std),
            for_training=True,
        )
    back = read_foreign(path, hints)
    again = back.load_state()
    wrong = [
        ours
        for ours in dict.fromkeys(report.used.values())
        if ours not in again or not torch.equal(again[ours], state[ours].float())
    ]
    if path.is_dir() and not wrong:
        wrong = _compare_cards(back.config, config)
    if wrong:
        raise CheckpointError(
            f"what was written for {report.format} reads otherwise ({', '.join(wrong[:3])}), so it "
            "was deleted: please report it"
        )


def _compare_cards(back: ModelConfig, config: ModelConfig) -> list[str]:
    """What the card that was read says otherwise."""
    theirs, ours = _describe(back), _describe(config)
    return [name for name, value in ours.items() if theirs[name] != value]


def _describe(card: ModelConfig) -> dict[str, object]:
    encoder = card.model.encoder
    return {
        "clips": encoder.clip_dimensions,
        "heads": encoder.shape.num_heads,
        "layer_norm_eps": encoder.norm_eps[0],
        "normalization": (card.mean, card.std),
        "class_names": getattr(card, "class_names", None),
    }
