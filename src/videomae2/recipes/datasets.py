"""The public data sets of the recipes: their classes, which frames make a clip, what to mirror.

A labelled set is a folder with train.csv and val.csv, as the released code wants it, or lists or
tables of training videos. Unlabelled videos become sources with the frame intervals of the paper.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from videomae2.config.runs import ValidationConfig
from videomae2.data.loading.labels import LabelConfig
from videomae2.data.loading.sources import DataConfig, SourceConfig
from videomae2.data.manifests.public_classes import PublicDataset
from videomae2.data.views.crops import CropConfig
from videomae2.errors import ConfigError

LIST_EXTENSIONS = (".csv", ".tsv", ".txt", ".list", ".json", ".jsonl", ".parquet")
"""What the name of a list ends in; all else is taken for a folder of train.csv and val.csv."""

HYBRID_LISTS = ("k710.csv", "ssv2.csv", "ava.csv", "webvid2m.csv", "instagram.csv")
"""The lists of UnlabeledHybrid: 658 k training videos of Kinetics-710, 169 k of Something-Something
V2 as frames, 21 k windows of 300 frames of AVA, a random 250 k of WebVid2M, and 250 k that the
authors collected, which are not public. Each video is taken once an epoch, so sizes are weights.

Source: arXiv 2303.16727 appendix; intervals and frame names of dataset/pretrain_datasets.py.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class UnlabelledDataset:
    """Videos as a released pre-training reads them."""

    videos: str
    """What to give a recipe of it."""
    example: str
    frame_interval: float | None
    """In frames; None is UnlabeledHybrid, which has one for each of its sets."""

    def build_sources(self, videos: Sequence[Path]) -> tuple[SourceConfig, ...]:
        """The videos as sources that count frames alike, or the sets of UnlabeledHybrid."""
        if self.frame_interval is None:
            return build_hybrid_sources(videos)
        return build_sources(videos, frame_interval=self.frame_interval)


HYBRID = UnlabelledDataset(
    videos="one folder with k710.csv, ssv2.csv, ava.csv, webvid2m.csv and instagram.csv, or those "
    "lists of them that you have; 1.35 M clips.",
    example="lists/",
    frame_interval=None,
)
KINETICS_400_VIDEOS = UnlabelledDataset(
    videos="a list or folder of the training videos, 240 k.", example="k400.csv", frame_interval=4.0
)
SOMETHING_V2_VIDEOS = UnlabelledDataset(
    videos="a list or folder of the training videos of SSv2, 169 k.",
    example="ssv2.csv",
    frame_interval=2.0,
)
UCF101_VIDEOS = UnlabelledDataset(
    videos="a list or folder of the training videos of a split.",
    example="ucf101.csv",
    frame_interval=4.0,
)

_LISTS = "a folder with train.csv and val.csv, or lists of training videos"


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledDataset:
    """A public data set as the released code trains on it."""

    classes: PublicDataset
    videos: str
    """What to give a recipe of it."""
    example: str
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
        paths = [videos[0] / "train.csv"] if _is_folder(videos) else videos
        return DataConfig(
            sources=build_sources(
                paths, frame_interval=self.frame_interval, frame_sampling=self.frame_sampling
            ),
            views=views,
            crop=CropConfig(kind="random-resized", flip=self.flip),
        )


KINETICS_400 = LabelledDataset(classes="kinetics-400", videos=f"{_LISTS}, 240 k.", example="k400/")
KINETICS_600 = LabelledDataset(classes="kinetics-600", videos=f"{_LISTS}, 366 k.", example="k600/")
KINETICS_700 = LabelledDataset(classes="kinetics-700", videos=f"{_LISTS}.", example="k700/")
KINETICS_710 = LabelledDataset(
    classes="kinetics-710",
    videos=f"{_LISTS}, 658 k; videomae2 merge-datasets makes it of Kinetics-400, -600 and -700 "
    "(docs/data.md).",
    example="k710/",
)
UCF101 = LabelledDataset(
    classes="ucf101",
    videos="the folder of a split with train.csv and val.csv, or a list of its 9.5 k training "
    "videos.",
    example="ucf101/split_1",
)
HMDB51 = LabelledDataset(
    classes="hmdb51",
    videos="the folder of a split with train.csv and val.csv, or a list of its training videos.",
    example="hmdb51/split_1",
    frame_interval=2.0,
)
SOMETHING_V1 = LabelledDataset(
    classes="something-something-v1",
    videos=f"{_LISTS}: folders of frames. Its frames are called 00001.jpg: "
    "--data.sources.0.frame-name {:05}.jpg.",
    example="ssv1/",
    frame_sampling="tsn",
    flip=False,
)
SOMETHING_V2 = LabelledDataset(
    classes="something-something-v2",
    videos=f"{_LISTS}, 169 k: folders of frames called img_00001.jpg and so on "
    "(lines of folder, frames, label), or video files.",
    example="ssv2/",
    frame_sampling="tsn",
    flip=False,
)


def build_validation_config(videos: Sequence[Path]) -> ValidationConfig:
    """The val.csv of a folder. Beside lists nothing is held out unless it is asked for."""
    if _is_folder(videos):
        return ValidationConfig(path=videos[0] / "val.csv")
    return ValidationConfig(share=0.0)


def _is_folder(videos: Sequence[Path]) -> bool:
    return len(videos) == 1 and videos[0].suffix.lower() not in LIST_EXTENSIONS


def build_sources(
    videos: Sequence[Path],
    *,
    frame_interval: float,
    interval_unit: Literal["frames", "per-second"] = "frames",
    frame_sampling: Literal["strided", "dense", "tsn"] = "strided",
) -> tuple[SourceConfig, ...]:
    """Sources whose frames are all taken alike."""
    return tuple(
        SourceConfig(
            path=path,
            frame_interval=frame_interval,
            interval_unit=interval_unit,
            frame_sampling=frame_sampling,
        )
        for path in videos
    )


def build_hybrid_sources(videos: Sequence[Path]) -> tuple[SourceConfig, ...]:
    """The sources of UnlabeledHybrid, as lists in the format of the released pre-training.

    A list in another format needs --data.sources.N.layout.

    Args:
        videos: One folder of all ``HYBRID_LISTS``, or those of them that you have, by these names.

    Raises:
        ConfigError: If a list has another name, so that its interval is not known.
    """
    names = [Path(name).stem for name in HYBRID_LISTS]
    if len(videos) == 1 and videos[0].stem not in names:
        videos = [videos[0] / name for name in HYBRID_LISTS]
    if unknown := [str(path) for path in videos if path.stem not in names]:
        raise ConfigError(
            f"{', '.join(unknown)} is none of the lists of UnlabeledHybrid; name them "
            f"{', '.join(HYBRID_LISTS)}, or give one folder of all five"
        )
    return tuple(
        SourceConfig(
            path=path,
            name=path.stem,
            layout="pretrain-list",
            frame_interval=2.0 if path.stem == "ssv2" else 4.0,
            frame_name="image_{:06}.jpg" if path.stem == "ava" else None,
        )
        for path in videos
    )
