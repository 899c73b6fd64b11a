"""A saved classifier, ready to score clips: its card, its device, and which frames make a clip.

Axes: clips, frames, height, width, channels; outputs.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float64, UInt8
from torch import Tensor

from videomae2.data.crops import Box
from videomae2.data.views import cut
from videomae2.engine.runtime import RuntimeConfig, prepare
from videomae2.errors import CheckpointError, ConfigError
from videomae2.jobs.answers import Outputs
from videomae2.models.cards import Card, ClassifierCard, ClipSpan, read_card
from videomae2.models.chosen import find_best, load_chosen
from videomae2.tasks.classify import ClassifyConfig, ClassifyTask
from videomae2.tensors.clips import Clips
from videomae2.tensors.merging import probabilities

ASSUMED = ClipSpan(kind="dense", stride=4.0, stride_unit="frames")
"""Of most released recipes, for a model that does not say which frames make a clip."""


@dataclass(frozen=True, slots=True)
class Span:
    """Which frames make a clip."""

    kind: Literal["dense", "segments"]
    """As in ``ClipSpan``."""
    stride: int | None
    """In frames; None: it counts in seconds."""
    step_seconds: float | None
    is_assumed: bool
    """The model does not say."""

    def __str__(self) -> str:
        if self.kind == "segments":
            return "one frame of each equal part of the video"
        if self.stride is None:
            return f"one frame every {self.step_seconds:.3g} s"
        every = "every frame" if self.stride == 1 else f"every {self.stride} frames"
        return every + (" (assumed: the model does not say; --stride)" if self.is_assumed else "")


class Scorer:
    """A classifier that turns uint8 clips into probabilities, or numbers.

    Args:
        model: A run folder (its best model by validation, else its newest checkpoint), or the
            folder of a saved model; with the running means of its weights where there are some.
        runtime: Where and how it computes.
        batch: Clips that it is given at once.
        stride: Frames from one frame of a clip to the next, in place of the model's own.

    Raises:
        CheckpointError: There is no model, or it is no classifier with a head.
        ConfigError: A choice cannot work with it.
    """

    def __init__(
        self, model: Path, runtime: RuntimeConfig, *, batch: int = 8, stride: int | None = None
    ) -> None:
        chosen = find_best(model)
        folder = chosen.folder
        _require_classifier(folder)
        self.runtime, self._batch = prepare(runtime), batch
        network, card = load_chosen(chosen, self.runtime.device)
        if not network.config.outputs:
            raise CheckpointError(
                f"{folder} is an encoder without a head: it gives features, no classes; "
                "fine-tune it first"
            )
        config = ClassifyConfig(answers=card.answers)
        task = ClassifyTask(network, config, numbers=card.numbers, mean=card.mean, std=card.std)
        self._task = task.to(self.runtime.device).eval()
        self.cubes = network.cubes
        self.outputs = Outputs(card.answers, network.config.outputs, card.classes)
        self.span = _span(card, stride)
        self.title = f"{card.model.encoder.size} from {model}"

    def clip_of(
        self, frames: UInt8[np.ndarray, "frames height width channels"], box: Box
    ) -> UInt8[Tensor, "frames out_height out_width channels"]:
        """Cut a box out of frames and bring it to the size that the model reads, on its device."""
        size = (self.cubes.height, self.cubes.width)
        here = torch.from_numpy(frames).to(self.runtime.device)
        # a copy: where nothing is cut off and resized, it would be the reader's own memory
        return cut(here, box, size, flip=False).clone()

    @torch.inference_mode()
    def scores(
        self, clips: list[UInt8[Tensor, "frames height width channels"]]
    ) -> Float64[np.ndarray, "clips outputs"]:
        """Probabilities of each clip, or its numbers.

        Raises:
            CheckpointError: A score is not a finite number.
        """
        found = [
            self._raw(torch.stack(clips[first : first + self._batch]))
            for first in range(0, len(clips), self._batch)
        ]
        raw = torch.cat(found).double().cpu().numpy()
        if not np.isfinite(raw).all():
            raise CheckpointError(
                f"a score of the model {self.title} is not a finite number; its weights are broken"
            )
        head = self.outputs.head
        return raw if head is None else probabilities(raw, head)

    def _raw(self, pixels: Tensor) -> Tensor:
        nothing = torch.zeros(len(pixels), device=pixels.device)
        with self.runtime.autocast():
            return self._task.predict(Clips(pixels, nothing.long(), nothing)).float()


def _require_classifier(folder: Path) -> None:
    if isinstance(read_card(folder), Card):
        raise CheckpointError(
            f"{folder} is a pre-trained autoencoder, which knows no classes; fine-tune it on "
            "labelled videos first, or look at what it rebuilds: videomae2 reconstruct"
        )


def _span(card: ClassifierCard, stride: int | None) -> Span:
    known = card.span or ASSUMED
    if stride is not None:
        if known.kind == "segments":
            raise ConfigError(
                "--stride has no effect: this model takes one frame of each equal part of a video"
            )
        return Span("dense", stride, None, False)
    if known.kind == "segments":
        return Span("segments", None, None, False)
    if known.stride_unit == "frames":
        return Span("dense", max(1, int(known.stride)), None, card.span is None)
    step = known.stride if known.stride_unit == "seconds" else 1 / known.stride
    return Span("dense", None, step, False)
