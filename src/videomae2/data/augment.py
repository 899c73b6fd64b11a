"""All that makes training clips of labelled videos different every time, in its order.

Crop and flip are drawn with the clip's box (``data/crops.py``); the rest happens here, in batches
on the device. Axes: batch, frames, height, width, channels, classes.
"""

from dataclasses import dataclass, field

from jaxtyping import Float, Float32, Int64
from torch import Tensor

from videomae2.data.crops import CropConfig
from videomae2.data.erasing import EraseConfig, erase
from videomae2.data.mixing import MixConfig, mix
from videomae2.data.rand_augment import RandAugmentConfig, rand_augment
from videomae2.tensors import pixels
from videomae2.tensors.clips import Clips, SoftClips


@dataclass(frozen=True, kw_only=True, slots=True)
class AugmentConfig:
    """How training clips are changed; the numbers of the released fine-tuning scripts."""

    crop: CropConfig = field(default_factory=lambda: CropConfig(kind="random-resized"))
    """How views are cut out; without mirroring, for left and right may be the label."""
    rand_augment: RandAugmentConfig = field(default_factory=RandAugmentConfig)
    """Changes of tone, colour and place."""
    erase: EraseConfig = field(default_factory=EraseConfig)
    """Boxes that are filled with noise."""
    mix: MixConfig = field(default_factory=MixConfig)
    """Mixing of two clips and their targets."""
    label_smoothing: float = 0.1
    """Share of a label that is spread over all classes."""


def augment(
    clips: Clips,
    targets: Float32[Tensor, "batch classes"],
    config: AugmentConfig,
    *,
    mean: Float[Tensor, " channels"],
    std: Float[Tensor, " channels"],
    host_keys: Int64[Tensor, " batch"] | None = None,
) -> SoftClips:
    """Change uint8 clips, normalise them, erase boxes, mix pairs.

    Args:
        clips: Views as they were cut.
        targets: What to predict for each, as ``data/targets.py`` gives it.
        config: What is done, how often and how strongly.
        mean: Of each channel, of pixels in [0, 1].
        std: Of each channel.
        host_keys: The clips' keys in the memory of the host, where they are at hand. Then an
            operation runs for the clips that drew it; else, on a device, for all. The result is
            the same.
    """
    keys = clips.keys if host_keys is None else host_keys
    x = normalise(rand_augment(clips.pixels, keys, config.rand_augment), mean, std)
    x = erase(x, keys, config.erase)
    x, targets = mix(x, targets, keys, clips.weights, config.mix)
    return SoftClips(x, targets, clips.keys, clips.weights)


def normalise(
    clips: Tensor, mean: Float[Tensor, " channels"], std: Float[Tensor, " channels"]
) -> Float32[Tensor, "batch frames height width channels"]:
    """Turn values 0…255 into (value / 255 - mean) / std, channel by channel."""
    return pixels.normalise(clips.flatten(3).flatten(1, 2), mean, std).view(clips.shape)
