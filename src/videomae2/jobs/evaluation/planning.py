"""Everything about an evaluation that is decided, and checked, before a video is read."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from videomae2.engine.runtime import Runtime, RuntimeConfig, prepare
from videomae2.errors import CheckpointError
from videomae2.jobs.evaluation.asked import Asked, check_folder, free_folder, what_is_asked
from videomae2.jobs.evaluation.questions import Questions, check_clock, read_questions
from videomae2.jobs.evaluation.results import ModelFacts
from videomae2.jobs.evaluation.scoring import Scoring
from videomae2.jobs.evaluation.settings import EvaluateConfig, ViewSettings, settle_views
from videomae2.jobs.trainer import reading_processes
from videomae2.models.cards import ClassifierCard
from videomae2.models.chosen import Chosen, find_best, load_chosen, run_folder
from videomae2.models.classifier import Classifier
from videomae2.tasks.classify import ClassifyConfig, ClassifyTask


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
    digest: str
    """Names the weights that are judged."""
    asked: Asked
    remark: str
    """Why the folder is not the usual one; else empty."""

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
            f"folder   {self.out}{self.remark and f' ({self.remark})'}",
            f"device   {self.runtime}",
        ]

    def facts(self) -> ModelFacts:
        """What the report says about the model."""
        encoder = self.card.model.encoder
        return ModelFacts(
            folder=self.chosen.folder,
            why=self.chosen.why,
            weights=self.chosen.weights,
            digest=self.digest,
            size=encoder.size,
            parameters=sum(weight.numel() for weight in self.model.parameters()),
            clip=f"{encoder.frames}x{encoder.height}x{encoder.width}",
            notes=self.card.notes,
        )

    def scoring(self) -> Scoring:
        """What makes the scores of a self."""
        config, card = self.config, self.card
        task = ClassifyTask(
            self.model,
            ClassifyConfig(answers=card.answers),
            numbers=card.numbers,
            mean=card.mean,
            std=card.std,
        )
        return Scoring(
            task=task.to(self.runtime.device).eval(),
            runtime=self.runtime,
            shape=self.views.shape(card, config, self.questions.manifest.frame_name),
            shrinking=self.views.shrinking,
            batch=config.batch,
            workers=reading_processes(config.reading.workers, self.runtime),
        )

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
    digest = chosen.digest()
    asked = what_is_asked(digest, questions, views, config, precision=runtime.precision)
    if out is not None:
        check_folder(out, asked)
        folder, remark = out, ""
    else:
        usual = run_folder(chosen.folder) / "evaluation" / (videos.stem or "videos")
        folder, remark = free_folder(usual, asked)
    return Plan(
        chosen, model, card, runtime, questions, views, folder, config, digest, asked, remark
    )
