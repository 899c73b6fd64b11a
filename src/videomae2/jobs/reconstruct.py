"""Show what a pre-trained model rebuilds of a video: as a picture, an mp4 and a GIF."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from videomae2.data.crops import centre_box
from videomae2.data.views import cut
from videomae2.engine.runtime import RuntimeConfig, prepare
from videomae2.errors import ConfigError
from videomae2.jobs.chosen_clips import ChosenClip, How, read_clip, source_of
from videomae2.jobs.films import film_frames, film_rate, write_gif, write_mp4
from videomae2.jobs.panels import Reconstruction
from videomae2.jobs.sheets import reconstruction_picture
from videomae2.models.cards import CARD_FILE
from videomae2.models.entries import build
from videomae2.models.saved import find_model, load_autoencoder
from videomae2.tasks.pretrain import MaskingConfig, PretrainTask
from videomae2.tasks.rebuild import rebuild
from videomae2.tensors import draws
from videomae2.tensors.clips import Clips
from videomae2.tensors.grid import Cubes

_FRAMES_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Written:
    """What was written, and what it shows."""

    picture: Path
    film: Path
    gif: Path
    shown: Reconstruction


def reconstruct(
    run: Path,
    video: Path,
    *,
    out: Path | None = None,
    how: How | None = None,
    frames_shown: int | None = None,
    device: str = "auto",
) -> Written:
    """Rebuild a clip of a video and write the picture and both films.

    Args:
        run: A run folder, or the folder of a saved model.
        video: A video file, a folder of frame images, or an .npy array.
        out: Folder to write to; ``reconstructions`` in the run folder if not given.
        how: Which clip, and how it is rebuilt.
        frames_shown: Frames of the clip in the picture; 8, or all of a shorter clip, if not given.
        device: cpu, cuda, or auto.

    Raises:
        CheckpointError: If there is no model.
        VideoError: If the video cannot be read.
        ConfigError: If a choice cannot work with this model or video.
    """
    asked = _asked(run, how, device)
    count = _count(frames_shown, asked.task.model.cubes)
    shown = _rebuild(asked, video, 0)
    folder = asked.folder(out)
    film, rate = film_frames(shown), film_rate(shown)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return Written(
            picture=reconstruction_picture(shown, folder / f"{video.stem}.png", frames_shown=count),
            film=write_mp4(film, rate, folder / f"{video.stem}.mp4"),
            gif=write_gif(film, rate, folder / f"{video.stem}.gif"),
            shown=shown,
        )
    except OSError as error:
        raise ConfigError(f"cannot write to {folder}: {error.strerror}; choose --out") from error


def rehearse(
    run: Path,
    video: Path,
    *,
    out: Path | None = None,
    how: How | None = None,
    frames_shown: int | None = None,
    device: str = "auto",
) -> str:
    """Say what ``reconstruct`` would do; model and video are read, nothing is written.

    Raises:
        CheckpointError, VideoError, ConfigError: As ``reconstruct``.
    """
    asked = _asked(run, how, device)
    count = _count(frames_shown, asked.task.model.cubes)
    clip = asked.clip(video)
    height, width = clip.pixels.shape[1:3]
    return (
        f"model    {asked.name}, on {asked.task.mean.device}\n"
        f"clip     {video}, {height}x{width} pixels, frames {clip.indices[0]} to "
        f"{clip.indices[-1]}, {count} of {len(clip.indices)} in the picture\n"
        f"folder   {asked.folder(out)}"
    )


def rebuild_videos(
    run: Path, videos: Sequence[Path], *, how: How | None = None, device: str = "auto"
) -> list[Reconstruction]:
    """Rebuild a clip of each video, each with a mask of its own.

    Args:
        run: A run folder, or the folder of a saved model.
        videos: Files, folders of frame images, or .npy arrays.
        how: Which clips, and how they are rebuilt.
        device: cpu, cuda, or auto.

    Raises:
        CheckpointError, VideoError, ConfigError: As ``reconstruct``.
    """
    asked = _asked(run, how, device)
    return [_rebuild(asked, video, number) for number, video in enumerate(videos)]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A model that is asked, and how."""

    model: Path
    task: PretrainTask
    name: str
    how: How

    def clip(self, video: Path) -> ChosenClip:
        """Read the clip of a video that it is shown."""
        source = source_of(_run_folder(self.model), video, self.how)
        return read_clip(video, self.task.model.cubes, source, self.how)

    def folder(self, out: Path | None) -> Path:
        """Where pictures go."""
        return out or _run_folder(self.model) / "reconstructions"


def _asked(run: Path, how: How | None, device: str) -> _Asked:
    """Find and load a model; refuse choices that have no effect on it."""
    how = how or How()
    folder = find_model(run)
    runtime = prepare(RuntimeConfig(device=device, precision="fp32"))
    model, card = load_autoencoder(folder, runtime.device)
    masking = build(MaskingConfig, card.notes.get("masking", {}), folder / CARD_FILE)
    task = PretrainTask(model, masking, mean=card.mean, std=card.std).to(runtime.device).eval()
    if how.all_hidden and masking.decoder == "none":
        raise ConfigError(
            "--all-hidden changes nothing: this model always decodes all hidden cubes"
        )
    if how.statistics == "truth" and not masking.per_cube_target:
        raise ConfigError(
            "--statistics truth changes nothing: this model predicts plain pixels, not cubes "
            "without mean and contrast"
        )
    name: str = card.model.encoder.size
    if "step" in card.notes:
        name += f", step {card.notes['step']}"
    return _Asked(folder, task, name, how)


def _count(frames_shown: int | None, cubes: Cubes) -> int:
    """How many frames of a clip are in the picture."""
    if frames_shown is None:
        return min(_FRAMES_SHOWN, cubes.frames)
    if not 1 <= frames_shown <= cubes.frames:
        raise ConfigError(
            f"--frames-shown is {frames_shown}, this model's clips have 1..{cubes.frames}"
        )
    return frames_shown


def _rebuild(asked: _Asked, video: Path, number: int) -> Reconstruction:
    """Rebuild a clip of one video."""
    task, how = asked.task, asked.how
    cubes, device = task.model.cubes, task.mean.device
    clip = asked.clip(video)
    box = centre_box(clip.pixels.shape[1], clip.pixels.shape[2], (cubes.height, cubes.width))
    pixels = cut(torch.from_numpy(clip.pixels), box, (cubes.height, cubes.width), flip=False)
    key = draws.signed(draws.key(how.seed, number))
    clips = Clips(
        pixels[None].to(device),
        torch.tensor([key], device=device),
        torch.ones(1, device=device),
    )
    found = rebuild(task, clips, statistics=how.statistics, all_hidden=how.all_hidden)
    return Reconstruction(
        video="/".join(video.absolute().parts[-2:]),
        model=asked.name,
        masking=task.masking,
        cubes=cubes,
        indices=clip.indices,
        seconds=clip.seconds,
        original=pixels.numpy(),
        rebuilt=found.pixels[0].cpu().numpy(),
        told=None if found.told is None else found.told[0].cpu().numpy(),
        visible=found.visible[0].cpu().numpy(),
        predicted=found.predicted[0].cpu().numpy(),
        share=found.share[0].cpu().numpy(),
        loss=found.loss.item(),
        baseline=found.baseline.item(),
        statistics=how.statistics if task.masking.per_cube_target else None,
        passes=found.passes,
        all_hidden=how.all_hidden,
    )


def _run_folder(model: Path) -> Path:
    """The run that a checkpoint belongs to; a saved model that is none stands for itself."""
    model = model.absolute()
    return model.parent.parent if model.parent.name == "checkpoints" else model
