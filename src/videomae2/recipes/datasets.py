"""The public data sets of the recipes: their classes, which frames make a clip, what to mirror.

A labelled set is a folder with train.csv and val.csv, as the released code wants it, or lists or
tables of training videos. Unlabelled videos become sources with the frame intervals of the paper.

"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from videomae2.config.runs import ValidationConfig
from videomae2.data.loading.sources import DataConfig, SourceConfig
from videomae2.data.manifests.labels import LabelConfig
from videomae2.data.manifests.public_classes import PublicDataset
from videomae2.data.views.crops import CropConfig
from videomae2.errors import ConfigError

LIST_EXTENSIONS = (".csv", ".tsv", ".txt", ".list", ".json", ".jsonl", ".parquet")
"""What the name of a list ends in; all else is taken for a folder of train.csv and val.csv."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledDataset:
    """A public data set as the released code trains on it."""

    classes: PublicDataset
    frame_sampling: Literal["dense", "tsn"] = "dense"
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
                SourceConfig(
                    path=path,
                    frame_interval=self.frame_interval,
                    frame_sampling=self.frame_sampling,
                )
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


SOMETHING_V1 = LabelledDataset(classes="something-something-v1", frame_sampling="tsn", flip=False)


SOMETHING_V2 = LabelledDataset(classes="something-something-v2", frame_sampling="tsn", flip=False)


def build_validation_config(videos: Sequence[Path]) -> ValidationConfig:
    """The val.csv of a folder. Beside lists nothing is held out unless it is asked for."""
    if _is_folder(videos):
        return ValidationConfig(path=videos[0] / "val.csv")
    return ValidationConfig(share=0.0)


def _list_training_paths(videos: Sequence[Path]) -> list[Path]:
    return [videos[0] / "train.csv"] if _is_folder(videos) else list(videos)


def _is_folder(videos: Sequence[Path]) -> bool:
    return len(videos) == 1 and videos[0].suffix.lower() not in LIST_EXTENSIONS


@dataclass(frozen=True, slots=True)
class HybridSet:
    """One of the sets that UnlabeledHybrid is mixed of."""

    list_name: str
    description: str
    frame_interval: float = 4.0
    frame_name: str | None = None


HYBRID = {
    "k710": HybridSet("k710.csv", "658 k videos of Kinetics-710, training part"),
    "ssv2": HybridSet(
        "ssv2.csv", "169 k videos of Something-Something V2 as frames", frame_interval=2.0
    ),
    "ava": HybridSet("ava.csv", "21 k windows of 300 frames of AVA", frame_name="image_{:06}.jpg"),
    "webvid2m": HybridSet("webvid2m.csv", "250 k videos of WebVid2M, a random subset"),
    "instagram": HybridSet("instagram.csv", "250 k videos the authors collected; not public"),
}
"""UnlabeledHybrid: each video is taken once an epoch, so the sizes of the sets are the weights.

Source: arXiv 2303.16727 appendix; strides and frame names of dataset/pretrain_datasets.py.
"""


def build_hybrid_sources(videos: Sequence[Path]) -> tuple[SourceConfig, ...]:
    """The sources of UnlabeledHybrid, as lists in the format of the released pre-training.

    A list in another format needs --data.sources.N.layout.

    Args:
        videos: One folder that holds all five lists of ``HYBRID``; or those lists that you have,
            each with the name of its set, such as lists/k710.csv.

    Raises:
        ConfigError: If a list has another name, so that its stride is not known.
    """
    if len(videos) == 1 and videos[0].stem not in HYBRID:
        return tuple(
            _build_hybrid_source(name, videos[0] / hybrid_set.list_name, hybrid_set)
            for name, hybrid_set in HYBRID.items()
        )
    if unknown := [str(path) for path in videos if path.stem not in HYBRID]:
        raise ConfigError(
            f"{', '.join(unknown)} is none of the lists of UnlabeledHybrid; name them "
            f"{', '.join(part.list_name for part in HYBRID.values())}, or give one folder of all "
            f"five"
        )
    return tuple(_build_hybrid_source(path.stem, path, HYBRID[path.stem]) for path in videos)


def build_sources(videos: Sequence[Path], *, frame_interval: float) -> tuple[SourceConfig, ...]:
    """Sources that all count frames alike."""
    return tuple(SourceConfig(path=path, frame_interval=frame_interval) for path in videos)


def build_timed_sources(
    videos: Sequence[Path], *, frames_per_second: float
) -> tuple[SourceConfig, ...]:
    """Sources that all take so many frames of a second, whatever the frame rate of a video."""
    return tuple(
        SourceConfig(path=path, frame_interval=frames_per_second, interval_unit="per-second")
        for path in videos
    )


def _build_hybrid_source(name: str, path: Path, hybrid_set: HybridSet) -> SourceConfig:
    return SourceConfig(
        path=path,
        name=name,
        layout="pretrain-list",
        frame_interval=hybrid_set.frame_interval,
        frame_name=hybrid_set.frame_name,
    )
