"""What released fine-tuning scripts have in common, and the numbers in which they differ.

In common are AdamW with betas 0.9 and 0.999, a cosine from a linear warm-up, RandAugment with 4
operations of magnitude 7, random erasing 0.25, mixup 0.8, cutmix 1.0, label smoothing 0.1, and a
head whose first weights are scaled by 0.001: the defaults of run_class_finetuning.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from videomae2.config.runs import CheckpointConfig, FinetuneRun
from videomae2.models.classifier import ClassifierConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.sizes import SizeName
from videomae2.models.weights.init_from import InitConfig
from videomae2.recipes.datasets import LabelledDataset, build_validation_config
from videomae2.tasks.classify import ClassifyConfig
from videomae2.training.optim import OptimConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class Script:
    """The numbers of one script; what it leaves out has the default of the released program."""

    size: SizeName
    gpus: int
    batch_size: int
    """On each GPU at once; the script's batch size."""
    lr: float
    """As on its command line: for 256 videos, whatever the number of views."""
    epochs: float
    warmup_epochs: float = 5.0
    min_lr: float = 1e-6
    weight_decay: float = 0.05
    layer_decay: float = 0.75
    clip_norm: float | None = None
    drop_path: float = 0.1
    head_drop_rate: float = 0.0
    views: int = 2
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
            drop_path=self.drop_path,
            activation_checkpointing=self.activation_checkpointing,
        )
        return ClassifierConfig(encoder=encoder, head_drop_rate=self.head_drop_rate)


def build_finetune_run(
    script: Script,
    dataset: LabelledDataset,
    videos: Sequence[Path],
    out: Path,
    *,
    pretrained_run: str,
) -> FinetuneRun:
    """The run of a script.

    Args:
        script: Its numbers.
        dataset: What it trains on.
        videos: Where that is.
        out: The run folder.
        pretrained_run: The name of the run folder beside it that this starts from: the one that the
            recipe of the stage before writes if it is not told otherwise.
    """
    return FinetuneRun(
        data=dataset.build_data_config(videos, views=script.views),
        labels=dataset.labels,
        validation=build_validation_config(videos),
        model=script.model,
        init=InitConfig(weights=out.parent / pretrained_run),
        task=ClassifyConfig(label_smoothing=0.1),
        optim=script.optim,
        output_dir=out,
        checkpoint=CheckpointConfig(interval=1000),
    )
