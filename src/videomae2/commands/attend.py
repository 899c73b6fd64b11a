"""Show where a model looks in a video: attention rollout and gradients, as a picture and a film."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from videomae2.base.ranges import ONE_OR_MORE, POSITIVE, find_range_errors
from videomae2.base.summary import Summary
from videomae2.base.text import suggest_nearest
from videomae2.commands.reconstruct import choose_name
from videomae2.data.video.trim import fit_channels, open_video
from videomae2.data.views.read import list_clips
from videomae2.data.views.requests import ViewSpec, ViewsRequest
from videomae2.data.views.resize import resize_to_cover
from videomae2.errors import ConfigError
from videomae2.inference.encoder import load
from videomae2.inference.inputs import VideoInput, expand_inputs
from videomae2.inference.predictor import DEFAULT_READING, Predictor
from videomae2.inference.views import EvalViews, format_views, resolve_views
from videomae2.models.encoder import Normalize, VideoEncoder
from videomae2.models.task_type import LabelSpace
from videomae2.models.weights.config_json import SavedClassifierConfig
from videomae2.models.weights.formats.architecture import ModelHints
from videomae2.models.weights.resolve import locate_model, resolve_checkpoint
from videomae2.reports.attention import (
    AttendedClip,
    write_attention_film,
    write_attention_image,
)
from videomae2.tasks.saliency import ScoreFn, integrate_gradients, roll_out_attention

_FRAMES_SHOWN = 8
_ONE_VIEW = EvalViews(clips=1, crops=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class AttendConfig:
    """What is explained, and how."""

    output: str | None = None
    """The output whose score is explained, by its name or its number from 0; the best if not given.
    Of a model without a head it is the likeness to the clip's own feature."""
    frames_shown: Annotated[int | None, ONE_OR_MORE] = None
    """Frames of the clip in the picture; 8, or all of a shorter clip, if not given."""
    steps: Annotated[int, ONE_OR_MORE] = 16
    """Gradients that are taken on the way from a black clip to the clip."""
    frame_rate: Annotated[float | None, POSITIVE] = None
    """Frames per second of a folder of images or an array, which have no clock."""
    class_names: Path | None = None
    """What the outputs are called where the model does not say: a file of names, or a public data
    set such as kinetics-710."""
    frames: Annotated[int | None, ONE_OR_MORE] = None
    """Frames of the clips that a released file was trained on; 16 if not given."""
    side: Annotated[int | None, ONE_OR_MORE] = None
    """Height and width of these clips in pixels; 224 if not given."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Subject:
    """A model that is explained."""

    encoder: VideoEncoder
    normalize: Normalize
    compute_scores: Callable[[Tensor], Tensor]
    """Cubes of clips, normalised → scores [clips, outputs], or features."""
    views: ViewSpec
    outputs: LabelSpace | None = None
    """None of a model without a head."""
    reads_first: bool = False
    """The head reads the first token, not the mean."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AttendPlan:
    """A model, the video that it is shown, and where files go."""

    model: Path
    subject: _Subject
    video: VideoInput
    config: AttendConfig
    out: Path

    @property
    def num_shown(self) -> int:
        """Frames in the picture."""
        return self.config.frames_shown or min(_FRAMES_SHOWN, self.subject.encoder.cubes.frames)

    @property
    def model_name(self) -> str:
        """What is explained, for people."""
        config = self.subject.encoder.config
        return f"{config.size} from {self.model}, clips of {config.clip_dimensions}"

    def summarize(self) -> Summary:
        """What will be shown, in a few lines."""
        clip = f"{self.video.entry.path}: {format_views(self.subject.views)}"
        return Summary((("model", self.model_name), ("clip", clip), ("folder", str(self.out))))


@dataclass(frozen=True, slots=True)
class AttendFiles:
    """What was written, and what it shows."""

    picture: Path
    film: Path
    clip: AttendedClip


def prepare_attend(model: Path, video: Path, out: Path, config: AttendConfig) -> AttendPlan:
    """Load a model and find the video; nothing is written.

    Raises:
        CheckpointError: There is no model.
        ConfigError: A choice cannot work with it.
        ManifestError: The video is a folder that is none.
    """
    if problems := [problem for _, problem in find_range_errors(config)]:
        raise ConfigError(problems)
    inputs = expand_inputs([video])
    if len(inputs) != 1:
        raise ConfigError(f"{video} holds {len(inputs)} videos; name one of them")
    model = locate_model(model)
    subject = _load_subject(model, config)
    frames = subject.encoder.cubes.frames
    if (config.frames_shown or 1) > frames:
        raise ConfigError(
            f"--frames-shown is {config.frames_shown}, this model's clips have 1..{frames}"
        )
    if config.output is not None and subject.outputs is not None:
        _find_output(config.output, subject.outputs)
    return AttendPlan(model=model, subject=subject, video=inputs[0], config=config, out=out)


def attend(plan: AttendPlan) -> AttendFiles:
    """Read the clip, compute both maps, and write the picture and the film.

    Raises:
        VideoError: The video cannot be read.
        ConfigError: The folder cannot be written to.
    """
    clip = _attend_clip(plan)
    try:
        plan.out.mkdir(parents=True, exist_ok=True)
        name = choose_name(plan.out, Path(plan.video.entry.path))
        return AttendFiles(
            picture=write_attention_image(
                clip, plan.out / f"{name}.png", num_frames=plan.num_shown
            ),
            film=write_attention_film(clip, plan.out / f"{name}.mp4"),
            clip=clip,
        )
    except OSError as error:
        raise ConfigError(f"cannot write to {plan.out}: {error.strerror}; choose --out") from error


def _load_subject(model: Path, config: AttendConfig) -> _Subject:
    hints = ModelHints(frames=config.frames, side=config.side, encoder_only=True)
    card = resolve_checkpoint(model, hints=hints).config
    if isinstance(card, SavedClassifierConfig) and card.model.num_classes:
        return _load_classifier(model, config)
    if config.output is not None or config.class_names is not None:
        raise ConfigError(
            f"{model} has no head, so --output and --class-names have no effect; leave them out"
        )
    frozen = load(model, frames=config.frames, side=config.side, precision="fp32").frozen
    return _Subject(
        encoder=frozen.encoder,
        normalize=frozen.normalize,
        compute_scores=lambda values: frozen.pool(frozen.encoder(values))[:, 1],
        views=resolve_views(
            frozen.encoder.config,
            card.frame_sampling,
            _ONE_VIEW,
            limits=DEFAULT_READING.limits(),
            frame_rate=config.frame_rate,
        ),
    )


def _load_classifier(model: Path, config: AttendConfig) -> _Subject:
    predictor = Predictor(
        model,
        class_names=config.class_names,
        frames=config.frames,
        side=config.side,
        precision="fp32",
        views=_ONE_VIEW,
        frame_rate=config.frame_rate,
    )
    task = predictor.classifier.task
    return _Subject(
        encoder=task.model.encoder,
        normalize=task.normalize,
        compute_scores=task.model.requires_grad_(False),
        views=predictor.scorer.views,
        outputs=predictor.outputs,
        reads_first=task.model.config.global_pool == "token",
    )


def _find_output(name: str, outputs: LabelSpace) -> int:
    names = list(outputs.class_names or ())
    if name in names:
        return names.index(name)
    if name.isdecimal() and int(name) < outputs.count:
        return int(name)
    advice = suggest_nearest(name, names) if names else f"give a number below {outputs.count}"
    raise ConfigError(f"--output: the model has no output '{name}'; {advice}")


def _attend_clip(plan: AttendPlan) -> AttendedClip:
    subject = plan.subject
    encoder, cubes = subject.encoder, subject.encoder.cubes
    pixels, indices, seconds = _read_pixels(plan)
    values = subject.normalize.split(pixels, cubes)
    baseline = subject.normalize.split(torch.zeros_like(pixels), cubes)
    score, text = _choose_score(plan, values)
    rollout = roll_out_attention(encoder, values, reads_first=subject.reads_first)
    saliency = integrate_gradients(score, values, baseline, steps=plan.config.steps)
    return AttendedClip(
        video="/".join(Path(plan.video.entry.path).absolute().parts[-2:]),
        model=plan.model_name,
        score=text,
        cubes=cubes,
        indices=indices,
        seconds=seconds,
        pixels=pixels[0].cpu().numpy(),
        rollout=rollout[0].cpu().numpy(),
        saliency=saliency[0].detach().cpu().numpy(),
    )


def _read_pixels(plan: AttendPlan) -> tuple[Tensor, np.ndarray, np.ndarray | None]:
    """The clip in the middle as the model sees it, and which frames of the video it is."""
    entry, cubes = plan.video.entry, plan.subject.encoder.cubes
    spec = replace(plan.subject.views, frame_name=plan.video.frame_name)
    with open_video(entry, spec) as reader:
        index = list_clips(reader, ViewsRequest(entry, spec))[0]
        unique, positions = np.unique(index, return_inverse=True)
        frames = fit_channels(entry.path, reader.read(unique.tolist()), cubes.channels)
        seconds = None if reader.seconds is None else reader.seconds[index]
    video = resize_to_cover(
        frames,
        positions.reshape(1, -1).astype(np.int64),
        (cubes.height, cubes.width),
        crops=1,
        antialias=spec.antialias,
        device=plan.subject.encoder.pos_embed.device,
    )
    return video.cut_view(0)[None], index, seconds


def _choose_score(plan: AttendPlan, values: Tensor) -> tuple[ScoreFn, str]:
    """What is differentiated, and its name."""
    compute, outputs = plan.subject.compute_scores, plan.subject.outputs
    with torch.no_grad():
        scores = compute(values)
    if outputs is None:
        unit = scores / scores.norm(dim=1, keepdim=True)
        return lambda x: (compute(x) * unit).sum(dim=1), "gradients of the likeness to its feature"
    number = int(scores[0].argmax())
    if plan.config.output is not None:
        number = _find_output(plan.config.output, outputs)
    text = f"gradients of the score of {outputs.get_name(number)}, {scores[0, number].item():.3g}"
    return lambda x: compute(x)[:, number], text
