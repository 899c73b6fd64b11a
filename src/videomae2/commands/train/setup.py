"""What one kind of training brings to the loop that all kinds share, and how long it is.

A ``TrainingJob`` has read its lists and can say what it would do; it builds the ``TrainingSetup``
once the run folder is known to be usable.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeVar

import torch
from torch import Generator, Tensor, nn

from videomae2.base.summary import Summary
from videomae2.commands.train.datasets import TrainValData
from videomae2.commands.train.video_lists import VideoList, build_labelled_lists
from videomae2.config.checks import check_run
from videomae2.config.files import to_builtin
from videomae2.config.runs import ClassifierRun, Run
from videomae2.data.loading.batch import CPUBatch
from videomae2.data.loading.loader import Loader
from videomae2.data.loading.mixture import Mixture
from videomae2.data.loading.sources import SourceConfig
from videomae2.data.manifests.class_names import read_class_names
from videomae2.data.manifests.manifest import Manifest
from videomae2.data.splits.duplicates import describe_duplicates, list_side
from videomae2.data.views.resize import make_clips
from videomae2.models.classifier import Classifier
from videomae2.models.task_type import TaskType
from videomae2.models.weights.config_json import FrameSampling, ModelConfig, SavedClassifierConfig
from videomae2.models.weights.head import TargetScaler
from videomae2.models.weights.init_from import init_classifier
from videomae2.models.weights.load_report import LoadReport
from videomae2.models.weights.pretrained import Pretrained, resolve_encoder
from videomae2.tensors.clips import Clips
from videomae2.tensors.grid import Cubes
from videomae2.training.loop import Callback, LoopConfig
from videomae2.training.prefetch import MicroBatch, prefetch_to_device
from videomae2.training.runtime import Runtime, count_available_cores, count_threads
from videomae2.training.schedules import CosineSchedule, count_steps, scale_lr


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingSetup:
    """The task that is trained, and what goes with it."""

    task: nn.Module
    """On the CPU, with its first weights; its ``model`` is what is saved, all of it learns."""
    config: ModelConfig
    """Of the model that is saved; its metadata goes into every one."""
    transform: Callable[[Clips, CPUBatch], Clips] | None = None
    """What is done to clips on the device before the task sees them."""
    callbacks: Sequence[Callback] = ()
    """What is done beside the steps, in this order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StepTrial:
    """What is trained, with any weights, to measure a step."""

    build_task: Callable[[], nn.Module]
    target: Tensor | None = None
    """What the task is told of a clip [1, …]; None if it is told nothing."""


@dataclass(frozen=True, kw_only=True)
class TrainingJob(ABC):
    """A run of one kind, checked, whose lists are read."""

    run: Run
    manifests: Sequence[Manifest]
    metadata: Mapping[str, object] = field(default_factory=dict)
    """Goes into the card of every model that is saved, such as its lineage."""

    @abstractmethod
    def build_lists(self) -> tuple[VideoList, ...]:
        """What the lists say, those that are held out as well."""

    def build_provenance(self) -> dict[str, Any]:
        """What results follow from: none of it may change on resuming."""
        videos = [asdict(video_list) for video_list in self.build_lists()]
        return {"settings": to_builtin(self.run), "videos": videos}

    @abstractmethod
    def build_meta_model(self) -> nn.Module:
        """What is saved, without values: for the room that checkpoints need."""

    @abstractmethod
    def summarize_model(self) -> Summary:
        """Say what is trained, and what only this kind of run has."""

    @abstractmethod
    def count_macs(self) -> int:
        """Multiply-accumulates of the forward pass of a clip, of all models that see it."""

    def count_threads(self) -> int:
        """Threads that compute the steps of a run whose batch was fitted."""
        run = self.run
        micro_batch = run.optim.global_batch_size // run.optim.gradient_accumulation_steps
        return count_threads(run.runtime, self.count_macs() * micro_batch * run.data.views)

    def try_init(self) -> Summary:
        """Load the first weights to see whether they fit, and say where they come from."""
        return Summary(())

    def get_trial(self) -> StepTrial | None:
        """What a step can be measured with; None where it is more than a task."""
        return None

    @abstractmethod
    def build_setup(self, runtime: Runtime) -> TrainingSetup:
        """Build what is trained."""


@dataclass(frozen=True, kw_only=True)
class ClassifierJob(TrainingJob):
    """A run that trains a classifier on labelled videos."""

    run: ClassifierRun
    videos: TrainValData

    def build_lists(self) -> tuple[VideoList, ...]:
        return build_labelled_lists(self.run, self.videos)

    def build_meta_model(self) -> Classifier:
        with torch.device("meta"):
            return Classifier(self.run.model)

    def find_duplicates(self) -> Summary:
        """Say which videos are trained on and held out under two names, if any are found."""
        videos, search = self.videos, self.run.validation.find_duplicates
        if videos.val is None:
            return Summary(())
        num_workers = self.run.reading.num_workers
        text = describe_duplicates(
            list_side(videos.train.manifests),
            list_side(videos.val.manifests),
            search,
            self.run.reading,
            num_workers=count_available_cores() if num_workers is None else num_workers,
            channels=self.run.model.encoder.channels,
        )
        return Summary((("warning", text),) if text else ())


def build_classifier(
    run: ClassifierRun,
    class_names: Sequence[str] | None,
    generator: Generator,
    target_scaler: TargetScaler | None = None,
) -> tuple[Classifier, LoadReport]:
    """A classifier with its first weights, and where they come from.

    Raises:
        CheckpointError: If its parent cannot be read or does not fit.
        ManifestError: If the names of its parent's outputs cannot be read.
    """
    model, init = Classifier(run.model), run.init
    names = None if init.class_names is None else read_class_names(init.class_names)
    report = init_classifier(
        model,
        init,
        generator,
        class_names=class_names,
        pretrained_class_names=names,
        target_scaler=target_scaler,
        subtract=run.data.subtract,
        bits=run.data.bits,
    )
    return model, report


def iterate_micro_batches(
    loader: Loader,
    cubes: Cubes,
    runtime: Runtime,
    transform: Callable[[Clips, CPUBatch], Clips] | None = None,
) -> Iterator[MicroBatch]:
    """The micro-batches of a loader as clips on the device, one of them ahead."""

    def to_micro_batch(batch: CPUBatch) -> MicroBatch:
        size = (cubes.height, cubes.width)
        clips = make_clips(batch, size, cubes.frames, cubes.channels, runtime.device)
        clips = clips if transform is None else transform(clips, batch)
        return MicroBatch(clips, batch.paths, batch.num_unreadable)

    return prefetch_to_device(iter(loader), to_micro_batch, runtime.device)


def build_model_config(
    run: ClassifierRun, class_names: Sequence[str] | None, task_type: TaskType
) -> SavedClassifierConfig:
    """What will be known about a classifier that is saved."""
    return SavedClassifierConfig(
        model=run.model,
        class_names=None if class_names is None else tuple(class_names),
        task_type=task_type,
        frame_sampling=get_frame_sampling(run),
        mean=run.data.mean,
        std=run.data.std,
        subtract=run.data.subtract,
        bits=run.data.bits,
    )


C = TypeVar("C", bound=ClassifierRun)


def resolve_model(run: C, num_classes: int, parent: Pretrained | None = None) -> C:
    """Give the model its outputs, and what it computes as its parent does.

    ``parent`` is what it will start from, where that is still to be made.

    Raises:
        CheckpointError: If the parent cannot be read or was trained on another grid than is said.
    """
    model, init = run.model, run.init
    encoder = resolve_encoder(model.encoder, init.pos_embed, parent or init.weights)
    return replace(run, model=replace(model, encoder=encoder, num_classes=num_classes))


def get_frame_sampling(run: Run) -> FrameSampling:
    """Which frames make a clip, for those who use the model: those of the first source."""
    return get_source_sampling(run.data.sources[0])


def get_source_sampling(source: SourceConfig) -> FrameSampling:
    """Which frames make a clip of a source, for those who use the model."""
    kind = source.frame_sampling
    return FrameSampling(
        kind="strided" if kind == "dense" else kind,
        frame_interval=source.frame_interval,
        interval_unit=source.interval_unit,
    )


R = TypeVar("R", bound=Run)


def resolve_run(run: R, runtime: Runtime, manifests: Sequence[Manifest]) -> R:
    """The run with what precision and batch became: what it computes depends on them."""
    config = replace(run.runtime, precision=runtime.precision)
    return resolve_batch_size(replace(run, runtime=config), manifests)


def resolve_batch_size(run: R, manifests: Sequence[Manifest]) -> R:
    """A run whose batch there are enough videos for, where it may shrink: whole micro-batches."""
    optim, epoch_size = run.optim, build_mixture(run, manifests).epoch_size
    if not optim.allow_smaller_batch or epoch_size >= optim.global_batch_size:
        return run
    micro_batch_size = optim.micro_batch_size or optim.global_batch_size
    size = max(1, epoch_size // micro_batch_size) * min(micro_batch_size, epoch_size)
    micro_size = None if optim.micro_batch_size is None else min(micro_batch_size, size)
    optim = replace(optim, global_batch_size=size, micro_batch_size=micro_size)
    smaller: R = replace(run, optim=optim)
    check_run(smaller, about="optim.")
    return smaller


def build_loop_config(run: Run, manifests: Sequence[Manifest]) -> LoopConfig:
    """Turn epochs into steps and rates for 256 into rates, of a run that was fitted.

    Raises:
        ConfigError: An epoch has fewer videos than a step, or the warm-up is longer than the run.
    """
    optim = run.optim
    steps_per_epoch = build_mixture(run, manifests).steps_per_epoch(optim.global_batch_size)
    views = run.data.views if optim.lr_scale_by == "views" else 1
    lr_batch_size = optim.global_batch_size * views
    steps, warmup_steps = count_steps(optim, steps_per_epoch)
    schedule = CosineSchedule(
        peak=scale_lr(optim.lr, lr_batch_size),
        final=scale_lr(optim.min_lr, lr_batch_size),
        steps=steps,
        warmup_steps=warmup_steps,
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
    return Mixture(list(map(len, manifests)), [s.weight for s in run.data.sources], seed=run.seed)
