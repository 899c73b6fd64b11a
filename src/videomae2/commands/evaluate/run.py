"""Judge a classifier on labelled videos: many views of each, decoded once, and a report."""

import logging
import time
from pathlib import Path

from videomae2.base.files import check_writable
from videomae2.base.lock import FolderLock
from videomae2.base.signals import SignalHandler
from videomae2.commands.evaluate.config import EvaluateConfig
from videomae2.commands.evaluate.filmstrips import ThumbnailCache, collect_filmstrips
from videomae2.commands.evaluate.metrics import compute_metrics
from videomae2.commands.evaluate.plan import EvaluationPlan, prepare_evaluation, reserve_folder
from videomae2.commands.evaluate.predictions import GroundTruth
from videomae2.commands.evaluate.results import write_results
from videomae2.errors import DataError, TooManyUnreadableError
from videomae2.inference.score_store import ScoreStore
from videomae2.inference.video_scorer import ScoringStats, score_all
from videomae2.metrics.bootstrap import Bootstrap
from videomae2.reports.evaluation import write_report
from videomae2.reports.evaluation_result import Evaluation, RunStats

_logger = logging.getLogger(__name__)

__all__ = ["EvaluateConfig", "Evaluation", "EvaluationPlan", "evaluate", "prepare_evaluation"]


_MAX_SHOWN_UNREADABLE = 5


def evaluate(
    run: Path, videos: Path, *, out: Path | None = None, config: EvaluateConfig | None = None
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

    Raises:
        CheckpointError: There is no classifier, or its classes are not those of the videos.
        ConfigError: A setting cannot work, or ``out`` holds the results of another evaluation;
            before anything is read.
        ManifestError: The list cannot be read.
        TooManyUnreadableError: Some videos cannot be read, unless that is allowed; after everything
            else is done and written.
        Interrupted: When asked to stop; finished videos are kept.
    """
    plan = prepare_evaluation(run, videos, out=out, config=config)
    for line in str(plan.summary()).splitlines():
        _logger.info(line)
    check_writable(plan.out_dir, 0)
    with FolderLock(plan.out_dir, activity="evaluating"):
        reserve_folder(plan.out_dir, plan.eval_key)
        evaluation = _run_evaluation(plan)
        write_results(evaluation, plan.dataset)
        write_report(evaluation, plan.classifier.run)
    _logger.info(f"report   {evaluation.report}")
    if evaluation.unreadable and not plan.config.allow_unreadable:
        raise TooManyUnreadableError(_format_unreadable(evaluation))
    return evaluation


def _run_evaluation(plan: EvaluationPlan) -> Evaluation:
    dataset, views = plan.dataset, plan.views
    started, path = time.perf_counter(), plan.out_dir / f"scores-{plan.key}.jsonl"
    store = ScoreStore(path, (views.num_views, plan.classifier.config.model.num_classes))
    entries, names = list(dataset.manifest), dataset.identities
    stats = ScoringStats()
    all_truth = GroundTruth(
        dataset.task_type, dataset.classes, names, dataset.labels, dataset.targets
    )
    video_scorer, thumbnails = plan.build_video_scorer(), ThumbnailCache(all_truth)
    with SignalHandler() as stop_signal:
        unreadable = score_all(
            video_scorer,
            entries,
            names,
            store,
            on_scored=thumbnails.add,
            stop_signal=stop_signal,
            stats=stats,
        )
    rows = [i for i, name in enumerate(names) if name not in unreadable]
    if not rows:
        reason = next(iter(unreadable.items()))
        raise DataError(f"none of the {len(names)} videos can be read: {': '.join(reason)}")
    ground_truth = all_truth.select(rows)
    merged_views, metrics = compute_metrics(
        store.read(ground_truth.identities),
        views,
        ground_truth,
        Bootstrap(plan.config.n_resamples, plan.config.seed),
    )
    filmstrips, num_reopened = collect_filmstrips(
        metrics.videos, dataset.task_type, thumbnails, rows, entries, video_scorer
    )
    seconds = time.perf_counter() - started
    return Evaluation(
        model=plan.describe_model(),
        videos=dataset.manifest.source,
        description=dataset.manifest.description,
        class_names_source=dataset.class_names_source,
        task_type=dataset.task_type,
        classes=dataset.classes,
        views=views,
        device=str(plan.runtime),
        num_listed=len(names),
        metrics=metrics,
        probabilities=merged_views.outputs,
        targets=ground_truth.targets,
        identities=tuple(ground_truth.identities),
        unreadable=unreadable,
        run_stats=RunStats(
            num_scored=stats.num_scored,
            num_decodings=stats.num_decodings,
            num_reopened=num_reopened,
            num_frames=stats.num_frames,
            seconds=seconds,
        ),
        filmstrips=filmstrips,
        folder=plan.out_dir,
    )


def _format_unreadable(evaluation: Evaluation) -> str:
    shown = list(evaluation.unreadable.items())[:_MAX_SHOWN_UNREADABLE]
    lines = "".join(f"\n  {path}: {reason}" for path, reason in shown)
    num_more = len(evaluation.unreadable) - len(shown)
    return (
        f"{len(evaluation.unreadable)} of {evaluation.num_listed} videos cannot be read, and the "
        f"results in {evaluation.folder} are without them; repair them and start again (only they "
        "are read, and those whose views share batches with theirs), or say "
        f"--allow-unreadable:{lines}" + (f"\n  and {num_more} more" if num_more else "")
    )
