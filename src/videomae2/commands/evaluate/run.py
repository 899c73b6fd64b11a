"""Judge a classifier on labelled videos: many views of each, decoded once, and a report.

Everything is decided and checked before a video is read. A folder holds one evaluation: its name
ends with a digest of all that the numbers depend on, and ``provenance.json`` says what that was.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videomae2.base.files import check_writable
from videomae2.base.lock import FolderLock
from videomae2.base.provenance import (
    PROVENANCE_FILE,
    compute_digest,
    diff_values,
    find_foreign_file,
    read_provenance,
    write_provenance,
)
from videomae2.base.signals import SignalHandler
from videomae2.base.summary import Summary
from videomae2.base.text import format_count
from videomae2.commands.evaluate.baselines import (
    BaselinePlan,
    prepare_baselines,
    run_baselines,
)
from videomae2.commands.evaluate.config import EvaluateConfig
from videomae2.commands.evaluate.dataset import EvalDataset, load_dataset_and_views
from videomae2.commands.evaluate.metrics import compute_metrics
from videomae2.commands.evaluate.overlap import describe_training_overlap
from videomae2.commands.evaluate.results import (
    RESULTS_FILE,
    WRITTEN_FILES,
    format_unreadable,
    write_results,
)
from videomae2.data.manifests.layouts import check_list_exists
from videomae2.data.manifests.roots import check_outside
from videomae2.data.views.requests import ViewsRequest
from videomae2.errors import ConfigError, DataError, TooManyUnreadableError
from videomae2.inference.classifier import load_classifier_task, resolve_requested_classifier
from videomae2.inference.score_list import ScoreStore, score_videos
from videomae2.inference.scorer import VideoScorer
from videomae2.metrics.bootstrap import Bootstrap
from videomae2.models.weights.hub.locate import name_weights
from videomae2.reports.evaluation import select_shown, write_report
from videomae2.reports.evaluation_result import Evaluation, ModelFacts
from videomae2.reports.image_canvas import encode_filmstrip
from videomae2.reports.probe import format_encoder
from videomae2.training.runtime import RuntimeConfig, prepare_runtime

_logger = logging.getLogger(__name__)

_RUNS_DIR = Path("runs")  # where results lie of models that belong to no run
_FOLDER_DIGITS = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluationPlan:
    """Everything that is decided before a video is read."""

    config: EvaluateConfig
    scorer: VideoScorer
    dataset: EvalDataset
    provenance: dict[str, Any]
    """Everything that the numbers depend on."""
    digest: str
    """Names the weights that are judged, with the names and outputs that others gave them."""
    out_dir: Path
    baselines: BaselinePlan | None = None
    overlap: str = ""
    """Which of the videos the model was trained on, in words."""

    def summary(self) -> Summary:
        ref, runtime = self.scorer.classifier.ref, self.scorer.classifier.runtime
        model = f"{ref}\n{format_encoder(ref.config.model.encoder)}"
        dataset = self.dataset.summarize(self.scorer.views, self.out_dir, runtime)
        beside = () if self.baselines is None else (("beside", self.baselines.description),)
        overlap = (("warning", self.overlap),) if self.overlap else ()
        return Summary((("model", model),)) + dataset + Summary((*beside, *overlap))


def prepare_evaluation(
    run: Path, videos: Path, *, out: Path | None = None, config: EvaluateConfig | None = None
) -> EvaluationPlan:
    """Check and load everything that an evaluation needs, without reading a video.

    Raises:
        CheckpointError, ConfigError, ManifestError: As ``evaluate``.
    """
    config = config or EvaluateConfig()
    check_list_exists(videos)  # before a released file, which may be large, is read
    ref = resolve_requested_classifier(run, config)
    runtime = prepare_runtime(RuntimeConfig(device=config.device, precision=config.precision))
    dataset, views = load_dataset_and_views(ref, videos, config, model_name=f"the model {ref.path}")
    scorer = VideoScorer(
        classifier=load_classifier_task(ref, runtime),
        views=views,
        reading=config.reading,
        batch_size=config.batch_size,
    )
    baselines = prepare_baselines(ref, dataset, views, config, runtime)
    weights_digest = ref.compute_digest(weights_only=True)
    provenance = _build_provenance(weights_digest, scorer, dataset, config)
    if out is None:
        name = f"{videos.stem or 'videos'}-{compute_digest(provenance)[:_FOLDER_DIGITS]}"
        out = (ref.run or _RUNS_DIR / name_weights(ref.path)) / "evaluation" / name
    check_outside(out, videos)
    _check_folder(out, provenance)
    return EvaluationPlan(
        config=config,
        scorer=scorer,
        dataset=dataset,
        provenance=provenance,
        digest=ref.combine_digest(weights_digest),
        out_dir=out,
        baselines=baselines,
        overlap=describe_training_overlap(ref, dataset.manifest),
    )


def _build_provenance(
    weights_digest: str, scorer: VideoScorer, dataset: EvalDataset, config: EvaluateConfig
) -> dict[str, Any]:
    """Which model is judged on which videos, and how, by the names of settings.

    How many samples are drawn for intervals, the device, and what is done about unreadable videos
    make no other evaluation.
    """
    ref, manifest = scorer.classifier.ref, dataset.manifest
    return {
        "model": weights_digest,
        "outputs": ref.combine_digest(""),
        "clip": ref.config.model.encoder.clip_dimensions,
        "videos": str(Path(manifest.source).resolve()),
        "list.root": str(Path(manifest.root).resolve()),
        "list.filter": config.list.filter,
        "list": dataset.compute_digest(),
        "views": scorer.views.to_provenance(),
        "precision": scorer.classifier.runtime.precision,
    }


def _check_folder(folder: Path, provenance: dict[str, Any]) -> None:
    """Refuse a folder that holds the results of something else; says what differs."""
    if not (folder / RESULTS_FILE).exists():
        if foreign := find_foreign_file(folder, WRITTEN_FILES, key="views"):
            raise ConfigError(
                f"{foreign} would be written over, and nothing says that an evaluation wrote it: "
                f"{folder} has no {PROVENANCE_FILE} of one; choose another --out, or move it away"
            )
        return
    try:
        existing = read_provenance(folder) or {}
    except (OSError, ValueError):
        existing = {}
    if differences := diff_values(existing, provenance):
        difference = ", ".join(differences) if existing else "which one is not known"
        message = f"{folder} holds the results of another evaluation: {difference}"
        raise ConfigError(f"{message}; choose another --out, or move them away")


def evaluate(
    run: Path, videos: Path, *, out: Path | None = None, config: EvaluateConfig | None = None
) -> Evaluation:
    """Score every view of every video, average them, and write what comes of it into a folder.

    Scores are kept as videos are finished; the same call goes on where an earlier one stopped,
    with the same results to the bit.

    ``run`` is a run folder (its best model by validation, else its newest checkpoint), a saved
    model, or a released file; running means of weights (EMA) are used where there are some.
    ``videos`` are a folder per class, or a list or table with labels. Without ``out`` the folder is
    ``evaluation/<name of the list>-<digest of all that is asked>``, in the run folder, or for a
    released file in ``runs/<its name>``.

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
    _logger.info(plan.summary())
    check_writable(plan.out_dir, 0)
    with FolderLock(plan.out_dir, activity="evaluating"):
        _check_folder(plan.out_dir, plan.provenance)  # somebody may have been quicker
        write_provenance(plan.out_dir, plan.provenance)
        evaluation = _run_evaluation(plan)
        write_results(evaluation)
        write_report(evaluation, plan.scorer.classifier.ref.run)
    _logger.info(f"report   {evaluation.report}")
    if evaluation.unreadable and not plan.config.allow_unreadable:
        raise TooManyUnreadableError(format_unreadable(evaluation))
    return evaluation


def _run_evaluation(plan: EvaluationPlan) -> Evaluation:
    scorer, dataset, config = plan.scorer, plan.dataset, plan.config
    ref, names = scorer.classifier.ref, dataset.truth.identities
    # scores depend, down to their last bit, also on what shares a batch and on the device
    bits = {"batch": config.batch_size, "device": scorer.classifier.runtime.device.type}
    path = plan.out_dir / f"scores-{compute_digest(plan.provenance | bits)}.jsonl"
    store = ScoreStore(path, (scorer.views.num_views, ref.config.model.num_classes))
    with SignalHandler() as stop_signal:
        entries = list(dataset.manifest)
        unreadable, stats = score_videos(scorer, entries, names, store, stop_signal=stop_signal)
    rows = [i for i, name in enumerate(names) if name not in unreadable]
    if not rows:
        reason, videos = next(iter(unreadable.items())), format_count(len(names), "video")
        raise DataError(f"none of the {videos} can be read: {', '.join(reason)}")
    truth = dataset.truth.select(rows)
    scores, resampling = store.read(truth.identities), Bootstrap(config.n_resamples, config.seed)
    outputs, metrics = compute_metrics(scores, scorer.views, truth, resampling)
    misses, hits = select_shown(metrics.videos, truth.task_type)
    shown = {video.row: rows[video.row] for video in misses + hits}
    encoder = ref.config.model.encoder
    return Evaluation(
        model=ModelFacts(
            path=ref.path,
            selection_reason=ref.reason,
            weights=ref.weights,
            digest=plan.digest,
            outputs_summary=ref.outputs_summary,
            size=encoder.size,
            parameters=sum(p.numel() for p in scorer.classifier.task.model.parameters()),
            clip=encoder.clip_dimensions,
            metadata=ref.config.metadata,
        ),
        videos=dataset.manifest.source,
        description="; ".join(filter(None, (dataset.manifest.description, plan.overlap))),
        class_names_source=dataset.class_names_source,
        task_type=truth.task_type,
        classes=tuple(truth.classes),
        views=scorer.views,
        device=str(scorer.classifier.runtime),
        num_listed=len(names),
        metrics=metrics,
        probabilities=outputs,
        targets=truth.targets,
        identities=tuple(truth.identities),
        unreadable=unreadable,
        run_stats=stats,
        filmstrips=_make_filmstrips(scorer, dataset, shown),
        folder=plan.out_dir,
        baselines=tuple(run_baselines(plan.baselines, metrics.videos, rows)),
    )


def _make_filmstrips(
    scorer: VideoScorer, dataset: EvalDataset, list_rows: dict[int, int]
) -> dict[int, bytes]:
    """Frames of the videos that the page shows, which are opened once more.

    What is shown is known at the end only, and keeping a picture of every video would cost more.
    """
    requests = [ViewsRequest(dataset.manifest[row], scorer.views) for row in list_rows.values()]
    filmstrips = {}
    with scorer.make_pool() as pool:
        for row, result in zip(list_rows, pool.map(requests), strict=True):
            if result.arrays is not None:  # else it is gone by now
                video = scorer.resize_video(result.arrays)
                middle = video.frame_index[len(video.frame_index) // 2]
                filmstrips[row] = encode_filmstrip(video.frames[middle].cpu().numpy())
    return filmstrips
