"""The public labelled sets of the recipes: their classes, which frames make a clip, what to mirror.

A set is a folder with train.csv and val.csv, as the released code wants it, or lists or tables of
training videos.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from videomae2.config import ValidationConfig
from videomae2.data.crops import CropConfig
from videomae2.data.known_classes import KnownClasses
from videomae2.data.labels import LabelConfig
from videomae2.data.sources import DataConfig, SourceConfig

LISTS = (".csv", ".tsv", ".txt", ".list", ".json", ".jsonl", ".parquet")
"""What the name of a list ends in; all else is taken for a folder of train.csv and val.csv."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledSet:
    """A public data set as the released code trains on it."""

    classes: KnownClasses
    sampling: Literal["dense", "segments"] = "dense"
    stride: float = 4.0
    """In frames; of no effect on segments."""
    flip: bool = True
    """Whether views are mirrored: never where classes tell left from right."""

    @property
    def labels(self) -> LabelConfig:
        """The names of its classes, by the name of the set."""
        return LabelConfig(names=Path(self.classes))

    def data(self, videos: Sequence[Path], *, views: int) -> DataConfig:
        """The training videos, as released: one random box of 8 to 100 % of the frame each."""
        return DataConfig(
            sources=tuple(
                SourceConfig(path=path, stride=self.stride, sampling=self.sampling)
                for path in _training(videos)
            ),
            views=views,
            crop=CropConfig(kind="random-resized", flip=self.flip),
        )


KINETICS_400 = LabelledSet(classes="kinetics-400")
KINETICS_600 = LabelledSet(classes="kinetics-600")
KINETICS_700 = LabelledSet(classes="kinetics-700")
KINETICS_710 = LabelledSet(classes="kinetics-710")
UCF101 = LabelledSet(classes="ucf101")
HMDB51 = LabelledSet(classes="hmdb51", stride=2.0)
SOMETHING_V1 = LabelledSet(classes="something-something-v1", sampling="segments", flip=False)
SOMETHING_V2 = LabelledSet(classes="something-something-v2", sampling="segments", flip=False)


def validation(videos: Sequence[Path]) -> ValidationConfig:
    """The val.csv of a folder. Beside lists nothing is held out unless it is asked for."""
    if _is_folder(videos):
        return ValidationConfig(path=videos[0] / "val.csv")
    return ValidationConfig(share=0.0)


def _training(videos: Sequence[Path]) -> list[Path]:
    return [videos[0] / "train.csv"] if _is_folder(videos) else list(videos)


def _is_folder(videos: Sequence[Path]) -> bool:
    return len(videos) == 1 and videos[0].suffix.lower() not in LISTS
