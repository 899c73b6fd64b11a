"""Predict videos with a classifier: the scores of whole videos, one after the other.

Axis: outputs = classes or numbers.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from numbers import Real
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

import numpy as np
from jaxtyping import Float64, UInt8
from torch import Tensor

from videomae2.base.ranges import find_range_errors
from videomae2.data.live.memory import (
    FRAMES_NAME,
    FramesInMemory,
    as_array,
    check_frames,
    gather_frames,
)
from videomae2.data.live.sources import LiveConfig
from videomae2.data.loading.reading import ReadingConfig
from videomae2.data.manifests.bit_depth import choose_bits
from videomae2.data.manifests.manifest import Entry
from videomae2.data.manifests.read import ListConfig
from videomae2.data.views.read import read_views_of
from videomae2.data.views.requests import ViewsRequest
from videomae2.data.workers.pool import Pool
from videomae2.errors import ConfigError, VideoError
from videomae2.inference.classifier import (
    ClassifierOptions,
    ViewScores,
    check_finite,
    interpret_scores,
    load_classifier_task,
    resolve_requested_classifier,
)
from videomae2.inference.inputs import VideoInput, expand_each, expand_inputs
from videomae2.inference.prediction import Prediction, WindowPrediction
from videomae2.inference.scorer import VideoScorer
from videomae2.inference.views import EvalViews, resolve_views
from videomae2.models.task_type import LabelSpace
from videomae2.tasks.classify import ClipScorer
from videomae2.training.runtime import RuntimeConfig, prepare_runtime

DEFAULT_READING = ReadingConfig(num_workers=1, timeout_seconds=120.0)
_MAX_FRAMES = 10_000_000  # four days of video


class Predictor:
    """A classifier and how it reads videos.

    Args:
        model: A run folder (its best model, else its newest checkpoint), a saved model, or
            weights of other software, such as a released file.
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
        bits: How many bits are used where their frames have 16; as in training if not given,
            and found out where nothing says it.

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
        bits: int | None = None,
    ) -> None:
        views = views or EvalViews()
        options = ClassifierOptions(
            class_names=_to_path(class_names), classes=_to_path(classes), frames=frames, side=side
        )
        problems = options.find_problems()
        for part in (views, reading, ListConfig(frame_rate=frame_rate, bits=bits)):
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
        self.bits = choose_bits(bits, ref.config.bits, ref.path)
        self.classifier = load_classifier_task(ref, runtime)
        self.scorer = VideoScorer(classifier=self.classifier, views=view_spec, reading=reading)

    @property
    def module(self) -> ClipScorer:
        """A ``torch.nn.Module`` that trains as any other: pixels 0…255 → scores before softmax.

        From [clips, frames, height, width, channels] to [clips, outputs].
        """
        return ClipScorer(self.classifier.task)

    @property
    def outputs(self) -> LabelSpace:
        """How many there are, what they mean, and what they are called."""
        return self.classifier.label_space

    def score_clips(
        self, clips: UInt8[Tensor, "clips frames height width channels"]
    ) -> Float64[np.ndarray, "clips outputs"]:
        """What the model says of clips that are on its device: probabilities, or numbers.

        Raises:
            CheckpointError: A score is not a finite number.
        """
        return self._interpret(self.scorer.score_views(clips), "a clip")

    def predict(
        self,
        video: Path | str | np.ndarray | Iterable[Any],
        *,
        frame_rate: float | None = None,
    ) -> Prediction:
        """Score one video: a file, a folder of frame images, or frames in memory.

        Args:
            video: A path; frames as uint8 [frames, height, width, channels]; or frames that come
                one after the other and end, each uint8 [height, width, channels] or a picture of
                Pillow, which becomes what it would be as a file.
            frame_rate: Frames per second of frames in memory; that of the predictor if not given.

        Raises:
            VideoError: It cannot be read, or frames have another number of channels than the model
                reads, or no rate where the model counts in seconds.
            ManifestError: It is a folder that is no video.
            ValueError: It is a folder of several videos, or frames are of another type or shape.
        """
        if not isinstance(video, Path | str):
            return self._predict_frames(video, self._get_frame_rate(frame_rate))
        if frame_rate is not None:
            raise ValueError(
                "frame_rate is that of frames in memory; for paths give it to Predictor"
            )
        inputs = expand_inputs([video], self.bits)
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
            In the order of the videos: what the model says, or why a video or folder cannot be
            read.
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
                for each in [video] if isinstance(video, VideoError) else self._expand(video):
                    if isinstance(each, VideoError):
                        pending.append(each)
                        continue
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
            if result.error is not None:
                yield result.error
                continue
            assert result.arrays is not None
            yield self._build_prediction(result.request.path, result.arrays, result.meta)
        yield from pop_unreadable()

    def stream(
        self,
        source: Path | str | int | np.ndarray | Iterable[Any],
        *,
        frame_rate: float | None = None,
        window_seconds: float | None = None,
        hop_seconds: float | None = None,
        max_seconds: float | None = None,
        connect_seconds: float | None = None,
        silence_seconds: float | None = None,
    ) -> Iterator[WindowPrediction]:
        """Score windows that slide over frames as they come, each as soon as it is complete.

        The windows are those of a time line. Memory holds the frames of open windows alone.

        Args:
            source: An address (rtsp://, http://, …), a camera (/dev/video0 or 0), a pipe or a
                file; an array uint8 [frames, height, width, channels]; or frames uint8 [height,
                width, channels] or pictures of Pillow that come one after the other, of which the
                next is taken only when all that is complete was scored.
            frame_rate: Frames per second of frames in memory, and of a stream without times of its
                own; that of the predictor if not given.
            window_seconds: Length of a window; as long as a clip if not given.
            hop_seconds: From one window to the next; half a window if not given.
            max_seconds: When to stop, by the clock of the stream; never if not given.
            connect_seconds: How long to wait for an answer; 10 if not given.
            silence_seconds: How long to wait for a frame; 30 if not given.

        Raises:
            VideoError: The stream cannot be read, or broke off; windows before were given.
            ConfigError: A number is none that can work, or the model's clips have no length, and
                none was chosen.
            ValueError: Frames in memory have no rate, or one is of another type or shape.
        """
        # they predict with this class
        from videomae2.inference.stream import stream_windows
        from videomae2.inference.timeline import TimelineConfig

        return stream_windows(
            self,
            source,
            frame_rate=self._get_frame_rate(frame_rate),
            config=TimelineConfig(window_seconds=window_seconds, hop_seconds=hop_seconds),
            live=LiveConfig(
                max_seconds=max_seconds,
                connect_seconds=connect_seconds,
                silence_seconds=silence_seconds,
            ),
        )

    def _expand(self, video: Path | str | VideoInput) -> list[VideoInput | VideoError]:
        return [video] if isinstance(video, VideoInput) else expand_each([video], self.bits)

    def _get_frame_rate(self, frame_rate: float | None) -> float | None:
        is_number = isinstance(frame_rate, Real) and not isinstance(frame_rate, bool)
        if frame_rate is not None and not (is_number and 0 < frame_rate < float("inf")):
            raise ValueError(f"frame_rate is {frame_rate!r}, wanted a number above 0")
        return self.scorer.views.frame_rate if frame_rate is None else frame_rate

    def _predict_frames(
        self, frames: np.ndarray | Iterable[Any], frame_rate: float | None
    ) -> Prediction:
        spec = self.scorer.views
        array = as_array(frames)
        whole = gather_frames(frames, spec, self.bits) if array is None else check_frames(array)
        request = ViewsRequest(Entry(FRAMES_NAME, location=FRAMES_NAME), spec)
        reader = FramesInMemory(whole, frame_rate)
        arrays, meta = read_views_of(reader, request, np.empty, started=perf_counter())
        return self._build_prediction(FRAMES_NAME, arrays, meta)

    def _build_prediction(
        self, path: str, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]
    ) -> Prediction:
        video = self.scorer.resize_video(arrays)
        view_numbers, inverse = video.find_unique_views()
        scores = self.scorer.score_video(video, view_numbers)
        outputs = self._interpret(scores, path)
        return Prediction(
            video=path,
            scores=outputs[inverse].mean(axis=0),
            outputs=self.outputs,
            views=video.num_views,
            num_unique_views=len(view_numbers),
            num_frames=meta["num_frames"],
            length_seconds=meta["length_seconds"],
        )

    def _interpret(self, scores: ViewScores, subject: str) -> Float64[np.ndarray, "views outputs"]:
        return interpret_scores(check_finite(scores, subject), self.outputs.task_type)


load_classifier = Predictor
"""The name by which ``videomae2`` gives it, beside ``load``."""


def _to_path(name: Path | str | None) -> Path | None:
    return None if name is None else Path(name)
