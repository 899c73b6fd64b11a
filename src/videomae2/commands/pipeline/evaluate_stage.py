"""Evaluation as a kind of stage."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from videomae2.base.files import path_exists, path_hint
from videomae2.commands.evaluate.config import EvaluateConfig
from videomae2.commands.evaluate.dataset import (
    load_dataset_and_views,
)
from videomae2.commands.evaluate.results import RESULTS_FILE
from videomae2.commands.evaluate.run import evaluate
from videomae2.commands.pipeline.stages import (
    Stage,
    StageMetrics,
    StagePlan,
    build_expected_classifier,
)
from videomae2.commands.train.video_lists import build_video_list
from videomae2.errors import ConfigError
from videomae2.inference.classifier import (
    apply_options,
    resolve_requested_classifier,
)
from videomae2.models.weights.model_ref import ClassifierRef
from videomae2.models.weights.pretrained import Pretrained
from videomae2.training.runtime import RuntimeConfig, resolve_runtime


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluateStage(Stage[EvaluateConfig]):
    """Many views of held-out videos; a parent gives the model, or a path. It has no recipes."""

    kind: ClassVar = "evaluate"
    config_type: ClassVar = EvaluateConfig
    inputs: ClassVar = {"model": ""}
    resume_safe_fields: ClassVar = frozenset(
        {
            # where things lie; that they are the same is seen by the digest and files of their list
            *("list.root", "list.layout", "class_names", "classes"),
            # how videos are read
            *("reading.num_workers", "reading.prefetch_factor"),
            *("reading.timeout_seconds", "reading.memory_limit_gib"),
            # equal up to rounding
            *("batch_size", "device"),
        }
    )
    report_only_fields: ClassVar = frozenset(
        {
            *("allow_unreadable", "n_resamples", "seed"),
            *("baselines", "baseline_train", "baseline_filter"),
        }
    )
    tracks_file_changes: ClassVar = True

    def plan(self, parents: Mapping[str, Pretrained | None]) -> StagePlan | None:
        self._check()
        classifier = self._resolve_classifier(parents)
        if classifier is None:
            return None
        config = self.config
        dataset, views = load_dataset_and_views(
            classifier,
            self.videos[0],
            config,
            model_name=f"the model of {self.sources['model']}",
        )
        manifest = dataset.manifest
        video_list = build_video_list(
            Path(manifest.source).stem, manifest, dataset.compute_digest()
        )
        runtime = resolve_runtime(RuntimeConfig(device=config.device, precision=config.precision))
        summary = dataset.summarize(views, self.out, runtime)
        return StagePlan(lists=(video_list,), summary=str(summary))

    def run(
        self, weights: Mapping[str, Path], metadata: Mapping[str, object]
    ) -> tuple[Path, StageMetrics]:
        model = {**self.model_paths, **weights}["model"]
        report = evaluate(model, self.videos[0], out=self.out, config=self.config).report
        results = json.loads((self.out / RESULTS_FILE).read_text(encoding="utf-8"))
        values = {name: metric["value"] for name, metric in results["metrics"].items()}
        return report, {name: value for name, value in values.items() if value is not None}

    def _check(self) -> None:
        problems = [
            f"videos: {path} does not exist{path_hint(path)}"
            for path in self.videos
            if not path_exists(path)
        ]
        if len(self.videos) > 1:
            problems.append(f"videos: an evaluation has one list, found {len(self.videos)}")
        problems += self.config.find_problems()
        sizes = self.config.frames, self.config.side
        if not self.model_paths and sizes != (None, None):
            problems.append("frames and side have no effect: the model of a stage says its clips")
        if problems:
            raise ConfigError(problems)

    def _resolve_classifier(self, parents: Mapping[str, Pretrained | None]) -> ClassifierRef | None:
        """What is judged: a model that is there, or one that a parent will give."""
        options = self.config
        if "model" in self.model_paths:
            return resolve_requested_classifier(self.model_paths["model"], options)
        parent = parents["model"]
        return None if parent is None else apply_options(build_expected_classifier(parent), options)
