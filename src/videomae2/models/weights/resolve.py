"""Find a model in a run folder, a saved model or a released file, and choose its weights.

Of a run its best model by validation is taken, else its newest checkpoint; running means of the
weights where there are some. Whoever asks a classifier finds it here: evaluation, prediction,
distillation's teacher.
"""

import os
import re
from pathlib import Path
from typing import Literal

import torch

from videomae2.base.files import path_exists
from videomae2.errors import CheckpointError
from videomae2.models.autoencoder import Autoencoder
from videomae2.models.classifier import Classifier, ClassifierConfig
from videomae2.models.weights.config_json import (
    CONFIG_FILE,
    ModelConfig,
    SavedAutoencoderConfig,
    SavedClassifierConfig,
    load_model_config,
    load_model_config_of,
)
from videomae2.models.weights.model_ref import (
    BEST_FOLDER,
    EMA_FILE,
    PREVIOUS_BEST_FOLDER,
    RELEASED,
    ClassifierRef,
    ModelRef,
)
from videomae2.models.weights.official import (
    infer_official_encoder,
    is_official_pretraining,
    load_official_state,
    resize_clips,
)
from videomae2.models.weights.saved import MODEL_FILE, build_matching, load_saved_state
from videomae2.tensors.pixels import IMAGENET_MEAN, IMAGENET_STD

ADAPTERS_FILE = "adapters.safetensors"
"""Of a checkpoint: adapters that its weights hold merged, to go on training them."""
WeightsChoice = Literal["auto", "ema", "raw"]
"""The running means (EMA), the weights themselves, or the means where there are some."""
_CHECKPOINT_PATTERN = re.compile(r"step-(\d+)")


def load_autoencoder(
    path: Path, device: torch.device
) -> tuple[Autoencoder, SavedAutoencoderConfig]:
    """Read a model; of a run folder the newest checkpoint is taken.

    Raises:
        CheckpointError: If there is none, or it does not fit its card.
    """
    folder = find_saved_model(path)
    config = load_model_config_of(SavedAutoencoderConfig, folder)
    state_dict = load_saved_state(folder)
    model = build_matching(lambda: Autoencoder(config.model), state_dict, folder / MODEL_FILE)
    model.load_state_dict(state_dict)
    return model.to(device).eval(), config


def load_classifier(path: Path, device: torch.device) -> tuple[Classifier, SavedClassifierConfig]:
    """Read a classifier, with or without a head; path and errors as of ``resolve_classifier``."""
    ref = resolve_classifier(path, needs_head=False)
    return ref.load(device), ref.config


def check_model_exists(path: Path) -> None:
    """Refuse a path that is not there with a ``CheckpointError``, before anything is read."""
    if not path_exists(path):
        raise CheckpointError(
            f"{path} does not exist; give a run folder, one of its checkpoints, a saved model or a "
            f"released file"
        )


def find_saved_model(path: Path) -> Path:
    """The folder of a saved model: the path itself, or the newest checkpoint of a run."""
    if (path / CONFIG_FILE).is_file():
        return path
    checkpoints = {
        int(match[1]): folder
        for folder in (path / "checkpoints").glob("step-*")
        if (match := _CHECKPOINT_PATTERN.fullmatch(folder.name))
        and (folder / CONFIG_FILE).is_file()
    }
    if checkpoints:
        return checkpoints[max(checkpoints)]
    reason = "holds neither a model nor checkpoints" if path.is_dir() else "is a file"
    reason = reason if path.exists() else "does not exist"
    raise CheckpointError(f"{path} {reason}; give a run folder or one of its checkpoints")


def resolve_checkpoint(path: Path, weights: WeightsChoice = "auto") -> ModelRef[ModelConfig]:
    """Choose the model of a run that is to be used or judged.

    Of a run folder that is its ``best`` if there is one, else its newest checkpoint; the folder of
    a saved model is taken as it is.

    Raises:
        CheckpointError: There is no model, or it has not the weights that are wanted.
    """
    best = [path / name for name in (BEST_FOLDER, PREVIOUS_BEST_FOLDER)]
    best = [folder for folder in best if (folder / CONFIG_FILE).is_file()]
    if (path / CONFIG_FILE).is_file():
        folder, reason = path, "as named"
    elif best:
        folder, reason = best[0], "best by validation"
    else:
        folder, reason = find_saved_model(path), "newest checkpoint"
    config = load_model_config(folder)
    used = _choose_weights(folder, config, weights)
    return ModelRef(path=folder, config=config, reason=reason, weights=used)


def _choose_weights(
    folder: Path, config: ModelConfig, weights: WeightsChoice
) -> Literal["ema", "raw"]:
    if config.metadata.get("ema") is True:
        if weights == "raw":
            raise CheckpointError(
                f"{folder} holds running means only; leave --weights raw out, or name a checkpoint"
            )
        return "ema"
    # means of adapters cannot be laid over weights that they are merged into
    has_ema = (folder / EMA_FILE).is_file() and not (folder / ADAPTERS_FILE).is_file()
    if weights == "ema" and not has_ema:
        raise CheckpointError(f"{folder} has no {EMA_FILE} to use; leave --weights ema out")
    return "ema" if has_ema and weights != "raw" else "raw"


def resolve_classifier(
    path: Path,
    *,
    weights: WeightsChoice = "auto",
    frames: int | None = None,
    side: int | None = None,
    needs_head: bool = True,
) -> ClassifierRef:
    """Look for a classifier, and find out what it is.

    Args:
        path: A run folder (its best model by validation, else its newest checkpoint), the folder
            of a saved model, or a released file (.pth, .bin, .pt, .safetensors).
        weights: Which of the weights of a run.
        frames: Of the clips that a released file was trained on, where they are not 16.
        side: Height and width of these clips, where they are not 224.
        needs_head: Whether one that gives only features is refused.

    Raises:
        CheckpointError: If there is none, or it has no head.
    """
    path = Path(os.path.expanduser(path))
    check_model_exists(path)
    if path.is_file():
        if weights != "auto":
            raise CheckpointError(f"{path} is one file, of which all is used; leave --weights out")
        ref = _resolve_released(path, frames, side)
    else:
        if (frames, side) != (None, None):
            raise CheckpointError(
                f"{path} says itself of which clips it is; leave --frames and --side out"
            )
        ref = _require_classifier(resolve_checkpoint(path, weights))
    if needs_head and not ref.config.model.num_classes:
        raise CheckpointError(
            f"{ref.path} has no head, so it has nothing to say about classes: it gives features; "
            f"fine-tune it on labelled videos first"
        )
    return ref


def _require_classifier(ref: ModelRef[ModelConfig]) -> ClassifierRef:
    if isinstance(ref.config, SavedAutoencoderConfig):
        raise CheckpointError(
            f"{ref.path} holds an autoencoder, not the classifier that is wanted: it knows no "
            f"classes; fine-tune it on labelled videos first, or look at what it rebuilds: "
            f"videomae2 reconstruct"
        )
    return ModelRef(path=ref.path, config=ref.config, reason=ref.reason, weights=ref.weights)


def _resolve_released(path: Path, frames: int | None, side: int | None) -> ClassifierRef:
    """Tell what a released file holds; its weights are read once, and kept until they are loaded.

    Source: the released code makes a fresh table of positions for the clips that a model is built
        for, and saves none.
    """
    state = load_official_state(path)
    if is_official_pretraining(state):
        raise CheckpointError(
            f"{path} is of pre-training: an encoder and a decoder, which know no classes; "
            f"fine-tune it on labelled videos first: videomae2 finetune … --init.weights {path}"
        )
    encoder = resize_clips(infer_official_encoder(state, path), path, frames, side)
    tokens, pos_embed = encoder.cubes.tokens, state.get("pos_embed")
    if pos_embed is not None and pos_embed.ndim == 3 and pos_embed.shape[1] != tokens:
        raise CheckpointError(
            f"{path} has places for {pos_embed.shape[1]} cubes, and clips of "
            f"{encoder.clip_dimensions} have {tokens}; say of which clips it is with --frames and "
            "--side"
        )
    model = ClassifierConfig(
        encoder=encoder,
        num_classes=len(state["head.weight"]) if "head.weight" in state else 0,
        global_pool="avg" if "fc_norm.weight" in state else "token",
    )
    return ModelRef(
        path=path,
        config=SavedClassifierConfig(model=model, mean=IMAGENET_MEAN, std=IMAGENET_STD),
        reason=RELEASED,
        clip_size=(frames, side),
        released_state=state,
    )
