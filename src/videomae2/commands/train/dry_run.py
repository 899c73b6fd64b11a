"""What a training would do, found out without touching its folder: length, disk space, start."""

from dataclasses import replace

import torch
from torch import nn

from videomae2.base.files import check_writable
from videomae2.base.provenance import PROVENANCE_FILE
from videomae2.base.signals import raise_if_stopped
from videomae2.base.summary import Summary
from videomae2.base.text import format_count
from videomae2.commands.train.advice.cache import summarize_cache
from videomae2.commands.train.advice.exposure import (
    count_passes,
    describe_exposure,
    find_exposure_problem,
)
from videomae2.commands.train.advice.repeats import look_at_videos, summarize_repeats
from videomae2.commands.train.advice.step_cost import summarize_cost
from videomae2.commands.train.run_folder import (
    RUN_FILE,
    build_checkpoint_manager,
    check_own_folder,
    check_start,
)
from videomae2.commands.train.setup import (
    TrainingJob,
    build_loop_config,
    build_mixture,
    resolve_batch_size,
    resolve_run,
)
from videomae2.config.runs import DistillRun, FinetuneRun, Run
from videomae2.data.loading.sources import SourceConfig
from videomae2.data.manifests.preview import preview_manifest
from videomae2.models.classifier import Classifier, ClassifierConfig
from videomae2.models.weights.model_ref import BEST_FOLDER
from videomae2.training.checkpoint import CheckpointManager
from videomae2.training.loop import LoopConfig
from videomae2.training.runtime import prepare_runtime, resolve_runtime, use_threads

DISK_SPACE_REMEDY = (
    "choose another --out, or keep fewer checkpoints with --checkpoint.keep-latest-k and "
    "--checkpoint.keep-interval"
)
_MAX_UNUSED_SHARE = 0.1
"""More of the videos than this left out of each epoch is worth a line of the plan."""


def preview(job: TrainingJob) -> Summary:
    """Say what a run will do, and see whether it would start: its first weights are loaded.

    It raises what the run itself would before its first step.
    """
    init = job.try_init()
    raise_if_stopped()
    return summarize_job(job) + init + preview_cost(job) + _preview_start(job)


def preview_cost(job: TrainingJob) -> Summary:
    """Say what a run will read and cost, from some of its videos and a few steps of its model."""
    runtime = prepare_runtime(job.run.runtime)
    run = resolve_run(job.run, runtime, job.manifests)
    latest = build_checkpoint_manager(run).find_latest()
    num_steps = build_loop_config(run, job.manifests).steps - (latest[0] if latest else 0)
    sample = look_at_videos(run, job.manifests, runtime)
    summary = summarize_repeats(run, sample) + summarize_cache(run, job.manifests, sample)
    raise_if_stopped()
    job = replace(job, run=run)
    with use_threads(job.count_threads()):
        return summary + summarize_cost(job, max(0, num_steps), runtime)


def summarize_job(job: TrainingJob) -> Summary:
    """Say what a run will do: its videos, its model, its length, where it writes and computes."""
    summary = Summary(())
    for source, manifest in zip(job.run.data.sources, job.manifests, strict=True):
        text = (
            f"{source.display_name}: {format_count(len(manifest), 'video')} "
            f"({manifest.description}), {format_sampling(source)}, weight {source.weight:g}"
        )
        summary += Summary((("videos", text),)) + preview_manifest(manifest)
    return summary + job.summarize_model() + _summarize_length(job)


def _preview_start(job: TrainingJob) -> Summary:
    """Say where a run would begin or go on."""
    run = resolve_run(job.run, resolve_runtime(job.run.runtime), job.manifests)
    loop_config, folder = build_loop_config(run, job.manifests), run.output_dir
    checkpoints, hint = build_checkpoint_manager(run), ""
    latest = checkpoints.find_latest()
    check_own_folder(run)
    is_begun = any((folder / name).exists() for name in (PROVENANCE_FILE, RUN_FILE))
    if is_begun and check_start(run, replace(job, run=run).build_provenance()):
        hint = " in place of another run, which had no checkpoint"
    num_bytes = estimate_checkpoint_bytes(run, job.build_meta_model(), loop_config, checkpoints)
    check_writable(folder, num_bytes, dry_run=True, remedy=DISK_SPACE_REMEDY)
    if latest is None:
        return Summary((("resume", f"nothing to go on with: the first step{hint}"),))
    text = f"would go on at step {latest[0]} of {loop_config.steps} from {latest[1]}"
    return Summary((("resume", text),))


def estimate_checkpoint_bytes(
    run: Run, model: nn.Module, loop_config: LoopConfig, checkpoints: CheckpointManager
) -> int:
    """Room for all that is still to come: checkpoints, one of them half-written, and best models.

    ``model`` is what is saved, on any device; ``checkpoints`` are those that are there.
    """
    parameters = sum(p.numel() for p in model.parameters())
    copies = 3 + (run.optim.ema_decay is not None)  # weights and two moments, and the mean
    interval, keep_interval = run.checkpoint.interval, run.checkpoint.keep_interval
    saves = [*range(interval, loop_config.steps, interval), loop_config.steps]
    newest = saves[-run.checkpoint.keep_latest_k - 1 :]  # one too many, until the last is written
    permanent = [step for step in saves if keep_interval and step % keep_interval == 0]
    num_checkpoints = max(1, len({*newest, *permanent}) - len(checkpoints.list_steps()))
    return 4 * parameters * (copies * num_checkpoints + _count_model_copies(run))


def _count_model_copies(run: Run) -> int:
    """Copies of the weights beside checkpoints: the best and, for a moment, the one before it."""
    if not isinstance(run, FinetuneRun | DistillRun):
        return 0
    if run.validation.path is None and not run.validation.share:
        return 0
    return 1 if (run.output_dir / BEST_FOLDER).exists() else 2


def describe_classifier(config: ClassifierConfig) -> str:
    """Say how large a classifier is, and which clips it reads."""
    with torch.device("meta"):
        parameters = sum(p.numel() for p in Classifier(config).parameters())
    encoder = config.encoder
    text = (
        f"{encoder.size}, {parameters / 1e6:.1f} M parameters, {config.num_classes} outputs, "
        f"clips of {encoder.clip_dimensions}"
    )
    if config.global_pool == "slots":
        text += f", the head reads {encoder.cubes.grid[0]} time slots"
    if encoder.pretrained_grid:
        grid = "x".join(map(str, encoder.pretrained_grid))
        text += f", position table of {grid} cubes resampled"
    return text


def format_sampling(source: SourceConfig) -> str:
    """Say which frames of a video make a clip."""
    if source.frame_sampling == "tsn":
        return "one frame of each part"
    if source.frame_sampling == "whole":
        return "frames over the whole video"
    unit = {"frames": "every {:g} frames", "seconds": "every {:g} s", "per-second": "{:g} per s"}
    return unit[source.interval_unit].format(source.frame_interval)


def _summarize_length(job: TrainingJob) -> Summary:
    requested, manifests = job.run, job.manifests
    run = resolve_batch_size(requested, manifests)
    loop_config, optim = build_loop_config(run, manifests), run.optim
    peak = max(loop_config.lr_schedule(step) for step in range(min(loop_config.steps, 100_000)))
    parts = optim.gradient_accumulation_steps
    text = (
        f"{loop_config.steps} of {format_count(optim.global_batch_size, 'video')} x "
        f"{format_count(run.data.views, 'view')}"
    )
    text += f" in {parts} parts" if parts > 1 else ""
    mixture = build_mixture(run, manifests)
    epochs = optim.epochs
    if epochs is None:
        epochs = round(loop_config.steps / mixture.steps_per_epoch(optim.global_batch_size), 1)
    text += f", {format_count(epochs, 'epoch', '.10g')}, peak lr {peak:.3g}"
    if optim.global_batch_size < requested.optim.global_batch_size:
        text += (
            f"\nnot --optim.global-batch-size {requested.optim.global_batch_size}: an epoch "
            f"has {format_count(mixture.epoch_size, 'video')}"
        )
    passes = count_passes(run, mixture, loop_config.steps)
    text += f"\n{describe_exposure(run, passes)}"
    unused = mixture.epoch_size % optim.global_batch_size
    if unused > _MAX_UNUSED_SHARE * mixture.epoch_size:
        text += (
            f"\n{unused} of {format_count(mixture.epoch_size, 'video')} fill no step of "
            f"an epoch, others each time"
        )
    device = _describe_device(replace(job, run=run))
    problem = find_exposure_problem(run, passes, loop_config.steps)
    warnings = () if problem is None else (("warning", problem),)
    return Summary(
        (("steps", text), *warnings, ("folder", str(run.output_dir)), ("device", device))
    )


def _describe_device(job: TrainingJob) -> str:
    """Say where a run computes, and on how many threads if its steps are too small for all."""
    num_threads, available = job.count_threads(), torch.get_num_threads()
    with use_threads(num_threads):
        text = str(resolve_runtime(job.run.runtime))
    if job.run.runtime.threads is None and num_threads < available:
        text += f"; its steps are too small for {available} threads (--runtime.threads)"
    return text
