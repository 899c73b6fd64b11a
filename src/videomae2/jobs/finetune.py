"""Supervised training from start to end: post-pre-training, fine-tuning, or from scratch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from videomae2.config import FinetuneRun, Run, check
from videomae2.config.differences import SAME_RESULTS
from videomae2.data.labels import Labelled
from videomae2.engine.loop import Plan
from videomae2.engine.runlog import to_terminal
from videomae2.engine.runtime import Runtime
from videomae2.jobs.first_weights import first_weights
from videomae2.jobs.labelled_videos import Outputs, TrainingVideos, read_videos
from videomae2.jobs.measures import measure
from videomae2.jobs.rehearsal import foresee
from videomae2.jobs.targets import Finishing
from videomae2.jobs.training import (
    check_resumable,
    describe_length,
    describe_videos,
    train,
)
from videomae2.jobs.validation import BEST, Contender, Validation
from videomae2.jobs.video_lists import labelled_lists
from videomae2.jobs.work import Say, Watch, Watching, Work, load_one, save_one
from videomae2.models.cards import ClassifierCard, ClipSpan, read_card_of
from videomae2.models.classifier import Classifier
from videomae2.models.number_scale import NumberScale
from videomae2.models.parents import Parent
from videomae2.models.places import placed
from videomae2.models.tuning import tune
from videomae2.tasks.classify import ClassifyTask

_SCRATCH_HINT = "; --start.weights RUN would begin with what a pre-training run has learnt"


def finetune(
    run: FinetuneRun,
    *,
    resume: bool = False,
    notes: Mapping[str, object] | None = None,
    compared: frozenset[str] = SAME_RESULTS,
    say: Say = to_terminal,
) -> Path:
    """Train a classifier, or go on training it, and give the folder of its best model.

    Args:
        run: The complete configuration. Outputs that are not given are those of the data.
        resume: Insist on going on: it is an error if there is no checkpoint.
        notes: Goes into the card of every model that is saved, such as its lineage.
        compared: Settings that are not held against those of the run in the folder.
        say: Takes each line for people.

    Returns:
        The best model by validation; without validation, the last checkpoint.

    Raises:
        ConfigError: Before any work, with every problem of the configuration.
        DataError: If lists are wrong, or more videos than allowed cannot be read.
        CheckpointError: If the parent does not fit, the run folder cannot be used, or the last
            state not be saved.
        NonFiniteLossError: If too many steps in a row were skipped, or all.
        Interrupted: After saving, when asked to stop.
    """
    check(run)
    if resume:
        check_resumable(run)
    videos = read_videos(run)
    run = complete(run, videos)
    with torch.device("meta"):
        model = Classifier(run.model)
    last = train(
        run,
        videos.training.manifests,
        labelled_lists(run, videos),
        lambda run, plan, runtime: begin(run, plan, runtime, videos, say, notes or {}),
        model=model,
        compared=compared,
        say=say,
        describe=lambda run: describe(run, videos),
    )
    best = run.record.out / BEST
    if not best.exists():
        return last
    found = read_card_of(ClassifierCard, best).notes
    shown = "  ".join(f"{name} {value:.4g}" for name, value in found["validation"].items())
    say(f"best     {best}, of step {found['step']}, on held-out videos: {shown}")
    return best


def complete(run: FinetuneRun, videos: TrainingVideos, parent: Parent | None = None) -> FinetuneRun:
    """Give the model as many outputs as the data asks for, and its parent's position table.

    Args:
        run: As asked for.
        videos: Its data.
        parent: What it will start from, where that is still to be made.

    Raises:
        CheckpointError: If the parent cannot be read or was trained on another grid than is said.
    """
    model, start = run.model, run.start
    encoder = placed(model.encoder, start.positions, parent or start.weights)
    outputs = len(videos.training.names)
    return replace(run, model=replace(model, encoder=encoder, outputs=outputs))


def begin(
    run: FinetuneRun,
    plan: Plan,
    runtime: Runtime,
    videos: TrainingVideos,
    say: Say,
    more: Mapping[str, object],
) -> Work:
    """Build what is trained: first weights, then what of them learns, then the task."""
    names, data, outputs = videos.training.names, run.data, Outputs(run.task, videos.training)
    generator, numbers = torch.Generator().manual_seed(run.seed), outputs.scale()
    model, report = begun(run, names, generator, numbers)
    say(report)
    tune(model, run.tuning, generator)
    task = ClassifyTask(
        model,
        run.task,
        class_weights=outputs.weights(),
        numbers=numbers,
        mean=data.mean,
        std=data.std,
    )

    def card(notes: dict[str, object]) -> ClassifierCard:
        return ClassifierCard(
            model=run.model,
            classes=names,
            answers=run.task.answers,
            span=span(run),
            numbers=numbers,
            mean=data.mean,
            std=data.std,
            notes={**notes, **more},
        )

    def save(folder: Path, notes: dict[str, object]) -> None:
        save_one(folder, model, card(notes))

    return Work(
        run=run,
        task=task,
        save=lambda folder, step: save(folder, {"step": step, "steps": plan.steps}),
        load=lambda folder: load_one(folder, model),
        finish=Finishing(run, outputs),
        watch=_watch(run, plan, runtime, videos.held_out, task, numbers, save, say),
    )


def begun(
    run: FinetuneRun,
    classes: Sequence[str],
    generator: torch.Generator,
    numbers: NumberScale | None = None,
) -> tuple[Classifier, str]:
    """A model with its first weights, and where they come from in words."""
    model = Classifier(run.model)
    report = first_weights(model, run.start, generator, classes=classes, numbers=numbers)
    return model, f"{report}{_SCRATCH_HINT if run.start.weights is None else ''}"


def _watch(
    run: FinetuneRun,
    plan: Plan,
    runtime: Runtime,
    held_out: Labelled | None,
    task: ClassifyTask,
    numbers: NumberScale | None,
    save: Callable[[Path, dict[str, object]], None],
    say: Say,
) -> Callable[[Watching], Watch] | None:
    """Make the one who looks at held-out videos, if there are any."""
    if held_out is None:
        return None
    outputs = Outputs(run.task, held_out)
    contender = Contender(
        folder=run.record.out / BEST,
        answer=lambda clips, batch: task.predict(clips),
        measure=lambda scores, places: measure(
            run.task.answers, scores, outputs.of(places, 1), numbers
        ),
        save=save,
    )
    return Validation(run, plan, runtime, held_out, (contender,), say).begin


def span(run: Run) -> ClipSpan:
    """Which frames make a clip, for those who use the model: those of the first source."""
    source = run.data.sources[0]
    return ClipSpan(
        kind="segments" if source.sampling == "segments" else "dense",
        stride=source.stride,
        stride_unit=source.stride_unit,
    )


def rehearse(run: FinetuneRun) -> str:
    """Describe a run, and see whether it would start: its lists are read and its parent loaded.

    Raises:
        ConfigError: If the device is not there, or the folder holds another run.
        DataError: If lists are wrong.
        CheckpointError: If the parent does not fit, or the folder cannot be used.
    """
    videos = read_videos(run)
    run = complete(run, videos)
    model, report = begun(run, videos.training.names, torch.Generator().manual_seed(run.seed))
    lists = labelled_lists(run, videos)
    foreseen = foresee(run, videos.training.manifests, lists, model)
    return f"{describe(run, videos)}\n{report}\n{foreseen}"


def describe(run: FinetuneRun, videos: TrainingVideos) -> str:
    """Say in a few lines what a run will do and what was inferred from the data.

    Raises:
        ConfigError: If the device is not there.
    """
    with torch.device("meta"):
        parameters = sum(p.numel() for p in Classifier(run.model).parameters())
    encoder, manifests = run.model.encoder, videos.training.manifests
    return "\n".join(
        [
            describe_videos(run, manifests),
            *videos.describe(run.task.answers),
            f"model    {encoder.size}, {parameters / 1e6:.1f} M parameters, {run.model.outputs} "
            f"outputs, clips of {encoder.frames}x{encoder.height}x{encoder.width}",
            describe_length(run, manifests),
        ]
    )
