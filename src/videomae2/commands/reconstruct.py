"""Show what a pre-trained model rebuilds of a video: as a picture and an mp4."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from videomae2.base.files import atomic_write_text
from videomae2.base.names import dump_json, shorten_name
from videomae2.base.schema import from_dict
from videomae2.base.summary import Summary
from videomae2.commands.reconstruct_clip import (
    ReconstructConfig,
    VideoClip,
    find_source,
    read_clip,
    warn_about_folder,
)
from videomae2.data.manifests.roots import check_outside
from videomae2.data.video.reader import read_file_mode
from videomae2.data.views.crops import center_box
from videomae2.data.views.resize import crop_and_resize
from videomae2.errors import ConfigError
from videomae2.models.weights.config_json import CONFIG_FILE, FrameSampling
from videomae2.models.weights.formats.read import is_foreign
from videomae2.models.weights.hub.cache import find_snapshot
from videomae2.models.weights.hub.locate import name_weights
from videomae2.models.weights.model_ref import find_run_folder
from videomae2.models.weights.resolve import find_saved_model, load_autoencoder, locate_model
from videomae2.reports.reconstruction import ReconstructedClip
from videomae2.reports.reconstruction_image import write_clip_image, write_clip_video
from videomae2.tasks.pretrain import MaskingConfig, PretrainTask
from videomae2.tasks.reconstruct import reconstruct_clips
from videomae2.tensors import rng
from videomae2.tensors.clips import Clips
from videomae2.training.runtime import RuntimeConfig, prepare_runtime

_DEFAULT_SHOWN_FRAMES = 8
_RUNS_DIR = Path("runs")  # where results lie of models that belong to no run
_INDEX_FILE = "videos.json"  # in a folder of reconstructions: which name is of which video


@dataclass(frozen=True, slots=True)
class ReconstructionFiles:
    """What was written, and what it shows."""

    picture: Path
    video: Path
    clip: ReconstructedClip


@dataclass(frozen=True, slots=True)
class _LoadedModel:
    """A model that is asked, and how."""

    path: Path
    task: PretrainTask
    name: str
    config: ReconstructConfig
    frame_sampling: FrameSampling | None
    bits: int | None

    def read_clip(self, video: Path) -> VideoClip:
        run = find_run_folder(self.path)
        source = find_source(run, video, self.config, self.frame_sampling)
        return read_clip(video, self.task.model.cubes, source, self.config, bits=self.bits)


@dataclass(frozen=True, kw_only=True, slots=True)
class ReconstructionPlan:
    """The clip that will be rebuilt, and where its files go."""

    model: _LoadedModel
    video: Path
    clip: VideoClip
    frames_shown: int
    folder: Path

    def summary(self) -> Summary:
        (height, width), indices = self.clip.pixels.shape[1:3], self.clip.indices
        frames = (
            f"{self.video}, {height}x{width} pixels, frames {indices[0]} to {indices[-1]}, "
            f"{self.frames_shown} of {len(indices)} in the picture"
        )
        return Summary(
            (
                ("model", f"{self.model.name}, on {self.model.task.model.mask_token.device}"),
                ("clip", frames),
                ("folder", str(self.folder)),
            )
        )


def prepare_reconstruction(
    run: Path,
    video: Path,
    *,
    out: Path | None = None,
    config: ReconstructConfig | None = None,
    frames_shown: int | None = None,
    device: str = "auto",
) -> ReconstructionPlan:
    """Load a model and read the clip that it is shown; nothing is written.

    Args:
        run: A run folder, or the folder of a saved model.
        video: A video file, a folder of frame images, or an .npy array.
        out: Folder to write to; ``reconstructions`` in the run folder if not given.
        config: Which clip, and how it is rebuilt.
        frames_shown: Frames of the clip in the picture; 8, or all of a shorter clip, if not given.
        device: cpu, cuda, or auto.

    Raises:
        CheckpointError: If there is no model.
        VideoError: If the video cannot be read.
        ConfigError: If a choice cannot work with this model or video.
    """
    read_file_mode(video)
    model = _load_model(run, config, device)
    folder = out or _default_folder(model.path)
    check_outside(folder, video)
    num_frames = model.task.model.cubes.frames
    if frames_shown is None:
        frames_shown = min(_DEFAULT_SHOWN_FRAMES, num_frames)
    elif not 1 <= frames_shown <= num_frames:
        raise ConfigError(
            f"--frames-shown is {frames_shown}, this model's clips have 1..{num_frames}"
        )
    clip = model.read_clip(video)
    warn_about_folder(video)
    return ReconstructionPlan(
        model=model,
        video=video,
        clip=clip,
        frames_shown=frames_shown,
        folder=folder,
    )


def reconstruct(plan: ReconstructionPlan) -> ReconstructionFiles:
    """Rebuild the clip and write the picture and the video.

    Raises:
        ConfigError: The folder cannot be written to.
    """
    clip = _reconstruct_clip(plan.model, plan.video, plan.clip, 0)
    folder = plan.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        name = choose_name(folder, plan.video)
        return ReconstructionFiles(
            picture=write_clip_image(clip, folder / f"{name}.png", num_frames=plan.frames_shown),
            video=write_clip_video(clip, folder / f"{name}.mp4"),
            clip=clip,
        )
    except OSError as error:
        raise ConfigError(f"cannot write to {folder}: {error.strerror}; choose --out") from error


def _default_folder(model: Path) -> Path:
    """Beside weights of other software, else in the folder of the run; of the hub in runs/."""
    if find_snapshot(model) is not None:
        return _RUNS_DIR / name_weights(model) / "reconstructions"
    return (model.parent if is_foreign(model) else find_run_folder(model)) / "reconstructions"


def choose_name(folder: Path, video: Path) -> str:
    """The files' name: the video's, numbered where that is taken by another video or file."""
    index_path = folder / _INDEX_FILE
    try:
        index = dict(json.loads(index_path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        index = {}
    source, default_name = os.path.realpath(video), shorten_name(video.stem)
    name, number = default_name, 2
    while index.get(name, source) != source or (name not in index and _is_taken(folder, name)):
        name, number = f"{default_name}-{number}", number + 1
    atomic_write_text(index_path, dump_json(index | {name: source}, indent=1) + "\n")
    return name


def _is_taken(folder: Path, name: str) -> bool:
    return any(os.path.lexists(folder / f"{name}.{ending}") for ending in ("png", "mp4"))


def reconstruct_videos(
    run: Path,
    videos: Sequence[Path],
    *,
    config: ReconstructConfig | None = None,
    device: str = "auto",
) -> list[ReconstructedClip]:
    """Rebuild a clip of each video, each with a mask of its own.

    Raises:
        CheckpointError, VideoError, ConfigError: As ``prepare_reconstruction``.
    """
    model = _load_model(run, config, device)
    return [
        _reconstruct_clip(model, video, model.read_clip(video), number)
        for number, video in enumerate(videos)
    ]


def _load_model(run: Path, config: ReconstructConfig | None, device: str) -> _LoadedModel:
    """Find and load a model; refuse choices that have no effect on it."""
    config = config or ReconstructConfig()
    folder = find_saved_model(locate_model(run))
    runtime = prepare_runtime(RuntimeConfig(device=device, precision="fp32"))
    model, card = load_autoencoder(folder, runtime.device)
    masking = from_dict(MaskingConfig, card.metadata.get("masking", {}), folder / CONFIG_FILE)
    task = PretrainTask(model, masking, normalization=card).to(runtime.device).eval()
    if config.all_hidden and masking.decoder == "none":
        raise ConfigError(
            "--all-hidden changes nothing: this model always decodes all hidden cubes"
        )
    if config.statistics == "target" and not masking.normalize_target:
        raise ConfigError(
            "--statistics target changes nothing: this model predicts plain pixels, not cubes "
            "without mean and contrast"
        )
    name: str = card.model.encoder.size
    if "step" in card.metadata:
        name += f", step {card.metadata['step']}"
    return _LoadedModel(folder, task, name, config, card.frame_sampling, card.bits)


def _reconstruct_clip(
    loaded: _LoadedModel, video: Path, clip: VideoClip, number: int
) -> ReconstructedClip:
    task, config = loaded.task, loaded.config
    cubes, device = task.model.cubes, task.model.mask_token.device
    box = center_box(clip.pixels.shape[1], clip.pixels.shape[2], (cubes.height, cubes.width))
    pixels = crop_and_resize(
        torch.from_numpy(clip.pixels), box, (cubes.height, cubes.width), flip=False
    )
    key = rng.to_int64(rng.make_key(config.seed, number))
    clips = Clips(
        pixels[None].to(device), torch.tensor([key], device=device), torch.ones(1, device=device)
    )
    reconstruction = reconstruct_clips(
        task, clips, statistics=config.statistics, all_hidden=config.all_hidden
    )
    oracle = reconstruction.oracle_pixels
    return ReconstructedClip(
        video="/".join(video.absolute().parts[-2:]),
        model=loaded.name,
        masking=task.masking,
        cubes=cubes,
        indices=clip.indices,
        seconds=clip.seconds,
        original=pixels.numpy(),
        reconstructed=reconstruction.pixels[0].cpu().numpy(),
        oracle_stats=None if oracle is None else oracle[0].cpu().numpy(),
        visible=reconstruction.visible[0].cpu().numpy(),
        predicted=reconstruction.predicted[0].cpu().numpy(),
        first_pass=reconstruction.first_pass[0].cpu().numpy(),
        loss=reconstruction.loss.item(),
        baseline=reconstruction.baseline.item(),
        statistics=config.statistics if task.masking.normalize_target else None,
        num_passes=reconstruction.num_passes,
        all_hidden=config.all_hidden,
    )
