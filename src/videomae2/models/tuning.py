"""Which weights of a classifier learn."""

from dataclasses import dataclass, field

from torch import Generator

from videomae2.models.classifier import Classifier
from videomae2.models.lora import LoraConfig, add_adapters


@dataclass(frozen=True, kw_only=True, slots=True)
class TuningConfig:
    """What learns and what stays as it is; usually everything learns."""

    frozen_blocks: int = 0
    """The patch embedding and this many first blocks do not learn; 0 freezes neither."""
    lora: LoraConfig = field(default_factory=LoraConfig)
    """Teach adapters beside the blocks that are not frozen, instead of their weights. The patch
    embedding does not learn then."""


def apply_tuning(model: Classifier, config: TuningConfig, generator: Generator) -> None:
    """Freeze weights and add adapters, in place; to be done after the first weights are there.

    Args:
        model: Norm and head always learn.
        config: What else.
        generator: Draws the adapters.

    Raises:
        ValueError: If there are not as many blocks, or adapters would have none to sit beside.
    """
    encoder, num_frozen, depth = model.encoder, config.frozen_blocks, len(model.encoder.blocks)
    if not 0 <= num_frozen <= depth:
        raise ValueError(f"cannot freeze {num_frozen} blocks of {depth}")
    if config.lora.rank and num_frozen == depth:
        raise ValueError(f"all {depth} blocks are frozen, so adapters would have no effect")
    if num_frozen or config.lora.rank:
        encoder.patch_embed.requires_grad_(False)
    for block in list(encoder.blocks)[:num_frozen]:
        block.requires_grad_(False)
    if config.lora.rank:
        add_adapters(encoder.blocks, config.lora, generator, first_block=num_frozen)
