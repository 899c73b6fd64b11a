"""Predict videos with a classifier: the scores of whole videos, one after the other.

Axis: outputs = classes or numbers.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float64, UInt8
from torch import Tensor

from videomae2.base.ranges import find_range_errors
from videomae2.data.loading.reading import ReadingConfig
from videomae2.data.manifests.read import ListConfig
from videomae2.data.views.requests import ViewsRequest
from videomae2.data.workers.pool import Pool
from videomae2.data.workers.worker import Result
from videomae2.errors import ConfigError, VideoError
from videomae2.inference.classifier import (
    ClassifierOptions,
    ViewScores,
    check_finite,
    interpret_scores,
    load_classifier_task,
    resolve_requested_classifier,
)
from videomae2.inference.inputs import VideoInput, expand_inputs
from videomae2.inference.scorer import VideoScorer
from videomae2.inference.views import EvalViews, resolve_views
from videomae2.models.task_type import ClassScore, LabelSpace, find_active_classes, rank_topk
from videomae2.training.runtime import RuntimeConfig, prepare_runtime

DEFAULT_READING = ReadingConfig(num_workers=1, timeout_seconds=120.0)
_MAX_FRAMES = 10_000_000  # four days of video


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Prediction:
    """What a model says of a whole video."""

    video: str
    scores: Float64[np.ndarray, " outputs"]
    """Mean over the views: a probability for each class, or numbers."""
    outputs: LabelSpace
    views: int
    """Clips times crops, as in evaluation."""
    num_unique_views: int
    """Views that differ, so that the model looked at them."""
    num_frames: int
    length_seconds: float | None
    """None if the video has no clock."""

    def topk(self, count: int = 5) -> list[ClassScore]:
        """The most probable classes; all numbers of a model that predicts numbers."""
        return rank_topk(self.scores, self.outputs, count)

    def active_classes(self, threshold: float | None = None) -> list[ClassScore]:
        """The class that holds, or of many those that do (from 0.5 if no threshold is given)."""
        return find_active_classes(self.scores, self.outputs, self.outputs.get_threshold(threshold))


class Predictor:
    """A classifier and how it reads videos.

    Args:
        model: A run folder (its best model, else its newest checkpoint), a saved model, or a
            released file.
        class_names: What its outputs are called where it does not say, as released files: a file of
            names, or a public data set such as kinetics-710.
        classes: The outputs that are used alone, likewise; the others get no probability.
        frames: Frames of the clips that a released file was trained on; 16 if not given.
        side: Height and width of these clips; 224 if not given.
        device: cpu, cuda, cuda:1, …; auto takes a CUDA device if there is one.
        precision: fp32, bf16, or auto, which takes bf16 where the machine computes it fast.
        views: Which views of a whole video are averaged; as in evaluation if not given.
        reading: How videos are read; in a process of their own, 120 s each, if not given.
        frame_rate: Frames per second of folders of images and arrays, which have no clock.

    Raises:
        CheckpointError: There is no model, it is no classifier with a head, or names and outputs
            do not fit.
        ConfigError: A choice cannot work with it.

    Example:
        ``videomae2.Predictor("runs/model").predict("video.mp4").topk(1)[0].name``
    """

    def __init__(
        self,
        model: Path | str,
        *,
        class_names: Path | str | None = None,
        classes: Path | str | None = None,
        frames: int | None = None,
        side: int | None = None,
        device: str = "auto",
        precision: Literal["auto", "bf16", "fp32"] = "auto",
        views: EvalViews | None = None,
        reading: ReadingConfig = DEFAULT_READING,
        frame_rate: float | None = None,
    ) -> None:
        views = views or EvalViews()
        options = ClassifierOptions(
            class_names=_to_path(class_names), classes=_to_path(classes), frames=frames, side=side
        )
        problems = options.find_problems()
        for part in (views, reading, ListConfig(frame_rate=frame_rate)):
            problems += [problem for _, problem in find_range_errors(part)]
        if problems:
            raise ConfigError(problems)
        runtime = prepare_runtime(RuntimeConfig(device=device, precision=precision))
        ref = resolve_requested_classifier(Path(model), options)
        view_spec = resolve_views(
            ref.config.model.encoder,
            ref.config.frame_sampling,
            views,
            limits=replace(reading.limits(), max_frames=_MAX_FRAMES),
            frame_rate=frame_rate,
        )
        self.classifier = load_classifier_task(ref, runtime)
        self.scorer = VideoScorer(classifier=self.classifier, views=view_spec, reading=reading)

    @property
    def outputs(self) -> LabelSpace:
        return self.classifier.label_space

    def score_clips(
        self, clips: UInt8[Tensor, "clips frames height width channels"]
    ) -> Float64[np.ndarray, "clips outputs"]:
        """What the model says of clips that are on its device: probabilities, or numbers.

        Raises:
            CheckpointError: A score is not a finite number.
        """
        return self._interpret(self.scorer.score_views(clips), "a clip")

    def predict(self, video: Path | str) -> Prediction:
        """Score one video; a folder of frame images is one.

        Raises:
            VideoError: It cannot be read.
            ManifestError: It is a folder that is no video.
            ValueError: It is a folder of several videos.
        """
        inputs = expand_inputs([video])
        if len(inputs) != 1:
            raise ValueError(f"{video} holds {len(inputs)} videos; give it to predict_all")
        (prediction,) = self.predict_all(inputs)
        if isinstance(prediction, VideoError):
            raise prediction
        return prediction

    def predict_all(
        self, videos: Iterable[Path | str | VideoInput | VideoError]
    ) -> Iterator[Prediction | VideoError]:
        """Score videos one after the other while the next ones are read.

        Args:
            videos: Files; folders stand for the videos in them. Taken a few ahead.

        Yields:
            In the order of the videos: what the model says, or why a video cannot be read.

        Raises:
            ManifestError: A folder holds no video.
        """
        with self.scorer.make_pool() as pool:
            yield from self.predict_in_pool(pool, videos)

    def predict_in_pool(
        self, pool: Pool, videos: Iterable[Path | str | VideoInput | VideoError]
    ) -> Iterator[Prediction | VideoError]:
        """The same with processes that are there already, one call after the other."""
        pending: deque[ViewsRequest | VideoError] = deque()  # unreadable ones keep their place

        def iterate_requests() -> Iterator[ViewsRequest]:
            for video in videos:
                if isinstance(video, VideoError):
                    pending.append(video)
                    continue
                for each in [video] if isinstance(video, VideoInput) else expand_inputs([video]):
                    spec = replace(self.scorer.views, frame_name=each.frame_name)
                    pending.append(request := ViewsRequest(each.entry, spec))
                    yield request

        def pop_unreadable() -> Iterator[VideoError]:
            while pending and isinstance(error := pending[0], VideoError):
                pending.popleft()
                yield error

        for result in pool.map(iterate_requests()):
            yield from pop_unreadable()
            assert pending.popleft() is result.request  # the pool keeps the order
            yield result.error or self._build_prediction(result)
        yield from pop_unreadable()

    def _build_prediction(self, result: Result[ViewsRequest]) -> Prediction:
        assert result.arrays is not None
        video = self.scorer.resize_video(result.arrays)
        view_numbers, inverse = video.find_unique_views()
        scores = self.scorer.score_video(video, view_numbers)
        outputs = self._interpret(scores, result.request.path)
        return Prediction(
            video=result.request.path,
            scores=outputs[inverse].mean(axis=0),
            outputs=self.outputs,
            views=video.num_views,
            num_unique_views=len(view_numbers),
            num_frames=result.meta["num_frames"],
            length_seconds=result.meta["length_seconds"],
        )

    def _interpret(self, scores: ViewScores, subject: str) -> Float64[np.ndarray, "views outputs"]:
        return interpret_scores(check_finite(scores, subject), self.outputs.task_type)


def _to_path(name: Path | str | None) -> Path | None:
    return None if name is None else Path(name)
