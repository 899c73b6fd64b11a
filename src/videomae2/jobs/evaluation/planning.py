"""Everything about an evaluation that is decided, and checked, before a video is read."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from videomae2.engine.runtime import Runtime, RuntimeConfig, prepare_runtime
from videomae2.jobs.asked_classifier import resolve_requested_classifier, format_class_names_source
from videomae2.jobs.evaluation.asked import EvalKey, check_folder, choose_folder, compute_eval_fingerprint
from videomae2.jobs.evaluation.questions import EvalDataset, check_timestamps_for_views, load_eval_dataset
from videomae2.jobs.evaluation.results import ModelFacts
from videomae2.jobs.evaluation.scoring import VideoScorer
from videomae2.jobs.evaluation.settings import EvaluateConfig
from videomae2.jobs.scoring import ViewScorer, build_task
from videomae2.jobs.trainer import resolve_num_workers
from videomae2.jobs.view_settings import ResolvedViews, resolve_views
from videomae2.models.classifier import Classifier
from videomae2.models.found import ClassifierRef

_RUNS_DIR = Path("runs")
"""Where results lie of models that belong to no run."""


@dataclass(frozen=True, slots=True)
class EvaluationPlan:
    """Everything that is decided before a video is read."""

    classifier: ClassifierRef
    model: Classifier
    runtime: Runtime
    dataset: EvalDataset
    views: ResolvedViews
    out_dir: Path
    config: EvaluateConfig
    digest: str
    """Names the weights that are judged, with the names and outputs that others gave them."""
    eval_key: EvalKey
    remark: str
    """Why the folder is not the usual one; else empty."""

    def summary(self) -> list[str]:
        """Say in a few lines what will be done."""
        encoder, dataset = self.classifier.config.model.encoder, self.dataset
        kind = {"multiclass": "classes, one right", "multilabel": "labels", "regression": "numbers"}
        return [
            f"model    {self.classifier}",
            f"         {encoder.size}, clips of {encoder.frames}x{encoder.height}x{encoder.width}",
            f"videos   {len(dataset.manifest)} ({dataset.manifest.description})",
            f"answers  {len(dataset.classes)} {kind[dataset.task_type]} ({dataset.class_names_source})",
            f"views    {self.views}",
            f"folder   {self.out_dir}{self.remark and f' ({self.remark})'}",
            f"device   {self.runtime}",
        ]

    def describe_model(self) -> ModelFacts:
        """What the report says about the model."""
        classifier, encoder = self.classifier, self.classifier.config.model.encoder
        return ModelFacts(
            path=classifier.path,
            selection_reason=classifier.weights_ref.reason,
            weights=classifier.weights_ref.weights,
            digest=self.digest,
            outputs=classifier.outputs_summary,
            size=encoder.size,
            parameters=sum(weight.numel() for weight in self.model.parameters()),
            clip=f"{encoder.frames}x{encoder.height}x{encoder.width}",
            metadata=classifier.config.metadata,
        )

    def build_video_scorer(self) -> VideoScorer:
        """What makes the scores."""
        config, manifest = self.config, self.dataset.manifest
        scorer = ViewScorer(
            task=build_task(self.model, self.classifier.config, self.runtime),
            runtime=self.runtime,
            shrinking=self.views.shrinking,
            batch_size=config.batch_size,
        )
        view_spec = self.views.build_spec(
            self.classifier.config.model.encoder,
            config.reading.limits,
            frame_name=manifest.frame_name,
            frame_rate=config.list.frame_rate,
        )
        num_workers = resolve_num_workers(config.reading.num_workers, self.runtime)
        return VideoScorer(scorer=scorer, view_spec=view_spec, num_workers=num_workers)

    @property
    def key(self) -> str:
        """Name in 16 characters all that scores depend on, down to their last bit."""
        manifest, views, runtime = self.dataset.manifest, self.views, self.runtime
        fields = {
            "model": self.digest,
            "list": manifest.digest(),
            "root": str(Path(manifest.root).resolve()),
            "views": asdict(replace(views, source="")),
            "batch": self.config.batch_size,
            "max_short_side": self.config.reading.max_short_side,
            "frame_rate": self.config.list.frame_rate,
            "runtime": [runtime.device.type, runtime.precision],
        }
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:16]


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
    views = resolve_views(classifier.config.frame_sampling, config.views)
    dataset = load_eval_dataset(
        videos,
        classifier.config,
        config.list,
        class_names_source=format_class_names_source(classifier),
        model_name=f"the model {classifier.path}",
    )
    check_timestamps_for_views(dataset, views, config.list)
    model = classifier.load(runtime.device)
    weights_digest = classifier.weights_ref.compute_digest()
    digest = classifier.combine_digest(weights_digest)
    eval_key = compute_eval_fingerprint(weights_digest, classifier, dataset, views, config, precision=runtime.precision)
    if out is not None:
        check_folder(out, eval_key)
        folder, remark = out, ""
    else:
        folder, remark = choose_folder(_default_folder(classifier, videos), eval_key)
    return EvaluationPlan(classifier, model, runtime, dataset, views, folder, config, digest, eval_key, remark)


def _default_folder(classifier: ClassifierRef, videos: Path) -> Path:
    """Where results lie if nobody says it: with the run, not beside a released file."""
    run = classifier.weights_ref.run or _RUNS_DIR / classifier.path.stem
    return run / "evaluation" / (videos.stem or "videos")
