"""What one kind of training brings to the loop that all kinds share, and how runs are resolved.

A ``TrainingJob`` has read its lists and can say what it would do; it builds the ``TrainingSetup``
once the run folder is known to be usable.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, TypeVar

from torch import Generator, nn
from torch.optim import AdamW

from videomae2.base.summary import Summary
from videomae2.commands.train.run_folder import VideoList
from videomae2.config.checks import check_run
from videomae2.config.runs import Run
from videomae2.data.loading.batch import CPUBatch
from videomae2.data.loading.loader import Loader
from videomae2.data.loading.mixture import Mixture
from videomae2.data.manifests.class_names import read_class_names
from videomae2.data.manifests.manifest import Manifest
from videomae2.data.views.resize import make_clips
from videomae2.models.classifier import Classifier
from videomae2.models.lora import adapter_state, merged_state
from videomae2.models.weights.config_json import FrameSampling, ModelConfig
from videomae2.models.weights.init_from import InitConfig, LoadReport, init_classifier
from videomae2.models.weights.resolve import ADAPTERS_FILE
from videomae2.models.weights.saved import check_state_dict, load_saved_state, save_model
from videomae2.models.weights.target_scaler import TargetScaler
from videomae2.tensors.clips import Clips
from videomae2.tensors.files import save_tensors
from videomae2.tensors.grid import Cubes
from videomae2.training.callback import Callback
from videomae2.training.checkpoint import CheckpointManager, read_tensors
from videomae2.training.loop import LoopConfig
from videomae2.training.optim import OptimConfig, build_optimizer
from videomae2.training.prefetch import MicroBatch, prefetch_to_device
from videomae2.training.runtime import Runtime
from videomae2.training.schedules import CosineSchedule, scale_lr

SaveModel = Callable[[Path, Mapping[str, object]], None]
R = TypeVar("R", bound=Run)


def init_model(
    model: Classifier,
    config: InitConfig,
    generator: Generator,
    *,
    class_names: Sequence[str] | None,
    target_scaler: TargetScaler | None = None,
    flag: str = "--model",
) -> LoadReport:
    """Start a classifier; the names of its parent's outputs are read where they are given.

    Arguments and errors as for ``init_classifier``; ``flag`` is what sets the model.

    Raises:
        ManifestError: If the names cannot be read.
    """
    pretrained_class_names = (
        read_class_names(config.class_names) if config.class_names is not None else None
    )
    return init_classifier(
        model,
        config,
        generator,
        class_names=class_names,
        pretrained_class_names=pretrained_class_names,
        target_scaler=target_scaler,
        flag=flag,
    )


def identity(clips: Clips, batch: CPUBatch) -> Clips:
    """Leave clips as they were cut."""
    return clips


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingSetup:
    """All that is trained: the task, its data, and how its weights are kept."""

    run: Run
    """With the precision and batch that were resolved."""
    loop_config: LoopConfig
    runtime: Runtime
    manifests: Sequence[Manifest]
    """The videos to train on."""
    task: nn.Module
    """On the CPU, with its first weights; its ``model`` is what learns and is saved."""
    save: SaveModel
    """Writes the model, with metadata, into a folder that exists."""
    load: Callable[[Path], None]
    """Takes the weights of such a folder, to go on exactly."""
    transform: Callable[[Clips, CPUBatch], Clips] = identity
    """What is done to clips on the device before the task sees them."""
    callbacks: Sequence[Callback] = ()
    """What is done beside the steps, in this order."""
    make_optimizer: Callable[[nn.Module, OptimConfig], AdamW] = build_optimizer
    """Sorts what learns in the task."""


@dataclass(frozen=True, kw_only=True)
class TrainingJob(ABC, Generic[R]):
    """A run of one kind, checked, whose lists are read."""

    run: R
    manifests: Sequence[Manifest]
    """The videos to train on."""
    metadata: Mapping[str, object] = field(default_factory=dict)
    """Goes into the card of every model that is saved, such as its lineage."""

    @abstractmethod
    def build_lists(self) -> tuple[VideoList, ...]:
        """What the lists say, those that are held out as well; none may change on resuming."""

    @abstractmethod
    def build_meta_model(self) -> nn.Module:
        """What is saved, without values: for the room that checkpoints need."""

    @abstractmethod
    def summarize(self) -> Summary:
        """Say what the run will do.

        Raises:
            ConfigError: If the device is not there.
        """

    def try_init(self) -> Summary:
        """Load the first weights to see whether they fit, and say where they come from."""
        return Summary(())

    @abstractmethod
    def build_setup(self, loop_config: LoopConfig, runtime: Runtime) -> TrainingSetup:
        """Build what is trained."""


def save_model_with_adapters(folder: Path, model: nn.Module, card: ModelConfig) -> None:
    """Write a model, its adapters merged into it, and the adapters beside it."""
    if adapters := adapter_state(model):
        save_tensors(folder / ADAPTERS_FILE, adapters)
    save_model(folder, merged_state(model), card)


def load_model_with_adapters(folder: Path, model: nn.Module) -> None:
    """Take over a model that ``save_model_with_adapters`` wrote.

    Raises:
        CheckpointError: If it cannot be read or does not fit.
    """
    state_dict = load_saved_state(folder)
    if adapter_state(model):
        state_dict = {**state_dict, **read_tensors(folder / ADAPTERS_FILE)}
    check_state_dict(model.state_dict(), state_dict, folder)
    model.load_state_dict(state_dict)


def iterate_micro_batches(
    loader: Loader,
    cubes: Cubes,
    runtime: Runtime,
    transform: Callable[[Clips, CPUBatch], Clips] = identity,
) -> Iterator[MicroBatch]:
    """The micro-batches of a loader as clips on the device, one of them ahead."""

    def to_micro_batch(batch: CPUBatch) -> MicroBatch:
        size = (cubes.height, cubes.width)
        clips = make_clips(batch, size, cubes.frames, cubes.channels, runtime.device)
        return MicroBatch(transform(clips, batch), batch.paths, batch.num_unreadable)

    return prefetch_to_device(iter(loader), to_micro_batch, runtime.device)


def build_checkpoint_manager(run: Run) -> CheckpointManager:
    """Those of a run folder."""
    folder, config = run.output_dir / "checkpoints", run.checkpoint
    return CheckpointManager(
        folder, keep_latest_k=config.keep_latest_k, keep_interval=config.keep_interval
    )


def resolve_precision(run: R, runtime: Runtime) -> R:
    """The run with what ``auto`` became: what it computes depends on that."""
    return replace(run, runtime=replace(run.runtime, precision=runtime.precision))  # type: ignore[type-var]


def resolve_batch_size(run: R, manifests: Sequence[Manifest]) -> R:
    """A run whose batch there are enough videos for, where it may shrink: whole micro-batches.

    Raises:
        ConfigError: If nothing is left to mix.
    """
    optim = run.optim
    epoch_size, micro_batch_size = (
        build_mixture(run, manifests).epoch_size,
        optim.micro_batch_size or optim.global_batch_size,
    )
    if not optim.allow_smaller_batch or epoch_size >= optim.global_batch_size:
        return run
    global_batch_size = max(1, epoch_size // micro_batch_size) * min(micro_batch_size, epoch_size)
    smaller_micro_batch_size = (
        None if optim.micro_batch_size is None else min(optim.micro_batch_size, global_batch_size)
    )
    smaller: R = replace(
        run,
        optim=replace(
            optim, global_batch_size=global_batch_size, micro_batch_size=smaller_micro_batch_size
        ),
    )  # type: ignore[type-var]
    check_run(smaller)
    return smaller


def build_loop_config(run: Run, manifests: Sequence[Manifest]) -> LoopConfig:
    """Turn epochs into steps and rates for 256 into rates, of a run that was fitted.

    Raises:
        ConfigError: If there are fewer videos than a step needs.
    """
    optim = run.optim
    steps_per_epoch = build_mixture(run, manifests).steps_per_epoch(optim.global_batch_size)
    lr_batch_size = optim.global_batch_size * (
        run.data.views if optim.lr_scale_by == "views" else 1
    )
    steps = max(1, round(optim.epochs * steps_per_epoch))
    schedule = CosineSchedule(
        peak=scale_lr(optim.lr, lr_batch_size),
        final=scale_lr(optim.min_lr, lr_batch_size),
        steps=steps,
        warmup_steps=min(steps, round(optim.warmup_epochs * steps_per_epoch)),
    )
    return LoopConfig(
        steps=steps,
        gradient_accumulation_steps=optim.gradient_accumulation_steps,
        lr_schedule=schedule,
        clip_norm=optim.clip_norm,
        log_interval=run.logging.interval,
        checkpoint_interval=run.checkpoint.interval,
        max_nonfinite_steps=run.max_nonfinite_steps,
    )


def build_mixture(run: Run, manifests: Sequence[Manifest]) -> Mixture:
    """The order in which a run reads the videos of its sources."""
    return Mixture.from_manifests(manifests, [s.weight for s in run.data.sources], seed=run.seed)


def get_frame_sampling(run: Run) -> FrameSampling:
    """Which frames make a clip, for those who use the model: those of the first source."""
    source = run.data.sources[0]
    return FrameSampling(
        kind="tsn" if source.frame_sampling == "tsn" else "strided",
        frame_interval=source.frame_interval,
        interval_unit=source.interval_unit,
    )
