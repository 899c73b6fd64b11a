"""The data of the comparison: MIRACL-VC1 by what it is for, or made-up videos in its layout.

From its table (columns path, label, class_name, kind, speaker, split_si) come, as files of their
own so that every step is a run that can be repeated by its command:

* all videos of the training speakers, words and phrases, without labels;
* of each class of words a few of the training speakers, drawn by the seed: the labelled share;
* the same from the training speakers but some, and all words of these: where rates are searched;
* all words of the unseen speakers: the test.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from videomae2.base.files import atomic_write
from videomae2.data.video.writer import write_video
from videomae2.errors import ConfigError, ManifestError
from videomae2.tensors import rng

COLUMNS = ("path", "label", "class_name", "kind", "speaker", "split_si")
TASK = "words"
WORDS = ("Opens", "Closes", "Rises")
PHRASES = ("Falls.",)
SPEAKERS = {"A1": "train", "A2": "train", "A3": "train", "B1": "test"}
"""Of the made-up videos, as are the sizes."""
_HEIGHT, _WIDTH, _RATE, _REPEATS = 24, 32, 15, 3
_LABEL_STREAM, _SPEAKER_STREAM = 1, 2


@dataclass(frozen=True, slots=True)
class SpeakerVideo:
    """A line of the table."""

    path: str
    label: str
    class_name: str
    kind: str
    speaker: str
    split_si: str


@dataclass(frozen=True, slots=True)
class DataSplit:
    """The videos by what they are for."""

    root: Path
    """Before the paths of all lists."""
    unlabelled: tuple[SpeakerVideo, ...]
    """Of the training speakers."""
    words: tuple[SpeakerVideo, ...]
    """Of the training speakers, with labels."""
    validation: tuple[str, ...]
    """Training speakers that are set aside while rates are searched."""
    test: tuple[SpeakerVideo, ...]
    """Words of the unseen speakers."""

    @property
    def classes(self) -> list[str]:
        """Labels, as they stand in the table."""
        return sorted({video.label for video in self.words}, key=int)

    def draw_labelled(
        self, per_class: int, seed: int, *, search: bool = False
    ) -> list[SpeakerVideo]:
        """Draw so many videos of each class, 0 for all; a search leaves out validation speakers.

        Raises:
            ConfigError: A class has fewer.
        """
        excluded_speakers = self.validation if search else ()
        candidates = [video for video in self.words if video.speaker not in excluded_speakers]
        selected: list[SpeakerVideo] = []
        for number, label in enumerate(self.classes):
            of_class = [video for video in candidates if video.label == label]
            if len(of_class) < per_class:
                raise ConfigError(
                    f"--shares {per_class} is more than the {len(of_class)} videos of "
                    f"{of_class[0].class_name!r} by {len({v.speaker for v in candidates})} speakers"
                )
            order = rng.permutation(rng.make_key(seed, _LABEL_STREAM, number), len(of_class))
            selected += [of_class[i] for i in sorted(order[: per_class or None].tolist())]
        return selected

    def list_validation(self) -> list[SpeakerVideo]:
        """All words of the validation speakers."""
        return [video for video in self.words if video.speaker in self.validation]


def load_split(root: Path) -> DataSplit:
    """Read the table of a data set.

    Raises:
        ManifestError: There is none, it lacks columns, or a part of it is empty.
    """
    table = root / "labels.csv"
    videos = _load_videos(table)
    training = tuple(video for video in videos if video.split_si == "train")
    words = tuple(video for video in training if video.kind == TASK)
    test = tuple(video for video in videos if video.split_si == "test" and video.kind == TASK)
    speakers = sorted({video.speaker for video in words})
    if not test or len(speakers) < 2:
        raise ManifestError(
            f"has {len(speakers)} speakers of {TASK} to train on and {len(test)} videos to test "
            f"on; wanted 2 and 1 or more",
            path=table,
        )
    order = rng.permutation(rng.make_key(_SPEAKER_STREAM), len(speakers))
    validation_speakers = tuple(sorted(speakers[i] for i in order[: max(1, len(speakers) // 4)]))
    return DataSplit(root, training, words, validation_speakers, test)


def write_list(path: Path, videos: Sequence[SpeakerVideo], *, labels: bool = True) -> Path:
    """Write a table that the jobs read; without labels there is nothing in it but paths."""
    columns = ("path", "label", "class_name") if labels else ("path",)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([getattr(video, name) for name in columns] for video in videos)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as partial:
        partial.write_text(text.getvalue(), encoding="utf-8")
    return path


def list_speakers(videos: Iterable[SpeakerVideo]) -> list[str]:
    """Who speaks, each once."""
    return sorted({video.speaker for video in videos})


def _load_videos(table: Path) -> list[SpeakerVideo]:
    if not table.exists():
        raise ManifestError("does not exist; --data names the folder that has it", path=table)
    with table.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        columns = reader.fieldnames or []
        if missing := [name for name in COLUMNS if name not in columns]:
            raise ManifestError(
                f"its columns are {', '.join(columns)}; wanted {', '.join(missing)} too", path=table
            )
        return [SpeakerVideo(*(row[name] for name in COLUMNS)) for row in reader]


def write_synthetic(folder: Path) -> Path:
    """Write made-up clips and their table, or what is missing of them; give the folder.

    A bar opens and closes on a grey ground, as lips do; how it moves is its class, how it looks its
    speaker.
    """
    rows = []
    for speaker, split in SPEAKERS.items():
        for label, name in enumerate((*WORDS, *PHRASES)):
            for repeat in range(_REPEATS):
                path = f"clips/{speaker}_{label:02}_{repeat:02}.mp4"
                frames = 4 + (label + 3 * repeat) % 9
                kind = "words" if name in WORDS else "phrases"
                rows.append((path, label, name, kind, speaker, repeat, frames, split, "train"))
                _write_video(folder / path, label, frames, seed=len(rows), light=ord(speaker[1]))
    head = ("path", "label", "class_name", "kind", "speaker", "rep", "frames")
    with (folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([(*head, "split_si", "split_sd"), *rows])
    return folder


def _write_video(path: Path, label: int, frames: int, *, seed: int, light: int) -> None:
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(seed)
    pixels = generator.integers(
        2 * light, 2 * light + 20, (frames, _HEIGHT, _WIDTH, 3), dtype=np.uint8
    )
    for number, frame in enumerate(pixels):
        progress = (number + 0.5) / frames
        half, middle = {
            0: (8 * progress, 12),
            1: (8 - 8 * progress, 12),
            2: (3, 18 - 12 * progress),
        }.get(label, (3, 6 + 12 * progress))
        frame[int(middle - half) : int(middle + half) + 1, 6:26] = 20
    with atomic_write(path) as partial:
        write_video(partial, pixels, rate=_RATE)
