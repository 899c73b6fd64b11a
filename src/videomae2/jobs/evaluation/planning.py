"""Everything about an evaluation that is decided, and checked, before a video is read."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from videomae2.engine.runtime import Runtime, RuntimeConfig, prepare
from videomae2.jobs.asked_classifier import asked_classifier, names_origin
from videomae2.jobs.evaluation.asked import Asked, check_folder, free_folder, what_is_asked
from videomae2.jobs.evaluation.questions import Questions, check_clock, read_questions
from videomae2.jobs.evaluation.results import ModelFacts
from videomae2.jobs.evaluation.scoring import Scoring
from videomae2.jobs.evaluation.settings import EvaluateConfig
from videomae2.jobs.scoring import Scorer, ready
from videomae2.jobs.trainer import reading_processes
from videomae2.jobs.view_settings import ViewSettings, settle_views
from videomae2.models.classifier import Classifier
from videomae2.models.found import FoundClassifier

_RUNS = Path("runs")
"""Where results lie of models that belong to no run."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is decided before a video is read."""

    found: FoundClassifier
    model: Classifier
    runtime: Runtime
    questions: Questions
    views: ViewSettings
    out: Path
    config: EvaluateConfig
    digest: str
    """Names the weights that are judged, with the names and outputs that others gave them."""
    asked: Asked
    remark: str
    """Why the folder is not the usual one; else empty."""

    def lines(self) -> list[str]:
        """Say in a few lines what will be done."""
        encoder, questions = self.found.card.model.encoder, self.questions
        kind = {"one-class": "classes, one right", "many-classes": "labels", "numbers": "numbers"}
        return [
            f"model    {self.found}",
            f"         {encoder.size}, clips of {encoder.frames}x{encoder.height}x{encoder.width}",
            f"videos   {len(questions.manifest)} ({questions.manifest.origin})",
            f"answers  {len(questions.classes)} {kind[questions.answers]} ({questions.names_from})",
            f"views    {self.views}",
            f"folder   {self.out}{self.remark and f' ({self.remark})'}",
            f"device   {self.runtime}",
        ]

    def facts(self) -> ModelFacts:
        """What the report says about the model."""
        found, encoder = self.found, self.found.card.model.encoder
        return ModelFacts(
            path=found.path,
            why=found.place.why,
            weights=found.place.weights,
            digest=self.digest,
            outputs=found.outputs,
            size=encoder.size,
            parameters=sum(weight.numel() for weight in self.model.parameters()),
            clip=f"{encoder.frames}x{encoder.height}x{encoder.width}",
            notes=found.card.notes,
        )

    def scoring(self) -> Scoring:
        """What makes the scores."""
        config, manifest = self.config, self.questions.manifest
        scorer = Scorer(
            task=ready(self.model, self.found.card, self.runtime),
            runtime=self.runtime,
            shrinking=self.views.shrinking,
            batch=config.batch,
        )
        shape = self.views.shape(
            self.found.card.model.encoder,
            config.reading.limits,
            frame_name=manifest.frame_name,
            frame_rate=config.list.frame_rate,
        )
        workers = reading_processes(config.reading.workers, self.runtime)
        return Scoring(scorer=scorer, shape=shape, workers=workers)

    @property
    def key(self) -> str:
        """Name in 16 characters all that scores depend on, down to their last bit."""
        manifest, views, runtime = self.questions.manifest, self.views, self.runtime
        parts = {
            "model": self.digest,
            "list": manifest.digest(),
            "root": str(Path(manifest.root).resolve()),
            "views": asdict(replace(views, origin="")),
            "batch": self.config.batch,
            "shrink_side": self.config.reading.shrink_side,
            "frame_rate": self.config.list.frame_rate,
            "runtime": [runtime.device.type, runtime.precision],
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def prepare_evaluation(
    run: Path, videos: Path, *, out: Path | None = None, config: EvaluateConfig | None = None
) -> Plan:
    """Check and load everything that an evaluation needs, without reading a video.

    Raises:
        CheckpointError, ConfigError, ManifestError: As ``evaluate``.
    """
    config = config or EvaluateConfig()
    found = asked_classifier(run, config.asked)
    runtime = prepare(RuntimeConfig(device=config.device, precision=config.precision))
    views = settle_views(found.card.span, config.views)
    questions = read_questions(
        videos,
        found.card,
        config.list,
        names_from=names_origin(found),
        where=f"the model {found.path}",
    )
    check_clock(questions, views, config.list)
    model = found.load(runtime.device)
    content = found.place.digest()
    digest = found.digest_with(content)
    asked = what_is_asked(content, found, questions, views, config, precision=runtime.precision)
    if out is not None:
        check_folder(out, asked)
        folder, remark = out, ""
    else:
        folder, remark = free_folder(_folder(found, videos), asked)
    return Plan(found, model, runtime, questions, views, folder, config, digest, asked, remark)


def _folder(found: FoundClassifier, videos: Path) -> Path:
    """Where results lie if nobody says it: with the run, not beside a released file."""
    run = found.place.run or _RUNS / found.path.stem
    return run / "evaluation" / (videos.stem or "videos")
