"""A row of numbers → a recipe of released pre-training."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from videomae2.config.runs import CheckpointConfig, PretrainRun
from videomae2.data.loading.sources import DataConfig
from videomae2.models.autoencoder import AutoencoderConfig, DecoderConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.sizes import SizeName
from videomae2.recipes.datasets import build_hybrid_sources, build_sources
from videomae2.recipes.description import Description, format_description, format_hardware
from videomae2.tasks.pretrain import MaskingConfig
from videomae2.training.optim import OptimConfig

V1_MASKING = MaskingConfig(decoder="none")
"""Every hidden cube is decoded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PretrainRow(Description):
    """The words and numbers of one recipe of pre-training."""

    size: SizeName
    gpus: int
    batch_size: int
    """On each GPU at once; fewer GPUs take more micro-batches for a step: the same arithmetic."""
    lr: float
    """For 256 videos, whatever the number of views."""
    epochs: float
    warmup_epochs: float
    min_lr: float = 1e-5
    clip_norm: float | None = None
    views: int = 1
    decoder_depth: int = 4
    masking: MaskingConfig = field(default_factory=MaskingConfig)
    activation_checkpointing: bool = False
    frame_interval: float | None = None
    """In frames. If not given, UnlabeledHybrid is read, which has one for each of its sets."""

    @property
    def optim(self) -> OptimConfig:
        """The optimizer; a GPU's share is a micro-batch."""
        return OptimConfig(
            lr=self.lr,
            epochs=self.epochs,
            warmup_epochs=self.warmup_epochs,
            global_batch_size=self.gpus * self.batch_size,
            micro_batch_size=self.batch_size,
            min_lr=self.min_lr,
            clip_norm=self.clip_norm,
        )

    def build_data_config(self, videos: Sequence[Path]) -> DataConfig:
        """The training videos."""
        sources = (
            build_hybrid_sources(videos)
            if self.frame_interval is None
            else build_sources(videos, frame_interval=self.frame_interval)
        )
        return DataConfig(sources=sources, views=self.views)

    @property
    def model(self) -> AutoencoderConfig:
        """Encoder and decoder."""
        return AutoencoderConfig(
            encoder=EncoderConfig(
                size=self.size, activation_checkpointing=self.activation_checkpointing
            ),
            decoder=DecoderConfig(depth=self.decoder_depth),
        )


def build_pretrain_recipes(
    rows: Mapping[str, PretrainRow],
) -> dict[str, Callable[[Sequence[Path], Path], PretrainRun]]:
    """The rows as functions with docstrings, by the same names."""
    return {name: _build_recipe(name, row) for name, row in rows.items()}


def _build_recipe(name: str, row: PretrainRow) -> Callable[[Sequence[Path], Path], PretrainRun]:
    def build(videos: Sequence[Path], out: Path) -> PretrainRun:
        return PretrainRun(
            data=row.build_data_config(videos),
            model=row.model,
            masking=row.masking,
            optim=row.optim,
            output_dir=out,
            checkpoint=CheckpointConfig(interval=1000),
        )

    hardware = format_hardware(
        row.gpus, row.batch_size, activation_checkpointing=row.activation_checkpointing
    )
    build.__doc__ = format_description(row, command=f"pretrain {name}", hardware=hardware)
    return build
