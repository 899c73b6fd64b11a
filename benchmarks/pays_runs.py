"""The runs of the comparison: what each step trains or judges, from a few numbers."""

from dataclasses import dataclass, replace
from pathlib import Path

from videomae2.commands.evaluate.config import EvaluateConfig
from videomae2.config.runs import (
    CheckpointConfig,
    FinetuneRun,
    LoggingConfig,
    PretrainRun,
    ValidationConfig,
)
from videomae2.data.augment.augment import AugmentConfig
from videomae2.data.augment.erasing import EraseConfig
from videomae2.data.augment.mixing import MixConfig
from videomae2.data.augment.rand_augment import RandAugmentConfig
from videomae2.data.loading.mixture import Mixture
from videomae2.data.loading.reading import ReadingConfig
from videomae2.data.loading.sources import DataConfig, SourceConfig
from videomae2.data.manifests.read import ListConfig, read_manifest
from videomae2.data.views.crops import CropConfig
from videomae2.inference.views import EvalViews
from videomae2.metrics.bootstrap import N_RESAMPLES
from videomae2.models.autoencoder import AutoencoderConfig, DecoderConfig
from videomae2.models.classifier import ClassifierConfig
from videomae2.models.encoder import EncoderConfig, SizeName
from videomae2.models.weights.init_from import InitConfig
from videomae2.tasks.classify import ClassifyConfig
from videomae2.tasks.pretrain import MaskingConfig
from videomae2.training.optim import OptimConfig
from videomae2.training.runtime import RuntimeConfig

MEAN, STD = 0.316, 0.101
"""Of the pixels of every 24th video of the training speakers."""
WARMUP = 0.1
"""Share of the steps in which the rate rises."""
MIXED = {
    # others that pre-training may see: how frames are taken, and how often each video
    "fights": SourceConfig(
        path=Path(), frame_interval=10.0, interval_unit="per-second", weight=2.0
    ),
    "repetitions": SourceConfig(path=Path(), frame_interval=4.0, weight=10.0),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparisonSettings:
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
    rounds: int = N_RESAMPLES

    @property
    def encoder(self) -> EncoderConfig:
        """The model that is pre-trained, fine-tuned and judged."""
        return EncoderConfig(
            size=self.size,
            patch_size=self.patch,
            embed_dim=self.dim,
            depth=self.depth,
            frames=self.frames,
            height=self.height,
            width=self.width,
            channels=self.channels,
            pos_embed="axes" if self.size == "tiny" else "flat",
        )

    def build_data(
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


def build_pretrain_run(
    settings: ComparisonSettings,
    videos: Path,
    extra_folders: dict[str, Path],
    *,
    root: Path,
    out: Path,
    seed: int,
) -> PretrainRun:
    """Dual-masked pre-training on videos without labels.

    Clips are of frames that follow one another: words take 11.6 frames on average.
    ``extra_folders`` are folders of other videos by their names in ``MIXED``.
    """
    main_source = SourceConfig(path=videos, root=root, frame_interval=1.0)
    mixed = tuple(replace(MIXED[name], path=path) for name, path in extra_folders.items())
    steps, sources = settings.pretrain_steps, (main_source, *mixed)
    return PretrainRun(
        data=settings.build_data(
            sources, views=settings.pretrain_views, crop=CropConfig(flip=True)
        ),
        model=AutoencoderConfig(encoder=settings.encoder, decoder=DecoderConfig(depth=2)),
        masking=MaskingConfig(encoder_mask_ratio=settings.masked, decoder_queries="hidden_only"),
        optim=_build_optim(
            sources, settings.pretrain_batch, steps, settings.pretrain_rate, clip_norm=1.0
        ),
        output_dir=out,
        checkpoint=CheckpointConfig(interval=500, keep_latest_k=1),
        logging=LoggingConfig(interval=max(1, steps // 20)),
        reading=ReadingConfig(num_workers=settings.workers),
        runtime=RuntimeConfig(device=settings.device),
        seed=seed,
    )


def build_finetune_run(
    settings: ComparisonSettings,
    videos: Path,
    *,
    rate: float,
    init_weights: Path | None,
    validation_list: Path | None,
    root: Path,
    out: Path,
    seed: int,
) -> FinetuneRun:
    """Fine-tuning, from scratch where ``init_weights`` is None. The last model is the result.

    A frame of each part of the video, so that a clip shows the whole word. Mouths are mirrored:
    that changes no word. Crops vary little, for mouths are in the middle already. Nothing is
    mixed, erased or recoloured.
    ``validation_list`` is looked at after the last step.
    """
    source = SourceConfig(path=videos, root=root, interval_unit="per-second", frame_sampling="tsn")
    crop = CropConfig(kind="random-resized", flip=True, scale=(0.7, 1.0), ratio=(0.9, 1.1))
    steps = settings.finetune_steps
    validation = ValidationConfig(share=0.0)
    if validation_list is not None:
        validation = ValidationConfig(path=validation_list, root=root, interval=steps)
    optim = _build_optim((source,), settings.finetune_batch, steps, rate, clip_norm=5.0)
    return FinetuneRun(
        data=settings.build_data((source,), views=1, crop=crop),
        validation=validation,
        model=ClassifierConfig(encoder=settings.encoder),
        init=InitConfig(weights=init_weights),
        task=ClassifyConfig(label_smoothing=0.1),
        augment=AugmentConfig(
            rand_augment=RandAugmentConfig(num_ops=0),
            erase=EraseConfig(prob=0.0),
            mix=MixConfig(prob=0.0),
        ),
        optim=replace(optim, betas=(0.9, 0.999)),
        output_dir=out,
        checkpoint=CheckpointConfig(interval=200, keep_latest_k=1),
        logging=LoggingConfig(interval=max(1, steps // 8)),
        reading=ReadingConfig(num_workers=settings.workers),
        runtime=RuntimeConfig(device=settings.device),
        seed=seed,
    )


def build_evaluate_config(settings: ComparisonSettings, root: Path) -> EvaluateConfig:
    """Two interleaved clips over the whole of each video, one crop of nearly all of the frame."""
    return EvaluateConfig(
        views=EvalViews(clips=2, crops=1),
        list=ListConfig(root=root),
        reading=ReadingConfig(num_workers=settings.workers),
        batch_size=64,
        device=settings.device,
        n_resamples=settings.rounds,
    )


def _build_optim(
    sources: tuple[SourceConfig, ...], batch: int, steps: int, rate: float, *, clip_norm: float
) -> OptimConfig:
    """AdamW for a number of steps, which a run counts in epochs."""
    manifests = [read_manifest(source.path, root=source.root) for source in sources]
    mixture = Mixture(list(map(len, manifests)), [source.weight for source in sources], seed=0)
    epochs = steps / mixture.steps_per_epoch(batch)
    return OptimConfig(
        lr=rate,
        lr_scale_by="views",
        epochs=epochs,
        warmup_epochs=WARMUP * epochs,
        global_batch_size=batch,
        min_lr=min(1e-6, rate),
        clip_norm=clip_norm,
    )
