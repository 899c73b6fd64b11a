"""A row of numbers → a recipe of released supervised training.

Released scripts have in common AdamW with betas 0.9 and 0.999, a cosine from a linear warm-up,
RandAugment with 4 operations of magnitude 7, random erasing 0.25, mixup 0.8, cutmix 1.0, label
smoothing 0.1, and a head whose first weights are scaled by 0.001: the defaults of
run_class_finetuning.py.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from videomae2.config.runs import CheckpointConfig, FinetuneRun
from videomae2.models.classifier import ClassifierConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.sizes import SizeName
from videomae2.models.weights.head_index import HeadInit
from videomae2.models.weights.init_from import InitConfig
from videomae2.recipes.datasets import KINETICS_710, LabelledDataset, build_validation_config
from videomae2.recipes.description import Description, format_description, format_hardware
from videomae2.tasks.classify import ClassifyConfig
from videomae2.training.optim import OptimConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class FinetuneRow(Description):
    """The words and numbers of one recipe; what is left out has the released program's default."""

    dataset: LabelledDataset
    pretrained_run: str
    """The run folder beside its own that it starts from: the one that the recipe of the stage
    before writes if it is not told otherwise."""
    head: HeadInit = "auto"
    """As in ``InitConfig``; what is selected are rows of a parent of Kinetics-710."""
    size: SizeName
    gpus: int
    batch_size: int
    """On each GPU at once; the script's batch size."""
    lr: float
    """As on the script's command line: for 256 videos, whatever the number of views."""
    epochs: float
    warmup_epochs: float = 5.0
    min_lr: float = 1e-6
    weight_decay: float = 0.05
    layer_decay: float = 0.75
    clip_norm: float | None = None
    drop_path: float = 0.1
    head_drop_rate: float = 0.0
    views: int = 2
    frames: int = 16
    resolution: int = 224
    """Height and width of a clip in pixels."""
    activation_checkpointing: bool = False

    @property
    def optim(self) -> OptimConfig:
        """The optimizer; a GPU's share is a micro-batch, so clips are mixed within that."""
        return OptimConfig(
            lr=self.lr,
            epochs=self.epochs,
            warmup_epochs=self.warmup_epochs,
            global_batch_size=self.gpus * self.batch_size,
            micro_batch_size=self.batch_size,
            min_lr=self.min_lr,
            weight_decay=self.weight_decay,
            layer_decay=self.layer_decay,
            betas=(0.9, 0.999),
            clip_norm=self.clip_norm,
        )

    @property
    def model(self) -> ClassifierConfig:
        """The classifier; the data says how many outputs it has."""
        encoder = EncoderConfig(
            size=self.size,
            frames=self.frames,
            height=self.resolution,
            width=self.resolution,
            drop_path=self.drop_path,
            activation_checkpointing=self.activation_checkpointing,
        )
        return ClassifierConfig(encoder=encoder, head_drop_rate=self.head_drop_rate)

    def build_init(self, runs: Path) -> InitConfig:
        """What it starts from, in the folder that holds all runs."""
        names = Path(KINETICS_710.classes) if self.head == "select" else None
        return InitConfig(weights=runs / self.pretrained_run, head=self.head, class_names=names)


def build_finetune_recipes(
    rows: Mapping[str, FinetuneRow],
) -> dict[str, Callable[[Sequence[Path], Path], FinetuneRun]]:
    """The rows as functions with docstrings, by the same names."""
    return {name: _build_recipe(name, row) for name, row in rows.items()}


def _build_recipe(name: str, row: FinetuneRow) -> Callable[[Sequence[Path], Path], FinetuneRun]:
    def build(videos: Sequence[Path], out: Path) -> FinetuneRun:
        return FinetuneRun(
            data=row.dataset.build_data_config(videos, views=row.views),
            labels=row.dataset.labels,
            validation=build_validation_config(videos),
            model=row.model,
            init=row.build_init(out.parent),
            task=ClassifyConfig(label_smoothing=0.1),
            optim=row.optim,
            output_dir=out,
            checkpoint=CheckpointConfig(interval=1000),
        )

    hardware = format_hardware(
        row.gpus, row.batch_size, activation_checkpointing=row.activation_checkpointing
    )
    build.__doc__ = format_description(row, command=f"finetune {name}", hardware=hardware)
    return build
