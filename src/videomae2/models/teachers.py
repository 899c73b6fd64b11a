"""A fine-tuned classifier that others learn from: what it is, and its weights when they are needed.

It is a run (its best model), a saved model, or a released file.
"""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import torch

from videomae2.errors import CheckpointError
from videomae2.models.cards import ClassifierCard, read_card_of
from videomae2.models.chosen import Chosen, find_best, load_chosen
from videomae2.models.classifier import Classifier, ClassifierConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.parents import read_parent, read_released
from videomae2.models.released_size import released_encoder
from videomae2.models.saved import check_fit
from videomae2.tensors.pixels import IMAGENET_MEAN, IMAGENET_STD

_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class TeacherConfig:
    """The model that students learn from."""

    weights: Path | None = None
    """A fine-tuning run (its best model), a saved classifier, or a released file."""
    cache: Path | None = None
    """A folder where its scores are kept, each with the draws that made the clip. Another run with
    the same clips, such as one for another student, takes them from there instead of asking."""
    cache_half: bool = False
    """Keep them in half precision; they are then used in it from the first run on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Teacher:
    """What is known about a teacher before its weights are read."""

    card: ClassifierCard
    place: Chosen | Path
    """A saved model, or a released file."""

    @property
    def path(self) -> Path:
        """Where its weights are."""
        return self.place if isinstance(self.place, Path) else self.place.folder

    def __str__(self) -> str:
        return str(self.place)

    def digest(self) -> str:
        """Name it in 16 characters: another teacher has others. Reads the whole file."""
        if not isinstance(self.place, Path):
            return self.place.digest()
        content = sha256()
        with self.place.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                content.update(block)
        return content.hexdigest()[:16]

    def load(self, device: torch.device) -> Classifier:
        """Read its weights; it never learns, and nothing is left out by chance.

        Raises:
            CheckpointError: If they do not fit.
        """
        if not isinstance(self.place, Path):
            model, _ = load_chosen(self.place, device)
        else:
            model = Classifier(self.card.model)
            found = read_parent(self.place, model.cubes).state
            check_fit(model.state_dict(), found, self.place)
            model.load_state_dict(dict(found))
        return model.to(device).eval().requires_grad_(False)


def find_teacher(path: Path) -> Teacher:
    """Look for a teacher, and find out what it is.

    Raises:
        CheckpointError: If there is none, or it has no head.
    """
    path = path.expanduser()
    if path.is_file():
        return Teacher(card=_released_card(path), place=path)
    chosen = find_best(path)
    card = read_card_of(ClassifierCard, chosen.folder)
    if not card.model.outputs:
        raise _headless(chosen.folder)
    return Teacher(card=card, place=chosen)


def check_same_clips(student: EncoderConfig, teacher: Teacher, *, name: str) -> None:
    """Refuse a student that reads other clips than its teacher, which sees the very same ones.

    Raises:
        CheckpointError: Says both sizes.
    """
    own, other = _clip(student), _clip(teacher.card.model.encoder)
    if own != other:
        words = ["x".join(map(str, clip[:3])) + f" of {clip[3]} channels" for clip in (own, other)]
        raise CheckpointError(
            f"the student '{name}' reads clips of {words[0]} (frames, height, width), its teacher "
            f"{teacher.path} reads {words[1]}; both must see the same clip: give the student the "
            f"teacher's size, or fine-tune a teacher at the student's"
        )


def _clip(config: EncoderConfig) -> tuple[int, int, int, int]:
    return config.frames, config.height, config.width, config.channels


def _released_card(path: Path) -> ClassifierCard:
    """Tell what a released file holds by its weights, which are all it has."""
    state = read_released(path)
    if "head.weight" not in state:
        raise _headless(path)
    encoder = released_encoder(state, path)
    if encoder.channels != len(IMAGENET_MEAN):
        raise CheckpointError(
            f"{path} reads {encoder.channels} channels, and does not say how they are normalised"
        )
    model = ClassifierConfig(
        encoder=encoder,
        outputs=len(state["head.weight"]),
        pooling="mean" if "fc_norm.weight" in state else "first",
    )
    return ClassifierCard(model=model, mean=IMAGENET_MEAN, std=IMAGENET_STD)


def _headless(path: Path) -> CheckpointError:
    return CheckpointError(f"{path} has no head, so it has nothing to say about classes; a teacher "
                           f"is a fine-tuned classifier")  # fmt: skip
