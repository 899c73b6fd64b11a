"""Predict videos with a classifier: the scores of whole videos, one after the other.

Axis: outputs = classes or numbers.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float64, UInt8
from torch import Tensor

from videomae2.data.pool import Answer, Pool
from videomae2.data.view_reading import READ_VIEWS, ViewsRequest
from videomae2.engine.runtime import RuntimeConfig, prepare
from videomae2.errors import VideoError
from videomae2.jobs.answers import Outputs, Scored, holding_now, ranked
from videomae2.jobs.asked_classifier import AskedOf
from videomae2.jobs.prediction_settings import ReadingConfig, check
from videomae2.jobs.saved_classifier import read_classifier
from videomae2.jobs.scoring import Scorer
from videomae2.jobs.video_inputs import Input, find_inputs
from videomae2.jobs.view_requests import Waiting
from videomae2.jobs.view_settings import ViewsWish, settle_views


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Prediction:
    """What a model says of a whole video."""

    video: str
    scores: Float64[np.ndarray, " outputs"]
    """Mean over the views: a probability for each class, or numbers."""
    outputs: Outputs
    views: int
    """Clips times crops, as in evaluation."""
    scored: int
    """Views that differ, so that the model looked at them."""
    num_frames: int
    length_seconds: float | None
    """None if the video has no clock."""

    def top(self, count: int = 5) -> list[Scored]:
        """The most probable classes; all numbers of a model that predicts numbers."""
        return ranked(self.scores, self.outputs, count)

    def holding(self, threshold: float | None = None) -> list[Scored]:
        """The class that holds, or of many those that do (from 0.5 if no threshold is given)."""
        return holding_now(self.scores, self.outputs, self.outputs.threshold(threshold))


class Predictor:
    """A classifier and how it reads videos.

    Args:
        model: A run folder (its best model, else its newest checkpoint), a saved model, or a
            released file.
        names: What its outputs are called where it does not say, as released files: a file of
            names, or a public data set such as kinetics-710.
        select: The outputs that are used alone, likewise; the others get no probability.
        frames: Frames of the clips that a released file was trained on; 16 if not given.
        side: Height and width of these clips; 224 if not given.
        device: cpu, cuda, cuda:1, …; auto takes a CUDA device if there is one.
        precision: fp32, bf16, or auto, which takes bf16 where the machine computes it fast.
        views: Which views of a whole video are averaged; as in evaluation if not given.
        reading: How videos are read.

    Raises:
        CheckpointError: There is no model, it is no classifier with a head, or names and outputs
            do not fit.
        ConfigError: A choice cannot work with it.

    Example:
        ``videomae2.Predictor("runs/model").predict("video.mp4").top(1)[0].name``
    """

    def __init__(
        self,
        model: Path | str,
        *,
        names: Path | str | None = None,
        select: Path | str | None = None,
        frames: int | None = None,
        side: int | None = None,
        device: str = "auto",
        precision: Literal["auto", "bf16", "fp32"] = "auto",
        views: ViewsWish | None = None,
        reading: ReadingConfig | None = None,
    ) -> None:
        wish, self.reading = views or ViewsWish(), reading or ReadingConfig()
        asked = AskedOf(names=_path(names), select=_path(select), frames=frames, side=side)
        check(wish, self.reading, asked)
        runtime = prepare(RuntimeConfig(device=device, precision=precision))
        self.model = read_classifier(Path(model), runtime, asked)
        card = self.model.card
        self.views = settle_views(card.span, wish)
        self.scorer = Scorer(task=self.model.task, runtime=runtime, shrinking=self.views.shrinking)
        self.shape = self.views.shape(
            card.model.encoder, self.reading.limits, frame_rate=self.reading.frame_rate
        )

    @property
    def outputs(self) -> Outputs:
        """What the model says."""
        return self.model.outputs

    def answers(
        self, clips: UInt8[Tensor, "clips frames height width channels"]
    ) -> Float64[np.ndarray, "clips outputs"]:
        """What the model says of clips that are on its device: probabilities, or numbers.

        Raises:
            CheckpointError: A score is not a finite number.
        """
        return self.model.answers(self.scorer.of_views(clips))

    def predict(self, video: Path | str) -> Prediction:
        """Score one video; a folder of frame images is one.

        Raises:
            VideoError: It cannot be read.
            ManifestError: It is a folder that is no video.
            ValueError: It is a folder of several videos.
        """
        found = find_inputs([video])
        if len(found) != 1:
            raise ValueError(f"{video} holds {len(found)} videos; give it to predict_all")
        (answer,) = self.predict_all(found)
        if isinstance(answer, VideoError):
            raise answer
        return answer

    def predict_all(
        self, videos: Iterable[Path | str | Input | VideoError]
    ) -> Iterator[Prediction | VideoError]:
        """Score videos one after the other while the next ones are read.

        Args:
            videos: Files; folders stand for the videos in them. Taken a few ahead.

        Yields:
            In the order of the videos: what the model says, or why a video cannot be read.

        Raises:
            ManifestError: A folder holds no video.
        """
        workers = self.reading.workers
        with self.reading.pool(READ_VIEWS, workers=workers) as pool:
            yield from self.predict_with(pool, videos)

    def predict_with(
        self, pool: Pool, videos: Iterable[Path | str | Input | VideoError]
    ) -> Iterator[Prediction | VideoError]:
        """The same with processes that are there already, one call after the other."""
        waiting = Waiting(videos, self.shape)
        for answer in pool.map(waiting.requests()):
            yield from waiting.known()
            waiting.passed(answer)
            yield answer.error or self._prediction(answer)
        yield from waiting.known()

    def _prediction(self, answer: Answer[ViewsRequest]) -> Prediction:
        assert answer.arrays is not None
        video = self.scorer.covered(answer.arrays, crops=self.shape.grid.crops)
        different = video.different()
        answers = self.model.answers(self.scorer.of_video(video, different.numbers))
        return Prediction(
            video=answer.request.path,
            scores=answers[different.of].mean(axis=0),
            outputs=self.outputs,
            views=video.views,
            scored=len(different.numbers),
            num_frames=answer.meta["num_frames"],
            length_seconds=answer.meta["length_seconds"],
        )


def predict(
    model: Path | str,
    videos: Iterable[Path | str],
    *,
    names: Path | str | None = None,
    select: Path | str | None = None,
    device: str = "auto",
) -> Iterator[Prediction | VideoError]:
    """Score videos with a classifier, in their order, while the next ones are read.

    Args, raises: As ``Predictor``; of ``videos``, folders stand for the videos in them.

    Yields:
        For each video what the model says, or why it cannot be read.
    """
    return Predictor(model, names=names, select=select, device=device).predict_all(videos)


def _path(name: Path | str | None) -> Path | None:
    return None if name is None else Path(name)
