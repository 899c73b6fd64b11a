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
from videomae2.data.known_classes import PublicDataset
from videomae2.data.labels import LabelConfig
from videomae2.data.sources import DataConfig, SourceConfig

LIST_EXTENSIONS = (".csv", ".tsv", ".txt", ".list", ".json", ".jsonl", ".parquet")
"""What the name of a list ends in; all else is taken for a folder of train.csv and val.csv."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledDataset:
    """A public data set as the released code trains on it."""

    classes: PublicDataset
    frame_sampling: Literal["dense", "segments"] = "dense"
    frame_interval: float = 4.0
    """In frames; of no effect on segments."""
    flip: bool = True
    """Whether views are mirrored: never where classes tell left from right."""

    @property
    def labels(self) -> LabelConfig:
        """The names of its classes, by the name of the set."""
        return LabelConfig(class_names=Path(self.classes))

    def build_data_config(self, videos: Sequence[Path], *, views: int) -> DataConfig:
        """The training videos, as released: one random box of 8 to 100 % of the frame each."""
        return DataConfig(
            sources=tuple(
                SourceConfig(path=path, frame_interval=self.frame_interval, frame_sampling=self.frame_sampling)
                for path in _list_training_paths(videos)
            ),
            views=views,
            crop=CropConfig(kind="random-resized", flip=self.flip),
        )


KINETICS_400 = LabelledDataset(classes="kinetics-400")
KINETICS_600 = LabelledDataset(classes="kinetics-600")
KINETICS_700 = LabelledDataset(classes="kinetics-700")
KINETICS_710 = LabelledDataset(classes="kinetics-710")
UCF101 = LabelledDataset(classes="ucf101")
HMDB51 = LabelledDataset(classes="hmdb51", frame_interval=2.0)
SOMETHING_V1 = LabelledDataset(classes="something-something-v1", frame_sampling="segments", flip=False)
SOMETHING_V2 = LabelledDataset(classes="something-something-v2", frame_sampling="segments", flip=False)


def build_validation_config(videos: Sequence[Path]) -> ValidationConfig:
    """The val.csv of a folder. Beside lists nothing is held out unless it is asked for."""
    if _is_folder(videos):
        return ValidationConfig(path=videos[0] / "val.csv")
    return ValidationConfig(share=0.0)


def _list_training_paths(videos: Sequence[Path]) -> list[Path]:
    return [videos[0] / "train.csv"] if _is_folder(videos) else list(videos)


def _is_folder(videos: Sequence[Path]) -> bool:
    return len(videos) == 1 and videos[0].suffix.lower() not in LIST_EXTENSIONS
