"""Predict videos with a saved classifier: the scores of whole videos, one after the other.

Axis: outputs = classes or numbers.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float64

from videomae2.data.pool import Answer, Pool
from videomae2.data.whole_video import FUNCTION, ViewShape, WholeRequest
from videomae2.engine.runtime import RuntimeConfig
from videomae2.errors import VideoError
from videomae2.jobs.answers import Outputs, Scored, holding_now, ranked
from videomae2.jobs.prediction_settings import ReadingConfig, ViewsConfig, check
from videomae2.jobs.scoring import Scorer
from videomae2.jobs.video_inputs import Input, find_inputs


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
    """A saved classifier and how it reads videos.

    Args:
        model: A run folder (its best model, else its newest checkpoint), or a saved model.
        device: cpu, cuda, cuda:1, …; auto takes a CUDA device if there is one.
        stride: Frames from one frame of a clip to the next; as in training if not given.
        precision: fp32, bf16, or auto, which takes bf16 where the machine computes it fast.
        views: Which views of a whole video are averaged.
        reading: How videos are read.

    Raises:
        CheckpointError: There is no model, or it is no classifier with a head.
        ConfigError: A choice cannot work with it.

    Example:
        ``videomae2.Predictor("runs/model").predict("video.mp4").top(1)[0].name``
    """

    def __init__(
        self,
        model: Path | str,
        *,
        device: str = "auto",
        precision: Literal["auto", "bf16", "fp32"] = "auto",
        stride: int | None = None,
        views: ViewsConfig | None = None,
        reading: ReadingConfig | None = None,
    ) -> None:
        views = views or ViewsConfig()
        self.reading = reading or ReadingConfig()
        check(stride, views, self.reading)
        runtime = RuntimeConfig(device=device, precision=precision)
        self.scorer = Scorer(Path(model), runtime, stride=stride)
        span, cubes = self.scorer.span, self.scorer.cubes
        self.shape = ViewShape(
            frames=cubes.frames,
            height=cubes.height,
            width=cubes.width,
            channels=cubes.channels,
            grid=views.grid(span.kind),
            stride=span.stride,
            step_seconds=span.step_seconds,
            limits=self.reading.limits,
            frame_rate=self.reading.frame_rate,
        )

    @property
    def outputs(self) -> Outputs:
        """What the model says."""
        return self.scorer.outputs

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
        with self.reading.pool(FUNCTION, workers=workers) as pool:
            yield from self.predict_with(pool, videos)

    def predict_with(
        self, pool: Pool, videos: Iterable[Path | str | Input | VideoError]
    ) -> Iterator[Prediction | VideoError]:
        """The same with processes that are there already, one call after the other."""
        waiting = _Waiting(videos, self.shape)
        for answer in pool.map(waiting.requests()):
            yield from waiting.known()
            waiting.passed(answer)
            yield answer.error or self._prediction(answer)
        yield from waiting.known()

    def _prediction(self, answer: Answer[WholeRequest]) -> Prediction:
        assert answer.arrays is not None
        frames, meta = answer.arrays["frames"], answer.meta
        clips = [
            crop[place] for box in meta["boxes"]
            for crop in [self.scorer.clip_of(frames, box)]
            for place in meta["place"]
        ]  # fmt: skip
        counts = np.outer(meta["box_counts"], meta["clip_counts"]).ravel()
        return Prediction(
            video=answer.request.path,
            scores=np.average(self.scorer.scores(clips), axis=0, weights=counts),
            outputs=self.outputs,
            views=int(counts.sum()),
            scored=len(counts),
            num_frames=meta["num_frames"],
            length_seconds=meta["length_seconds"],
        )


@dataclass(slots=True)
class _Waiting:
    """Requests on their way, and among them the videos that are known to be unreadable."""

    videos: Iterable[Path | str | Input | VideoError]
    shape: ViewShape
    queue: list[WholeRequest | VideoError] = field(default_factory=list)

    def requests(self) -> Iterator[WholeRequest]:
        for video in self.videos:
            if isinstance(video, VideoError):
                self.queue.append(video)
                continue
            for each in [video] if isinstance(video, Input) else find_inputs([video]):
                request = WholeRequest(each.entry, self.shape, each.frame_name)
                self.queue.append(request)
                yield request

    def known(self) -> Iterator[VideoError]:
        """The unreadable ones whose turn it is."""
        while self.queue and isinstance(error := self.queue[0], VideoError):
            self.queue.pop(0)
            yield error

    def passed(self, answer: Answer[WholeRequest]) -> None:
        assert self.queue.pop(0) is answer.request


def predict(
    model: Path | str, videos: Iterable[Path | str], *, device: str = "auto"
) -> Iterator[Prediction | VideoError]:
    """Score videos with a saved classifier, in their order, while the next ones are read.

    Args:
        model: A run folder (its best model, else its newest checkpoint), or a saved model.
        videos: Files; folders stand for the videos in them.
        device: cpu, cuda, cuda:1, …; auto takes a CUDA device if there is one.

    Yields:
        For each video what the model says, or why it cannot be read.

    Raises:
        CheckpointError: There is no model, or it is no classifier with a head.
        ManifestError: A folder holds no video.
    """
    return Predictor(model, device=device).predict_all(videos)
