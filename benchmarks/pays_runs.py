"""The runs of the comparison: what each step trains or judges, from a few numbers."""

from dataclasses import dataclass, replace
from pathlib import Path

from videomae2.config import FinetuneRun, PretrainRun, RecordConfig, ValidationConfig
from videomae2.data.augment import AugmentConfig
from videomae2.data.crops import CropConfig
from videomae2.data.erasing import EraseConfig
from videomae2.data.listing import read_manifest
from videomae2.data.mixing import MixConfig
from videomae2.data.mixture import Mixture
from videomae2.data.rand_augment import RandAugmentConfig
from videomae2.data.sources import DataConfig, LoadingConfig, SourceConfig
from videomae2.engine.optim import OptimConfig
from videomae2.engine.runtime import RuntimeConfig
from videomae2.jobs.evaluate import EvaluateConfig
from videomae2.jobs.evaluation.settings import ListConfig, ReadingConfig
from videomae2.jobs.view_settings import ViewsWish
from videomae2.models.autoencoder import AutoencoderConfig, DecoderConfig
from videomae2.models.classifier import ClassifierConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.sizes import SizeName
from videomae2.models.starting import StartConfig
from videomae2.tasks.classify import ClassifyConfig
from videomae2.tasks.pretrain import MaskingConfig
from videomae2.tensors.intervals import ROUNDS

MEAN, STD = 0.316, 0.101
"""Of the pixels of every 24th video of the training speakers."""
WARMUP = 0.1
"""Share of the steps in which the rate rises."""
MIXED = {
    # others that pre-training may see: how frames are taken, and how often each video
    "fights": SourceConfig(path=Path(), stride=10.0, stride_unit="per-second", weight=2.0),
    "repetitions": SourceConfig(path=Path(), stride=4.0, weight=10.0),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Everything that can be chosen about a run; rates are for 256 views, as in the recipes."""

    size: SizeName = "tiny"
    patch: int | None = None
    dim: int | None = None
    depth: int | None = None
    frames: int = 8
    height: int = 32
    width: int = 48
    channels: int = 1
    pretrain_steps: int = 3000
    pretrain_batch: int = 8
    pretrain_views: int = 1
    pretrain_rate: float = 32e-3
    masked: float = 0.75
    finetune_steps: int = 600
    finetune_batch: int = 16
    device: str = "auto"
    workers: int | None = None
    rounds: int = ROUNDS

    @property
    def encoder(self) -> EncoderConfig:
        """The model that is pre-trained, fine-tuned and judged."""
        return EncoderConfig(
            size=self.size,
            patch=self.patch,
            dim=self.dim,
            depth=self.depth,
            frames=self.frames,
            height=self.height,
            width=self.width,
            channels=self.channels,
            positions="axes" if self.size == "tiny" else "flat",
        )

    @property
    def loading(self) -> LoadingConfig:
        """How training reads videos."""
        return LoadingConfig(workers=self.workers)

    def data(
        self, sources: tuple[SourceConfig, ...], *, views: int, crop: CropConfig
    ) -> DataConfig:
        """Sources, views and the numbers of grey pixels."""
        return DataConfig(
            sources=sources,
            views=views,
            crop=crop,
            mean=(MEAN,) * self.channels,
            std=(STD,) * self.channels,
        )


def pretraining(
    settings: Settings, videos: Path, others: dict[str, Path], *, root: Path, out: Path, seed: int
) -> PretrainRun:
    """Dual-masked pre-training on videos without labels.

    Clips are of frames that follow one another: words take 11.6 frames on average.

    Args:
        settings: Sizes and lengths.
        videos: The list.
        others: Folders of other videos by their names in ``MIXED``.
        root: Before the paths of the list.
        out: The run folder.
        seed: Of first weights, order, clips and masks.
    """
    own = SourceConfig(path=videos, root=root, stride=1.0)
    mixed = tuple(replace(MIXED[name], path=path) for name, path in others.items())
    steps, sources = settings.pretrain_steps, (own, *mixed)
    return PretrainRun(
        data=settings.data(sources, views=settings.pretrain_views, crop=CropConfig(flip=True)),
        model=AutoencoderConfig(encoder=settings.encoder, decoder=DecoderConfig(depth=2)),
        masking=MaskingConfig(encoder_ratio=settings.masked, queries="lean"),
        optim=_optim(
            sources, settings.pretrain_batch, steps, settings.pretrain_rate, clip_norm=1.0
        ),
        record=RecordConfig(out=out, log_every=max(1, steps // 20), save_every=500, keep=1),
        loading=settings.loading,
        runtime=RuntimeConfig(device=settings.device),
        seed=seed,
    )


def finetuning(
    settings: Settings,
    videos: Path,
    *,
    rate: float,
    start: Path | None,
    held_out: Path | None,
    root: Path,
    out: Path,
    seed: int,
) -> FinetuneRun:
    """Fine-tuning; the same from scratch where ``start`` is None. The last model is the result.

    A frame of each part of the video, so that a clip shows the whole word. Mouths are mirrored:
    that changes no word. Crops vary little, for mouths are in the middle already. Nothing is
    mixed, erased or recoloured.

    Args:
        settings: Sizes and lengths.
        videos: The labelled list.
        rate: Peak of the learning rate, for 256 views.
        start: A pre-training run.
        held_out: A labelled list to look at after the last step.
        root: Before the paths of both lists.
        out: The run folder.
        seed: Of what starts fresh, order, clips and crops.
    """
    source = SourceConfig(path=videos, root=root, stride_unit="per-second", sampling="segments")
    crop = CropConfig(kind="random-resized", flip=True, area=(0.7, 1.0), ratio=(0.9, 1.1))
    steps = settings.finetune_steps
    validation = ValidationConfig(share=0.0)
    if held_out is not None:
        validation = ValidationConfig(path=held_out, root=root, every=steps)
    optim = _optim((source,), settings.finetune_batch, steps, rate, clip_norm=5.0)
    return FinetuneRun(
        data=settings.data((source,), views=1, crop=crop),
        validation=validation,
        model=ClassifierConfig(encoder=settings.encoder),
        start=StartConfig(weights=start),
        task=ClassifyConfig(label_smoothing=0.1),
        augment=AugmentConfig(
            rand_augment=RandAugmentConfig(operations=0),
            erase=EraseConfig(share=0.0),
            mix=MixConfig(share=0.0),
        ),
        optim=replace(optim, betas=(0.9, 0.999)),
        record=RecordConfig(out=out, log_every=max(1, steps // 8), save_every=200, keep=1),
        loading=settings.loading,
        runtime=RuntimeConfig(device=settings.device),
        seed=seed,
    )


def evaluating(settings: Settings, root: Path) -> EvaluateConfig:
    """Two interleaved clips over the whole of each video, one crop of nearly all of the frame."""
    return EvaluateConfig(
        views=ViewsWish(clips=2, crops=1),
        list=ListConfig(root=root),
        reading=ReadingConfig(workers=settings.workers),
        batch=64,
        device=settings.device,
        rounds=settings.rounds,
    )


def _optim(
    sources: tuple[SourceConfig, ...], batch: int, steps: int, rate: float, *, clip_norm: float
) -> OptimConfig:
    """AdamW for a number of steps, which a run counts in epochs."""
    manifests = [read_manifest(source.path, root=source.root) for source in sources]
    mixture = Mixture.of(manifests, [source.weight for source in sources], seed=0)
    epochs = steps / mixture.steps_per_epoch(batch)
    return OptimConfig(
        lr=rate,
        lr_counts="views",
        epochs=epochs,
        warmup_epochs=WARMUP * epochs,
        batch=batch,
        last_lr=min(1e-6, rate),
        clip_norm=clip_norm,
    )
