"""Everything that can be chosen about a probe."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from videomae2.base.names import user_cache_dir
from videomae2.base.ranges import NOT_NEGATIVE, ONE_OR_MORE, POSITIVE, find_range_errors
from videomae2.data.loading.reading import ReadingConfig
from videomae2.errors import ConfigError
from videomae2.metrics.linear_probe import L2_VALUES

Method = Literal["knn", "ridge", "linear", "attentive"]
METHODS: tuple[Method, ...] = ("knn", "ridge", "linear", "attentive")
Pooling = Literal["mean", "slots", "in-place"]
POOLINGS: tuple[Pooling, ...] = ("mean", "slots", "in-place")
Baseline = Literal["random", "pixels"]
DEFAULT_L2 = tuple(10 ** (power / 2) for power in range(-8, 3))


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeClipConfig:
    """Which clips the encoder sees of each video."""

    clips: Annotated[int, ONE_OR_MORE] = 1
    """Clips of each video, spread evenly over it; one is taken from the middle, or of whole videos
    from all of it."""
    frames: Annotated[int | None, ONE_OR_MORE] = None
    """Frames of a clip; as in training if not given."""
    side: Annotated[int | None, ONE_OR_MORE] = None
    """Height and width of a clip in pixels; as in training if not given."""
    frame_sampling: Literal["strided", "tsn", "whole"] | None = None
    """A window of equal steps, one frame of each equal part of the video, or even distances over
    all of it; as in training if not given."""
    frame_interval: Annotated[float | None, POSITIVE] = None
    """Distance between the frames of a strided clip; as in training if not given."""
    interval_unit: Literal["frames", "seconds", "per-second"] | None = None
    """What the frame interval counts; as in training if not given, or frames where one is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeSettings:
    """What is tried, how it is chosen, and where features are kept."""

    methods: tuple[Method, ...] = METHODS
    """Which probes."""
    poolings: tuple[Pooling, ...] = ("mean",)
    """What k-NN, ridge and linear see of a video: the mean of its tokens, in which motion is
    mostly lost, the means of its time slots side by side, or all tokens in their places."""
    baselines: tuple[Baseline, ...] = ()
    """What is probed beside the weights: fresh weights of the same architecture, and ridge on
    small grey pictures, as they are and minus their mean over time."""
    ks: Annotated[tuple[int, ...], ONE_OR_MORE] = (1, 5, 10, 20, 50, 100, 200)
    """k-NN: how many neighbours vote."""
    temperature: Annotated[float, POSITIVE] = 0.07
    """k-NN: of the weighted vote; a majority vote is tried as well."""
    l2: Annotated[tuple[float, ...], POSITIVE] = DEFAULT_L2
    """Linear: L2 penalties; each has one best head, which is found."""
    ridge_l2: Annotated[tuple[float, ...], POSITIVE] = L2_VALUES
    """Ridge: likewise."""
    lrs: Annotated[tuple[float, ...], POSITIVE] = (1e-4, 3e-4, 1e-3, 3e-3)
    """Attentive: learning rates, all trained at once."""
    weight_decays: Annotated[tuple[float, ...], NOT_NEGATIVE] = (0.01, 0.4)
    """Attentive: weight decays, each with every rate."""
    epochs: Annotated[int, ONE_OR_MORE] = 20
    """Attentive: passes over the training videos."""
    save_attentive: Path | None = None
    """Attentive: write the final probe to this file, for features that it pools (extract)."""
    probe_batch_size: Annotated[int, ONE_OR_MORE] = 32
    """Attentive: videos of a step."""
    folds: int = 5
    """Parts of the training videos, of which each is held out once to choose; the attentive probe
    holds out the first only."""
    seed: int = 0
    """Draws the parts, the attentive probes' first weights and the order of their videos."""
    cache_dir: Path | None = None
    """Where features are kept; ~/.cache/videomae2/features if not given."""
    token_gib: Annotated[float, POSITIVE] = 20.0
    """Most room for the tokens of both lists, of attentive probes and in-place poolings; above it
    neighbouring tokens are averaged."""
    batch_size: Annotated[int, ONE_OR_MORE] = 8
    """Clips that the encoder sees at once."""
    reading: ReadingConfig = field(default_factory=lambda: ReadingConfig(timeout_seconds=60.0))
    """How videos are read; what is unreadable is tried again the next time."""
    device: str = "auto"
    """cpu, cuda, cuda:1, …; auto takes a CUDA device if there is one."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """How the encoder computes; auto takes bf16 where the machine computes it fast."""


def default_cache_dir() -> Path:
    """Where features are kept if nobody says otherwise."""
    return user_cache_dir() / "features"


def check_probe_settings(settings: ProbeSettings, clips: ProbeClipConfig) -> None:
    """Refuse numbers that cannot work.

    Raises:
        ConfigError: With every problem.
    """
    problems = [problem for _, problem in find_range_errors(clips)]
    problems += [
        problem.replace("--reading.", "--", 1)  # the command's flags have no such prefix
        for _, problem in find_range_errors(settings)
    ]
    if not settings.methods or len(set(settings.methods)) < len(settings.methods):
        problems.append(f"--methods wants some of {', '.join(METHODS)}, each once")
    problems += _find_pooling_problems(settings)
    values = {"ks": settings.ks, "l2": settings.l2, "ridge-l2": settings.ridge_l2}
    values |= {"lrs": settings.lrs, "weight-decays": settings.weight_decays}
    problems += [
        f"--{flag} is empty, wanted numbers" for flag, numbers in values.items() if not numbers
    ]
    if problems:
        raise ConfigError(problems)


def _find_pooling_problems(settings: ProbeSettings) -> Iterator[str]:
    poolings, baselines = settings.poolings, settings.baselines
    if len(set(poolings)) < len(poolings):
        yield f"--poolings wants some of {', '.join(POOLINGS)}, each once"
    if len(set(baselines)) < len(baselines):
        yield "--baselines wants random, pixels or both, each once"
    if settings.save_attentive is not None and "attentive" not in settings.methods:
        yield "--save-attentive has no effect without attentive among --methods; leave it out"
    is_pooled = set(settings.methods) != {"attentive"}
    if is_pooled and not poolings:
        yield f"--poolings is empty, wanted some of {', '.join(POOLINGS)}"
    if not is_pooled and poolings != ProbeSettings().poolings:
        yield "--poolings has no effect on attentive, which sees all tokens; leave it out"
