"""Find a model in a run folder, a saved model or a released file, and choose its weights.

Of a run its best model by validation is taken, else its newest checkpoint; running means of the
weights where there are some. Whoever asks a classifier finds it here: evaluation, prediction,
distillation's teacher.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import Literal, cast

import torch

from videomae2.base.files import path_exists
from videomae2.errors import CheckpointError
from videomae2.models.autoencoder import Autoencoder
from videomae2.models.classifier import Classifier
from videomae2.models.weights.config_json import (
    CONFIG_FILE,
    ModelConfig,
    SavedAutoencoderConfig,
    SavedClassifierConfig,
    check_kind,
    load_model_config,
)
from videomae2.models.weights.formats.architecture import ModelHints
from videomae2.models.weights.formats.read import is_foreign, read_foreign
from videomae2.models.weights.hub.cache import find_snapshot
from videomae2.models.weights.hub.licence import find_origin
from videomae2.models.weights.hub.locate import locate_weights, suggest_released
from videomae2.models.weights.model_ref import (
    BEST_FOLDER,
    EMA_FILE,
    PREVIOUS_BEST_FOLDER,
    ClassifierRef,
    ModelRef,
)
from videomae2.models.weights.saved import build_matching

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
    folder = find_saved_model(locate_model(path))
    if is_foreign(folder):
        ref = resolve_checkpoint(folder)
    else:
        ref = ModelRef(path=folder, config=load_model_config(folder), reason="as named")
    config = check_kind(ref.config, SavedAutoencoderConfig, ref.path)
    state_dict = ref.load_state()
    model = build_matching(lambda: Autoencoder(config.model), state_dict, ref.file)
    model.load_state_dict(state_dict)
    return model.to(device).eval(), config


def load_classifier(path: Path, device: torch.device) -> tuple[Classifier, SavedClassifierConfig]:
    """Read a classifier, with or without a head; path and errors as of ``resolve_classifier``."""
    ref = resolve_classifier(path, needs_head=False)
    return ref.load(device), ref.config


def locate_model(path: Path) -> Path:
    """The local path of a model, before anything is read; one of the hub is fetched if need be.

    Raises:
        CheckpointError: It is not there, or cannot be had.
    """
    found = locate_weights(path)
    if not path_exists(found):
        raise CheckpointError(
            f"{path} does not exist; give a run folder, one of its checkpoints, a saved model, "
            "weights of other software, hf://owner/name, or a name that videomae2 models lists"
            f"{suggest_released(path)}"
        )
    return found


def find_saved_model(path: Path) -> Path:
    """A saved model: the path itself (foreign weights, too), or the newest checkpoint of a run."""
    if (path / CONFIG_FILE).is_file() or is_foreign(path):
        return path
    checkpoints = {
        int(match[1]): folder
        for folder in (path / "checkpoints").glob("step-*")
        if (match := _CHECKPOINT_PATTERN.fullmatch(folder.name))
        and (folder / CONFIG_FILE).is_file()
    }
    if checkpoints:
        return checkpoints[max(checkpoints)]
    reason = "holds neither a model nor checkpoints" if path.exists() else "does not exist"
    raise CheckpointError(f"{path} {reason}; give a run folder or one of its checkpoints")


def resolve_checkpoint(
    path: Path, weights: WeightsChoice = "auto", hints: ModelHints | None = None
) -> ModelRef[ModelConfig]:
    """Choose the model of a run that is to be used or judged, or read one of other software.

    Of a run folder that is its ``best`` if there is one, else its newest checkpoint; the folder of
    a saved model is taken as it is, and so are foreign weights, of which ``hints`` say what they
    do not.

    Raises:
        CheckpointError: There is no model, it has not the weights that are wanted, or it cannot be
            read.
    """
    path = locate_weights(path)
    if is_foreign(path):
        return _resolve_foreign(path, weights, hints or ModelHints())
    best = [path / name for name in (BEST_FOLDER, PREVIOUS_BEST_FOLDER)]
    best = [folder for folder in best if (folder / CONFIG_FILE).is_file()]
    if (path / CONFIG_FILE).is_file():
        folder, reason = path, "as named"
    elif best:
        folder, reason = best[0], "best by validation"
    else:
        folder, reason = find_saved_model(path), "newest checkpoint"
    config = load_model_config(folder)
    if find_snapshot(folder) is not None:
        config = replace(config, metadata={**find_origin(folder), **config.metadata})
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
            of a saved model, a file or folder of weights of other software, or what names one of
            the hub.
        weights: Which of the weights of a run.
        frames: Of the clips that foreign weights were trained on, where they are not 16.
        side: Height and width of these clips, where they are not 224.
        needs_head: Whether one that gives only features is refused.

    Raises:
        CheckpointError: If there is none, or it has no head.
    """
    path = locate_model(path)
    if (frames, side) != (None, None) and not is_foreign(path):
        raise CheckpointError(
            f"{path} says itself of which clips it is; leave --frames and --side out"
        )
    ref = _require_classifier(
        resolve_checkpoint(path, weights, ModelHints(frames=frames, side=side))
    )
    if needs_head and not ref.config.model.num_classes:
        raise CheckpointError(
            f"{ref.path} has no head, so it has nothing to say about classes: it gives features; "
            f"fine-tune it on labelled videos first"
        )
    return ref


def _require_classifier(ref: ModelRef[ModelConfig]) -> ClassifierRef:
    if isinstance(ref.config, SavedAutoencoderConfig):
        if ref.foreign is not None:
            raise CheckpointError(
                f"{ref.path} is of pre-training: an encoder and a decoder, which know no classes; "
                f"fine-tune it on labelled videos first: videomae2 finetune … --init.weights "
                f"{ref.path}"
            )
        raise CheckpointError(
            f"{ref.path} holds an autoencoder, not the classifier that is wanted: it knows no "
            f"classes; fine-tune it on labelled videos first, or look at what it rebuilds: "
            f"videomae2 reconstruct"
        )
    return cast(ClassifierRef, ref)


def _resolve_foreign(
    path: Path, weights: WeightsChoice, hints: ModelHints
) -> ModelRef[ModelConfig]:
    """Read foreign weights once; they are kept until they are loaded.

    Source: the released code makes a fresh table of positions for the clips that a model is built
        for, and saves none.
    """
    if weights != "auto":
        raise CheckpointError(
            f"{path} is of other software, and all of its weights are used; leave --weights out"
        )
    model = read_foreign(path, hints)
    if model.says_clips and (hints.frames, hints.side) != (None, None):
        raise CheckpointError(
            f"{path} says itself of which clips it is; leave --frames and --side out"
        )
    known = {**find_origin(path), **model.config.metadata}
    return ModelRef(
        path=path,
        config=replace(model.config, metadata=known),
        reason=model.report.format,
        clip_size=(hints.frames, hints.side),
        foreign=model,
    )
