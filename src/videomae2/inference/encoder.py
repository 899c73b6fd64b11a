"""An encoder from its path to features of clips: load it, embed clips, or train its module.

Axes: clips; frames, height, width, channels of a clip; dim = width of a token.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Float32, Shaped, UInt8
from torch import Tensor, nn

from videomae2.data.views.resize import resize_to_cover
from videomae2.models.weights.frozen_encoder import FrozenEncoder, load_frozen_encoder
from videomae2.training.runtime import Runtime, RuntimeConfig, prepare_runtime

AnyClip = np.ndarray | Tensor
"""uint8 [frames, height, width, channels], or [clips, ...] of several of one size."""


class ClipEmbedder(nn.Module):
    """Pixels of clips → the mean of their tokens behind the encoder's final norm.

    Its parts are those of the frozen encoder, which nothing trains until ``requires_grad_()``.
    """

    def __init__(self, frozen: FrozenEncoder) -> None:
        super().__init__()
        self.encoder, self.norm, self.normalize = frozen.encoder, frozen.norm, frozen.normalize
        self._frozen = frozen

    def forward(
        self, pixels: Shaped[Tensor, "clips frames height width channels"]
    ) -> Float[Tensor, "clips dim"]:
        """Features of clips of pixels 0…255, of the model's own frames, height and width."""
        return self._frozen.pool(self._frozen.encode(pixels))[:, 1]


@dataclass(frozen=True, kw_only=True, slots=True)
class Encoder:
    """An encoder on its device, as ``load`` gives it."""

    frozen: FrozenEncoder
    """The parts, and what is known of them: ``frame_sampling``, ``path``, ``digest``."""
    module: ClipEmbedder
    """A ``torch.nn.Module`` over the same parts: pixels 0…255 [clips, frames, height, width,
    channels] → features [clips, dim]. After ``requires_grad_()`` it trains as any other."""
    runtime: Runtime

    @property
    def dim(self) -> int:
        """Numbers of a feature."""
        return self.frozen.encoder.config.shape.embed_dim

    @property
    def clip_shape(self) -> tuple[int, int, int, int]:
        """Frames, height, width and channels of the clips that the model sees."""
        cubes = self.frozen.encoder.cubes
        return cubes.frames, cubes.height, cubes.width, cubes.channels

    def prepare(self, clip: AnyClip) -> UInt8[Tensor, "clips frames height width channels"]:
        """Clips of any size as the model sees them: resized to cover, then cut in the middle.

        Raises:
            ValueError: They are not uint8, or have other frames or channels than the model's.
        """
        pixels = np.asarray(clip.cpu() if isinstance(clip, Tensor) else clip)
        frames, height, width, channels = self.clip_shape
        shape = pixels.shape[-4:]
        if pixels.ndim not in (4, 5) or pixels.dtype != np.uint8 or 0 in pixels.shape:
            raise ValueError(
                f"a clip is {pixels.dtype} {list(pixels.shape)}, wanted uint8 [frames, height, "
                "width, channels] or [clips, frames, height, width, channels]"
            )
        if (shape[0], shape[3]) != (frames, channels):
            raise ValueError(
                f"a clip has {shape[0]} frames of {shape[3]} channels, the model reads {frames} of "
                f"{channels}; read_clip(video, frames={frames}) gives them"
            )
        video = resize_to_cover(
            np.ascontiguousarray(pixels).reshape(-1, *shape[1:]),
            np.arange(pixels.size // int(np.prod(shape[1:]))).reshape(-1, frames),
            (height, width),
            crops=1,
            antialias=True,  # as features of windows
            device=self.runtime.device,
        )
        return torch.stack([video.cut_view(number) for number in range(video.num_views)])

    @torch.inference_mode()
    def embed(
        self, clip: AnyClip
    ) -> Float32[np.ndarray, " dim"] | Float32[np.ndarray, "clips dim"]:
        """Features of a clip [dim], or of several of one size [clips, dim].

        Args:
            clip: uint8 [frames, height, width, channels], as ``read_clip`` gives it, or several
                [clips, ...]; height and width may be any.

        Raises:
            ValueError: It is of another type, or has other frames or channels than the model's.
        """
        pixels = self.prepare(clip)
        with self.runtime.autocast():
            features = self.module(pixels).float().cpu().numpy()
        return features if clip.ndim == 5 else features[0]


def load(
    model: Path | str,
    *,
    frames: int | None = None,
    side: int | None = None,
    device: str = "auto",
    precision: Literal["auto", "bf16", "fp32"] = "auto",
) -> Encoder:
    """Load the encoder of a model of any format that is known, strictly.

    Args:
        model: A run folder, a saved model, weights of other software, ``hf://owner/name``, or the
            name of a released model.
        frames: Frames of the clips that it will see; those it was trained on if not given.
        side: Height and width of these clips in pixels, likewise.
        device: cpu, cuda, cuda:1, …; auto takes a CUDA device if there is one.
        precision: fp32, bf16, or auto, which takes bf16 where the machine computes it fast.

    Raises:
        CheckpointError: There is no model, it cannot be read, or clips of that size do not split.
        ConfigError: The device is not there.

    Example:
        ``videomae2.load("runs/own").embed(videomae2.read_clip("video.mp4")).shape``
    """
    runtime = prepare_runtime(RuntimeConfig(device=device, precision=precision))
    frozen = load_frozen_encoder(Path(model), frames=frames, side=side).to(runtime.device)
    return Encoder(frozen=frozen, module=ClipEmbedder(frozen).eval(), runtime=runtime)
