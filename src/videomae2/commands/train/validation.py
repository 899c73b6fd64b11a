"""Metrics of held-out videos while classifiers learn, and the best state of each so far.

Of each video the middle clip and its middle crop, as in the released code. The clips are kept in
memory where they fit, so that they are read once in a run.

Axes: videos, outputs.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from videomae2.base.files import atomic_replace_dir, recover_dir
from videomae2.commands.train.datasets import VAL_FOLDER, build_val_sources
from videomae2.config.runs import ValidatedRun
from videomae2.data.loading.batch import CPUBatch
from videomae2.data.loading.labels import LabelledData
from videomae2.data.loading.loader import iterate_once
from videomae2.data.loading.quarantine import FILE_NAME, Quarantine, SampleId
from videomae2.data.views.resize import make_clips
from videomae2.errors import CheckpointError, DataError
from videomae2.models.task_type import TASK_TYPES, TaskType
from videomae2.models.weights.config_json import SavedClassifierConfig, load_model_config_of
from videomae2.models.weights.target_scaler import TargetScaler
from videomae2.tensors.clips import Clips
from videomae2.training.callback import Callback, CallbackContext
from videomae2.training.runtime import Runtime, resolve_num_workers

_logger = logging.getLogger(__name__)

NUM_EVALS = 10
"""Evaluations in a run, where it is not said how many."""
MAX_CACHED_BYTES = 2**29
"""Clips are kept in memory up to this size."""


_MINIMIZED = {spec.best_metric for spec in TASK_TYPES.values() if not spec.maximize}


@dataclass(frozen=True, slots=True)
class ValidationMetrics:
    """Numbers by name; the first is the one that counts, and ``loss`` decides between equals."""

    values: dict[str, float]

    @property
    def rank(self) -> tuple[float, float]:
        """Larger is better."""
        name, first = next(iter(self.values.items()))
        return (-first if name in _MINIMIZED else first), -self.values["loss"]


def is_better(candidate: ValidationMetrics, best: ValidationMetrics) -> bool:
    """Whether one is better than the other: the only rule by which a best model is chosen.

    Equal ones are not, so that of equal states the earliest stays, with or without a resume.
    """
    return candidate.rank > best.rank


def compute_metrics(
    task_type: TaskType, scores: Tensor, targets: Tensor, target_scaler: TargetScaler | None = None
) -> ValidationMetrics:
    """Measure raw scores [videos, outputs] against the targets of a task.

    Numbers count in their deviation over the training videos, so that none outweighs another.

    Raises:
        DataError: No label holds for any of the videos.
    """
    scale = 1.0 if target_scaler is None else torch.tensor(target_scaler.std)
    return ValidationMetrics(TASK_TYPES[task_type].compute_metrics(scores, targets, scale))


@dataclass(frozen=True, kw_only=True, slots=True)
class EvalTarget:
    """A model that learns and whose best state is kept."""

    name: str = ""
    """What stands before its numbers; nothing where there is only one."""
    folder: Path
    """Where its best state is kept."""
    predict: Callable[[Clips, CPUBatch], Tensor]
    """Gives its raw scores of clips."""
    compute_metrics: Callable[[Tensor, Sequence[SampleId]], ValidationMetrics]
    """Judges the scores of all videos that could be read."""
    save: Callable[[Path, Mapping[str, object]], None]
    """Writes it, with metadata, into a folder that exists."""


@dataclass(slots=True)
class Validation(Callback):
    """Evaluates after every step that asks for it."""

    run: ValidatedRun
    steps: int
    """Of the whole run."""
    runtime: Runtime
    val_data: LabelledData
    eval_targets: Sequence[EvalTarget]
    cached_batches: list[CPUBatch] = field(default_factory=list)
    _context: CallbackContext = field(init=False)

    def attach(self, context: CallbackContext) -> None:
        self._context = context
        for eval_target in self.eval_targets:
            recover_dir(eval_target.folder)

    def on_step_end(self, step: int) -> None:
        interval = self.run.validation.interval or max(1, -(-self.steps // NUM_EVALS))
        if step % interval == 0 or step == self.steps:
            self._evaluate(self._context, step)

    def _evaluate(self, context: CallbackContext, steps_done: int) -> None:
        task, ema = context.task, context.ema
        with ema.average_parameters() if ema is not None else nullcontext():
            task.eval()
            try:
                scores, sample_ids = self._compute_scores()
                all_metrics = [
                    eval_target.compute_metrics(target_scores, sample_ids)
                    for eval_target, target_scores in zip(self.eval_targets, scores, strict=True)
                ]
                for eval_target, metrics in zip(self.eval_targets, all_metrics, strict=True):
                    self._save_if_best(eval_target, metrics, steps_done, ema=ema is not None)
            finally:
                task.train()
        for eval_target, metrics in zip(self.eval_targets, all_metrics, strict=True):
            prefix = f"validation/{eval_target.name}/" if eval_target.name else "validation/"
            values = {f"{prefix}{name}": value for name, value in metrics.values.items()}
            context.log_values(steps_done - 1, values)
            num_unreadable = sum(map(len, self.val_data.manifests)) - len(sample_ids)
            metrics_text = "  ".join(
                f"{name} {value:.4g}" for name, value in metrics.values.items()
            )
            target_name = f"{eval_target.name}: " if eval_target.name else ""
            unreadable_text = f"  ({num_unreadable} videos unreadable)" if num_unreadable else ""
            _logger.info(f"val at step {steps_done}: {target_name}{metrics_text}{unreadable_text}")

    @torch.inference_mode()
    def _compute_scores(self) -> tuple[list[Tensor], list[SampleId]]:
        """Raw scores of each contender for all held-out videos that could be read, and which."""
        scores: list[list[Tensor]] = [[] for _ in self.eval_targets]
        sample_ids: list[SampleId] = []
        for batch in self._iterate_batches():
            clips = self._make_clips(batch)
            readable = [sample is not None for sample in batch.samples]
            sample_ids += [
                sample_id
                for sample_id, is_readable in zip(batch.sample_ids, readable, strict=True)
                if is_readable
            ]
            for eval_target, target_scores in zip(self.eval_targets, scores, strict=True):
                with self.runtime.autocast():
                    target_scores.append(eval_target.predict(clips, batch).float().cpu()[readable])
        if not sample_ids:
            quarantine_file = self.run.output_dir / VAL_FOLDER / FILE_NAME
            raise DataError(f"none of the held-out videos can be read; {quarantine_file} says why")
        return [torch.cat(target_scores) for target_scores in scores], sample_ids

    def _make_clips(self, batch: CPUBatch) -> Clips:
        cubes = self.run.model.encoder.cubes
        size = (cubes.height, cubes.width)
        return make_clips(batch, size, cubes.frames, cubes.channels, self.runtime.device)

    def _iterate_batches(self) -> Iterator[CPUBatch]:
        """All held-out videos in batches, from memory if they were read before."""
        if self.cached_batches:
            yield from self.cached_batches
            return
        data = replace(self.run.data, sources=build_val_sources(self.run), views=1)
        num_bytes, batches = 0, []
        for batch in iterate_once(
            self.val_data.manifests,
            data,
            self.run.loading,
            self.run.model.encoder.cubes,
            batch_size=self.run.optim.micro_batch_size or self.run.optim.global_batch_size,
            num_workers=resolve_num_workers(self.run.loading.num_workers, self.runtime),
            quarantine=self._open_quarantine(),
        ):
            num_bytes += sum(
                sample.pixels.numel() for sample in batch.samples if sample is not None
            )
            batches.append(batch)
            if num_bytes > MAX_CACHED_BYTES:
                batches.clear()
            yield batch
        self.cached_batches = batches if num_bytes <= MAX_CACHED_BYTES else []

    def _open_quarantine(self) -> Quarantine:
        """The held-out videos that cannot be read; a list apart from that of training."""
        folder = self.run.output_dir / VAL_FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        share = self.run.data.max_unreadable_share
        return Quarantine(folder, self.val_data.manifests, max_share=share)

    def _save_if_best(
        self, eval_target: EvalTarget, metrics: ValidationMetrics, steps_done: int, *, ema: bool
    ) -> None:
        """Save a model if no evaluation before was better, atomically.

        A failure is logged, and survived: later evaluations may be better. After the last there is
        none.

        Raises:
            CheckpointError: The last could not be saved.
        """
        best_metrics = _load_best_metrics(eval_target.folder)
        if best_metrics is not None and not is_better(metrics, best_metrics):
            return
        steps = {"step": steps_done, "steps": self.steps}
        metadata: dict[str, object] = {**steps, "ema": ema, "validation": metrics.values}
        try:
            atomic_replace_dir(
                eval_target.folder, lambda folder: eval_target.save(folder, metadata)
            )
        except CheckpointError as error:
            if steps_done == self.steps:
                raise CheckpointError(
                    f"{error}; free some room, and the same command goes on at the last checkpoint"
                ) from error
            _logger.warning(
                f"{error}; training goes on, the next try is at the next better evaluation"
            )


def _load_best_metrics(folder: Path) -> ValidationMetrics | None:
    """What was measured of the best model so far."""
    if not folder.exists():
        return None
    return ValidationMetrics(
        load_model_config_of(SavedClassifierConfig, folder).metadata["validation"]
    )
