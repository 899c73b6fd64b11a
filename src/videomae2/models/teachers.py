"""A classifier that others learn from: how it is chosen, and which clips its students read."""

from dataclasses import dataclass
from pathlib import Path

from videomae2.errors import CheckpointError
from videomae2.models.encoder import EncoderConfig
from videomae2.models.found import ClassifierRef


@dataclass(frozen=True, kw_only=True, slots=True)
class TeacherConfig:
    """The model that students learn from."""

    weights: Path | None = None
    """A fine-tuning run (its best model), a saved classifier, or a released file."""
    cache_dir: Path | None = None
    """A folder where its scores are kept, each with the draws that made the clip. Another run with
    the same clips, such as one for another student, takes them from there instead of asking."""
    cache_half: bool = False
    """Keep them in half precision; they are then used in it from the first run on."""


def check_same_clips(student: EncoderConfig, teacher: ClassifierRef, *, name: str) -> None:
    """Refuse a student that reads other clips than its teacher, which sees the very same ones.

    Raises:
        CheckpointError: Says both sizes.
    """
    student_clip, teacher_clip = _get_clip_size(student), _get_clip_size(teacher.config.model.encoder)
    if student_clip != teacher_clip:
        sizes = ["x".join(map(str, clip[:3])) + f" of {clip[3]} channels" for clip in (student_clip, teacher_clip)]
        raise CheckpointError(
            f"the student '{name}' reads clips of {sizes[0]} (frames, height, width), its teacher "
            f"{teacher.path} reads {sizes[1]}; both must see the same clip: give the student the "
            f"teacher's size, or fine-tune a teacher at the student's"
        )


def _get_clip_size(config: EncoderConfig) -> tuple[int, int, int, int]:
    return config.frames, config.height, config.width, config.channels
