"""Metrics of held-out videos while a classifier learns, and its best state so far.

Of each video the middle clip and its middle crop, as in the released code. The clips are kept in
memory where they fit, so that they are read once in a run.

Axes: videos, outputs.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from itertools import compress
from pathlib import Path

import torch
from torch import Tensor

from videomae2.base.files import atomic_replace_dir, recover_dir
from videomae2.base.text import format_count
from videomae2.commands.train.datasets import VAL_FOLDER, build_val_sources
from videomae2.commands.train.resume import save_learning_model
from videomae2.config.runs import ClassifierRun
from videomae2.data.loading.batch import CPUBatch
from videomae2.data.loading.labels import LabelledData
from videomae2.data.loading.loader import iterate_once
from videomae2.data.loading.quarantine import FILE_NAME, Quarantine, SampleId
from videomae2.data.views.resize import make_clips
from videomae2.errors import CheckpointError, DataError, NonFiniteLossError
from videomae2.models.task_type import TASK_TYPES
from videomae2.models.weights.config_json import SavedClassifierConfig, load_model_config_of
from videomae2.models.weights.model_ref import BEST_FOLDER
from videomae2.tasks.classify import ClassifyTask
from videomae2.tasks.distill import DistillTask
from videomae2.tensors.clips import Clips
from videomae2.training.loop import Callback, CallbackContext
from videomae2.training.runtime import resolve_num_workers

_logger = logging.getLogger(__name__)

NUM_EVALS = 10
"""Evaluations in a run, where it is not said how many."""
MAX_CACHED_BYTES = 2**29
"""Clips are kept in memory up to this size."""
_MINIMIZED = {spec.best_metric for spec in TASK_TYPES.values() if not spec.maximize}


def rank_metrics(metrics: Mapping[str, float]) -> tuple[float, float]:
    """How good they are, larger is better: the only rule by which a best model is chosen.

    The first metric counts, and ``loss`` decides between equals. A best model gives way to a
    better one, so of equal states the earliest stays, with or without a resume.
    """
    name, first = next(iter(metrics.items()))
    return (-first if name in _MINIMIZED else first), -metrics["loss"]


def format_metrics(metrics: Mapping[str, float]) -> str:
    """Show them on one line."""
    return "  ".join(f"{name} {value:.4g}" for name, value in metrics.items())


def report_result(run_folder: Path, last: Path) -> Path:
    """Say how good the best model of a run is, and give its folder; the last where none is."""
    best = run_folder / BEST_FOLDER
    if not best.exists():
        return last
    saved = load_model_config_of(SavedClassifierConfig, best).metadata
    metrics = format_metrics(saved["validation"])
    _logger.info(f"best     {best}, of step {saved['step']}, on held-out videos: {metrics}")
    return best


@dataclass(slots=True)
class Validation(Callback):
    """Evaluates after every step that asks for it, and keeps the best state."""

    run: ClassifierRun
    val_data: LabelledData
    config: SavedClassifierConfig
    compute_metrics: Callable[[Tensor, Sequence[SampleId]], dict[str, float]]
    """Judges the scores of all videos that could be read."""
    before_predict: Callable[[Clips, CPUBatch], None] | None = None
    """Is shown what the model will see."""
    on_metrics: Callable[[int, Mapping[str, float], int], None] | None = None
    """Is told how many steps are done, how good the model is, and of how many videos."""
    _cached_batches: list[CPUBatch] = field(default_factory=list)
    _context: CallbackContext = field(init=False)

    @property
    def _folder(self) -> Path:
        return self.run.output_dir / BEST_FOLDER

    def attach(self, context: CallbackContext) -> None:
        self._context = context
        recover_dir(self._folder)

    def on_step_end(self, step: int) -> None:
        steps = self._context.steps
        interval = self.run.validation.interval or max(1, -(-steps // NUM_EVALS))
        if step % interval == 0 or step == steps:
            self._evaluate(step)

    def _evaluate(self, step: int) -> None:
        task, ema = self._context.task, self._context.ema
        with ema.average_parameters() if ema is not None else nullcontext():
            task.eval()
            try:
                scores, sample_ids = self._compute_scores()
                _check_finite(scores, step)
                metrics = self.compute_metrics(scores, sample_ids)
                self._save_if_best(metrics, step)
            finally:
                task.train()
        values = {f"validation/{name}": value for name, value in metrics.items()}
        self._context.log_values(step - 1, values)
        num_unreadable = sum(map(len, self.val_data.manifests)) - len(sample_ids)
        unreadable = (
            f"  ({format_count(num_unreadable, 'video')} unreadable)" if num_unreadable else ""
        )
        _logger.info(f"val at step {step}: {format_metrics(metrics)}{unreadable}")
        if self.on_metrics is not None:
            self.on_metrics(step, metrics, len(sample_ids))

    @torch.inference_mode()
    def _compute_scores(self) -> tuple[Tensor, list[SampleId]]:
        """Raw scores of all held-out videos that could be read, and which those are."""
        task = self._context.task
        assert isinstance(task, ClassifyTask | DistillTask)
        encoder, runtime = self.run.model.encoder, self._context.runtime
        size = encoder.height, encoder.width
        scores: list[Tensor] = []
        sample_ids: list[SampleId] = []
        for batch in self._iterate_batches():
            clips = make_clips(batch, size, encoder.frames, encoder.channels, runtime.device)
            readable = [sample is not None for sample in batch.samples]
            sample_ids += compress(batch.sample_ids, readable)
            if self.before_predict is not None:
                self.before_predict(clips, batch)
            with runtime.autocast():
                scores.append(task.predict(clips).float().cpu()[readable])
        if not sample_ids:
            quarantine_file = self.run.output_dir / VAL_FOLDER / FILE_NAME
            raise DataError(f"none of the held-out videos can be read; {quarantine_file} says why")
        return torch.cat(scores), sample_ids

    def _iterate_batches(self) -> Iterator[CPUBatch]:
        """All held-out videos in batches, from memory if they were read before."""
        if self._cached_batches:
            yield from self._cached_batches
            return
        run, num_bytes, batches = self.run, 0, []
        for batch in iterate_once(
            self.val_data.manifests,
            replace(run.data, sources=build_val_sources(run), views=1),
            run.reading,
            run.model.encoder.cubes,
            batch_size=run.optim.micro_batch_size or run.optim.global_batch_size,
            num_workers=resolve_num_workers(run.reading.num_workers, self._context.runtime),
            quarantine=self._open_quarantine(),
        ):
            num_bytes += sum(sample.pixels.numel() for sample in batch.samples if sample)
            batches.append(batch)
            if num_bytes > MAX_CACHED_BYTES:
                batches.clear()
            yield batch
        self._cached_batches = batches if num_bytes <= MAX_CACHED_BYTES else []

    def _open_quarantine(self) -> Quarantine:
        """The held-out videos that cannot be read; a list apart from that of training."""
        folder = self.run.output_dir / VAL_FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        share = self.run.data.max_unreadable_share
        return Quarantine(folder, self.val_data.manifests, max_share=share)

    def _save_if_best(self, metrics: dict[str, float], step: int) -> None:
        """Save the model if no evaluation before was better, atomically.

        A failure is logged, and survived: later evaluations may be better. After the last there is
        none, so it is an error.
        """
        folder, context = self._folder, self._context
        if folder.exists():
            best = load_model_config_of(SavedClassifierConfig, folder).metadata["validation"]
            if rank_metrics(metrics) <= rank_metrics(best):
                return
        steps = {"step": step, "steps": context.steps}
        metadata = {**steps, "ema": context.ema is not None, "validation": metrics}
        model = context.task.get_submodule("model")
        try:
            atomic_replace_dir(
                folder, lambda partial: save_learning_model(partial, model, self.config, metadata)
            )
        except CheckpointError as error:
            if step == context.steps:
                raise CheckpointError(
                    f"{error}; free some room, and the same command goes on at the last checkpoint"
                ) from error
            _logger.warning(
                f"{error}; training goes on, the next try is at the next better evaluation"
            )


def _check_finite(scores: Tensor, step: int) -> None:
    """Refuse weights that no later step can mend.

    Raises:
        NonFiniteLossError: A score is not finite.
    """
    is_finite = scores.isfinite().flatten(1).all(dim=1)
    if not is_finite.all():
        raise NonFiniteLossError(
            f"after step {step} the scores of {int((~is_finite).sum())} of {len(scores)} held-out "
            "videos are not finite, so the weights are of no use; a smaller --optim.lr, "
            "--optim.clip-norm 1 or --runtime.precision fp32 may help"
        )
