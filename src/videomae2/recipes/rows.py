"""A row of words and numbers → a recipe of a released training, with its help as docstring.

Released fine-tuning scripts have in common AdamW with betas 0.9 and 0.999, a cosine from a linear
warm-up, RandAugment with 4 operations of magnitude 7, random erasing 0.25, mixup 0.8, cutmix 1.0,
label smoothing 0.1, and a head whose first weights are scaled by 0.001: the defaults of
run_class_finetuning.py, and ours.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, TypeVar

from videomae2.config.runs import CheckpointConfig, FinetuneRun, PretrainRun
from videomae2.data.loading.sources import DataConfig
from videomae2.models.autoencoder import AutoencoderConfig, DecoderConfig
from videomae2.models.classifier import ClassifierConfig
from videomae2.models.encoder import EncoderConfig, SizeName
from videomae2.models.weights.head import HeadInit
from videomae2.models.weights.init_from import InitConfig
from videomae2.recipes.datasets import (
    KINETICS_710,
    LabelledDataset,
    UnlabelledDataset,
    build_validation_config,
)
from videomae2.tasks.classify import ClassifyConfig
from videomae2.tasks.pretrain import MaskingConfig
from videomae2.training.optim import OptimConfig

R = TypeVar("R", PretrainRun, FinetuneRun)


@dataclass(frozen=True, kw_only=True)
class ReleasedRow(ABC, Generic[R]):
    """The words of a recipe, each of them a sentence or more, and the numbers that all have."""

    summary: str
    note: str = ""
    """A paragraph more."""
    source: str
    """The paper's table or the released script that the numbers are from."""
    time: str = "unmeasured."
    score: str
    size: SizeName
    gpus: int
    gpu_name: str = "GPUs"
    batch_size: int
    """On each GPU at once; fewer GPUs take more micro-batches for a step: the same arithmetic."""
    lr: float
    """As on the script's command line: for 256 videos, whatever the number of views."""
    epochs: float
    warmup_epochs: float
    min_lr: float
    clip_norm: float | None = None
    activation_checkpointing: bool = False

    @abstractmethod
    def build_run(self, videos: Sequence[Path], out: Path) -> R:
        """The complete run."""

    @abstractmethod
    def format_data(self) -> tuple[str, str]:
        """What to give it, and the end of the command that does."""

    def build_optim(self) -> OptimConfig:
        """The optimizer; a GPU's share is a micro-batch, so clips are mixed within that."""
        return OptimConfig(
            lr=self.lr,
            epochs=self.epochs,
            warmup_epochs=self.warmup_epochs,
            global_batch_size=self.gpus * self.batch_size,
            micro_batch_size=self.batch_size,
            min_lr=self.min_lr,
            clip_norm=self.clip_norm,
        )

    def format_help(self, command: str) -> str:
        """The docstring of the recipe that this command starts."""
        data, example = self.format_data()
        note = f"{self.note}\n\n" if self.note else ""
        end = ", activation checkpointing." if self.activation_checkpointing else "."
        return (
            f"{self.summary}\n\n{note}Source: {self.source}\nData: {data}\n"
            f"Hardware: {self.gpus} {self.gpu_name} with {self.batch_size} videos each{end}\n"
            f"Time: {self.time}\nScore: {self.score}\nCommand: {command} {example}"
        )


@dataclass(frozen=True, kw_only=True)
class PretrainRow(ReleasedRow[PretrainRun]):
    """One recipe of pre-training."""

    dataset: UnlabelledDataset
    min_lr: float = 1e-5
    views: int = 1
    decoder_depth: int = 4
    masking: MaskingConfig = field(default_factory=MaskingConfig)

    def build_run(self, videos: Sequence[Path], out: Path) -> PretrainRun:
        """The complete run."""
        encoder = EncoderConfig(
            size=self.size, activation_checkpointing=self.activation_checkpointing
        )
        decoder = DecoderConfig(depth=self.decoder_depth)
        return PretrainRun(
            data=DataConfig(sources=self.dataset.build_sources(videos), views=self.views),
            model=AutoencoderConfig(encoder=encoder, decoder=decoder),
            masking=self.masking,
            optim=self.build_optim(),
            output_dir=out,
            checkpoint=CheckpointConfig(interval=1000),
        )

    def format_data(self) -> tuple[str, str]:
        """The lists it reads."""
        return self.dataset.videos, self.dataset.example


@dataclass(frozen=True, kw_only=True)
class FinetuneRow(ReleasedRow[FinetuneRun]):
    """One recipe of fine-tuning; what is left out has the released program's default."""

    dataset: LabelledDataset
    pretrained_run: str
    """The run folder beside its own that it starts from: the one that the recipe of the stage
    before writes if it is not told otherwise. Each row names one, and an absent one stops the run:
    fine-tuning a giant from scratch by forgetting a flag would be the costliest silent mistake."""
    example_flags: str = ""
    """Flags of the command that its help shows; its own first weights if there are none."""
    head: HeadInit = "auto"
    """As in ``InitConfig``; what is selected are rows of a parent of Kinetics-710."""
    warmup_epochs: float = 5.0
    min_lr: float = 1e-6
    weight_decay: float = 0.05
    layer_decay: float = 0.75
    drop_path: float = 0.1
    head_drop_rate: float = 0.0
    views: int = 2
    frames: int = 16
    resolution: int = 224
    """Height and width of a clip in pixels."""

    def build_run(self, videos: Sequence[Path], out: Path) -> FinetuneRun:
        """The complete run."""
        encoder = EncoderConfig(
            size=self.size,
            frames=self.frames,
            height=self.resolution,
            width=self.resolution,
            drop_path=self.drop_path,
            activation_checkpointing=self.activation_checkpointing,
        )
        parent_names = Path(KINETICS_710.classes) if self.head == "select" else None
        weights = out.parent / self.pretrained_run
        return FinetuneRun(
            data=self.dataset.build_data_config(videos, views=self.views),
            labels=self.dataset.labels,
            validation=build_validation_config(videos),
            model=ClassifierConfig(encoder=encoder, head_drop_rate=self.head_drop_rate),
            init=InitConfig(weights=weights, head=self.head, class_names=parent_names),
            task=ClassifyConfig(label_smoothing=0.1),
            optim=replace(
                self.build_optim(),
                weight_decay=self.weight_decay,
                layer_decay=self.layer_decay,
                betas=(0.9, 0.999),
            ),
            output_dir=out,
            checkpoint=CheckpointConfig(interval=1000),
        )

    def format_data(self) -> tuple[str, str]:
        """The folder of its lists, and what it starts from."""
        flags = self.example_flags or f"--init.weights runs/{self.pretrained_run}"
        return self.dataset.videos, f"{self.dataset.example} {flags}"


def build_recipes(
    command: str, rows: Mapping[str, ReleasedRow[R]]
) -> dict[str, Callable[[Sequence[Path], Path], R]]:
    """The rows as functions with docstrings, by the same names."""
    return {name: _build_recipe(f"{command} {name}", row) for name, row in rows.items()}


def _build_recipe(command: str, row: ReleasedRow[R]) -> Callable[[Sequence[Path], Path], R]:
    def build(videos: Sequence[Path], out: Path) -> R:
        return row.build_run(videos, out)

    build.__doc__ = row.format_help(f"videomae2 {command}")
    return build
