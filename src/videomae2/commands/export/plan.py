"""A model and what is to become of it, before anything is written."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from videomae2.base.summary import Summary
from videomae2.commands.export.config import ExportConfig
from videomae2.commands.export.quantize import LabelledVideos, load_labelled
from videomae2.commands.export.runner import build_settings
from videomae2.data.views.requests import ViewSpec
from videomae2.errors import CheckpointError, ConfigError
from videomae2.inference.encoder import load
from videomae2.inference.predictor import DEFAULT_READING, Predictor
from videomae2.inference.views import EvalViews, format_views, resolve_views
from videomae2.models.weights.config_json import ModelConfig, SavedClassifierConfig
from videomae2.models.weights.formats.architecture import ModelHints
from videomae2.models.weights.hub.licence import describe_licence, get_licence
from videomae2.models.weights.resolve import locate_model, resolve_checkpoint


@dataclass(frozen=True, kw_only=True, slots=True)
class GraphPlan:
    """A module that was loaded, and how it will be written as a graph."""

    model: Path
    module: nn.Module
    card: ModelConfig
    views: ViewSpec
    settings: dict[str, Any]
    config: ExportConfig
    out: Path
    predictor: Predictor | None
    """None of an encoder, which gives features."""
    labelled: LabelledVideos | None

    @property
    def clip_shape(self) -> tuple[int, int, int, int]:
        """Frames, height, width and channels."""
        cubes = self.card.model.encoder.cubes
        return cubes.frames, cubes.height, cubes.width, cubes.channels

    @property
    def licence(self) -> str | None:
        return get_licence(self.card.metadata)

    def summarize(self) -> Summary:
        """What is exported, in a few lines."""
        encoder = self.card.model.encoder
        what = "features" if self.predictor is None else f"{self.predictor.outputs.count} outputs"
        rows = [
            ("model", f"{self.model}: {encoder.size}, {encoder.clip_dimensions} → {what}"),
            ("views", format_views(self.views)),
        ]
        if self.labelled is not None:
            rows.append(("videos", f"{len(self.labelled.dataset.manifest)}, to measure int8"))
        if licence := describe_licence(self.card.metadata):
            rows.append(("licence", licence))
        return Summary(tuple(rows))


def prepare_graph(model: Path, out: Path, config: ExportConfig) -> GraphPlan:
    """Load a classifier, or the encoder of a model without a head; nothing is written.

    Raises:
        CheckpointError: There is no model, or something is at ``out`` already.
        ConfigError: A choice cannot work with it.
    """
    if out.exists():
        raise CheckpointError(f"{out} is there already; choose another name, or delete it")
    model = locate_model(model)
    hints = ModelHints(frames=config.frames, side=config.side, encoder_only=True)
    card = resolve_checkpoint(model, hints=hints).config
    if isinstance(card, SavedClassifierConfig) and card.model.num_classes:
        return _prepare_classifier(model, out, config)
    return _prepare_encoder(model, out, config, card)


def _prepare_classifier(model: Path, out: Path, config: ExportConfig) -> GraphPlan:
    predictor = Predictor(
        model,
        class_names=config.class_names,
        classes=config.classes,
        frames=config.frames,
        side=config.side,
        device="cpu",
        precision="fp32",
    )
    card, views = predictor.classifier.ref.config, predictor.scorer.views
    encoder = card.model.encoder
    size = encoder.height, encoder.width
    return GraphPlan(
        model=model,
        module=predictor.module.eval().requires_grad_(False),
        card=card,
        views=views,
        settings=build_settings(views, size, card.task_type, card.class_names),
        config=config,
        out=out,
        predictor=predictor,
        labelled=None if config.videos is None else load_labelled(predictor, config.videos),
    )


def _prepare_encoder(model: Path, out: Path, config: ExportConfig, card: ModelConfig) -> GraphPlan:
    if config.class_names or config.classes or config.videos:
        raise ConfigError(
            f"{model} has no head, so --class-names, --classes and --videos have no effect; leave "
            "them out"
        )
    encoder = load(model, frames=config.frames, side=config.side, device="cpu", precision="fp32")
    settings = encoder.frozen.encoder.config
    one_view = EvalViews(clips=1, crops=1, antialias=True)  # as features of clips are made
    limits = DEFAULT_READING.limits()
    views = resolve_views(settings, card.frame_sampling, one_view, limits=limits)
    size = settings.height, settings.width
    card = replace(card, model=replace(card.model, encoder=settings))  # type: ignore[arg-type]
    return GraphPlan(
        model=model,
        module=encoder.module,
        card=card,
        views=views,
        settings=build_settings(views, size, "features", None),
        config=config,
        out=out,
        predictor=None,
        labelled=None,
    )
