"""Judge a classifier on labelled videos: many views of each, decoded once, and a report."""

import time
from collections.abc import Callable
from pathlib import Path

from videomae2.engine.room import check_writable
from videomae2.engine.runlog import to_terminal
from videomae2.engine.signals import Wishes
from videomae2.errors import DataError, UnreadableShareError
from videomae2.jobs.evaluation.asked import claim
from videomae2.jobs.evaluation.files import write_files
from videomae2.jobs.evaluation.gallery import Gallery
from videomae2.jobs.evaluation.measures import measure
from videomae2.jobs.evaluation.planning import Plan, prepare_evaluation
from videomae2.jobs.evaluation.report import write_report
from videomae2.jobs.evaluation.results import Draw, Evaluation, Work
from videomae2.jobs.evaluation.score_book import ScoreBook
from videomae2.jobs.evaluation.scoring import Progress, score
from videomae2.jobs.evaluation.settings import EvaluateConfig
from videomae2.jobs.evaluation.strips import strips_of
from videomae2.jobs.evaluation.video_results import Right
from videomae2.jobs.run_folder import RunLock

__all__ = ["EvaluateConfig", "Evaluation", "Plan", "evaluate", "prepare_evaluation"]

Say = Callable[[str], None]

_SHOWN_UNREADABLE = 5


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
        run: A run folder (its best model by validation, else its newest checkpoint), a saved model,
            or a released file. Running means of weights (EMA) are used where there are some.
        videos: A folder per class, or a list or table with labels.
        out: Folder for the results; ``evaluation/<name of the list>`` if not given, in the run
            folder, or for a released file in ``runs/<its name>``; with -2, -3, … if another
            evaluation is there.
        config: Views, list, reading, device; what a released file's outputs are called.
        say: Takes each line for people.

    Raises:
        CheckpointError: There is no classifier, or its classes are not those of the videos.
        ConfigError: A setting cannot work, or ``out`` holds the results of another evaluation;
            before anything is read.
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
        claim(plan.out, plan.asked)
        found = _evaluate(plan, say)
        write_files(found, plan.questions)
        write_report(found, plan.found.place.run)
    say(f"report   {found.report}")
    if found.unreadable and not plan.config.allow_unreadable:
        raise UnreadableShareError(_about(found))
    return found


def _evaluate(plan: Plan, say: Say) -> Evaluation:
    questions, grid = plan.questions, plan.views.grid
    started, path = time.perf_counter(), plan.out / f"scores-{plan.key}.jsonl"
    book = ScoreBook(path, (grid.views, plan.found.card.model.outputs))
    entries, names = list(questions.manifest), questions.identities
    progress = Progress(total=len(entries), say=say, views=grid.views)
    every = Right(questions.answers, questions.classes, names, questions.labels, questions.targets)
    scoring, gallery = plan.scoring(), Gallery(every)
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
        model=plan.facts(),
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
