"""Everything about an evaluation that is decided, and checked, before a video is read.

Its key says what the results depend on; a folder never takes the results of another key.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from videomae2.base.provenance import compute_digest, read_provenance, write_provenance
from videomae2.base.summary import Summary
from videomae2.commands.evaluate.config import EvaluateConfig
from videomae2.commands.evaluate.dataset import (
    EvalDataset,
    check_timestamps_for_views,
    load_eval_dataset,
    resolve_eval_views,
)
from videomae2.commands.evaluate.results import RESULTS_FILE
from videomae2.data.views.requests import ViewSpec
from videomae2.errors import ConfigError
from videomae2.inference.classifier import format_class_names_source, resolve_requested_classifier
from videomae2.inference.scorer import ViewScorer, build_task
from videomae2.inference.video_scorer import VideoScorer
from videomae2.inference.views import format_views
from videomae2.models.classifier import Classifier
from videomae2.models.task_type import TASK_TYPES
from videomae2.models.weights.ref import ClassifierRef
from videomae2.reports.evaluation_result import ModelFacts
from videomae2.training.runtime import Runtime, RuntimeConfig, prepare_runtime, resolve_num_workers

EvalKey = dict[str, str]
"""Everything that the numbers depend on, in words or as digests, by the names of settings."""


def compute_eval_fingerprint(
    weights_digest: str,
    classifier: ClassifierRef,
    dataset: EvalDataset,
    views: ViewSpec,
    config: EvaluateConfig,
    *,
    precision: str,
) -> EvalKey:
    """Which model is judged on which videos, and how.

    How many samples are drawn for intervals, the device, and what is done about unreadable videos
    are no other question.

    Args:
        weights_digest: Digest of the model's weights, without what others say of it.
        classifier: The model, with what they say: the names of its outputs, and which are used.
        dataset: The videos, and the right answers.
        views: The views of each video.
        config: How the list and the videos are read.
        precision: In which the model computes.
    """
    encoder = classifier.config.model.encoder
    return {
        "model": weights_digest,
        "outputs": classifier.combine_digest(""),
        "clip": f"{encoder.frames}x{encoder.height}x{encoder.width}",
        "videos": str(Path(dataset.manifest.source).resolve()),
        "list.root": str(Path(dataset.manifest.root).resolve()),
        "list.filter": config.list.filter or "all",
        "list": dataset.compute_digest(),
        "views": json.dumps(views.to_provenance(), sort_keys=True),
        "precision": precision,
    }


def choose_folder(default_folder: Path, eval_key: EvalKey) -> tuple[Path, str]:
    """The usual folder or that with a number where this was asked before, or nothing was.

    Returns:
        The folder, and why it is not the usual one; nothing if it is.
    """
    names = (default_folder.name if n == 1 else f"{default_folder.name}-{n}" for n in count(1))
    folder = next(
        f for f in map(default_folder.with_name, names) if _read_eval_key(f) in (None, eval_key)
    )
    existing_key = _read_eval_key(default_folder)
    difference = (
        ""
        if existing_key is None or folder == default_folder
        else _format_difference(existing_key, eval_key)
    )
    return folder, difference and f"{default_folder.name} holds another evaluation: {difference}"


def check_folder(folder: Path, eval_key: EvalKey) -> None:
    """Refuse a folder that was named and holds the results of something else.

    Raises:
        ConfigError: Says what differs.
    """
    existing_key = _read_eval_key(folder)
    if existing_key in (None, eval_key) or not (folder / RESULTS_FILE).exists():
        return
    raise ConfigError(
        f"{folder} holds the results of another evaluation: "
        f"{_format_difference(existing_key or {}, eval_key)}; choose another --out, or move them "
        "away"
    )


def reserve_folder(folder: Path, eval_key: EvalKey) -> None:
    """Write down what is asked, for whoever comes later.

    Raises:
        ConfigError: Somebody was quicker.
    """
    check_folder(folder, eval_key)
    write_provenance(folder, eval_key)


def _read_eval_key(folder: Path) -> EvalKey | None:
    """What was asked in a folder; None if nothing was, empty if results are there and no word."""
    try:
        eval_key = read_provenance(folder)
    except (OSError, ValueError):
        eval_key = None
    return {} if eval_key is None and (folder / RESULTS_FILE).exists() else eval_key


def _format_difference(old: Mapping[str, str], new: EvalKey) -> str:
    if not old:
        return "which one is not known"
    return "other " + ", ".join(name for name in new if old.get(name) != new[name])


_RUNS_DIR = Path("runs")
"""Where results lie of models that belong to no run."""


@dataclass(frozen=True, slots=True)
class EvaluationPlan:
    """Everything that is decided before a video is read."""

    classifier: ClassifierRef
    model: Classifier
    runtime: Runtime
    dataset: EvalDataset
    views: ViewSpec
    out_dir: Path
    config: EvaluateConfig
    digest: str
    """Names the weights that are judged, with the names and outputs that others gave them."""
    eval_key: EvalKey
    remark: str
    """Why the folder is not the usual one; else empty."""

    def summary(self) -> Summary:
        """What will be done."""
        encoder, dataset = self.classifier.config.model.encoder, self.dataset
        clip = f"{encoder.size}, clips of {encoder.frames}x{encoder.height}x{encoder.width}"
        answers = f"{len(dataset.classes)} {TASK_TYPES[dataset.task_type].answers}"
        return Summary(
            (
                ("model", f"{self.classifier}\n{clip}"),
                ("videos", f"{len(dataset.manifest)} ({dataset.manifest.description})"),
                ("answers", f"{answers} ({dataset.class_names_source})"),
                ("views", format_views(self.views)),
                ("folder", f"{self.out_dir}{self.remark and f' ({self.remark})'}"),
                ("device", str(self.runtime)),
            )
        )

    def describe_model(self) -> ModelFacts:
        """What the report says about the model."""
        classifier, encoder = self.classifier, self.classifier.config.model.encoder
        return ModelFacts(
            path=classifier.path,
            selection_reason=classifier.reason,
            weights=classifier.weights,
            digest=self.digest,
            outputs=classifier.outputs_summary,
            size=encoder.size,
            parameters=sum(weight.numel() for weight in self.model.parameters()),
            clip=f"{encoder.frames}x{encoder.height}x{encoder.width}",
            metadata=classifier.config.metadata,
        )

    def build_video_scorer(self) -> VideoScorer:
        """What makes the scores."""
        config = self.config
        scorer = ViewScorer(
            task=build_task(self.model, self.classifier.config, self.runtime),
            runtime=self.runtime,
            antialias=self.views.antialias,
            batch_size=config.batch_size,
        )
        num_workers = resolve_num_workers(config.reading.num_workers, self.runtime)
        return VideoScorer(
            scorer=scorer, view_spec=self.views, reading=config.reading, num_workers=num_workers
        )

    @property
    def key(self) -> str:
        """Name in 16 characters all that scores depend on, down to their last bit."""
        manifest, views, runtime = self.dataset.manifest, self.views, self.runtime
        fields = {
            "model": self.digest,
            "list": manifest.digest(),
            "root": str(Path(manifest.root).resolve()),
            "views": views.to_provenance(),
            "batch": self.config.batch_size,
            "runtime": [runtime.device.type, runtime.precision],
        }
        return compute_digest(fields)


def prepare_evaluation(
    run: Path, videos: Path, *, out: Path | None = None, config: EvaluateConfig | None = None
) -> EvaluationPlan:
    """Check and load everything that an evaluation needs, without reading a video.

    Raises:
        CheckpointError, ConfigError, ManifestError: As ``evaluate``.
    """
    config = config or EvaluateConfig()
    classifier = resolve_requested_classifier(run, config.classifier_options)
    runtime = prepare_runtime(RuntimeConfig(device=config.device, precision=config.precision))
    views = resolve_eval_views(classifier.config, config)
    dataset = load_eval_dataset(
        videos,
        classifier.config,
        config.list,
        label_column=config.label_column,
        class_names_source=format_class_names_source(classifier),
        model_name=f"the model {classifier.path}",
    )
    check_timestamps_for_views(dataset, views)
    views = replace(views, frame_name=dataset.manifest.frame_name)
    model = classifier.load(runtime.device)
    weights_digest = classifier.compute_digest(weights_only=True)
    digest = classifier.combine_digest(weights_digest)
    eval_key = compute_eval_fingerprint(
        weights_digest, classifier, dataset, views, config, precision=runtime.precision
    )
    if out is not None:
        check_folder(out, eval_key)
        folder, remark = out, ""
    else:
        folder, remark = choose_folder(_default_folder(classifier, videos), eval_key)
    return EvaluationPlan(
        classifier, model, runtime, dataset, views, folder, config, digest, eval_key, remark
    )


def _default_folder(classifier: ClassifierRef, videos: Path) -> Path:
    """Where results lie if nobody says it: with the run, not beside a released file."""
    run = classifier.run or _RUNS_DIR / classifier.path.stem
    return run / "evaluation" / (videos.stem or "videos")
