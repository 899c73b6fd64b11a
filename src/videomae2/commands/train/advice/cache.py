"""Whether a run keeps decoded videos in memory, and what they take, from some of its videos."""

from collections.abc import Sequence

from videomae2.base.summary import Summary
from videomae2.commands.train.advice.repeats import VideoSample, look_at_videos
from videomae2.commands.train.setup import build_loop_config, build_mixture
from videomae2.config.runs import Run
from videomae2.data.loading.caching import CacheEstimate, select_sources
from videomae2.data.manifests.manifest import Manifest
from videomae2.data.workers.memory import find_free_bytes
from videomae2.errors import ConfigError
from videomae2.training.runtime import Runtime


def summarize_cache(run: Run, manifests: Sequence[Manifest], sample: VideoSample) -> Summary:
    """Say what is kept.

    Raises:
        ConfigError: All is to be kept and does not fit, or no video is read twice.
    """
    cache, mixture = run.data.cache, build_mixture(run, manifests)
    steps = build_loop_config(run, manifests).steps
    passes = mixture.count_passes(steps * run.optim.global_batch_size)
    if cache == "memory" and max(passes) <= 1:
        raise ConfigError(
            "--data.cache memory has no effect: no video is read more than once; leave it out"
        )
    are_kept = select_sources(passes, cache)
    sizes = sample.num_bytes
    estimate = CacheEstimate(
        cache=cache,
        num_videos=sum(n for n, is_kept in zip(mixture.sizes, are_kept, strict=True) if is_kept),
        video_bytes=sum(sizes) / len(sizes) if sizes else None,
        free_bytes=find_free_bytes(),
    )
    return Summary((("cache", estimate.describe()),))


def check_cache(run: Run, manifests: Sequence[Manifest], runtime: Runtime) -> None:
    """Refuse to keep all that does not fit; where the run decides, it finds out as it reads.

    Raises:
        ConfigError: As ``summarize_cache``.
    """
    if run.data.cache == "memory":
        summarize_cache(run, manifests, look_at_videos(run, manifests, runtime))
