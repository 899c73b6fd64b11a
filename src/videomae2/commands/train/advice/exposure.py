"""How often a run shows each video to the model, and whether that is too little to learn from."""

import math
from collections.abc import Sequence

from videomae2.base.text import format_count
from videomae2.config.runs import PretrainRun, Run
from videomae2.data.loading.mixture import Mixture

MIN_VIEWS = 50
"""Views of each video below which pre-training hardly pays."""
PAYING_CLIPS = 9_000 * 32
"""Clips of a pre-training that paid on a few thousand short videos: 9,000 steps of 32, whatever
their number (docs/decisions.md)."""


def count_passes(run: Run, mixture: Mixture, steps: int) -> list[float]:
    """How often a run of so many steps takes each video, for every source."""
    return mixture.count_passes(steps * run.optim.global_batch_size)


def describe_exposure(run: Run, passes: Sequence[float]) -> str:
    """Say how often each video is taken, and how many views are made of it."""
    low, high = _format_times(min(passes)), _format_times(max(passes))
    times = f"{low} to {high} times, by source"
    if low == high:
        times = "once" if low == "1" else f"{low} times"
    views = run.data.views
    more = f", {format_count(views, 'view')} each time" if views > 1 else ""
    return f"each video is taken {times}{more}"


def find_exposure_problem(run: Run, passes: Sequence[float], steps: int) -> str | None:
    """Say that a pre-training shows each video too rarely, and how many steps would do.

    Args:
        run: Any kind of run; of others than pre-training nothing is said.
        passes: How often each video is taken, of every source.
        steps: Of the run.
    """
    seen = min(passes) * run.data.views
    if not isinstance(run, PretrainRun) or seen >= MIN_VIEWS:
        return None
    clips_per_step = run.optim.global_batch_size * run.data.views
    wanted = max(PAYING_CLIPS / clips_per_step, steps * MIN_VIEWS / seen)
    rounded = math.ceil(wanted / 100 - 1e-6) * 100
    return (
        f"{_format_times(seen)} views of a video may be too few: on real clips pre-training paid "
        f"from about {MIN_VIEWS} of each on, and {PAYING_CLIPS:,} clips in all where videos are "
        f"few; --optim.steps {rounded} would do"
    )


def _format_times(count: float) -> str:
    return f"{count:.2g}" if count < 10 else f"{count:.0f}"
