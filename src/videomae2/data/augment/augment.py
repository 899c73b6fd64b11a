"""All that makes training clips of labelled videos different every time, in its order.

Crop and flip are drawn with the clip's box (``data/views/crops.py``); the rest happens here, in
batches on the device. Axes: batch, frames, height, width, channels, outputs.
"""

from dataclasses import dataclass, field, replace

from jaxtyping import Float, Int64
from torch import Tensor

from videomae2.data.augment.erasing import EraseConfig, erase
from videomae2.data.augment.mixing import MixConfig, mix
from videomae2.data.augment.rand_augment import RandAugmentConfig, rand_augment
from videomae2.tensors.clips import Clips


@dataclass(frozen=True, kw_only=True, slots=True)
class AugmentConfig:
    """How training clips are changed; the numbers of the released fine-tuning scripts."""

    rand_augment: RandAugmentConfig = field(default_factory=RandAugmentConfig)
    """Changes of tone, colour and place."""
    erase: EraseConfig = field(default_factory=EraseConfig)
    """Boxes that are filled with noise."""
    mix: MixConfig = field(default_factory=MixConfig)
    """Mixing of two clips and their targets."""


def augment(
    clips: Clips,
    config: AugmentConfig,
    *,
    mean: Float[Tensor, " channels"],
    std: Float[Tensor, " channels"],
    host_keys: Int64[Tensor, " batch"] | None = None,
) -> Clips:
    """Change clips, erase boxes, mix pairs.

    Pixels stay uint8 where only tone, colour and place change, else they become float32. What is
    erased becomes noise of ``mean`` and ``std``, of pixels in [0, 1]. Targets are [batch, outputs]:
    class numbers cannot be mixed. With ``host_keys``, the clips' keys in the memory of the host, an
    operation runs for the clips that drew it; else, on a device, for all. The result is the same.
    """
    keys = clips.keys if host_keys is None else host_keys
    x, targets = rand_augment(clips.pixels, keys, config.rand_augment), clips.targets
    if config.erase.prob > 0:
        x = erase(x.float(), keys, config.erase, mean=255 * mean, std=255 * std)
    if is_mixing(config.mix):
        assert targets is not None
        x, targets = mix(x.float(), targets, keys, clips.weights, config.mix)
    return replace(clips, pixels=x, targets=targets)


def is_mixing(config: MixConfig) -> bool:
    """Whether clips are mixed at all."""
    return config.prob > 0 and (config.mixup_alpha > 0 or config.cutmix_alpha > 0)
