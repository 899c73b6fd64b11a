"""A released file of a classifier: what it is, told by its weights, which are all it has."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import ClassVar, Literal

from torch import Tensor

from videomae2.errors import CheckpointError
from videomae2.models.cards import ClassifierCard
from videomae2.models.classifier import ClassifierConfig
from videomae2.models.encoder import EncoderConfig
from videomae2.models.parents import read_parent, read_released
from videomae2.models.released import is_pretrained
from videomae2.models.released_size import released_encoder
from videomae2.tensors.grid import Cubes
from videomae2.tensors.pixels import IMAGENET_MEAN, IMAGENET_STD

_BLOCK_BYTES = 1 << 20
_POSITIONS = "pos_embed"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleasedFile:
    """Where the weights of a released classifier are."""

    path: Path
    cubes: Cubes
    """How its clips split."""
    said: tuple[int | None, int | None] = (None, None)
    """Frames and side of its clips, where somebody said them."""

    weights: ClassVar[Literal["raw"]] = "raw"
    why: ClassVar[str] = "released file"

    def __str__(self) -> str:
        return f"{self.path} ({self.why})"

    @property
    def file(self) -> Path:
        """What is read."""
        return self.path

    @property
    def run(self) -> Path | None:
        """It is of no run."""
        return None

    def digest(self) -> str:
        """Name content and clips in 16 characters. Reads the whole file."""
        content = sha256(b"" if self.said == (None, None) else repr(self.said).encode())
        with self.path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                content.update(block)
        return content.hexdigest()[:16]

    def weights_read(self) -> dict[str, Tensor]:
        """Read the weights under our names.

        Raises:
            CheckpointError: If they cannot be read.
        """
        return dict(read_parent(self.path, self.cubes).state)


def read_released_file(
    path: Path, *, frames: int | None = None, side: int | None = None
) -> tuple[ReleasedFile, ClassifierCard]:
    """Tell what a released file holds.

    Args:
        path: The file.
        frames: Frames of the clips that it was trained on; 16, as of nearly all, if not given.
        side: Height and width of these clips; 224 if not given.

    Raises:
        CheckpointError: If it cannot be read, is of pre-training, or is of no size that is known.
    """
    state = read_released(path)
    if is_pretrained(state):
        raise CheckpointError(
            f"{path} is of pre-training: an encoder and a decoder, which know no classes; "
            f"fine-tune it on labelled videos first: videomae2 finetune … --start.weights {path}"
        )
    encoder = _of_clips(released_encoder(state, path), frames, side)
    cubes = _cubes(encoder, path)
    _check_positions(state, encoder, cubes, path)
    if encoder.channels != len(IMAGENET_MEAN):
        raise CheckpointError(
            f"{path} reads {encoder.channels} channels, and does not say how they are normalised"
        )
    model = ClassifierConfig(
        encoder=encoder,
        outputs=len(state["head.weight"]) if "head.weight" in state else 0,
        pooling="mean" if "fc_norm.weight" in state else "first",
    )
    card = ClassifierCard(model=model, mean=IMAGENET_MEAN, std=IMAGENET_STD)
    return ReleasedFile(path=path, cubes=cubes, said=(frames, side)), card


def _of_clips(encoder: EncoderConfig, frames: int | None, side: int | None) -> EncoderConfig:
    """The encoder of a model that was made for other clips, with its own table of positions.

    Source: the released code makes a fresh table for the clips that a model is built for, and
        saves none.
    """
    return replace(
        encoder,
        frames=encoder.frames if frames is None else frames,
        height=encoder.height if side is None else side,
        width=encoder.width if side is None else side,
    )


def _cubes(encoder: EncoderConfig, path: Path) -> Cubes:
    try:
        return encoder.cubes
    except ValueError as error:
        raise CheckpointError(f"{path} cannot read such clips: {error}") from error


def _check_positions(
    state: Mapping[str, Tensor], encoder: EncoderConfig, cubes: Cubes, path: Path
) -> None:
    """Refuse a file whose own table of positions is for other clips."""
    table = state.get(_POSITIONS)
    if table is not None and table.ndim == 3 and table.shape[1] != cubes.tokens:
        clip = f"{encoder.frames}x{encoder.height}x{encoder.width}"
        raise CheckpointError(
            f"{path} has places for {table.shape[1]} cubes, and clips of {clip} have "
            f"{cubes.tokens}; say of which clips it is with --frames and --side"
        )
