"""Judge a classifier on labelled videos: many views of each, decoded once, and a report."""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from videomae2.engine.room import check_writable
from videomae2.engine.runlog import to_terminal
from videomae2.engine.runtime import Runtime, RuntimeConfig, prepare
from videomae2.engine.signals import Wishes
from videomae2.errors import CheckpointError, DataError, UnreadableShareError
from videomae2.jobs.evaluation.files import write_files
from videomae2.jobs.evaluation.gallery import Gallery
from videomae2.jobs.evaluation.measures import measure
from videomae2.jobs.evaluation.questions import Questions, check_clock, read_questions
from videomae2.jobs.evaluation.report import write_report
from videomae2.jobs.evaluation.results import Draw, Evaluation, ModelFacts, Work
from videomae2.jobs.evaluation.score_book import ScoreBook
from videomae2.jobs.evaluation.scoring import Progress, Scoring, score
from videomae2.jobs.evaluation.settings import EvaluateConfig
from videomae2.jobs.evaluation.strips import strips_of
from videomae2.jobs.evaluation.video_results import Right
from videomae2.jobs.run_folder import RunLock
from videomae2.jobs.scoring import Scorer, ready
from videomae2.jobs.trainer import reading_processes
from videomae2.jobs.view_settings import ViewSettings, settle_views
from videomae2.models.cards import ClassifierCard
from videomae2.models.chosen import Chosen, find_best, load_chosen, run_folder
from videomae2.models.classifier import Classifier

__all__ = ["EvaluateConfig", "Evaluation", "Plan", "evaluate", "prepare_evaluation"]

Say = Callable[[str], None]

_SHOWN_UNREADABLE = 5


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is decided before a video is read."""

    chosen: Chosen
    model: Classifier
    card: ClassifierCard
    runtime: Runtime
    questions: Questions
    views: ViewSettings
    out: Path
    config: EvaluateConfig

    def lines(self) -> list[str]:
        """Say in a few lines what will be done."""
        encoder, questions = self.card.model.encoder, self.questions
        kind = {"one-class": "classes, one right", "many-classes": "labels", "numbers": "numbers"}
        return [
            f"model    {self.chosen}",
            f"         {encoder.size}, clips of {encoder.frames}x{encoder.height}x{encoder.width}",
            f"videos   {len(questions.manifest)} ({questions.manifest.origin})",
            f"answers  {len(questions.classes)} {kind[questions.answers]} ({questions.names_from})",
            f"views    {self.views}",
            f"folder   {self.out}",
            f"device   {self.runtime}",
        ]

    def facts(self, digest: str) -> ModelFacts:
        """What the report says about the model."""
        encoder = self.card.model.encoder
        return ModelFacts(
            folder=self.chosen.folder,
            why=self.chosen.why,
            weights=self.chosen.weights,
            digest=digest,
            size=encoder.size,
            parameters=sum(weight.numel() for weight in self.model.parameters()),
            clip=f"{encoder.frames}x{encoder.height}x{encoder.width}",
            notes=self.card.notes,
        )


def evaluate(
    run: Path,
    videos: Path,
    *,
    out: Path | None = None,
    config: EvaluateConfig | None = None,
    say: Say = to_terminal,
) -> Evaluation:
    """Score every view of every video, average them, and write what comes of it into a folder.

    Scores are kept as videos are finished; the same call goes on where an earlier one stopped,
    with the same results to the bit.

    Args:
        run: A run folder (its best model by validation, else its newest checkpoint), or a saved
            model. Running means of weights (EMA) are used where there are some.
        videos: A folder per class, or a list or table with labels.
        out: Folder for the results; ``evaluation/<name of the list>`` in the run folder if not
            given.
        config: Views, list, reading, device.
        say: Takes each line for people.

    Raises:
        CheckpointError: There is no model, or its classes are not those of the videos.
        ConfigError: A setting cannot work, before anything is read.
        ManifestError: The list cannot be read.
        UnreadableShareError: Some videos cannot be read, unless that is allowed; after everything
            else is done and written.
        Interrupted: When asked to stop; finished videos are kept.
    """
    plan = prepare_evaluation(run, videos, out=out, config=config)
    for line in plan.lines():
        say(line)
    check_writable(plan.out, 0)
    with RunLock(plan.out, doing="evaluating"):
        found = _evaluate(plan, say)
        write_files(found, plan.questions)
        write_report(found, run_folder(plan.chosen.folder))
    say(f"report   {found.report}")
    if found.unreadable and not plan.config.allow_unreadable:
        raise UnreadableShareError(_about(found))
    return found


def prepare_evaluation(
    run: Path, videos: Path, *, out: Path | None = None, config: EvaluateConfig | None = None
) -> Plan:
    """Check and load everything that an evaluation needs, without reading a video.

    Raises:
        CheckpointError, ConfigError, ManifestError: As ``evaluate``.
    """
    config = config or EvaluateConfig()
    chosen = find_best(run, config.weights)
    runtime = prepare(RuntimeConfig(device=config.device, precision=config.precision))
    model, card = load_chosen(chosen, runtime.device)
    if not card.model.outputs:
        raise CheckpointError(f"{chosen.folder} has no head, so it gives no answers to judge")
    views = settle_views(card.span, config.views)
    questions = read_questions(
        videos, card, config.classes, config.list, where=f"the model {chosen.folder}"
    )
    check_clock(questions, views, config.list)
    where = out or run_folder(chosen.folder) / "evaluation" / (videos.stem or "videos")
    return Plan(chosen, model, card, runtime, questions, views, where, config)


def _evaluate(plan: Plan, say: Say) -> Evaluation:
    questions, grid = plan.questions, plan.views.grid
    digest, started = plan.chosen.digest(), time.perf_counter()
    path = plan.out / f"scores-{_key(plan, digest)}.jsonl"
    book = ScoreBook(path, (grid.views, plan.card.model.outputs))
    entries, names = list(questions.manifest), questions.identities
    progress = Progress(total=len(entries), say=say, views=grid.views)
    every = Right(questions.answers, questions.classes, names, questions.labels, questions.targets)
    scoring, gallery = scoring_of(plan), Gallery(every)
    with Wishes() as wishes:
        unreadable = score(
            scoring, entries, names, book, seen=gallery.see, wishes=wishes, progress=progress
        )
    rows = [i for i, name in enumerate(names) if name not in unreadable]
    if not rows:
        reason = next(iter(unreadable.items()))
        raise DataError(f"none of the {len(names)} videos can be read: {': '.join(reason)}")
    right = every.of(rows)
    gathered, measures = measure(
        book.read(right.identities), grid, right, Draw(plan.config.rounds, plan.config.seed)
    )
    strips, reopened = strips_of(
        measures.videos, questions.answers, gallery, rows, entries, scoring
    )
    seconds = time.perf_counter() - started
    return Evaluation(
        model=plan.facts(digest),
        videos=questions.manifest.source,
        origin=questions.manifest.origin,
        names_from=questions.names_from,
        answers=questions.answers,
        classes=questions.classes,
        views=plan.views,
        device=str(plan.runtime),
        listed=len(names),
        measures=measures,
        probabilities=gathered.merged,
        truth=right.targets,
        identities=tuple(right.identities),
        unreadable=unreadable,
        work=Work(
            scored=progress.scored,
            decodings=progress.decodings,
            reopened=reopened,
            frames=progress.frames,
            seconds=seconds,
        ),
        strips=strips,
        folder=plan.out,
    )


def scoring_of(plan: Plan) -> Scoring:
    """What makes the scores of a plan."""
    config, manifest = plan.config, plan.questions.manifest
    scorer = Scorer(
        task=ready(plan.model, plan.card, plan.runtime),
        runtime=plan.runtime,
        shrinking=plan.views.shrinking,
        batch=config.batch,
    )
    shape = plan.views.shape(
        plan.card.model.encoder,
        config.reading.limits,
        frame_name=manifest.frame_name,
        frame_rate=config.list.frame_rate,
    )
    workers = reading_processes(config.reading.workers, plan.runtime)
    return Scoring(scorer=scorer, shape=shape, workers=workers)


def _key(plan: Plan, digest: str) -> str:
    """Name in 16 characters all that scores depend on, down to their last bit."""
    manifest, views, runtime = plan.questions.manifest, plan.views, plan.runtime
    parts = {
        "model": digest,
        "list": manifest.digest(),
        "root": str(Path(manifest.root).resolve()),
        "views": asdict(replace(views, origin="")),
        "batch": plan.config.batch,
        "shrink_side": plan.config.reading.shrink_side,
        "frame_rate": plan.config.list.frame_rate,
        "runtime": [runtime.device.type, runtime.precision],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _about(found: Evaluation) -> str:
    shown = list(found.unreadable.items())[:_SHOWN_UNREADABLE]
    lines = "".join(f"\n  {path}: {reason}" for path, reason in shown)
    more = len(found.unreadable) - len(shown)
    return (
        f"{len(found.unreadable)} of {found.listed} videos cannot be read, and the results in "
        f"{found.folder} are without them; repair them and start again (only they are read, and "
        f"those whose views share batches with theirs), or say --allow-unreadable:{lines}"
        + (f"\n  and {more} more" if more else "")
    )
