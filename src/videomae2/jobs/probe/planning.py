"""Everything about a probe that is decided, and checked, before a video is read."""

import os
from dataclasses import dataclass
from pathlib import Path

from videomae2.data.sources import LoadingConfig
from videomae2.engine.runlog import to_terminal
from videomae2.engine.runtime import RuntimeConfig, prepare
from videomae2.errors import ConfigError
from videomae2.jobs.probe.encoding import coarser
from videomae2.jobs.probe.features import Extraction, Say
from videomae2.jobs.probe.lists import Lists, read_lists
from videomae2.jobs.probe.pooled import cuts, fitting
from videomae2.jobs.probe.settings import (
    ClipSettings,
    ListSettings,
    ProbeSettings,
    check_settings,
)
from videomae2.jobs.probe.sides import shapes
from videomae2.jobs.probe.spans import in_words, span_of
from videomae2.jobs.probe.store import count_there
from videomae2.models.cards import ClipSpan
from videomae2.models.frozen import Frozen, read_frozen
from videomae2.tensors.grid import Grid


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbePlan:
    """What will be probed, with which videos, and where features are kept."""

    extraction: Extraction
    listed: Lists
    span: ClipSpan
    clips: ClipSettings
    lists: ListSettings
    settings: ProbeSettings

    def lines(self) -> list[str]:
        """Say in a few lines what will be done."""
        frozen, listed, chosen = self.extraction.frozen, self.listed, self.settings
        train = f"{len(listed.train_rows)} videos of {len(listed.classes)} classes"
        return [
            f"weights   {frozen.path} ({encoder_words(frozen)})",
            f"clips     {self.clips.clips} of each video, {in_words(self.span)}",
            f"train     {train}: {listed.train.source}",
            f"test      {len(listed.test_rows)} videos: {listed.words}",
            f"probes    {', '.join(chosen.methods)}, chosen on {chosen.folds} folds of train",
            *self._kept(),
            f"device    {self.extraction.runtime}",
        ]

    def _kept(self) -> list[str]:
        """What is kept of each list, and how much of it is there."""
        rate, lines = self.clips.frame_rate, []
        for name, manifest, shape in shapes(
            self.extraction, self.listed, self.span, frame_rate=rate
        ):
            place = self.extraction.place_of(manifest, shape)
            room = self.extraction.bytes_of(len(manifest), place.kept) / 2**30
            tokens = f" and {by(place.kept)} tokens of a clip" if place.kept else ""
            lines.append(
                f"features  {name}: {count_there(place.folder)} of {len(manifest)} are there, means"
                f"{tokens}, {room:.3g} GiB in {place.folder}"
            )
        return lines


def prepare_probe(
    weights: Path,
    train: Path,
    test: Path | None = None,
    *,
    use_mean: bool = False,
    clips: ClipSettings | None = None,
    lists: ListSettings | None = None,
    settings: ProbeSettings | None = None,
    say: Say = to_terminal,
) -> ProbePlan:
    """Read lists and weights and check all that can be known, without reading a video.

    Args:
        weights: A run folder, a saved model of any kind, or a released file.
        train: Labelled videos to fit probes on and to choose their settings by.
        test: Labelled videos that nothing is chosen by; a share of ``train`` if not given.
        use_mean: Take the running mean of the weights (EMA) of a checkpoint.
        clips: What the encoder sees of each video.
        lists: How the lists are read.
        settings: What is tried.
        say: Takes each line about the progress, then and while probing.

    Raises:
        ConfigError: A choice cannot work or has no effect.
        DataError: A list is wrong.
        CheckpointError: There are no weights that can be read.
    """
    clips, lists = clips or ClipSettings(), lists or ListSettings()
    settings = settings or ProbeSettings()
    check_settings(settings)
    runtime = prepare(RuntimeConfig(device=settings.device, precision=settings.precision))
    listed = read_lists(train, test, lists, seed=settings.seed)
    _check_folds(listed, settings)
    frozen = read_frozen(weights, frames=clips.frames, side=clips.side, use_mean=use_mean)
    span = span_of(frozen, clips)
    extraction = Extraction(
        frozen=frozen.to(runtime.device),
        runtime=runtime,
        clips=clips.clips,
        batch=settings.batch,
        kept=_kept(frozen, listed, clips.clips, settings, say),
        cache=settings.cache or default_cache(),
        loading=LoadingConfig(
            workers=settings.workers,
            deadline_seconds=settings.deadline_seconds,
            memory_gib=settings.memory_gib,
        ),
        say=say,
    )
    shapes(extraction, listed, span, frame_rate=clips.frame_rate)
    return ProbePlan(
        extraction=extraction, listed=listed, span=span, clips=clips, lists=lists, settings=settings
    )


def default_cache() -> Path:
    """Where features are kept if nobody says otherwise."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "videomae2" / "features"


def encoder_words(frozen: Frozen) -> str:
    """Which encoder it is."""
    config = frozen.encoder.config
    return f"{config.size}, clips of {config.frames}x{config.height}x{config.width}"


def by(grid: Grid) -> str:
    """A grid in words."""
    return "x".join(map(str, grid))


def _check_folds(listed: Lists, settings: ProbeSettings) -> None:
    """Refuse folds or neighbours that there are too few videos for."""
    labels = listed.train.labels[listed.train_rows]
    parts = list(cuts(labels, settings.folds, settings.seed))
    if "knn" in settings.methods:
        fitting(settings.neighbours, parts)


def _kept(
    frozen: Frozen, listed: Lists, clips: int, settings: ProbeSettings, say: Say
) -> Grid | None:
    """Which grid of tokens there is room for; the encoder's own if there is."""
    if "attentive" not in settings.methods:
        return None
    videos = len(listed.train) + (0 if listed.test is None else len(listed.test))
    of_token = 2 * frozen.encoder.config.shape.dim * videos * clips
    most = int(settings.token_gib * 2**30 // of_token)
    if most < 1:
        raise ConfigError(
            f"--token-gib {settings.token_gib:g} has no room for a single token of {videos} "
            f"videos; {of_token / 2**30:.2g} would, or leave attentive out of --methods"
        )
    grid = frozen.encoder.cubes.grid
    kept = coarser(grid, most)
    if kept != grid:
        say(
            f"tokens   averaged from {by(grid)} to {by(kept)} a clip: all of them would take "
            f"{of_token * frozen.encoder.cubes.tokens / 2**30:.1f} GiB, more than --token-gib "
            f"{settings.token_gib:g}"
        )
    return kept
